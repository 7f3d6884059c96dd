"""From what the user typed to pictures, each with a name of its own for its results."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.errors import SourceError
from vitruvian.sources.image import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["STDIN", "Picture", "expand", "names"]

STDIN = "-"


@dataclass(frozen=True)
class Picture:
    """One picture to work on.

    Attributes:
        path: As the user gave it, or found in a folder; ``-`` is standard input.
        name: What its result files are called, without ending; unique in a run.
    """

    path: str
    name: str


def expand(inputs: Sequence[str]) -> tuple[list[str], list[SourceError]]:
    """Return the paths that files, folders, patterns and ``-`` stand for, and what stands for nothing.

    A file that exists is taken by its name even if that looks like a pattern. A file that comes up
    twice counts once.
    """
    paths: dict[str, str] = {}
    errors: list[SourceError] = []
    for given in inputs:
        try:
            for path in _expand_one(given):
                paths.setdefault(path if path == STDIN else os.path.abspath(path), path)  # noqa: PTH100  # keeps links
        except SourceError as error:
            errors.append(error)
    return list(paths.values()), errors


def _expand_one(given: str) -> list[str]:
    if given == STDIN:
        return [given]
    try:
        mode = Path(given).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return _matching(given)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be read: {_reason(error)}", path=given) from error
    if stat.S_ISDIR(mode):
        return _in_folder(Path(given))
    if not stat.S_ISREG(mode):
        raise SourceError("is a pipe or a device; send the picture to standard input and give -", path=given)
    return [given]


def _matching(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        raise SourceError("there is no such file or folder", path=pattern)
    found = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))  # noqa: PTH113, PTH207  # neither raises
    if not found:
        raise SourceError("no file matches this pattern", path=pattern)
    return found


def _in_folder(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                entry.path
                for entry in entries
                if Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file()
            )
    except OSError as error:
        raise SourceError(f"the folder cannot be read: {_reason(error)}", path=folder) from error
    if not found:
        endings = " ".join(sorted(SUFFIXES))
        raise SourceError(f"no pictures in this folder (looked for {endings})", path=folder)
    return found


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def names(paths: Iterable[str]) -> list[Picture]:
    """Give each path its result name: the file's own, with ``-2``, ``-3`` … where it comes again.

    Names that differ in case only count as the same, since on some disks they are.
    """
    paths = list(paths)
    stems = ["stdin" if path == STDIN else Path(path).stem for path in paths]
    taken: Counter[str] = Counter()
    used = {stem.casefold() for stem in stems}
    pictures = []
    for path, stem in zip(paths, stems, strict=True):
        name = stem
        while taken[stem.casefold()] and name.casefold() in used:
            taken[stem.casefold()] += 1
            name = f"{stem}-{taken[stem.casefold()]}"
        taken[stem.casefold()] = taken[stem.casefold()] or 1
        used.add(name.casefold())
        pictures.append(Picture(path, name))
    return pictures
