"""The laws of tiles: they cover the picture, overlap, and open where a hint fits."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from vitruvian import Crop, Regions
from vitruvian.models.tiles import Tile, open_tiles, tiles_of
from vitruvian.search.thorough import SHARES

F32 = np.float32
sides = st.integers(1, 5000)
shares = st.sampled_from(SHARES) | st.floats(0.05, 1)


def _hints(*rows):
    """Return regions: (x, y, side) each."""
    rows = np.array(rows, F32).reshape(-1, 3)
    return Regions(
        rows[:, :2].copy(), rows[:, [2, 2]].copy(), np.zeros(len(rows), F32), np.full(len(rows), 0.2, F32)
    )


@given(sides, sides, shares)
@example(2000, 1001, 1 / 2)  # a hair more than one tile
@example(1280, 427, 1 / 3)
@example(503, 1000, 1 / 2)
def test_tiles_cover_the_picture_and_overlap_by_a_third(width, height, share):
    tiles = tiles_of(width, height, share)
    side = max(width, height) * share
    assert {tile.side for tile in tiles} == {side}
    for axis, extent in ((0, width), (1, height)):
        middles = sorted({tile[axis] for tile in tiles})
        assert middles[0] - side / 2 <= 1e-6 * extent
        assert middles[-1] + side / 2 >= extent * (1 - 1e-6)
        shared = side - np.diff(middles)
        assert (shared >= 0.32 * side).all()  # which one tile alone is, too
        # And no more tiles than that takes: with one less a gap or less than a third would be left.
        if len(middles) > 2:
            assert (extent - side) / (len(middles) - 2) > side * 2 / 3
    assert len(tiles) == len({tile.x for tile in tiles}) * len({tile.y for tile in tiles})


@given(sides, sides)
def test_the_whole_share_is_the_letterbox(width, height):
    (tile,) = tiles_of(width, height, 1.0)
    letterbox = Crop.letterbox(width, height, 224)
    assert (tile.x, tile.y, tile.side, tile.side) == (
        letterbox.x,
        letterbox.y,
        letterbox.width,
        letterbox.height,
    )


def test_tiles_are_those_of_the_document():
    """720p: three squares in one row and a half of the width, of which two rows cover the height."""
    assert tiles_of(1280, 720, 1 / 2) == [Tile(x, y, 640) for y in (320, 400) for x in (320, 640, 960)]


@given(
    st.integers(200, 3000),
    st.integers(200, 3000),
    st.sampled_from(SHARES),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1.39)), min_size=1, max_size=4),
)
def test_a_small_hint_opens_the_tile_it_is_in(width, height, share, places):
    tiles = tiles_of(width, height, share)
    side = tiles[0].side
    opened = open_tiles(tiles, _hints(*((x * width, y * height, size * side) for x, y, size in places)))
    assert opened == [tile for tile in tiles if tile in opened]  # each once, in order
    assert len(opened) <= 3 * len(places)
    for x, y, _ in places:
        assert min(_distance(tile, x * width, y * height) for tile in opened) <= 0.5 * side + 1e-2


def _distance(tile, x, y):
    return max(abs(tile.x - x), abs(tile.y - y))


@given(st.floats(1.41, 100))
def test_a_hint_that_does_not_fit_opens_nothing(size):
    tiles = tiles_of(1280, 720, 1 / 3)
    assert open_tiles(tiles, _hints((600, 300, size * tiles[0].side))) == []
    both = _hints((600, 300, size * tiles[0].side), (1270, 10, 30))
    assert open_tiles(tiles, both) == open_tiles(tiles, both[1:])


def test_the_nearest_tiles_are_opened():
    tiles = tiles_of(1280, 720, 1 / 3)
    opened = open_tiles(tiles, _hints((1270, 10, 30)))
    order = sorted(tiles, key=lambda tile: _distance(tile, 1270, 10))
    assert len(opened) == 3
    assert order[0] in opened
    assert _distance(opened[0], 1270, 10) <= math.hypot(tiles[0].side, tiles[0].side)


def test_without_hints_or_tiles_nothing_opens():
    assert open_tiles(tiles_of(640, 480, 1 / 3), _hints()) == []
    assert open_tiles([], _hints((10, 10, 10))) == []
