"""MediaPipe Tasks: as in the original, ``mp.tasks`` offers what ``tasks.python`` offers."""

from vitruvian.mediapipe.tasks import python
from vitruvian.mediapipe.tasks.python import BaseOptions, components, vision

__all__ = ["BaseOptions", "components", "python", "vision"]
