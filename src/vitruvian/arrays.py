"""The one gate through which arrays enter a value: shape and dtype, expected against actual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitruvian.errors import ArrayError
from vitruvian.kernels import native

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike, NDArray

__all__ = ["Axes", "check_array", "check_columns", "copied", "fits"]

Axes = tuple[int | str, ...]
"""The expected shape: a number is that length, a letter is any length, but the same wherever it recurs."""

_LARGE = 1 << 18  # bytes of an array that one core does not copy before another is awake
_CORES = 2  # more would wait for memory


def fits(array: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Return whether this is an array of exactly this shape and dtype, C-contiguous.

    A tenth of the price of the functions below, for values that are made a thousand times a second; what does
    not fit goes through them, for the message or the copy.
    """
    return (
        type(array) is np.ndarray
        and array.shape == shape
        and array.dtype == dtype
        and array.flags.c_contiguous
    )


def copied(array: NDArray[Any]) -> NDArray[Any]:
    """Return a C-contiguous copy; one of a large array is made by several cores."""
    if native is None or array.nbytes < _LARGE or not array.flags.c_contiguous:
        return np.array(array, order="C")
    copy = np.empty(array.shape, array.dtype)
    native.copy(array, copy, _CORES)
    return copy


def check_array(name: str, array: object, axes: Axes, dtype: DTypeLike) -> NDArray[Any]:
    """Return ``array`` if it is an array of exactly this dtype and shape.

    Raises:
        ArrayError: It is not; the message states what was expected and what came.
    """
    return check_columns({name: (array, axes, dtype)})[name]


def check_columns(columns: Mapping[str, tuple[object, Axes, DTypeLike]]) -> dict[str, NDArray[Any]]:
    """Check several arrays whose lettered axes must agree, such as the columns of one table.

    Args:
        columns: name → (array, axes, dtype).

    Returns:
        name → the same array, C-contiguous.

    Raises:
        ArrayError: One of them differs; the message names it and states expected and actual.
    """
    lengths: dict[int | str, int] = {}
    checked: dict[str, NDArray[Any]] = {}
    for name, (array, axes, dtype) in columns.items():
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != len(axes):
            raise ArrayError(_complaint(name, array, axes, dtype, lengths))
        bound = dict(zip(axes, array.shape, strict=True)) | lengths
        expected = [axis if isinstance(axis, int) else bound[axis] for axis in axes]
        if expected != list(array.shape):
            raise ArrayError(_complaint(name, array, axes, dtype, lengths))
        lengths = bound
        checked[name] = np.ascontiguousarray(array)
    return checked


def _complaint(
    name: str, array: object, axes: Axes, dtype: DTypeLike, lengths: Mapping[int | str, int]
) -> str:
    shape = ", ".join(str(lengths.get(axis, axis)) for axis in axes)
    actual = (
        f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
    )
    return f"{name}: expected {np.dtype(dtype)} of shape ({shape}), got {actual}"
