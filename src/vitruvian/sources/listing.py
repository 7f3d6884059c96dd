"""Which files are pictures and videos, by their endings, and what each is called among many."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.errors import SourceError
from vitruvian.sources.image import SUFFIXES, is_picture
from vitruvian.sources.source import VIDEO_SUFFIXES
from vitruvian.sources.video import VideoSource

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_broken_link", "is_video", "pictures_and_videos", "unique_names"]


def is_video(path: str | Path) -> bool:
    """Say whether a path is a video: by its ending or, where that says nothing, by what is in the file.

    Everything else is taken for a picture.
    """
    ending = Path(path).suffix.lower()
    if ending in VIDEO_SUFFIXES | SUFFIXES or not os.path.isfile(path):  # noqa: PTH113  # it does not raise
        return ending in VIDEO_SUFFIXES
    return not is_picture(path) and _opens_as_video(path)


def pictures_and_videos(folder: Path) -> list[str]:
    """Return the paths of the pictures and videos that lie in a folder itself, sorted.

    Raises:
        SourceError: The folder cannot be read.
    """
    endings = SUFFIXES | VIDEO_SUFFIXES
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.path
                for entry in entries
                if Path(entry.name).suffix.lower() in endings
                and (entry.is_file() or is_broken_link(entry.path))
            )
    except OSError as error:
        raise SourceError(f"the folder cannot be read: {error.strerror or error}", path=folder) from error


def _opens_as_video(path: str | Path) -> bool:
    try:
        VideoSource(path).close()
    except SourceError:
        return False
    return True


def is_broken_link(path: str) -> bool:
    """Say whether a path is a link that leads nowhere: a file to report, since it cannot be read."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114  # neither raises


def unique_names(stems: Sequence[str]) -> list[str]:
    """Return the names, with ``-2``, ``-3`` … where one comes again.

    Names that differ in case only count as the same, since on some disks they are.
    """
    taken: Counter[str] = Counter()
    used = {stem.casefold() for stem in stems}
    unique = []
    for stem in stems:
        name = stem
        while taken[stem.casefold()] and name.casefold() in used:
            taken[stem.casefold()] += 1
            name = f"{stem}-{taken[stem.casefold()]}"
        taken[stem.casefold()] = taken[stem.casefold()] or 1
        used.add(name.casefold())
        unique.append(name)
    return unique
