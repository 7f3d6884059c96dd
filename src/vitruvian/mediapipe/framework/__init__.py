"""Where the original keeps the definitions of its data formats."""

from vitruvian.mediapipe.framework import formats

__all__ = ["formats"]
