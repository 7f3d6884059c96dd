"""The parts of MediaPipe 0.10.21's ``solutions`` that find and draw poses and hands."""

from vitruvian.mediapipe.python.solutions import (
    drawing_styles,
    drawing_utils,
    hands,
    hands_connections,
    pose,
    pose_connections,
)

__all__ = ["drawing_styles", "drawing_utils", "hands", "hands_connections", "pose", "pose_connections"]
