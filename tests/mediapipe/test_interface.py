"""Names, import lines and facts of the interface."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import vitruvian.mediapipe as mp
from vitruvian.mediapipe import solutions
from vitruvian.mediapipe.tasks.python import vision
from vitruvian.skeleton import Skeleton

IMPORT_LINES = """
import vitruvian.mediapipe as mp
import vitruvian.mediapipe.tasks.python.vision as vision
import vitruvian.mediapipe.python.solutions.drawing_utils as mp_drawing
from vitruvian.mediapipe import Image, ImageFormat, solutions, tasks
from vitruvian.mediapipe.framework.formats import landmark_pb2
from vitruvian.mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList
from vitruvian.mediapipe.python.solutions import drawing_styles, drawing_utils, pose
from vitruvian.mediapipe.python.solutions.drawing_utils import _normalized_to_pixel_coordinates
from vitruvian.mediapipe.python.solutions.pose import POSE_CONNECTIONS, Pose, PoseLandmark
from vitruvian.mediapipe.python.solutions.pose_connections import POSE_CONNECTIONS
from vitruvian.mediapipe.tasks import python
from vitruvian.mediapipe.tasks.python import BaseOptions, components, core, vision
from vitruvian.mediapipe.tasks.python.components import containers
from vitruvian.mediapipe.tasks.python.components.containers import Landmark, NormalizedLandmark, landmark
from vitruvian.mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark
from vitruvian.mediapipe.tasks.python.components.containers.rect import RectF
from vitruvian.mediapipe.tasks.python.core import base_options
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions
from vitruvian.mediapipe.tasks.python.vision import PoseLandmarker, RunningMode, pose_landmarker
from vitruvian.mediapipe.tasks.python.vision.core import image, image_processing_options
from vitruvian.mediapipe.tasks.python.vision.core.image import Image, ImageFormat
from vitruvian.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from vitruvian.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from vitruvian.mediapipe.tasks.python.vision.drawing_styles import get_default_pose_landmarks_style
from vitruvian.mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarkerResult
"""


@pytest.mark.parametrize("line", IMPORT_LINES.strip().splitlines())
def test_usual_import_lines(line: str) -> None:
    exec(line, {})  # noqa: S102 - the lines above


def test_import_opens_no_runtime() -> None:
    code = (
        "import sys, vitruvian.mediapipe; sys.exit('openvino' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "name",
    [
        "vitruvian.mediapipe",
        "vitruvian.mediapipe.python.solutions",
        "vitruvian.mediapipe.python.solutions.drawing_utils",
        "vitruvian.mediapipe.python.solutions.pose",
        "vitruvian.mediapipe.tasks",
        "vitruvian.mediapipe.tasks.python",
        "vitruvian.mediapipe.tasks.python.components.containers",
        "vitruvian.mediapipe.tasks.python.vision",
        "vitruvian.mediapipe.tasks.python.vision.drawing_utils",
    ],
)
def test_public_names_exist(name: str) -> None:
    module = importlib.import_module(name)
    assert all(hasattr(module, public) for public in module.__all__)


def test_one_object_under_all_its_names() -> None:
    assert mp.tasks.vision is mp.tasks.python.vision is vision
    assert mp.tasks.BaseOptions is mp.tasks.python.BaseOptions
    assert solutions.pose.PoseLandmark is vision.PoseLandmark
    assert solutions.drawing_utils.DrawingSpec is vision.drawing_utils.DrawingSpec
    assert mp.solutions is solutions


def test_version_names_the_interface() -> None:
    assert mp.__version__ == "1.2.2+vitruvian"


def test_landmarks_and_connections_are_the_skeletons() -> None:
    skeleton = Skeleton.named("body33")
    assert [member.name.lower() for member in vision.PoseLandmark] == list(skeleton.landmarks)
    assert [int(member) for member in vision.PoseLandmark] == list(range(33))
    ends = [(limb.start, limb.end) for limb in vision.PoseLandmarksConnections.POSE_LANDMARKS]
    assert ends == list(skeleton.edges)
    assert frozenset(ends) == solutions.pose.POSE_CONNECTIONS
    assert len(ends) == 35


def test_numbers_behind_the_names() -> None:
    delegate = mp.tasks.BaseOptions.Delegate
    assert [(member.name, member.value) for member in delegate] == [("DEFAULT", 0), ("CPU", 1), ("GPU", 2)]
    assert {member.name: member.value for member in mp.ImageFormat} == {
        "UNKNOWN": 0,
        "SRGB": 1,
        "SRGBA": 2,
        "GRAY8": 3,
        "GRAY16": 4,
        "SRGB48": 7,
        "SRGBA64": 8,
        "VEC32F1": 9,
        "VEC32F2": 12,
        "VEC32F4": 13,
    }
    assert [mode.value for mode in vision.RunningMode] == ["IMAGE", "VIDEO", "LIVE_STREAM"]


def test_defaults_of_the_options() -> None:
    options = vision.PoseLandmarkerOptions(base_options=mp.tasks.BaseOptions())
    expected = {
        "base_options": mp.tasks.BaseOptions(model_asset_path=None, model_asset_buffer=None, delegate=None),
        "running_mode": vision.RunningMode.IMAGE,
        "num_poses": 1,
        "min_pose_detection_confidence": 0.5,
        "min_pose_presence_confidence": 0.5,
        "min_tracking_confidence": 0.5,
        "output_segmentation_masks": False,
        "result_callback": None,
    }
    assert vars(options) == expected


def test_parameters_of_the_calls() -> None:
    calls = vision.PoseLandmarker
    assert list(inspect.signature(calls.detect).parameters) == ["self", "image", "image_processing_options"]
    stream = ["self", "image", "timestamp_ms", "image_processing_options"]
    assert list(inspect.signature(calls.detect_for_video).parameters) == stream
    assert list(inspect.signature(calls.detect_async).parameters) == stream


def test_fields_of_a_landmark() -> None:
    point = mp.tasks.components.containers.NormalizedLandmark(x=0.5)
    assert vars(point) == dict.fromkeys(("y", "z", "visibility", "presence", "name")) | {"x": 0.5}


def test_parameters_of_the_older_pose_class() -> None:
    defaults = {
        "static_image_mode": False,
        "model_complexity": 1,
        "smooth_landmarks": True,
        "enable_segmentation": False,
        "smooth_segmentation": True,
        "min_detection_confidence": 0.5,
        "min_tracking_confidence": 0.5,
    }
    signature = inspect.signature(solutions.pose.Pose)
    assert {name: parameter.default for name, parameter in signature.parameters.items()} == defaults
    assert list(inspect.signature(solutions.pose.Pose.process).parameters) == ["self", "image"]
    fields = ("pose_landmarks", "pose_world_landmarks", "segmentation_mask")
    assert solutions.pose.SolutionOutputs._fields == fields
