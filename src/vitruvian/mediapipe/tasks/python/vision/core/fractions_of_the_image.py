"""From pixels to fractions of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = ["in_fractions"]


def in_fractions(landmarks: Landmarks, width: int, height: int) -> NDArray[np.float32]:
    """Return x, y and z of every point, (N, K, 3): x and z in widths of the image, y in heights.

    Args:
        landmarks: With depths, unless they are of nobody.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
    """
    if not len(landmarks):
        return np.empty((0, len(landmarks.skeleton), 3), np.float32)
    depth = cast("NDArray[np.float32]", landmarks.depth)
    fractions = np.concatenate([landmarks.xy, depth[:, :, None]], axis=2)
    fractions /= np.array([width, height, width], np.float32)
    return fractions
