"""Parts of a picture that a detector looks at one by one, where people are larger than in the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitruvian.crop import Crop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.regions import Regions

__all__ = ["HINT", "Sight", "Tile", "crops_of", "open_tiles", "radians_of", "tiles_of"]

HINT = 0.1
"""Detector score from which on there may be somebody: too little to read, enough to look closer."""

_SHARED = 1 / 3  # of its side: what a tile has in common with the next
_OPENED = 3  # tiles that a hint opens
_FITTING = 1.4  # in sides of a tile: the largest region of somebody whom the detector finds in it


class Tile(NamedTuple):
    """An upright square of a picture; it may reach beyond the picture.

    Attributes:
        x: Of its middle, in pixels.
        y: Of its middle, in pixels.
        side: In pixels.
    """

    x: float
    y: float
    side: float


@dataclass(frozen=True, eq=False)
class Sight:
    """What a detector sees in some tiles.

    Attributes:
        found: Where there is somebody.
        hints: Where there may be somebody: whatever has a score of ``HINT`` or more, not merged.
    """

    found: Regions
    hints: Regions


def radians_of(rotation: int) -> float:
    """Return the turn of crops, in a picture that is upright once turned clockwise by so many degrees."""
    return float(np.float32(-math.radians(rotation % 360)))


def crops_of(tiles: Sequence[Tile], frame: Frame, output: int, rotation: int) -> list[Crop]:
    """Return what a detector sees of these tiles; the letterbox is exactly the one that it sees by itself.

    Args:
        tiles: Parts of the picture.
        frame: The picture.
        output: Side of the network's square input in pixels.
        rotation: Degrees by which the picture must be turned clockwise to be upright; a multiple of 90.
    """
    turn = radians_of(rotation)
    whole = max(frame.stamp.width, frame.stamp.height)
    return [
        Crop(tile.x, tile.y, tile.side, tile.side, turn, (output, output), exact=tile.side >= whole)
        for tile in tiles
    ]


def tiles_of(width: int, height: int, share: float) -> list[Tile]:
    """Return the fewest squares that cover a picture, neighbours overlapping by a third, row by row.

    Args:
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        share: Side of the squares in longer sides of the picture, above 0; with 1 it is the letterbox.
    """
    side = max(width, height) * share
    return [Tile(x, y, side) for y in _middles(height, side) for x in _middles(width, side)]


def _middles(extent: int, side: float) -> list[float]:
    if extent <= side:
        return [extent / 2]
    # A hundredth of a step that is missing is no reason for one more row.
    steps = max(math.ceil((extent - side) / (side * (1 - _SHARED)) - 0.01), 1)
    return [side / 2 + step * (extent - side) / steps for step in range(steps + 1)]


def open_tiles(tiles: Sequence[Tile], hints: Regions) -> list[Tile]:
    """Return the tiles in which a hint may turn out to be somebody: of each hint the nearest, if it fits."""
    if not tiles or not len(hints):
        return []
    side = tiles[0].side
    small = hints[np.flatnonzero(hints.size[:, 0] <= _FITTING * side)]
    middles = np.array([(tile.x, tile.y) for tile in tiles], np.float32)
    offset: NDArray[np.float32] = np.abs(small.centre[:, None] - middles).max(axis=2)
    nearest = np.argsort(offset, axis=1, kind="stable")[:, :_OPENED]
    return [tiles[index] for index in np.unique(nearest).tolist()]
