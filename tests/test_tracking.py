"""Who is given which identity, where it is to be calculated; whole streams are in `test_steady.py`."""

from itertools import permutations

import numpy as np
import pytest

from vitruvian.tracking import _OWN, _matched


def _best(worth: np.ndarray) -> float:
    """Return the largest sum of pairs, each row and column once, of all there are."""
    tracks, rows = worth.shape
    if tracks > rows:
        return _best(worth.T)
    return max(sum(worth[i, row] for i, row in enumerate(rows)) for rows in permutations(range(rows), tracks))


@pytest.mark.parametrize("sharp", [0.2, 1.0, 6.0], ids=["hardly told apart", "perhaps", "surely"])
def test_the_sum_of_similarities_is_as_large_as_can_be(sharp):
    numbers = np.random.default_rng(9)
    solved = 0
    for _ in range(400):
        tracks, rows = numbers.integers(1, 5, 2)
        likeness = numbers.random((tracks, rows)) ** sharp
        own, least = numbers.random((tracks, rows)) < 0.3, numbers.choice([0.1, 0.35, np.inf], (tracks, rows))
        possible = likeness >= least
        solved += bool((possible.sum(axis=0) > 1).any() or (possible.sum(axis=1) > 1).any())
        matched = _matched(likeness, own, least)
        pairs = [(track, row) for row, track in enumerate(matched) if track is not None]
        assert len({track for track, _ in pairs}) == len(pairs)
        assert all(possible[pair] for pair in pairs)
        worth = np.where(possible, likeness + _OWN * own, 0.0)
        assert sum(worth[pair] for pair in pairs) == pytest.approx(_best(worth))
    assert 20 < solved < 400


def test_who_is_alone_needs_nobody():
    assert _matched(np.zeros((0, 3)), np.zeros((0, 3), bool), np.zeros((0, 3))) == [None, None, None]
    assert _matched(np.zeros((2, 0)), np.zeros((2, 0), bool), np.zeros((2, 0))) == []
