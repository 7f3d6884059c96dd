"""Streams as Parquet, for data frames and data bases."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from vitruvian.errors import SinkError, SourceError
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.staged import Staged, unwritable
from vitruvian.sinks.table import FRAME_COLUMNS, check_skeleton, frame_cells, recording_of
from vitruvian.skeleton import Skeleton
from vitruvian.wire import table_header, table_values

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks
    from vitruvian.provenance import Provenance
    from vitruvian.recording import Recording

__all__ = ["PARQUET_MARK", "ParquetSink", "read_parquet"]

PARQUET_MARK = b"vitruvian"
"""The key of the metadata that tells what made the landmarks."""

_ROWS = 2048  # that wait in memory: 5 MB, and a minute until the next group is written
_FRAME_TYPES = ("int64", "float64", "string", "string", "string", "int32", "int32", "string")
_MISSING = "Parquet needs pyarrow; pip install 'vitruvian[parquet]'"


class ParquetSink:
    """Writes the rows of ``CsvSink``, typed: its columns, where null is what is an empty cell there.

    ``frame`` and ``track_id`` are int64, ``time`` is float64, ``width`` and ``height`` are int32,
    ``followed`` is a boolean, every other number a float32. The metadata ``vitruvian`` is a JSON object that
    tells the model. Rows are written in groups, so that memory stays flat.

    The file grows under a hidden name and is moved to its place at the end, also after an interruption.
    Needs the extra ``parquet``.

    Args:
        path: The file to write.
        model: What made the landmarks.

    Raises:
        SinkError: pyarrow is not installed.
    """

    def __init__(self, path: Path, model: Provenance) -> None:
        try:
            self._arrow: Any = import_module("pyarrow")
            self._format: Any = import_module("pyarrow.parquet")
        except ImportError as error:
            raise SinkError(_MISSING, path=path) from error
        self._path, self._model = path, model
        self._staged: Staged | None = None
        self._skeleton: Skeleton
        self._schema: Any
        self._writer: Any
        self._waiting: list[tuple[list[int | float | str | None], NDArray[np.float64]]] = []
        self._rows = 0  # that wait

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Take the rows; see ``Sink.write``."""
        try:
            if self._staged is None:
                self._open(landmarks.skeleton)
            check_skeleton(self._skeleton, landmarks, self._path)
            values = table_values(landmarks)
            if not len(values):
                values = np.full((1, values.shape[1]), np.nan)
            self._waiting.append((frame_cells(frame, landmarks), values))
            self._rows += len(values)
            if self._rows >= _ROWS:
                self._flush()
        except OSError as error:
            raise unwritable(error, self._path) from error

    def _open(self, skeleton: Skeleton) -> None:
        # Its footer holds the metadata, and before them what is known about each column of each group.
        refuse_foreign(self._path, PARQUET_MARK, within=-(1 << 18))
        arrow = self._arrow
        numbers = [arrow.float32()] * len(table_header(skeleton))
        numbers[:2] = arrow.int64(), arrow.bool_()
        types = [*(arrow.type_for_alias(name) for name in _FRAME_TYPES), *numbers]
        names = [*FRAME_COLUMNS, *table_header(skeleton)]
        about = json.dumps({"model": asdict(self._model), "skeleton": skeleton.name})
        self._schema = arrow.schema(
            list(zip(names, types, strict=True)), metadata={PARQUET_MARK: about.encode("utf-8")}
        )
        staged = Staged(self._path)
        with staged.opening():
            # As a file: Arrow wants paths to be text, which not all are.
            self._file = staged.part.open("wb")
            self._writer = self._format.ParquetWriter(self._file, self._schema, compression="zstd")
        self._staged, self._skeleton = staged, skeleton

    def _flush(self) -> None:
        waiting, self._waiting, self._rows = self._waiting, [], 0
        if not waiting:
            return
        cells = [cells for cells, values in waiting for _ in values]
        table = np.concatenate([values for _, values in waiting])
        missing = np.isnan(table)
        columns: list[Any] = [list(column) for column in zip(*cells, strict=True)]
        arrays = [
            self._arrow.array(column, kind.type) for column, kind in zip(columns, self._schema, strict=False)
        ]
        for i in range(table.shape[1]):
            kind = self._schema.field(len(FRAME_COLUMNS) + i).type
            numbers = np.where(missing[:, i], 0, table[:, i]).astype(kind.to_pandas_dtype())
            arrays.append(self._arrow.array(numbers, kind, mask=missing[:, i]))
        self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))

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
                try:
                    self._flush()
                finally:
                    with self._file:
                        self._writer.close()


def read_parquet(path: str | Path) -> Recording:
    """Read the landmarks of a stream that ``ParquetSink`` wrote.

    Raises:
        SourceError: pyarrow is not installed (the extra ``parquet``), there is no such file, or it holds
            something else.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise SourceError(_MISSING, path=path) from error
    try:
        # As a file: a path could also be a folder, or a place on a network.
        with open(path, "rb") as file:  # noqa: PTH123  # takes both kinds of path
            table = parquet.read_table(file)
        frames = [table.column(name).to_pylist() for name in FRAME_COLUMNS]
        cells = list(zip(*frames, strict=True))
        skeleton = Skeleton.named(cells[0][-1])
        values = [_numbers(table.column(name), arrow) for name in table_header(skeleton)]
        return recording_of(cells, np.stack(values, axis=1), skeleton)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}", path=path) from error
    except (IndexError, KeyError, TypeError, ValueError, arrow.ArrowException) as error:
        message = f"not landmarks of a stream as Vitruvian writes them: {error}"
        raise SourceError(message, path=path) from error


def _numbers(column: Any, arrow: Any) -> NDArray[np.float64]:  # noqa: ANN401  # pyarrow has no types
    numbers: NDArray[np.float64] = column.cast(arrow.float64()).to_numpy()
    return numbers
