"""What every sink promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from vitruvian.atomic import write_whole
from vitruvian.errors import SinkError

if TYPE_CHECKING:
    from pathlib import Path

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks

__all__ = ["Sink", "write_result"]


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
