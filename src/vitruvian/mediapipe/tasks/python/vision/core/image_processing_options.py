"""What to do with a picture before a task looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitruvian.mediapipe.tasks.python.components.containers.rect import RectF

__all__ = ["ImageProcessingOptions"]


@dataclass
class ImageProcessingOptions:
    """What to do with a picture before a task looks at it.

    Attributes:
        region_of_interest: Not possible for landmarks, here as in the original: must be ``None``.
        rotation_degrees: Degrees by which the picture must be turned clockwise to be upright, a multiple of
            90. Results are in the coordinates of the picture as it was given.
    """

    region_of_interest: RectF | None = None
    rotation_degrees: int = 0
