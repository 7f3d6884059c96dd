"""What all tasks share."""

from vitruvian.mediapipe.tasks.python.core import base_options

__all__ = ["base_options"]
