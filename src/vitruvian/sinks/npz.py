"""Streams as NumPy arrays."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from vitruvian.errors import SourceError
from vitruvian.frame import Gap, Stamp
from vitruvian.landmarks import Landmarks
from vitruvian.recording import Recording
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.staged import Staged, unwritable
from vitruvian.sinks.table import check_skeleton
from vitruvian.skeleton import Skeleton
from vitruvian.wire import frame_status, stamp_status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.provenance import Provenance

__all__ = ["NPZ_MARK", "NpzSink", "read_npz"]

NPZ_MARK = b"vitruvian.npy"
"""The first member of every written file."""

_COLUMNS = tuple(field.name for field in fields(Landmarks) if field.name not in {"skeleton", "mask"})
_JOIN = 1024  # frames that wait to be joined: small arrays take twice their content


class NpzSink:
    """Writes the columns of a ``Recording`` as arrays, for ``numpy.load``.

    F frames, R instances of all of them, K landmarks:

    * ``vitruvian``: a JSON object with ``skeleton``, ``landmarks`` (K names) and ``model``
    * ``stamp_source``, ``stamp_index``, ``stamp_time`` (seconds; NaN for a still), ``stamp_width``,
      ``stamp_height``, ``status``, ``reason``: (F,)
    * ``frame``: (R,) int64: for each instance its place in these
    * the columns of ``Landmarks`` that are there, as it describes them: ``xy``, ``box``, ``box_score``, ...;
      one that some frame with instances lacks is left out

    The whole stream waits in memory until the end: about 1.5 KB for each instance, 150 MB an hour of one
    person at 30 frames a second. The file is written under a hidden name and moved to its place, also after
    an interruption.

    Args:
        path: The file to write.
        model: What made the landmarks.
    """

    def __init__(self, path: Path, model: Provenance) -> None:
        self._path, self._model = path, model
        self._staged: Staged | None = None
        self._skeleton: Skeleton
        self._waiting: list[tuple[Stamp, str, str, Landmarks]] = []
        self._frames: list[tuple[Stamp, str, str]] = []  # with status and reason
        self._counts: list[int] = []
        self._people: list[Landmarks] = []

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Take the frame; see ``Sink.write``."""
        if self._staged is None:
            refuse_foreign(self._path, NPZ_MARK)
            self._staged, self._skeleton = Staged(self._path), landmarks.skeleton
        check_skeleton(self._skeleton, landmarks, self._path)
        reason = frame.reason if isinstance(frame, Gap) else ""
        status = frame_status(frame.stamp, landmarks)
        self._waiting.append((frame.stamp, status, reason, replace(landmarks, mask=None)))
        if len(self._waiting) == _JOIN:
            self._join()

    def _join(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            stamps, statuses, reasons, people = zip(*waiting, strict=True)
            self._frames += zip(stamps, statuses, reasons, strict=True)
            self._counts += map(len, people)
            self._people.append(self._joined(people))

    @staticmethod
    def _joined(people: Sequence[Landmarks]) -> Landmarks:
        return Recording.from_rows([Stamp("", 1, 1)] * len(people), people).landmarks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write the file.

        Raises:
            SinkError: It cannot be written; nothing is left behind.
        """
        staged, self._staged = self._staged, None
        if staged is None:
            return
        with staged:
            try:
                _save(staged.part, self._arrays())
            except OSError as error:
                raise unwritable(error, self._path) from error

    def _arrays(self) -> dict[str, NDArray[Any]]:
        self._join()
        stamps, statuses, reasons = zip(*self._frames, strict=True)
        landmarks = self._joined(self._people)
        about = {
            "skeleton": self._skeleton.name,
            "landmarks": self._skeleton.landmarks,
            "model": asdict(self._model),
        }
        columns = {name: getattr(landmarks, name) for name in _COLUMNS}
        return {
            "vitruvian": np.array(json.dumps(about)),
            "stamp_source": np.array([stamp.source for stamp in stamps]),
            "stamp_index": np.array([stamp.index for stamp in stamps], np.int64),
            "stamp_time": np.array([stamp.time for stamp in stamps], np.float64),
            "stamp_width": np.array([stamp.width for stamp in stamps], np.int32),
            "stamp_height": np.array([stamp.height for stamp in stamps], np.int32),
            "status": np.array(statuses),
            "reason": np.array(reasons),
            "frame": np.repeat(np.arange(len(stamps), dtype=np.int64), self._counts),
            **{name: column for name, column in columns.items() if column is not None},
        }


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            # With a date of its own, the same content is the same file.
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def read_npz(path: str | Path) -> Recording:
    """Read the landmarks of a stream that ``NpzSink`` wrote.

    Raises:
        SourceError: There is no such file, or it holds something else.
    """
    try:
        # Opened here: of a damaged file NumPy would not let go.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as members:  # noqa: PTH123  # takes both kinds of path
            arrays = dict(members)
        skeleton = Skeleton.named(json.loads(str(arrays["vitruvian"]))["skeleton"])
        columns = {name: arrays.get(name) for name in _COLUMNS}
        return Recording(_stamps(arrays), arrays["frame"], Landmarks(skeleton, **columns))  # type: ignore[arg-type]
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}", path=path) from error
    except (AttributeError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        message = f"not landmarks of a stream as Vitruvian writes them: {error}"
        raise SourceError(message, path=path) from error


def _stamps(arrays: dict[str, NDArray[Any]]) -> tuple[Stamp, ...]:
    names = ("stamp_source", "stamp_width", "stamp_height", "stamp_index", "stamp_time", "status")
    return tuple(
        Stamp(
            source,
            width,
            height,
            index=index,
            time=None if np.isnan(time) else time,
            status=stamp_status(status),
        )
        for source, width, height, index, time, status in zip(
            *(arrays[name].tolist() for name in names), strict=True
        )
    )
