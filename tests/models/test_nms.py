import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vitruvian.kernels import native
from vitruvian.models.nms import weighted_nms

F32 = np.float32


@pytest.fixture(params=["kernel", "NumPy"], autouse=True, scope="module")
def way(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "NumPy":
            patch.setattr("vitruvian.models.nms.native", None)
        elif native is None:
            pytest.skip("no kernels")
        yield


def _squares(*corners: tuple[float, float]) -> np.ndarray:
    start = np.array(corners, F32)
    return np.concatenate([start, start + F32(0.2)], axis=1)


def test_neighbours_are_averaged_by_score():
    boxes = _squares((0.5, 0.5), (0.52, 0.5), (0.1, 0.1))
    values = np.array([[0.0], [1.0], [7.0]], F32)
    means, scores = weighted_nms(
        np.concatenate([boxes, values], axis=1), np.array([0.9, 0.6, 0.95], F32), 0.5
    )
    assert scores == pytest.approx([0.95, 0.9])
    assert means[:, 4] == pytest.approx([7.0, 0.6 / 1.5])


def test_overlap_must_exceed_the_threshold():
    # Two squares of side 0.2 whose centres are 1/15 apart overlap by exactly one half.
    boxes = _squares((0.0, 0.0), (0.2 / 3 + 1e-4, 0.0))
    _, apart = weighted_nms(boxes, np.array([0.9, 0.8], F32), 0.5)
    assert len(apart) == 2
    _, merged = weighted_nms(boxes, np.array([0.9, 0.8], F32), 0.3)
    assert len(merged) == 1


def test_nothing_gives_nothing():
    means, scores = weighted_nms(np.zeros((0, 7), F32), np.zeros(0, F32), 0.5)
    assert means.shape == (0, 7)
    assert scores.shape == (0,)


def test_a_box_without_area_ends_the_search():
    boxes = np.array([[0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1]], F32)
    _, scores = weighted_nms(boxes, np.array([0.9, 0.8], F32), 0.5)
    assert len(scores) == 0


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(
            hnp.arrays(F32, (n, 2), elements=st.floats(0, 1, width=32)),
            hnp.arrays(F32, (n,), elements=st.floats(0.0625, 1, width=32)),
        )
    )
)
def test_merged_values_lie_among_those_they_came_from(case):
    corners, scores = case
    means, kept = weighted_nms(_squares(*corners), scores, 0.5)
    assert 1 <= len(kept) <= len(scores)
    assert (np.diff(kept) <= 0).all()
    assert kept[0] == scores.max()
    assert (means[:, :2] >= corners.min(axis=0) - 1e-5).all()
    assert (means[:, :2] <= corners.max(axis=0) + 1e-5).all()


def test_both_ways_merge_the_same(monkeypatch):
    numbers = np.random.default_rng(4)
    for count in (1, 2, 7, 40, 300):
        corners = numbers.uniform(0, 1, (count, 2)).repeat(2, axis=0)[:count]
        sizes = numbers.uniform(-0.02, 0.5, (count, 2))
        values = np.concatenate([corners, corners + sizes, numbers.normal(size=(count, 5))], axis=1)
        values, scores = values.astype(F32), numbers.choice([0.5, 0.75, 0.9, 0.6], count).astype(F32)
        ours = weighted_nms(values, scores, 0.3)
        with monkeypatch.context() as patch:
            patch.setattr("vitruvian.models.nms.native", None)
            theirs = weighted_nms(values, scores, 0.3)
        for actual, expected in zip(ours, theirs, strict=True):
            assert actual.dtype == expected.dtype
            np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
