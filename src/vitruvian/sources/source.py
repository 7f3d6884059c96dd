"""What every source is: frames and gaps in order, until it ends or is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitruvian.frame import Frame, Gap

__all__ = ["VIDEO_SUFFIXES", "Source", "VideoInfo"]

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv"}
    | {".mpg", ".mpeg", ".m1v", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".mxf", ".ogv", ".ogg"}
    | {".divx", ".dv", ".f4v", ".h264", ".h265", ".hevc", ".ivf", ".nut", ".y4m"}
)
"""File endings that are taken for videos, in lower case."""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before it is read.

    Attributes:
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        frames: About how many frames the whole file has, as the container says or its duration suggests: good
            for a progress bar, not for counting. ``None`` if nobody knows.
        duration: Of the whole file in seconds; ``None`` if nobody knows.
        fps: Mean frames a second, as the container says; ``None`` if it does not.
        rotation: By how many degrees the stored pixels are turned clockwise: 0, 90, 180 or 270. A picture
            that is stored mirrored is mirrored first; that is not told here.
        codec: Name of the format of the pictures, such as ``h264``.
        audio: Whether there is sound.
    """

    width: int
    height: int
    frames: int | None = None
    duration: float | None = None
    fps: float | None = None
    rotation: int = 0
    codec: str = ""
    audio: bool = False


class Source(Protocol):
    """Where frames come from.

    Iterating yields every frame of the source in order, with a gap where there is no picture. Indices rise
    and times do not fall. A file starts again at its beginning with every iteration; a live source goes on,
    and is iterated once at a time. After ``close()``, which may be called from any thread and any number of
    times, running iterations end, and to begin another is a ``SourceError``.
    """

    @property
    def name(self) -> str:
        """What messages and results call it: the path, address or device as the user gave it."""

    @property
    def live(self) -> bool:
        """Whether pictures come at their own pace and are lost if nobody takes them."""

    @property
    def info(self) -> VideoInfo | None:
        """Size, length and format; ``None`` while a live source has not sent a picture yet."""

    def __iter__(self) -> Iterator[Frame | Gap]:
        """Yield frames and gaps.

        Raises:
            SourceError: The source cannot be read, or not any more.
        """

    def close(self) -> None:
        """End running iterations and free what they hold."""

    def __enter__(self) -> Self:
        """Return the source itself."""

    def __exit__(self, *_: object) -> None:
        """Close it."""
