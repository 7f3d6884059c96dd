"""Streams as comma-separated values, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

import numpy as np

from vitruvian.errors import SourceError
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.staged import Staged, unwritable
from vitruvian.sinks.table import FRAME_COLUMNS, check_skeleton, frame_cells, recording_of
from vitruvian.skeleton import Skeleton
from vitruvian.wire import table_header, table_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks
    from vitruvian.recording import Recording

__all__ = ["CSV_MARK", "CsvSink", "read_csv"]

CSV_MARK = ",".join((*FRAME_COLUMNS, "track_id", "followed")).encode("ascii")
"""How the header of every written file begins."""

_WHOLE = 2  # columns in front of table_values that are whole numbers


class CsvSink:
    """Writes one row for each instance of each frame; a frame without any has a row as well.

    The columns are ``frame`` (position in the stream), ``time`` (seconds), ``status`` (``detected``,
    ``tracked``, ``empty``, ``dropped``, ``failed``), ``reason`` (of a gap), ``source``, ``width``,
    ``height``, ``skeleton``, and then those of ``vitruvian.wire.table_header``. What is unknown, and what a
    row without an instance has not, is an empty cell. UTF-8, with a header, lines end as RFC 4180 says.

    The file grows under a hidden name and is moved to its place at the end, also after an interruption.

    Args:
        path: The file to write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._staged: Staged | None = None
        self._file: TextIO
        self._skeleton: Skeleton

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Write the rows; see ``Sink.write``."""
        cells = frame_cells(frame, landmarks)
        try:
            if self._staged is None:
                self._open(landmarks.skeleton)
            check_skeleton(self._skeleton, landmarks, self._path)
            rows = [[*cells, *_cells(row)] for row in table_values(landmarks).tolist()]
            empty = [None] * len(table_header(self._skeleton))
            csv.writer(self._file).writerows(rows or [[*cells, *empty]])
        except OSError as error:
            raise unwritable(error, self._path) from error

    def _open(self, skeleton: Skeleton) -> None:
        refuse_foreign(self._path, CSV_MARK, within=len(CSV_MARK))
        staged = Staged(self._path)
        with staged.opening():
            self._file = staged.part.open("w", encoding="utf-8", newline="")
        self._staged, self._skeleton = staged, skeleton
        csv.writer(self._file).writerow([*FRAME_COLUMNS, *table_header(skeleton)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Complete the file.

        Raises:
            SinkError: It cannot be completed; nothing is left behind.
        """
        staged, self._staged = self._staged, None
        if staged is not None:
            with staged:
                self._file.close()


def _cells(row: list[float]) -> list[float | int | None]:
    known = [None if math.isnan(value) else value for value in row]
    return [None if value is None else int(value) for value in known[:_WHOLE]] + known[_WHOLE:]


def read_csv(path: str | Path) -> Recording:
    """Read the landmarks of a stream that ``CsvSink`` wrote.

    Raises:
        SourceError: There is no such file, or it holds something else.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            cells, values = [], []
            for line in lines:
                cells.append(_typed(line))
                values.append(np.array([float(cell or "nan") for cell in line[len(FRAME_COLUMNS) :]]))
        skeleton = Skeleton.named(cells[0][-1])
        _check_header(header, skeleton)
        return recording_of(cells, np.stack(values), skeleton)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error
    except (IndexError, ValueError, csv.Error) as error:
        message = f"not landmarks of a stream as Vitruvian writes them: {error}"
        raise SourceError(message, path=path) from error


def _check_header(header: list[str], skeleton: Skeleton) -> None:
    if header != [*FRAME_COLUMNS, *table_header(skeleton)]:
        raise ValueError("the columns are others")


def _typed(line: list[str]) -> Sequence[int | float | str | None]:
    index, time, status, reason, source, width, height, skeleton = line[: len(FRAME_COLUMNS)]
    return (
        int(index), float(time) if time else None, status, reason or None, source,
        int(width), int(height), skeleton,
    )  # fmt: skip
