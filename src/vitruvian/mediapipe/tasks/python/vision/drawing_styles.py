"""Colours and widths of drawings, as BGR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitruvian.mediapipe.tasks.python.vision.drawing_utils import WHITE_COLOR, DrawingSpec
from vitruvian.mediapipe.tasks.python.vision.pose_landmarker import PoseLandmark

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["get_default_pose_landmarks_style"]

_LEFT_COLOR = (0, 138, 255)
_RIGHT_COLOR = (231, 217, 0)


def get_default_pose_landmarks_style() -> Mapping[int, DrawingSpec]:
    """Return how each landmark is drawn: orange on the left, turquoise on the right, the nose white."""
    return {landmark: DrawingSpec(color=_color(landmark)) for landmark in PoseLandmark}


def _color(landmark: PoseLandmark) -> tuple[int, int, int]:
    if "LEFT" in landmark.name:
        return _LEFT_COLOR
    return _RIGHT_COLOR if "RIGHT" in landmark.name else WHITE_COLOR
