"""What CSV and Parquet have in common: one row for each instance of a frame, or for a frame without any."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.errors import SinkError
from vitruvian.frame import Gap, Stamp
from vitruvian.recording import Recording
from vitruvian.wire import frame_status, from_table, stamp_status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.skeleton import Skeleton

__all__ = ["FRAME_COLUMNS", "check_skeleton", "frame_cells", "recording_of"]

FRAME_COLUMNS = ("frame", "time", "status", "reason", "source", "width", "height", "skeleton")
"""The columns in front of those of ``table_header``: the same in all rows of a frame."""


def frame_cells(frame: Frame | Gap, landmarks: Landmarks) -> list[int | float | str | None]:
    """Return the values of ``FRAME_COLUMNS``; ``None`` is a cell that stays empty."""
    stamp = frame.stamp
    return [
        stamp.index,
        None if stamp.time is None else round(stamp.time, 6),
        frame_status(stamp, landmarks),
        _text(frame.reason) or None if isinstance(frame, Gap) else None,
        _text(stamp.source),
        stamp.width,
        stamp.height,
        landmarks.skeleton.name,
    ]


def _text(text: str) -> str:
    """Escape what is no text: a path may hold such bytes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def check_skeleton(expected: Skeleton, landmarks: Landmarks, path: Path) -> None:
    """Refuse landmarks that do not fit a file's columns.

    Raises:
        SinkError: They have another skeleton.
    """
    if landmarks.skeleton.name != expected.name:
        message = f"began with {expected.name} and cannot take {landmarks.skeleton.name}; write another file"
        raise SinkError(message, path=path)


def recording_of(
    cells: Sequence[Sequence[Any]], values: NDArray[np.float64], skeleton: Skeleton
) -> Recording:
    """Put the frames together of which a table has the rows.

    Args:
        cells: The values of ``FRAME_COLUMNS`` of each row.
        values: (R, M) of the same rows, as ``table_values`` gives them; NaN in rows without an instance.
        skeleton: Of the instances.
    """
    index, status, source = (FRAME_COLUMNS.index(name) for name in ("frame", "status", "source"))
    keys = [(row[index], row[source]) for row in cells]
    starts = [0, *(i for i, (a, b) in enumerate(pairwise(keys), 1) if a != b)] if keys else []
    place = np.zeros(len(cells), np.int64)
    place[starts[1:]] = 1
    instance = np.array([row[status] in {"detected", "tracked"} for row in cells], bool)
    return Recording(
        tuple(_stamp(cells[start]) for start in starts),
        place.cumsum()[instance],
        from_table(values[instance], skeleton),
    )


def _stamp(row: Sequence[Any]) -> Stamp:
    index, time, status, _, source, width, height, _ = row
    return Stamp(source, width, height, index=index, time=time, status=stamp_status(status))
