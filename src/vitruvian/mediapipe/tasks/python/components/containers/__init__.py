"""The values that options and results are made of."""

from vitruvian.mediapipe.tasks.python.components.containers import category, landmark, rect
from vitruvian.mediapipe.tasks.python.components.containers.category import Category
from vitruvian.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from vitruvian.mediapipe.tasks.python.components.containers.rect import NormalizedRect, Rect, RectF

__all__ = [
    "Category",
    "Landmark",
    "NormalizedLandmark",
    "NormalizedRect",
    "Rect",
    "RectF",
    "category",
    "landmark",
    "rect",
]
