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
    from vitruvian import mediapipe, weights
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
    from vitruvian.models.blazepose import PoseSettings
    from vitruvian.pipeline import Pipeline
    from vitruvian.provenance import Provenance
    from vitruvian.recording import Recording
    from vitruvian.regions import Regions
    from vitruvian.runtimes.openvino import OpenVINO
    from vitruvian.sinks.json import JsonSink, read_json
    from vitruvian.sinks.mask import MaskSink
    from vitruvian.sinks.overlay import OverlaySink
    from vitruvian.skeleton import Skeleton
    from vitruvian.sources.image import read_image
    from vitruvian.zoo import pose, pose_pipeline

__version__ = "0.1.0.dev0"

# Public name → the module it lives in. Names are resolved at first use, so that `import vitruvian` opens no
# foreign world (OpenCV alone takes 0.1 s).
_HOMES = {
    "ArrayError": "errors",
    "Crop": "crop",
    "Frame": "frame",
    "Gap": "frame",
    "JsonSink": "sinks.json",
    "Landmarks": "landmarks",
    "Mask": "landmarks",
    "MaskSink": "sinks.mask",
    "OpenVINO": "runtimes.openvino",
    "OptionError": "errors",
    "OverlaySink": "sinks.overlay",
    "Pipeline": "pipeline",
    "PoseSettings": "models.blazepose",
    "Provenance": "provenance",
    "Recording": "recording",
    "Regions": "regions",
    "SessionError": "errors",
    "SinkError": "errors",
    "Skeleton": "skeleton",
    "SourceError": "errors",
    "Stamp": "frame",
    "Style": "draw",
    "VitruvianError": "errors",
    "WeightsError": "errors",
    "WeightsMissingError": "errors",
    "draw_landmarks": "draw",
    "pose": "zoo",
    "pose_pipeline": "zoo",
    "read_image": "sources.image",
    "read_json": "sinks.json",
}

# Modules that are public as such.
_ROOMS = ("mediapipe", "weights")

__all__ = [
    "ArrayError",
    "Crop",
    "Frame",
    "Gap",
    "JsonSink",
    "Landmarks",
    "Mask",
    "MaskSink",
    "OpenVINO",
    "OptionError",
    "OverlaySink",
    "Pipeline",
    "PoseSettings",
    "Provenance",
    "Recording",
    "Regions",
    "SessionError",
    "SinkError",
    "Skeleton",
    "SourceError",
    "Stamp",
    "Style",
    "VitruvianError",
    "WeightsError",
    "WeightsMissingError",
    "draw_landmarks",
    "mediapipe",
    "pose",
    "pose_pipeline",
    "read_image",
    "read_json",
    "weights",
]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return import_module(f"vitruvian.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'vitruvian' has no attribute {name!r}")
    return getattr(import_module(f"vitruvian.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
