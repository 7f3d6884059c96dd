"""The parts of MediaPipe 0.10.21's ``solutions`` that find and draw poses."""

from vitruvian.mediapipe.python.solutions import drawing_styles, drawing_utils, pose, pose_connections

__all__ = ["drawing_styles", "drawing_utils", "pose", "pose_connections"]
