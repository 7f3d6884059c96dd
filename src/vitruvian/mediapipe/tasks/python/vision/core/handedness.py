"""From the probability of a right hand to the likelier of two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = ["likelier_sides"]


def likelier_sides(hands: Landmarks) -> list[tuple[int, float]]:
    """Return for each hand 0 if it is a right one, else 1, and the probability of that, at least 0.5."""
    right = cast("NDArray[np.float32]", hands.handedness)
    is_left = (right <= 0.5).astype(int)
    return list(zip(is_left.tolist(), np.maximum(right, 1 - right).tolist(), strict=True))
