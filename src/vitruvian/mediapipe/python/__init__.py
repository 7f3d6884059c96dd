"""Where the original keeps ``solutions``."""

from vitruvian.mediapipe.python import solutions

__all__ = ["solutions"]
