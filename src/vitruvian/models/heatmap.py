"""Heat maps into points."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HEATMAP_THRESHOLD", "refine", "sigmoid", "surely_below"]

HEATMAP_THRESHOLD = 0.5
"""Least probability of a window's peak by which a point is moved."""


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 / (1 + exp(-x)) in float32; logits below -88 count as -88, so that nothing overflows."""
    one = np.float32(1)
    return one / (one + np.exp(-np.maximum(logits, np.float32(-88))))


@cache
def surely_below(score: float) -> np.float32:
    """Return the logit up to which a score is below ``score``, however the logistic function is rounded.

    It makes 1 of 17.
    """
    if not score:
        return np.float32(-math.inf)
    inner = min(max(score, 1e-37), 1 - 1e-6)
    return np.float32(math.log(inner / (1 - inner)) - 0.01)


def refine(
    points: NDArray[np.float32],
    heatmaps: NDArray[np.float32],
    *,
    kernel: int,
    threshold: float = HEATMAP_THRESHOLD,
) -> NDArray[np.float32]:
    """Move points to the centre of mass of their heat map nearby (pose specification, section 7, step 4).

    A point stays where it is outside the map, or where the map nearby nowhere reaches ``threshold``. Cells
    count by their index, without half a cell, and the window is found by truncation: both as the original.

    Args:
        points: (N, K, 2) x and y as fractions of the map.
        heatmaps: (N, h, w, L) logits, L ≥ K: the first K maps are those of the points.
        kernel: Side of the window in cells, odd.
        threshold: Least probability of the window's peak.

    Returns:
        (N, K, 2) float32.
    """
    count, rows, columns, maps = heatmaps.shape
    landmarks = points.shape[1]
    size = np.array([columns, rows], np.float32)
    cell = np.trunc(points * size).astype(np.int64)
    inside = ((cell >= 0) & (cell < (columns, rows))).all(axis=2)

    reach = np.arange(kernel) - kernel // 2
    x, y = cell[..., 0, None] + reach, cell[..., 1, None] + reach
    covered_x, covered_y = (x >= 0) & (x < columns), (y >= 0) & (y < rows)
    # One flat index for each cell of each window: maps are large, windows are small.
    first = np.arange(count)[:, None] * (rows * columns * maps) + np.arange(landmarks)
    row = first[..., None] + y.clip(0, rows - 1) * (columns * maps)
    window = heatmaps.reshape(-1).take(row[..., :, None] + (x.clip(0, columns - 1) * maps)[..., None, :])
    mass = sigmoid(window) * (covered_y[..., :, None] & covered_x[..., None, :])
    moved = inside & (mass.max(axis=(2, 3)) >= threshold)

    moments = mass.reshape(count, landmarks, kernel * kernel) @ _moments(kernel)
    total = np.where(moved, moments[..., 0], np.float32(1))
    centre = (cell + moments[..., 1:] / total[..., None]) / size
    return np.where(moved[..., None], centre.astype(np.float32), points)


@cache
def _moments(kernel: int) -> NDArray[np.float32]:
    """Return (kernel², 3): what turns the cells of a window, row by row, into their mass and its x and y."""
    y, x = np.mgrid[:kernel, :kernel].reshape(2, -1) - kernel // 2
    return np.stack([np.ones_like(x), x, y], axis=1).astype(np.float32)
