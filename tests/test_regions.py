import numpy as np
import pytest

from vitruvian import ArrayError, Regions


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
