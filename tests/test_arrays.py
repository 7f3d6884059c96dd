import numpy as np
import pytest

from vitruvian.arrays import check_array, check_columns
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
