"""From what the user names to a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from vitruvian.errors import OptionError, SourceError
from vitruvian.sources.image import SUFFIXES, read_image
from vitruvian.sources.source import VideoInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitruvian.frame import Frame
    from vitruvian.sources.source import Source

__all__ = ["ImageSource", "open_source"]


class ImageSource:
    """A still picture as a source of one frame, without a time.

    Args:
        path: The picture, in a format that ``read_image`` reads.

    Raises:
        SourceError: As ``read_image`` does.
    """

    live = False

    def __init__(self, path: str | Path) -> None:
        self._frame = read_image(path)
        self._closed = False

    @property
    def name(self) -> str:
        """The path as it was given."""
        return self._frame.stamp.source

    @property
    def info(self) -> VideoInfo:
        """The size; it has no duration."""
        return VideoInfo(self._frame.stamp.width, self._frame.stamp.height, frames=1)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the picture.

        Raises:
            SourceError: The source was closed.
        """
        if self._closed:
            raise SourceError("was closed; open it again", path=self.name)
        return iter([self._frame])

    def close(self) -> None:
        """Refuse further iterations; any number of times."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(
    where: str | Path | int,
    *,
    start: float | None = None,
    end: float | None = None,
    fps: float | None = None,
) -> Source:
    """Open a video, a still picture, a webcam or a network stream.

    Args:
        where: A path; the number of a webcam; or an address that begins with ``rtsp://``, ``rtsps://``,
            ``http://``, ``https://``, ``udp://``, ``tcp://``, ``rtmp://`` or ``srt://``. A file with the
            ending of a picture is read as one, any other as a video.
        start: Of a video, leave out what is shown before this time, in seconds.
        end: Of a video, leave out what is shown at this time or later, in seconds.
        fps: Of a video, keep at most so many frames a second.

    Raises:
        SourceError: There is no such file, or it cannot be read; it is a folder.
        OptionError: An option is out of range, or given for what is no video file.
    """
    if isinstance(where, Path) or (isinstance(where, str) and "://" not in where):
        if Path(where).suffix.lower() not in SUFFIXES or Path(where).is_dir():
            from vitruvian.sources.video import VideoSource  # noqa: PLC0415  # opens FFmpeg

            return VideoSource(where, start=start, end=end, fps=fps)
        _refuse("a still picture", start=start, end=end, fps=fps)
        return ImageSource(where)
    from vitruvian.sources.camera import LiveSource  # noqa: PLC0415  # opens FFmpeg and OpenCV

    _refuse("a live source", start=start, end=end, fps=fps)
    return LiveSource(where)


def _refuse(what: str, **options: float | None) -> None:
    for name, value in options.items():
        if value is not None:
            raise OptionError(f"{name}: {what} has none; only video files do")
