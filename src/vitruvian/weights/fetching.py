"""What the two ways to fetch have in common: how they report and how they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["FetchError", "Progress"]

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are here, and the bytes in all (None if nobody knows)."""


class FetchError(Exception):
    """A file could not be fetched; the message is a clause without its model and without advice.

    Never leaves the package: ``store`` knows the model, and raises a ``WeightsError`` that adds what to do.
    """
