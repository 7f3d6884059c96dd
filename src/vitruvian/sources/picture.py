"""From decoded pictures, as FFmpeg holds them, to upright RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.reformatter import VideoReformatter

from vitruvian.frame import MAX_SIDE
from vitruvian.sources.image import MAX_PIXELS

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

__all__ = ["RgbConverter", "Turn", "TurnReader", "too_large"]


class Turn(NamedTuple):
    """What brings stored pixels upright: rows and columns swapped, then columns and rows reversed."""

    swap: bool = False
    reverse_columns: bool = False
    reverse_rows: bool = False

    @property
    def clockwise(self) -> int:
        """Degrees of the turn: 0, 90, 180 or 270; after the columns were mirrored, if they were."""
        if self.swap:
            return 90 if self.reverse_columns else 270
        return 180 if self.reverse_rows else 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the upright width and height."""
        return (height, width) if self.swap else (width, height)


class TurnReader:
    """Tells the turn of each picture of one stream; one that changes on the way is seen by its angle.

    The matrix itself is read once for each angle, since PyAV ties a picture whose side data was asked for
    into a cycle: it would stay in memory until the garbage collector comes by.
    """

    def __init__(self) -> None:
        self._known: dict[int, Turn] = {}

    def __call__(self, picture: VideoFrame) -> Turn:
        """Return what brings the picture upright."""
        angle = picture.rotation
        if angle not in self._known:
            self._known[angle] = _turn_of(picture)
        return self._known[angle]


def _turn_of(picture: VideoFrame) -> Turn:
    """Read a picture's display matrix; a turn by anything but quarters is taken for the nearest quarter."""
    try:
        data = picture.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # Side data that PyAV has no name for hides the matrix; the angle, against the clock, is told apart.
        quarter = round(-picture.rotation / 90) % 4
        return Turn(quarter in (1, 3), quarter in (1, 2), quarter in (2, 3))
    if not isinstance(data, SideData):
        return Turn()
    # Rows (a b u) (c d v) (x y w): a pixel at (p, q) is shown at (a p + c q, b p + d q), plus an offset.
    a, b, _, c, d = np.frombuffer(memoryview(data), dtype=np.int32, count=5).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(swap=False, reverse_columns=a < 0, reverse_rows=d < 0)
    return Turn(swap=True, reverse_columns=c < 0, reverse_rows=b < 0)


def too_large(width: int, height: int) -> bool:
    """Say whether a picture is above the limits that stills have as well."""
    return width * height > MAX_PIXELS or max(width, height) > MAX_SIDE


class RgbConverter:
    """Turns decoded pictures into arrays; keeps what can be kept between pictures. One thread at a time.

    The matrix (BT.601, BT.709, BT.2020 …) and the range are those that the stream is flagged with; one
    without flags is BT.601 with limited range, as FFmpeg and OpenCV take it. HDR is not mapped to a screen's
    tones.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, picture: VideoFrame, turn: Turn) -> NDArray[np.uint8]:
        """Return (H, W, 3) uint8, RGB, upright and contiguous.

        Raises:
            av.FFmpegError: The picture is in a format that cannot be converted.
        """
        # One thread: the threads that FFmpeg would start for each picture cost more than they save.
        stored = self._reformatter.reformat(picture, format="rgb24", threads=1).to_ndarray()
        if turn.swap:
            stored = stored.transpose(1, 0, 2)
        if turn.reverse_columns:
            stored = stored[:, ::-1]
        if turn.reverse_rows:
            stored = stored[::-1]
        return np.ascontiguousarray(stored, dtype=np.uint8)
