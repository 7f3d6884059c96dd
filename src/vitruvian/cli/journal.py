"""The record of what is done, by which ``--resume`` knows what is not."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitruvian.errors import SinkError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["JOURNAL", "Entry", "Journal"]

JOURNAL = ".vitruvian-run.jsonl"
"""What the record is called, in the folder of the results."""


@dataclass(frozen=True)
class Entry:
    """An input as it was when its turn came, and what was to be done with it.

    Attributes:
        input: Absolute path.
        name: What its results are called, without ending.
        size: In bytes.
        mtime_ns: Time of its last change.
        options: A digest of everything that its results depend on.
    """

    input: str
    name: str
    size: int
    mtime_ns: int
    options: str

    @staticmethod
    def of(path: str, name: str, options: str) -> Entry | None:
        """Return the entry for a file, or ``None`` if there is no such file."""
        try:
            status = os.stat(path)  # noqa: PTH116  # takes any text
        except (OSError, ValueError):
            return None
        return Entry(os.path.abspath(path), name, status.st_size, status.st_mtime_ns, options)  # noqa: PTH100  # keeps links


class Journal:
    """One line for each input that is done, kept safe before the next one begins.

    A line is written after the results are in their places. What a killed process leaves is at most the
    beginning of a line, which counts for nothing.

    Args:
        folder: Of the results.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = folder / JOURNAL

    def done(self, entries: Iterable[Entry | None]) -> set[Entry]:
        """Return those whose results are there, as they were written, and have not been replaced since.

        Raises:
            SourceError: The record is there and cannot be read.
        """
        lines: dict[str, dict[str, Any]] = {}
        owner: dict[str, str] = {}
        for line in self._lines():
            lines[line["input"]] = line
            owner |= dict.fromkeys(line["results"], line["input"])
        return {
            entry
            for entry in entries
            if entry is not None and self._still(entry, lines.get(entry.input, {}), owner)
        }

    def add(self, entry: Entry, results: Iterable[Path]) -> None:
        """Write down that an input is done.

        Args:
            entry: The input.
            results: Its files, all in the folder.

        Raises:
            SinkError: That cannot be written.
        """
        try:
            sizes = {path.name: path.stat().st_size for path in results}
            line = json.dumps({**asdict(entry), "results": sizes}).encode("ascii") + b"\n"
            with self._place.open("a+b", buffering=0) as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # a process was killed here
                        line = b"\n" + line
                file.write(line)
                os.fsync(file.fileno())
        except OSError as error:
            raise SinkError(f"cannot be written: {error.strerror or error}", path=self._place) from error

    def _still(self, entry: Entry, line: dict[str, Any], owner: dict[str, str]) -> bool:
        return all(line.get(name) == value for name, value in asdict(entry).items()) and all(
            owner[name] == entry.input and _size(self._folder / name) == size
            for name, size in line["results"].items()
        )

    def _lines(self) -> list[dict[str, Any]]:
        try:
            content = self._place.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror or error}", path=self._place) from error
        return [line for text in content.splitlines() if (line := _parsed(text)) is not None]


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    whole = isinstance(line, dict) and isinstance(line.get("results"), dict) and "input" in line
    return line if whole else None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
