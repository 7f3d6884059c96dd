import numpy as np
import pytest

from vitruvian import ArrayError, Regions
from vitruvian.regions import NOWHERE, joined


def _regions(count: int) -> Regions:
    f32 = np.float32
    return Regions(
        np.ones((count, 2), f32), np.ones((count, 2), f32), np.zeros(count, f32), np.arange(count, dtype=f32)
    )


def test_an_index_cuts_every_column():
    cut = _regions(5)[1:3]
    assert len(cut) == 2
    assert cut.score.tolist() == [1, 2]
    assert len(cut.centre) == len(cut.size) == len(cut.rotation) == 2


def test_nobody_is_zero_rows():
    assert len(_regions(0)) == 0


def test_columns_must_agree():
    good = _regions(2)
    with pytest.raises(ArrayError, match="rotation"):
        Regions(good.centre, good.size, np.zeros(3, np.float32), good.score)


@pytest.mark.parametrize("counts", [(), (0,), (3,), (0, 0), (2, 0, 3), (1, 1), (0, 4)])
def test_joined_regions_keep_their_order(counts):
    parts = [_regions(count) for count in counts]
    everything = joined(*parts)
    assert everything.score.tolist() == [row for count in counts for row in range(count)]
    assert everything.centre.shape == everything.size.shape == (sum(counts), 2)
    assert everything.rotation.dtype == everything.size.dtype == np.float32


def test_nowhere_adds_nothing():
    assert len(joined()) == len(joined(NOWHERE)) == len(NOWHERE) == 0
    both = joined(NOWHERE, _regions(2), NOWHERE)
    assert both.score.tolist() == [0, 1]
    assert both.size.shape == (2, 2)
