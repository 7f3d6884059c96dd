"""The values that options and results are made of."""

from vitruvian.mediapipe.tasks.python.components.containers import landmark, rect
from vitruvian.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from vitruvian.mediapipe.tasks.python.components.containers.rect import NormalizedRect, Rect, RectF

__all__ = ["Landmark", "NormalizedLandmark", "NormalizedRect", "Rect", "RectF", "landmark", "rect"]
