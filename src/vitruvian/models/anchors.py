"""Anchors of single-shot detectors: the points that predictions are relative to."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.kernels import native
from vitruvian.models.heatmap import sigmoid, surely_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Anchors", "anchor_centres"]


def anchor_centres(size: int, strides: Sequence[int], per_layer: int = 2) -> NDArray[np.float32]:
    """Return the centres of all anchors, in the order of the network's output.

    Neighbouring layers of equal stride are merged: their anchors alternate within a cell. Cells go row by
    row (pose specification, section 6.2).

    Args:
        size: Side of the network's square input in pixels.
        strides: Stride of each layer in pixels.
        per_layer: Anchors that each layer has in a cell.

    Returns:
        (A, 2) float32, x and y as fractions of the input.
    """
    layers = []
    for stride, equal in groupby(strides):
        cells = -(-size // stride)
        ticks = (np.arange(cells, dtype=np.float32) + np.float32(0.5)) / np.float32(cells)
        x, y = np.meshgrid(ticks, ticks)
        centres = np.stack([x.ravel(), y.ravel()], axis=1)
        layers.append(np.repeat(centres, per_layer * len(list(equal)), axis=0))
    return np.concatenate(layers)


class Anchors:
    """The anchors of a detector that tells of each a box, and points.

    Args:
        side: Of its picture in pixels.
        strides: Stride of each layer in pixels.
        points: How many points of each box are read; the network may give more.
    """

    def __init__(self, side: int, strides: Sequence[int], points: int) -> None:
        # Centre and points count from the anchor, width and height do not.
        self._origins = np.tile(anchor_centres(side, strides), 2 + points)
        self._origins[:, 2:4] = 0
        self._side = side

    def seen(
        self, raw: NDArray[np.float32], logits: NDArray[np.float32], least: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what anchors see whose score is at least ``least`` (pose specification, section 6.3).

        Args:
            raw: (A, V) centre x and y, width and height of a box, x and y of each point, in pixels.
            logits: (A, 1).
            least: From 0 to 1.

        Returns:
            (M, 4 + 2 * points) the corners x0, y0, x1, y1 of a box, x and y of each point, all as fractions
            of the picture; (M,) scores. Boxes of a negative size are none.
        """
        below = surely_below(least)
        if native is not None:
            values, scores = np.empty_like(self._origins), np.empty(len(logits), np.float32)
            width = values.shape[1]
            count = native.decode(
                *(raw, logits, self._origins, raw.shape[1], width),
                *(float(self._side), float(below), least),
                *(values, scores),
            )
            return values[:count], scores[:count]
        # Few of some 2000 are near the threshold; each step on all of them costs more than all that follow.
        near = np.flatnonzero(logits[:, 0] > below)
        scores = sigmoid(logits[near, 0])
        if (low := scores < least).any():
            near, scores = near[~low], scores[~low]
        values = raw[near, : self._origins.shape[1]] / np.float32(self._side) + self._origins[near]
        centre, half = values[:, :2].copy(), values[:, 2:4] / 2
        values[:, :2] -= half
        values[:, 2:4] = centre + half
        if not (real := (half >= 0).all(axis=1)).all():
            values, scores = values[real], scores[real]
        return values, scores
