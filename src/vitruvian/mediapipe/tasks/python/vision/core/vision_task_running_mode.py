"""How pictures reach a task."""

from __future__ import annotations

import enum

__all__ = ["VisionTaskRunningMode"]


class VisionTaskRunningMode(enum.Enum):
    """How pictures reach a task."""

    IMAGE = "IMAGE"
    """One by one, each on its own: ``detect``."""
    VIDEO = "VIDEO"
    """As the frames of one video, in order: ``detect_for_video``."""
    LIVE_STREAM = "LIVE_STREAM"
    """From a camera, results through a callback: ``detect_async``."""
