"""The Tasks interface."""

from vitruvian.mediapipe.tasks.python import components, vision
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions

__all__ = ["BaseOptions", "components", "vision"]
