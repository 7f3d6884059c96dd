"""What is worth machine code of its own: what this project exists for, where libraries leave time unused.

The kernels are compiled from C when the package is installed. Without them, for want of a compiler, of the
processor's vectors, or because the environment says ``VITRUVIAN_KERNELS=0``, everything works the same, in
more time. They are a second way to do what Python does here in the first place, and are tested against it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["described", "native"]


_INTERFACE = 2  # that of `module.c`


def _found() -> ModuleType | None:
    if os.environ.get("VITRUVIAN_KERNELS") == "0":
        return None
    try:
        from vitruvian.kernels import _native  # noqa: PLC0415  # there may be none
    except ImportError:
        return None
    # Those that were compiled from another version, where the source is used in place, are none.
    return _native if getattr(_native, "INTERFACE", 0) == _INTERFACE else None


native = _found()
"""The compiled kernels, if there are any."""


def described() -> str:
    """Return in words which kernels there are."""
    if native is None:
        return "none: switched off, or no C compiler at installation; everything works, in more time"
    lacking = [
        what
        for what, there in (
            ("crops (AVX2)", native.WARP_SUPPORTED),
            ("networks (AVX-512)", native.VECTORS_SUPPORTED),
        )
        if not there
    ]
    return "compiled" + (f"; not for this processor: {', '.join(lacking)}" if lacking else "")
