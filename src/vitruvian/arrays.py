"""The one gate through which arrays enter a value: shape and dtype, expected against actual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitruvian.errors import ArrayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike, NDArray

__all__ = ["Axes", "check_array", "check_columns"]

Axes = tuple[int | str, ...]
"""The expected shape: a number is that length, a letter is any length, but the same wherever it recurs."""


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
    lengths: dict[str, int] = {}
    checked: dict[str, NDArray[Any]] = {}
    for name, (array, axes, dtype) in columns.items():
        expected = f"{np.dtype(dtype)} of shape ({', '.join(str(lengths.get(str(a), a)) for a in axes)})"
        if not isinstance(array, np.ndarray):
            raise ArrayError(f"{name}: expected an array of {expected}, got {type(array).__name__}")
        if array.dtype != dtype or not _fits(array.shape, axes, lengths):
            raise ArrayError(f"{name}: expected {expected}, got {array.dtype} of shape {array.shape}")
        checked[name] = np.ascontiguousarray(array)
    return checked


def _fits(shape: tuple[int, ...], axes: Axes, lengths: dict[str, int]) -> bool:
    if len(shape) != len(axes):
        return False
    return all(
        length == (axis if isinstance(axis, int) else lengths.setdefault(axis, length))
        for length, axis in zip(shape, axes, strict=True)
    )
