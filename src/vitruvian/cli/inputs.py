"""From what the user typed to pictures, each with a name of its own for its results."""

from __future__ import annotations

import glob
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

    A file that exists is taken by its name even if that looks like a pattern. A path that comes up twice
    counts once.
    """
    paths: dict[str, None] = {}
    errors: list[SourceError] = []
    for given in inputs:
        try:
            paths.update(dict.fromkeys(_expand_one(given)))
        except SourceError as error:
            errors.append(error)
    return list(paths), errors


def _expand_one(given: str) -> list[str]:
    if given == STDIN or Path(given).is_file():
        return [given]
    if Path(given).is_dir():
        return _in_folder(Path(given))
    if not glob.has_magic(given):
        raise SourceError("there is no such file or folder", path=given)
    found = sorted(path for path in glob.glob(given, recursive=True) if Path(path).is_file())  # noqa: PTH207  # absolute patterns too
    if not found:
        raise SourceError("no file matches this pattern", path=given)
    return found


def _in_folder(folder: Path) -> list[str]:
    try:
        found = sorted(
            str(path) for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()
        )
    except OSError as error:
        raise SourceError(f"the folder cannot be read: {error.strerror}", path=folder) from error
    if not found:
        endings = " ".join(sorted(SUFFIXES))
        raise SourceError(f"no pictures in this folder (looked for {endings})", path=folder)
    return found


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
