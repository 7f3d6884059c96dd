"""Anchors of single-shot detectors: the points that predictions are relative to."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["anchor_centres"]


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
