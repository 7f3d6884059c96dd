"""By which marks our own pictures and videos are known."""

from __future__ import annotations

import os
from pathlib import Path

from vitruvian.sinks.mask import MASK_MARK
from vitruvian.sinks.overlay import OVERLAY_MARK
from vitruvian.sinks.video import VIDEO_MARK

__all__ = ["is_drawn"]

_NEAR = 4096  # bytes of a file's beginning or end, in which our mark is


def is_drawn(path: str | Path, *, video: bool) -> bool:
    """Say whether we wrote a picture or a video; what cannot be read is none of ours."""
    try:
        with Path(path).open("rb") as file:
            if video:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _NEAR))
                return VIDEO_MARK in file.read(_NEAR)
            beginning = file.read(_NEAR)
    except (OSError, ValueError):
        return False
    return OVERLAY_MARK in beginning or MASK_MARK in beginning
