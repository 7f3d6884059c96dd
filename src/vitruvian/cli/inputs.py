"""From what the user typed to pictures and videos, each with a name of its own for its results."""

from __future__ import annotations

import glob
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.errors import SourceError
from vitruvian.sinks.marks import is_drawn
from vitruvian.sources.image import SUFFIXES
from vitruvian.sources.listing import is_broken_link, is_video, pictures_and_videos, unique_names
from vitruvian.sources.source import VIDEO_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["STDIN", "Found", "Input", "expand", "names"]

STDIN = "-"


@dataclass(frozen=True)
class Input:
    """One picture or video to work on.

    Attributes:
        path: As the user gave it, or found in a folder; ``-`` is standard input.
        name: What its result files are called, without ending; unique in a run among its kind.
        video: Whether it is a video.
    """

    path: str
    name: str
    video: bool = False


@dataclass
class Found:
    """What the user's words stand for.

    Attributes:
        paths: Of pictures and videos, and ``-``.
        errors: About words that stand for nothing.
        skipped: How many files of folders and patterns are overlays and masks that we wrote.
    """

    paths: list[str] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    skipped: int = 0


def expand(inputs: Sequence[str]) -> Found:
    """Return what files, folders, patterns and ``-`` stand for.

    A file that exists is taken by its name even if that looks like a pattern. A file that comes up
    twice counts once. What we drew ourselves is left out of folders and patterns, so that results may
    lie beside their pictures.
    """
    found, seen = Found(), set()
    for given in inputs:
        try:
            paths, listed = _expand_one(given)
        except SourceError as error:
            found.errors.append(error)
            continue
        for path in paths:
            place = path if path == STDIN else os.path.abspath(path)  # noqa: PTH100  # keeps links
            if place in seen:
                continue
            if listed and is_drawn(path, video=is_video(path)):
                found.skipped += 1
            else:
                found.paths.append(path)
            seen.add(place)
    return found


def _expand_one(given: str) -> tuple[list[str], bool]:
    """Return the paths, and whether they were found rather than named."""
    if given == STDIN:
        return [given], False
    if not given:
        raise SourceError("a name is empty; a variable that is not set?", path="''")
    try:
        mode = Path(given).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return _matching(given), True
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be read: {_reason(error)}", path=given) from error
    if stat.S_ISDIR(mode):
        return _in_folder(Path(given)), True
    if not stat.S_ISREG(mode):
        raise SourceError("is a pipe or a device; send the picture to standard input and give -", path=given)
    return [given], False


def _matching(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        raise SourceError("there is no such file or folder", path=pattern)
    # A link that leads nowhere is kept: that it cannot be read is to be said.
    found = sorted(
        path
        for path in glob.glob(pattern, recursive=True)  # noqa: PTH207  # it does not raise
        if os.path.isfile(path) or is_broken_link(path)  # noqa: PTH113  # the same
    )
    if not found:
        raise SourceError("no file matches this pattern", path=pattern)
    return found


def _in_folder(folder: Path) -> list[str]:
    found = pictures_and_videos(folder)
    if not found:
        looked = " ".join(sorted(SUFFIXES | VIDEO_SUFFIXES))
        raise SourceError(f"no pictures and no videos in this folder (looked for {looked})", path=folder)
    return found


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def names(paths: Iterable[str]) -> list[Input]:
    """Give each path its result name: the file's own, with ``-2``, ``-3`` … where it comes again.

    Names that differ in case only count as the same, since on some disks they are. A picture and a video
    may share a name: their results have other endings.
    """
    paths = list(paths)
    named: dict[str, Input] = {}
    videos = {path: is_video(path) for path in paths}
    for video in (False, True):
        kind = [path for path in paths if videos[path] == video]
        named |= {path: Input(path, name, video) for path, name in zip(kind, _unique(kind), strict=True)}
    return [named[path] for path in paths]


def _unique(paths: Sequence[str]) -> list[str]:
    return unique_names(["stdin" if path == STDIN else Path(path).stem for path in paths])
