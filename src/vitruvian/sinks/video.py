"""Videos with the landmarks drawn in."""

from __future__ import annotations

import os
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Self

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from vitruvian.draw import Style, draw_landmarks
from vitruvian.errors import SinkError
from vitruvian.frame import Gap
from vitruvian.options import check_number
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.sound import Sound
from vitruvian.sinks.staged import Staged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from vitruvian.frame import Frame, Stamp
    from vitruvian.landmarks import Landmarks

__all__ = ["VIDEO_MARK", "OverlayVideoSink"]

VIDEO_MARK = b"landmarks drawn by Vitruvian"
"""The comment by which a written video says that it is an overlay; near the file's end."""

_CLOCK = 90_000  # ticks a second: MPEG's own
_LEAST_FALL = 0.001  # seconds: the precision that times are kept to
# Ordered by what they make of a bit; the latter belong to operating systems.
_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf")
_BITS = 0.15  # for each pixel, of encoders that know no constant quality
_BT709 = 1  # number of matrix, primaries and transfer in H.273


class OverlayVideoSink:
    """Writes a video of the same time stamps with everybody's landmarks: H.264 in MP4.

    The picture is upright, in the colours of BT.709 and as large as the first frame; a later frame of
    another size is scaled to fit, with black around it. H.264 wants even sides: an odd one is made even by
    repeating its last row or column. Each frame has the time of its stamp, to a thousandth of a second, so a
    variable frame rate stays what it is. A gap has no picture: the one before stays for longer.

    The sound is copied as it is if MP4 can hold it, and else made AAC (with at most two channels); it is cut
    to the time between the first frame and the last.

    The file grows under a hidden name and is moved to its place at the end, also after an interruption.

    Args:
        path: The file to write.
        style: How to draw.
        sound: The file whose sound to keep, if it has any; that of the frames.
        origin: Time of a frame in seconds that is 0 in the file; that of the first frame, for instance, if a
            stream starts far from 0.
        fps: How many frames a second to expect, for the encoder to spend its bits well; times do not depend
            on it.

    Raises:
        OptionError: ``origin`` or ``fps`` is no such number.
    """

    def __init__(
        self,
        path: Path,
        style: Style | None = None,
        *,
        sound: str | Path | None = None,
        origin: float = 0.0,
        fps: float = 30.0,
    ) -> None:
        check_number("origin", origin)
        check_number("fps", fps, 0.01, 1000)
        self._path, self._style = path, style or Style()
        self._sound_of, self._origin, self._fps = sound, origin, fps
        self._film: _Film | None = None

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Draw and encode one frame; see ``Sink.write``.

        Raises:
            SinkError: It cannot be written, no encoder is there, the sound cannot be read, a file that is no
                overlay of ours is in the way, or the frame has no time, or one before that of the last.
        """
        if isinstance(frame, Gap):
            return
        time = _time(frame.stamp, self._path)
        with _foreign_errors(self._path):
            picture = draw_landmarks(frame.pixels, landmarks, self._style)
            if self._film is None:
                self._film = self._begin(picture, frame.stamp, time)
            else:
                self._film.add(picture, time)

    def _begin(self, picture: NDArray[np.uint8], stamp: Stamp, time: float) -> _Film:
        """Open the file, with its first frame in it."""
        refuse_foreign(self._path, VIDEO_MARK, within=-4096)
        staged = Staged(self._path)
        with staged.opening():
            film = _Film(staged, stamp, self._fps, self._origin)
            if self._sound_of is not None:
                film.add_sound(self._sound_of, time)
            film.add(picture, time)
        return film

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Complete the file.

        Raises:
            SinkError: It cannot be completed; nothing is left behind.
        """
        film, self._film = self._film, None
        if film is not None:
            with film.staged, _foreign_errors(self._path):
                film.finish()


class _Film:
    """An MP4 file that grows."""

    def __init__(self, staged: Staged, first: Stamp, fps: float, origin: float) -> None:
        self.staged, self._origin = staged, origin
        self._size = (first.width + first.width % 2, first.height + first.height % 2)
        self._sound: Sound | None = None
        self._ticks: list[int] = []  # of the last two frames
        # The name is hidden and tells no format.
        # Where a track starts is kept in ticks of the whole movie, which are milliseconds if nothing is said.
        exact = {"movie_timescale": str(_CLOCK)}
        # The prefix keeps FFmpeg from taking a folder such as "run:1" for an address.
        address = f"file:{os.path.abspath(staged.part)}"  # noqa: PTH100  # keeps links
        self._file: OutputContainer = av.open(address, "w", format="mp4", container_options=exact)
        self._file.metadata["comment"] = VIDEO_MARK.decode("ascii")
        self._stream = _video_stream(self._file, self._size, fps, staged.place)
        self._to_yuv = VideoReformatter()

    def add_sound(self, source: str | Path, time: float) -> None:
        """Keep the sound of a file from ``time`` on; before the first frame is added."""
        self._sound = Sound(source, self._file, first=time, origin=self._origin)

    def add(self, picture: NDArray[np.uint8], time: float) -> None:
        tick = round((time - self._origin) * _CLOCK)
        if self._ticks and tick <= self._ticks[-1]:
            if self._ticks[-1] - tick > _LEAST_FALL * _CLOCK:
                raise SinkError(f"time falls: a frame of {time:.3f} s came late", path=self.staged.place)
            tick = self._ticks[-1] + 1  # two frames of one moment: players want them in order
        self._ticks = [*self._ticks[-1:], tick]
        image = self._to_yuv.reformat(
            av.VideoFrame.from_ndarray(_fitted(picture, self._size), format="rgb24"),
            format="yuv420p",
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        image.pts, image.time_base = tick, Fraction(1, _CLOCK)
        self._file.mux(self._stream.encode(image))
        if self._sound is not None:
            self._sound.copy(until=tick / _CLOCK)

    def finish(self) -> None:
        """Write what the encoder still holds, the rest of the sound, and the index."""
        try:
            self._file.mux(self._stream.encode(None))
            if self._sound is not None:
                # The last frame is seen for as long as the one before it.
                self._sound.copy(until=(2 * self._ticks[-1] - self._ticks[0]) / _CLOCK)
        finally:
            if self._sound is not None:
                self._sound.close()
            self._file.close()


def _video_stream(file: OutputContainer, size: tuple[int, int], fps: float, path: Path) -> VideoStream:
    name = next((name for name in _ENCODERS if name in av.codecs_available), None)
    if name is None:
        message = f"PyAV has no H.264 encoder here (looked for {', '.join(_ENCODERS)}); install PyAV's wheel"
        raise SinkError(message, path=path)
    stream: VideoStream = file.add_stream(name, rate=Fraction(fps).limit_denominator(1001))  # type: ignore[assignment]
    context = stream.codec_context
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, _CLOCK)
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG.value
    context.thread_count = 0  # as many as the encoder sees fit
    if name == "libx264":
        context.options = {"preset": "veryfast", "crf": "20"}
    else:
        context.bit_rate = round(_BITS * size[0] * size[1] * fps)
    return stream


def _time(stamp: Stamp, path: Path) -> float:
    if stamp.time is None:
        raise SinkError("a still has no time and makes no video; write it with OverlaySink", path=path)
    return stamp.time


def _fitted(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring a picture to an even size: one row or column more, or scaled in between black bars."""
    height, width = picture.shape[:2]
    if size == (width, height):
        return picture
    if size == (width + width % 2, height + height % 2):
        return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner, interpolation=how)
    return fitted


@contextmanager
def _foreign_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise SinkError(f"cannot be written: {error}", path=path) from error
