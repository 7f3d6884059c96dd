"""What every sink promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from vitruvian.atomic import write_whole
from vitruvian.errors import SinkError
from vitruvian.frame import Gap

if TYPE_CHECKING:
    from pathlib import Path

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks

__all__ = ["Sink", "only_frame", "refuse_foreign", "write_result"]


class Sink(Protocol):
    """Takes frames with their landmarks.

    A context manager: leaving it completes what was written, also after an exception. What goes wrong in
    completing leaves nothing half-written: what was at the place before is still there.
    A stream without a single frame gives no file.
    """

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Take one frame of a stream, or a gap in it, which has no landmarks.

        A sink of stills refuses gaps.

        Raises:
            SinkError: It cannot be written.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def only_frame(frame: Frame | Gap, path: Path) -> Frame:
    """Return the frame, or refuse a gap: what a sink of stills does with one.

    Raises:
        SinkError: It is a gap.
    """
    if isinstance(frame, Gap):
        raise SinkError(f"there is no picture to write a result of: frame {frame.stamp.status}", path=path)
    return frame


def write_result(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        SinkError: It cannot be written.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise SinkError(f"cannot be written: {error.strerror or error}", path=path) from error


def refuse_foreign(place: Path, mark: bytes, *, within: int = 1024) -> None:
    """Refuse to replace a file that does not carry our mark; nothing there is fine.

    Args:
        place: Where a result is going to be.
        mark: What our results carry.
        within: In how many bytes to look for it, at the file's beginning; at its end, if negative.

    Raises:
        SinkError: There is such a file.
    """
    try:
        if not place.exists():
            return
        ours = place.is_file() and mark in _part(place, within)
    except OSError as error:
        raise SinkError(f"what is there cannot be read: {error.strerror}", path=place) from error
    if not ours:
        message = (
            "is there already and carries no mark of ours (it is yours, or an older version's result); "
            "remove it, or choose another folder with -o"
        )
        raise SinkError(message, path=place)


def _part(place: Path, within: int) -> bytes:
    with place.open("rb") as file:
        if within < 0:
            file.seek(max(0, place.stat().st_size + within))
        return file.read(abs(within))
