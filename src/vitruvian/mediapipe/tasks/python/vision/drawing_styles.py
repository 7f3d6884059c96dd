"""Colours and widths of drawings, as BGR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitruvian.mediapipe.tasks.python.vision.drawing_utils import WHITE_COLOR, DrawingSpec
from vitruvian.mediapipe.tasks.python.vision.hand_names import HandLandmark, HandLandmarksConnections
from vitruvian.mediapipe.tasks.python.vision.pose_names import PoseLandmark

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "get_default_hand_connections_style",
    "get_default_hand_landmarks_style",
    "get_default_pose_landmarks_style",
]

_LEFT_COLOR = (0, 138, 255)
_RIGHT_COLOR = (231, 217, 0)

_PALM_COLOR = (48, 48, 255)
_PALM_LINE = DrawingSpec(color=(128, 128, 128), thickness=3)
_FINGER_COLORS = (
    (HandLandmarksConnections.HAND_THUMB_CONNECTIONS, (180, 229, 255)),
    (HandLandmarksConnections.HAND_INDEX_FINGER_CONNECTIONS, (128, 64, 128)),
    (HandLandmarksConnections.HAND_MIDDLE_FINGER_CONNECTIONS, (0, 204, 255)),
    (HandLandmarksConnections.HAND_RING_FINGER_CONNECTIONS, (48, 255, 48)),
    (HandLandmarksConnections.HAND_PINKY_FINGER_CONNECTIONS, (192, 101, 21)),
)


def get_default_hand_landmarks_style() -> Mapping[int, DrawingSpec]:
    """Return how each landmark is drawn: a dot, red in the palm, each finger in a colour of its own."""
    palm = {end for bone in HandLandmarksConnections.HAND_PALM_CONNECTIONS for end in (bone.start, bone.end)}
    style: dict[int, DrawingSpec] = {HandLandmark(index): _dot(_PALM_COLOR) for index in sorted(palm)}
    for bones, color in _FINGER_COLORS:
        style |= {HandLandmark(bone.end): _dot(color) for bone in bones}
    return style


def get_default_hand_connections_style() -> Mapping[tuple[int, int], DrawingSpec]:
    """Return how each connection is drawn, by its pair of indices: the palm grey, fingers as their dots."""
    palm = HandLandmarksConnections.HAND_PALM_CONNECTIONS
    style = {(bone.start, bone.end): _PALM_LINE for bone in palm}
    for bones, color in _FINGER_COLORS:
        style |= {(bone.start, bone.end): DrawingSpec(color=color) for bone in bones}
    return style


def _dot(color: tuple[int, int, int]) -> DrawingSpec:
    return DrawingSpec(color=color, thickness=-1, circle_radius=5)


def get_default_pose_landmarks_style() -> Mapping[int, DrawingSpec]:
    """Return how each landmark is drawn: orange on the left, turquoise on the right, the nose white."""
    return {landmark: DrawingSpec(color=_color(landmark)) for landmark in PoseLandmark}


def _color(landmark: PoseLandmark) -> tuple[int, int, int]:
    if "LEFT" in landmark.name:
        return _LEFT_COLOR
    return _RIGHT_COLOR if "RIGHT" in landmark.name else WHITE_COLOR
