"""Streams as JSON Lines: one frame, one line."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from vitruvian.errors import SourceError
from vitruvian.frame import Gap, Stamp
from vitruvian.recording import Recording
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.staged import unwritable
from vitruvian.skeleton import Skeleton
from vitruvian.wire import frame_status, from_wire, stamp_status, to_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.provenance import Provenance

__all__ = ["JSONL_MARK", "JsonLinesSink", "read_jsonl"]

JSONL_MARK = b'{"frame": '
"""How every written file, and every line in it, begins."""


class JsonLinesSink:
    """Writes one line for each frame of a stream, gaps included, at once.

    Each line is an object that stands for itself::

        {
            "frame": 12,  # position in the stream
            "time": 0.48,  # seconds; null for a still
            "status": "tracked",  # detected, tracked, empty, dropped, failed
            "skeleton": "body33",  # or hand21, ...
            "source", "width", "height",
            "model": {"name", "files", "runtime"},
            "age": 0.031,  # live only: seconds since the picture reached this machine
            "reason": "…",  # gaps only, where it is known
            "instances": [ ... ],  # as in the JSON of a still, with track_id; always there
        }

    The file grows in its place, a whole line at a time, and nothing is held back: other programs can follow
    it, and whatever ends this process, the lines up to the last one are there.

    Args:
        path: The file to write; an earlier result is replaced at the first frame.
        model: What made the landmarks.
    """

    def __init__(self, path: Path, model: Provenance) -> None:
        self._path = path
        self._model = {"name": model.name, "files": list(model.files), "runtime": model.runtime}
        self._file: io.FileIO | None = None
        self._whole = 0  # bytes

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Write the line; see ``Sink.write``."""
        stamp = frame.stamp
        line: dict[str, Any] = {
            "frame": stamp.index,
            "time": None if stamp.time is None else round(stamp.time, 6),
            "status": frame_status(stamp, landmarks),
            "skeleton": landmarks.skeleton.name,
            "source": stamp.source,
            "width": stamp.width,
            "height": stamp.height,
            "model": self._model,
        }
        if stamp.captured is not None:
            line["age"] = round(time.monotonic() - stamp.captured, 6)
        if isinstance(frame, Gap) and frame.reason:
            line["reason"] = frame.reason
        line["instances"] = to_wire(landmarks)
        text = json.dumps(line, ensure_ascii=False, allow_nan=False)
        # A path may hold bytes that are no text: JSON has escapes for them, and Python reads these back.
        self._append((text + "\n").encode("utf-8", "backslashreplace"))

    def _append(self, line: bytes) -> None:
        try:
            if self._file is None:
                if not (self._path.is_file() and self._path.stat().st_size == 0):
                    refuse_foreign(self._path, JSONL_MARK, within=len(JSONL_MARK))
                self._file = io.FileIO(self._path, "w")
            written = 0
            try:
                while written < len(line):
                    written += self._file.write(line[written:]) or 0
                self._whole += len(line)
            finally:
                if written < len(line):  # a full disk, or an interruption: no torn line stays
                    self._file.truncate(self._whole)
                    self._file.seek(self._whole)
        except OSError as error:
            raise unwritable(error, self._path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file, which is complete.

        Raises:
            SinkError: The system could not keep what it took.
        """
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                raise unwritable(error, self._path) from error


def read_jsonl(path: str | Path) -> Recording:
    """Read the landmarks of a stream that ``JsonLinesSink`` wrote.

    A last line without its end, of a process that was killed, is left out. All instances of a frame that was
    ``tracked`` count as followed, all of one that was ``detected`` as not.

    Raises:
        SourceError: There is no such file, or it holds something else, or not one whole line.
    """
    stamps, people = [], []
    try:
        for line in _lines(Path(path)):
            stamps.append(_stamp(line))
            people.append(_landmarks(line))
        return Recording.from_rows(stamps, people)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"not landmarks of a stream as Vitruvian writes them: line {len(stamps) + 1}: {error}"
        raise SourceError(message, path=path) from error


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _stamp(line: dict[str, Any]) -> Stamp:
    return Stamp(
        line["source"],
        line["width"],
        line["height"],
        index=line["frame"],
        time=line["time"],
        status=stamp_status(line["status"]),
    )


def _landmarks(line: dict[str, Any]) -> Landmarks:
    people = from_wire(line["instances"], Skeleton.named(line["skeleton"]))
    return replace(people, followed=np.full(len(people), line["status"] == "tracked"))
