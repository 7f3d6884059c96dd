"""What is worth machine code of its own: what this project exists for, where libraries leave time unused.

The kernels are compiled from C when the package is installed. Without them, for want of a compiler or of the
processor's vectors, everything works the same, in more time: ``native`` is ``None``. They are a second way to
do what Python does here in the first place, and are tested against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["native"]


def _found() -> ModuleType | None:
    try:
        from vitruvian.kernels import _native  # noqa: PLC0415  # there may be none
    except ImportError:
        return None
    return _native


native = _found()
"""The compiled kernels, if there are any."""
