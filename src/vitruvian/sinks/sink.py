"""What every sink promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from vitruvian.atomic import write_whole
from vitruvian.errors import SinkError

if TYPE_CHECKING:
    from pathlib import Path

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks

__all__ = ["Sink", "refuse_foreign", "write_result"]


class Sink(Protocol):
    """Takes frames with their landmarks.

    A context manager: leaving it completes what was written.
    """

    def write(self, frame: Frame, landmarks: Landmarks) -> None:
        """Take one frame.

        Raises:
            SinkError: It cannot be written; nothing half-written is left.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def write_result(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        SinkError: It cannot be written.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise SinkError(f"cannot be written: {error.strerror or error}", path=path) from error


def refuse_foreign(place: Path, mark: bytes) -> None:
    """Refuse to replace a file that does not carry our mark near its beginning; nothing there is fine.

    Raises:
        SinkError: There is such a file.
    """
    try:
        if not place.exists():
            return
        ours = place.is_file() and mark in _beginning(place)
    except OSError as error:
        raise SinkError(f"what is there cannot be read: {error.strerror}", path=place) from error
    if not ours:
        message = (
            "is there already and carries no mark of ours (it is yours, or an older version's result); "
            "remove it, or choose another folder with -o"
        )
        raise SinkError(message, path=place)


def _beginning(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(1024)
