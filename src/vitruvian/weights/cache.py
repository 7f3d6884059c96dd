"""The cache: where it is, and the folder of one model in it.

Each model has a folder ``models/NAME`` with its files. A file whose digest nobody knows in advance has its
record beside it, ``FILE.json``, made at its first fetch.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vitruvian.errors import WeightsError, WeightsMissingError
from vitruvian.weights.archive import MAX_ARCHIVE
from vitruvian.weights.disk import read_file, write_file
from vitruvian.weights.weight_file import WeightFile, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitruvian.weights.catalogue import FileInfo, ModelInfo

__all__ = ["FileStatus", "Shelf", "default_cache"]


def default_cache() -> Path:
    """Return the folder that the platform keeps for what Vitruvian can fetch again."""
    return _cache_folder(sys.platform, os.environ)


def _cache_folder(platform: str, environment: Mapping[str, str]) -> Path:
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else _home() / "AppData" / "Local") / "vitruvian" / "cache"
    if platform == "darwin":
        return _home() / "Library" / "Caches" / "vitruvian"
    # The specification of XDG_CACHE_HOME has relative paths ignored.
    xdg = Path(environment.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else _home() / ".cache") / "vitruvian"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as problem:
        raise WeightsError(
            "there is no home folder to keep a cache in; choose one with --cache, or cache="
        ) from problem


@dataclass(frozen=True)
class FileStatus:
    """What ``verify`` found out about a file.

    Attributes:
        name: The file's name.
        path: Where it is, or would be.
        state: ``ok``, ``missing``, or ``damaged`` (other bytes than expected, or none on record to expect).
        expected: The digest it should have; None if it is known only after the first fetch.
        actual: The digest it has; None if it is missing.
    """

    name: str
    path: Path
    state: Literal["ok", "missing", "damaged"]
    expected: str | None
    actual: str | None


@dataclass(frozen=True)
class Shelf:
    """The folder of one model in a cache.

    Attributes:
        model: The model.
        cache: The cache, or None for the platform's.
    """

    model: ModelInfo
    cache: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder that the model's files are in."""
        return (default_cache() if self.cache is None else self.cache) / "models" / self.model.name

    @property
    def pull_command(self) -> str:
        """The command that fetches or repairs the model."""
        where = "" if self.cache is None else f" --cache {shlex.quote(str(self.cache))}"
        return f"vitruvian models pull {self.model.name}{where}"

    def path(self, file: FileInfo) -> Path:
        """Return where ``file`` is, or would be."""
        return self.folder / file.name

    def has(self, file: FileInfo) -> bool:
        """Return whether ``file`` is there; its content is not looked at."""
        try:
            return self.path(file).is_file()
        except OSError as problem:
            raise WeightsError(
                f"cannot be looked at ({problem.strerror}); choose another cache with --cache, or cache=",
                path=self.path(file),
            ) from problem

    def is_sound(self) -> bool:
        """Return whether all files are there with the digests they should have."""
        return all(self.check(file).state == "ok" for file in self.model.files)

    def check(self, file: FileInfo) -> FileStatus:
        """Return what is known about ``file``, of which all bytes are read."""
        path, expected = self.path(file), self.expected(file)
        try:
            actual = sha256_of(read_file(path, limit=MAX_ARCHIVE))
        except WeightsMissingError:
            return FileStatus(file.name, path, "missing", expected, None)
        state: Literal["ok", "damaged"] = "ok" if actual == expected else "damaged"
        return FileStatus(file.name, path, state, expected, actual)

    def read(self, file: FileInfo) -> WeightFile:
        """Return ``file``, once its digest is known to be right."""
        path, expected = self.path(file), self.expected(file)
        content = WeightFile(file.name, read_file(path, limit=MAX_ARCHIVE))
        if content.sha256 == expected:
            return content
        wanted = f"instead of {expected}" if expected else "and none on record to compare it with"
        raise WeightsError(
            f"damaged: it has SHA-256 {content.sha256} {wanted}; `{self.pull_command}` repairs it",
            path=path,
        )

    def write(self, file: FileInfo, data: bytes) -> None:
        """Put ``data`` there as ``file``, record first; the caller has checked it and holds the lock."""
        if file.sha256 is None:
            record = {"file": file.name, "sha256": sha256_of(data), "size": len(data)}
            write_file(self._record_path(file), (json.dumps(record, indent=2) + "\n").encode())
        write_file(self.path(file), data)

    def expected(self, file: FileInfo) -> str | None:
        """Return the digest that ``file`` must have: the catalogue's, or the one on record, or None."""
        if file.sha256 is not None:
            return file.sha256
        try:
            record = json.loads(self._record_path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        digest = record.get("sha256") if isinstance(record, dict) else None
        return digest if isinstance(digest, str) else None

    def _record_path(self, file: FileInfo) -> Path:
        return self.folder / f"{file.name}.json"
