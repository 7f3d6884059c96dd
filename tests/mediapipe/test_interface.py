"""Names, import lines and facts of the interface."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

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
from vitruvian.mediapipe.framework.formats.classification_pb2 import ClassificationList
from vitruvian.mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList
from vitruvian.mediapipe.python.solutions import drawing_styles, drawing_utils, pose
from vitruvian.mediapipe.python.solutions.drawing_utils import _normalized_to_pixel_coordinates
from vitruvian.mediapipe.python.solutions import hands as mp_hands
from vitruvian.mediapipe.python.solutions.drawing_styles import get_default_hand_connections_style
from vitruvian.mediapipe.python.solutions.hands import HAND_CONNECTIONS, HandLandmark, Hands
from vitruvian.mediapipe.python.solutions.hands_connections import HAND_CONNECTIONS, HAND_PALM_CONNECTIONS
from vitruvian.mediapipe.python.solutions.pose import POSE_CONNECTIONS, Pose, PoseLandmark
from vitruvian.mediapipe.python.solutions.pose_connections import POSE_CONNECTIONS
from vitruvian.mediapipe.tasks import python
from vitruvian.mediapipe.tasks.python import BaseOptions, components, core, vision
from vitruvian.mediapipe.tasks.python.components import containers
from vitruvian.mediapipe.tasks.python.components.containers import Landmark, NormalizedLandmark, landmark
from vitruvian.mediapipe.tasks.python.components.containers.category import Category
from vitruvian.mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark
from vitruvian.mediapipe.tasks.python.components.containers.rect import RectF
from vitruvian.mediapipe.tasks.python.core import base_options
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions
from vitruvian.mediapipe.tasks.python.vision import HandLandmarker, RunningMode, hand_landmarker
from vitruvian.mediapipe.tasks.python.vision import PoseLandmarker, RunningMode, pose_landmarker
from vitruvian.mediapipe.tasks.python.vision.core import image, image_processing_options
from vitruvian.mediapipe.tasks.python.vision.core.image import Image, ImageFormat
from vitruvian.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from vitruvian.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from vitruvian.mediapipe.tasks.python.vision.drawing_styles import get_default_pose_landmarks_style
from vitruvian.mediapipe.tasks.python.vision.hand_landmarker import HandLandmark, HandLandmarkerResult
from vitruvian.mediapipe.tasks.python.vision.hand_landmarker import HandLandmarksConnections
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
        "vitruvian.mediapipe.python.solutions.hands",
        "vitruvian.mediapipe.python.solutions.hands_connections",
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
    assert solutions.hands.HandLandmark is vision.HandLandmark
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


def test_landmarks_and_connections_of_hands_are_the_skeletons() -> None:
    skeleton = Skeleton.named("hand21")
    assert [member.name.lower() for member in vision.HandLandmark] == list(skeleton.landmarks)
    assert [int(member) for member in vision.HandLandmark] == list(range(21))
    ends = [(bone.start, bone.end) for bone in vision.HandLandmarksConnections.HAND_CONNECTIONS]
    assert ends == list(skeleton.edges)
    assert frozenset(ends) == solutions.hands.HAND_CONNECTIONS
    assert len(ends) == 21


@pytest.mark.parametrize(
    ("group", "pairs"),
    [
        ("HAND_PALM_CONNECTIONS", ((0, 1), (0, 5), (9, 13), (13, 17), (5, 9), (0, 17))),
        ("HAND_THUMB_CONNECTIONS", ((1, 2), (2, 3), (3, 4))),
        ("HAND_INDEX_FINGER_CONNECTIONS", ((5, 6), (6, 7), (7, 8))),
        ("HAND_MIDDLE_FINGER_CONNECTIONS", ((9, 10), (10, 11), (11, 12))),
        ("HAND_RING_FINGER_CONNECTIONS", ((13, 14), (14, 15), (15, 16))),
        ("HAND_PINKY_FINGER_CONNECTIONS", ((17, 18), (18, 19), (19, 20))),
    ],
)
def test_groups_of_connections(group: str, pairs: tuple[tuple[int, int], ...]) -> None:
    connections = vision.HandLandmarksConnections
    assert getattr(solutions.hands_connections, group) == pairs
    assert getattr(connections, group) == [connections.Connection(start, end) for start, end in pairs]


def test_text_of_a_connection() -> None:
    limbs, bones = vision.PoseLandmarksConnections, vision.HandLandmarksConnections
    assert repr(limbs.Connection(0, 1)) == "PoseLandmarksConnections.Connection(start=0, end=1)"
    assert repr(bones.Connection(0, 1)) == "HandLandmarksConnections.Connection(start=0, end=1)"


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


def test_defaults_of_the_options_for_hands() -> None:
    options = vision.HandLandmarkerOptions(base_options=mp.tasks.BaseOptions())
    expected = {
        "base_options": mp.tasks.BaseOptions(model_asset_path=None, model_asset_buffer=None, delegate=None),
        "running_mode": vision.RunningMode.IMAGE,
        "num_hands": 1,
        "min_hand_detection_confidence": 0.5,
        "min_hand_presence_confidence": 0.5,
        "min_tracking_confidence": 0.5,
        "result_callback": None,
    }
    assert vars(options) == expected
    result = vision.HandLandmarkerResult([], [], [])
    assert list(vars(result)) == ["handedness", "hand_landmarks", "hand_world_landmarks"]


@pytest.mark.parametrize("calls", [vision.PoseLandmarker, vision.HandLandmarker])
def test_parameters_of_the_calls(calls: type[vision.PoseLandmarker]) -> None:
    assert list(inspect.signature(calls.detect).parameters) == ["self", "image", "image_processing_options"]
    stream = ["self", "image", "timestamp_ms", "image_processing_options"]
    assert list(inspect.signature(calls.detect_for_video).parameters) == stream
    assert list(inspect.signature(calls.detect_async).parameters) == stream


def test_fields_of_a_landmark() -> None:
    point = mp.tasks.components.containers.NormalizedLandmark(x=0.5)
    assert vars(point) == dict.fromkeys(("y", "z", "visibility", "presence", "name")) | {"x": 0.5}


def test_fields_of_a_category() -> None:
    category = mp.tasks.components.containers.Category(score=0.5)
    names = ["index", "score", "display_name", "category_name"]
    assert vars(category) == dict.fromkeys(names) | {"score": 0.5}
    assert list(vars(category)) == names


def test_parameters_of_the_older_hands_class() -> None:
    defaults = {
        "static_image_mode": False,
        "max_num_hands": 2,
        "model_complexity": 1,
        "min_detection_confidence": 0.5,
        "min_tracking_confidence": 0.5,
    }
    signature = inspect.signature(solutions.hands.Hands)
    assert {name: parameter.default for name, parameter in signature.parameters.items()} == defaults
    assert list(inspect.signature(solutions.hands.Hands.process).parameters) == ["self", "image"]
    fields = ("multi_hand_landmarks", "multi_hand_world_landmarks", "multi_handedness")
    assert solutions.hands.SolutionOutputs._fields == fields


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


@pytest.mark.parametrize("delegate", ["GPU", 1, "CPU"])
def test_a_delegate_that_is_none_is_refused(lite_bundle: Path, delegate: object) -> None:
    base: Any = mp.tasks.BaseOptions(model_asset_path=str(lite_bundle), delegate=delegate)
    options = mp.tasks.vision.PoseLandmarkerOptions(base_options=base)
    with pytest.raises(ValueError, match=r"delegate: expected a BaseOptions\.Delegate"):
        mp.tasks.vision.PoseLandmarker.create_from_options(options)


def test_a_running_mode_that_is_none_is_refused(lite_bundle: Path) -> None:
    mode: Any = "IMAGE"
    base = mp.tasks.BaseOptions(model_asset_path=str(lite_bundle))
    options = mp.tasks.vision.PoseLandmarkerOptions(base_options=base, running_mode=mode)
    with pytest.raises(ValueError, match="running_mode: expected a VisionTaskRunningMode, got 'IMAGE'"):
        mp.tasks.vision.PoseLandmarker.create_from_options(options)


def test_an_empty_name_is_no_picture() -> None:
    with pytest.raises(FileNotFoundError):
        mp.Image.create_from_file("")
