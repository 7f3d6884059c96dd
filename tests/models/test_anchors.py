import numpy as np
import pytest

from vitruvian.kernels import native
from vitruvian.models.anchors import Anchors, anchor_centres


@pytest.fixture(scope="module")
def anchors():
    return anchor_centres(224, strides=(8, 16, 32, 32, 32))


def test_there_are_as_many_as_the_network_has_outputs(anchors):
    assert anchors.shape == (2254, 2)
    assert anchors.dtype == np.float32


@pytest.mark.parametrize(
    ("index", "x", "y"),
    [
        (0, 1 / 56, 1 / 56),
        (1, 1 / 56, 1 / 56),
        (2, 3 / 56, 1 / 56),
        (1568, 1 / 28, 1 / 28),
        (1960, 1 / 14, 1 / 14),
        (1965, 1 / 14, 1 / 14),
        (1966, 3 / 14, 1 / 14),
        (2253, 13 / 14, 13 / 14),
    ],
)
def test_golden_positions(anchors, index, x, y):
    """Pose specification, section 15.3."""
    assert anchors[index] == pytest.approx([x, y], abs=1e-7)


@pytest.mark.parametrize("least", [0.0, 0.1, 0.5, 1.0])
def test_the_kernel_sees_what_numpy_does(least, monkeypatch):
    if native is None:
        pytest.skip("no kernels")
    numbers = np.random.default_rng(5)
    seeing = Anchors(224, strides=(8, 16, 32, 32, 32), points=2)
    raw = numbers.normal(20, 30, (2254, 12)).astype(np.float32)
    logits = numbers.normal(-1, 2, (2254, 1)).astype(np.float32)
    raw[7, 2], raw[8, 5], logits[9], logits[10] = np.nan, np.nan, np.nan, 200
    ours = seeing.seen(raw, logits, least)
    monkeypatch.setattr("vitruvian.models.anchors.native", None)
    theirs = seeing.seen(raw, logits, least)
    assert ours[0].shape == theirs[0].shape
    assert ours[0].shape[1] == 8
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("axis", "shape"), [(0, (9, 12)), (1, (9, 1)), (0, (10, 7))])
def test_answers_of_another_shape_are_refused(axis, shape):
    if native is None:
        pytest.skip("no kernels")
    given = [np.zeros((10, 12), np.float32), np.zeros((10, 1), np.float32)]
    origins, room = np.zeros((10, 8), np.float32), np.zeros((10, 8), np.float32)
    assert native.decode(*given, origins, 12, 8, 224.0, 0.0, 0.5, room, np.zeros(10, np.float32)) == 0
    given[axis] = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match="shapes"):
        native.decode(*given, origins, given[0].shape[1], 8, 224.0, 0.0, 0.5, room, np.zeros(10, np.float32))
