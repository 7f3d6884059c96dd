"""Vitruvian: pictures of people in, landmarks out.

>>> import vitruvian
>>> body = vitruvian.pose()  # doctest: +SKIP
>>> frame = vitruvian.read_image("photo.jpg")  # doctest: +SKIP
>>> people = body.estimate(frame)  # doctest: +SKIP
>>> people.xy, people.world, people.score  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitruvian import handpose, mediapipe, testing, weights
    from vitruvian.conversion import convert
    from vitruvian.crop import Crop
    from vitruvian.draw import Style, draw_landmarks
    from vitruvian.errors import (
        ArrayError,
        OptionError,
        SessionError,
        SinkError,
        SourceError,
        VitruvianError,
        WeightsError,
        WeightsMissingError,
    )
    from vitruvian.frame import Frame, Gap, Stamp
    from vitruvian.landmarks import Landmarks, Mask
    from vitruvian.models.blazehand import HandSettings
    from vitruvian.models.blazepose import PoseSettings
    from vitruvian.models.sapiens import SapiensSettings
    from vitruvian.offline import smooth_offline
    from vitruvian.pipeline import Pipeline
    from vitruvian.provenance import Provenance
    from vitruvian.recording import Recording
    from vitruvian.regions import Regions
    from vitruvian.runtimes.openvino import OpenVINO
    from vitruvian.sapiens_tools import sapiens_info, sapiens_pose
    from vitruvian.sinks.c3d import C3dSink, write_c3d
    from vitruvian.sinks.coco import CocoSink
    from vitruvian.sinks.csv import CsvSink, read_csv
    from vitruvian.sinks.formats import open_sink
    from vitruvian.sinks.json import JsonSink, read_json
    from vitruvian.sinks.jsonl import JsonLinesSink, read_jsonl
    from vitruvian.sinks.mask import MaskSink
    from vitruvian.sinks.npz import NpzSink, read_npz
    from vitruvian.sinks.overlay import OverlaySink
    from vitruvian.sinks.parquet import ParquetSink, read_parquet
    from vitruvian.sinks.trc import TrcSink, write_trc
    from vitruvian.sinks.video import OverlayVideoSink
    from vitruvian.skeleton import Skeleton
    from vitruvian.smoothing import Cutoffs, Smoothing
    from vitruvian.sources.camera import LiveSource
    from vitruvian.sources.image import read_image
    from vitruvian.sources.opening import ImageSource, open_source
    from vitruvian.sources.source import Source, VideoInfo
    from vitruvian.sources.video import VideoSource
    from vitruvian.tracking import Tracking
    from vitruvian.zoo.blaze import hands, hands_pipeline, pose, pose_pipeline
    from vitruvian.zoo.sapiens2 import detr, sapiens, sapiens_pipeline

__version__ = "0.1.0.dev0"

# Public name → the module it lives in. Names are resolved at first use, so that `import vitruvian` opens no
# foreign world (OpenCV alone takes 0.1 s).
_HOMES = {
    "ArrayError": "errors",
    "C3dSink": "sinks.c3d",
    "CocoSink": "sinks.coco",
    "Crop": "crop",
    "CsvSink": "sinks.csv",
    "Cutoffs": "smoothing",
    "Frame": "frame",
    "Gap": "frame",
    "HandSettings": "models.blazehand",
    "ImageSource": "sources.opening",
    "JsonLinesSink": "sinks.jsonl",
    "JsonSink": "sinks.json",
    "Landmarks": "landmarks",
    "LiveSource": "sources.camera",
    "Mask": "landmarks",
    "MaskSink": "sinks.mask",
    "NpzSink": "sinks.npz",
    "OpenVINO": "runtimes.openvino",
    "OptionError": "errors",
    "OverlaySink": "sinks.overlay",
    "OverlayVideoSink": "sinks.video",
    "ParquetSink": "sinks.parquet",
    "Pipeline": "pipeline",
    "PoseSettings": "models.blazepose",
    "Provenance": "provenance",
    "Recording": "recording",
    "Regions": "regions",
    "SapiensSettings": "models.sapiens",
    "SessionError": "errors",
    "SinkError": "errors",
    "Skeleton": "skeleton",
    "Smoothing": "smoothing",
    "Source": "sources.source",
    "SourceError": "errors",
    "Stamp": "frame",
    "Style": "draw",
    "Tracking": "tracking",
    "TrcSink": "sinks.trc",
    "VideoInfo": "sources.source",
    "VideoSource": "sources.video",
    "VitruvianError": "errors",
    "WeightsError": "errors",
    "WeightsMissingError": "errors",
    "convert": "conversion",
    "detr": "zoo.sapiens2",
    "draw_landmarks": "draw",
    "hands": "zoo.blaze",
    "hands_pipeline": "zoo.blaze",
    "open_sink": "sinks.formats",
    "open_source": "sources.opening",
    "pose": "zoo.blaze",
    "pose_pipeline": "zoo.blaze",
    "read_csv": "sinks.csv",
    "read_image": "sources.image",
    "read_json": "sinks.json",
    "read_jsonl": "sinks.jsonl",
    "read_npz": "sinks.npz",
    "read_parquet": "sinks.parquet",
    "sapiens": "zoo.sapiens2",
    "sapiens_info": "sapiens_tools",
    "sapiens_pipeline": "zoo.sapiens2",
    "sapiens_pose": "sapiens_tools",
    "smooth_offline": "offline",
    "write_c3d": "sinks.c3d",
    "write_trc": "sinks.trc",
}

# Modules that are public as such.
_ROOMS = ("handpose", "mediapipe", "testing", "weights")

__all__ = [
    "ArrayError",
    "C3dSink",
    "CocoSink",
    "Crop",
    "CsvSink",
    "Cutoffs",
    "Frame",
    "Gap",
    "HandSettings",
    "ImageSource",
    "JsonLinesSink",
    "JsonSink",
    "Landmarks",
    "LiveSource",
    "Mask",
    "MaskSink",
    "NpzSink",
    "OpenVINO",
    "OptionError",
    "OverlaySink",
    "OverlayVideoSink",
    "ParquetSink",
    "Pipeline",
    "PoseSettings",
    "Provenance",
    "Recording",
    "Regions",
    "SapiensSettings",
    "SessionError",
    "SinkError",
    "Skeleton",
    "Smoothing",
    "Source",
    "SourceError",
    "Stamp",
    "Style",
    "Tracking",
    "TrcSink",
    "VideoInfo",
    "VideoSource",
    "VitruvianError",
    "WeightsError",
    "WeightsMissingError",
    "convert",
    "detr",
    "draw_landmarks",
    "handpose",
    "hands",
    "hands_pipeline",
    "mediapipe",
    "open_sink",
    "open_source",
    "pose",
    "pose_pipeline",
    "read_csv",
    "read_image",
    "read_json",
    "read_jsonl",
    "read_npz",
    "read_parquet",
    "sapiens",
    "sapiens_info",
    "sapiens_pipeline",
    "sapiens_pose",
    "smooth_offline",
    "testing",
    "weights",
    "write_c3d",
    "write_trc",
]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return import_module(f"vitruvian.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'vitruvian' has no attribute {name!r}")
    return getattr(import_module(f"vitruvian.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
