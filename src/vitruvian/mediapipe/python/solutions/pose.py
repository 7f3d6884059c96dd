"""The names of the 33 landmarks and their connections."""

from __future__ import annotations

from vitruvian.mediapipe.python.solutions.pose_connections import POSE_CONNECTIONS
from vitruvian.mediapipe.tasks.python.vision.pose_landmarker import PoseLandmark

__all__ = ["POSE_CONNECTIONS", "PoseLandmark"]


def __getattr__(name: str) -> object:
    """Say what stands in for the one name of the original that scripts will look for in vain."""
    if name == "Pose":
        raise AttributeError(
            "solutions.pose.Pose is not available in this version; "
            "use vitruvian.mediapipe.tasks.vision.PoseLandmarker instead"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
