import numpy as np
import pytest

from vitruvian.arrays import check_array, check_columns, copied
from vitruvian.errors import ArrayError


def test_returns_the_array_when_it_fits():
    array = np.zeros((2, 3), np.float32)
    assert check_array("x", array, ("N", 3), np.float32) is array


def test_makes_a_strided_array_contiguous():
    array = np.zeros((2, 6), np.uint8)[:, ::2]
    checked = check_array("x", array, ("N", 3), np.uint8)
    assert checked.flags.c_contiguous
    assert (checked == array).all()


@pytest.mark.parametrize(
    ("array", "actual"),
    [
        (np.zeros((2, 4), np.float32), r"float32 of shape \(2, 4\)"),
        (np.zeros((2, 3), np.float64), r"float64 of shape \(2, 3\)"),
        (np.zeros(3, np.float32), r"float32 of shape \(3,\)"),
        ([[1, 2, 3]], "list"),
        (None, "NoneType"),
    ],
)
def test_states_expected_and_actual(array, actual):
    with pytest.raises(ArrayError, match=rf"points: expected .*float32 of shape \(N, 3\).*{actual}"):
        check_array("points", array, ("N", 3), np.float32)


def test_letters_agree_across_columns():
    columns = {"a": (np.zeros((2, 5)), ("N", "K"), float), "b": (np.zeros((3, 5)), ("N", "K"), float)}
    with pytest.raises(
        ArrayError, match=r"b: expected float64 of shape \(2, 5\), got float64 of shape \(3, 5\)"
    ):
        check_columns(columns)


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize(
    "picture",
    [
        np.random.default_rng(0).integers(0, 256, (721, 1283, 3), np.uint8),
        np.random.default_rng(0).standard_normal((300, 301)),
        np.random.default_rng(0).integers(0, 256, (800, 900, 3), np.uint8)[::-1, 100:],
        np.asfortranarray(np.random.default_rng(0).integers(0, 1 << 16, (500, 600), np.uint16)),
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
    ],
    ids=lambda picture: f"{picture.dtype} {picture.shape}",
)
def test_copies(picture, kernels, monkeypatch):
    if not kernels:
        monkeypatch.setattr("vitruvian.arrays.native", None)
    copy = copied(picture)
    assert (copy.dtype, copy.shape) == (picture.dtype, picture.shape)
    assert copy.flags.c_contiguous
    assert copy.flags.writeable
    assert (copy == picture).all()
    assert not np.shares_memory(copy, picture)


def test_copies_of_what_may_not_be_written_to():
    picture = np.zeros((800, 900, 3), np.uint8)
    picture.setflags(write=False)
    assert (copied(picture) == 0).all()
