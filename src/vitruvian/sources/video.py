"""Video files."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import av

from vitruvian.errors import SourceError
from vitruvian.frame import Frame, Gap, Stamp
from vitruvian.options import check_number
from vitruvian.sources.container import Opened, open_file, reason
from vitruvian.sources.picture import RgbConverter, Turn, TurnReader, too_large
from vitruvian.sources.source import VideoInfo
from vitruvian.sources.timeline import Missing, Thinning, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["VideoSource"]

# A file that cannot be read on is given up after so many attempts in a row.
_ATTEMPTS = 100
# So many packets may pass before the first picture that says which way up the file is.
_SEARCHED = 300
# How far before the wanted time decoding starts where a container's index leads behind it, in seconds.
_EARLIER = 10.0


class VideoSource:
    """A video file: its frames, upright, in RGB, each at its own time.

    Times are seconds as a player shows them: presentation times from the container, less the container's
    start. They are not made even; a missing, repeated or falling one is repaired (``Timeline`` says how), so
    that times always rise. Rotation and mirroring that the file asks for are applied; pixels that are not
    square stay as they are stored; interlaced pictures stay interlaced; colours are converted with the matrix
    and range that the file is flagged with.

    A frame that cannot be decoded comes as a gap with status ``failed`` in its place, and the stream goes on.
    A picture that the decoder could repair comes as a picture. Only the file itself is opened, whatever is
    written in it. Each iteration reads the file anew; several may run at once.

    Args:
        path: The file.
        start: Leave out what is shown before this time, in seconds. Decoding begins at the key frame before
            it.
        end: Leave out what is shown at this time or later, in seconds.
        fps: Keep at most so many frames a second, by their times; all if there are fewer.

    Indices count the frames of the file from 0, kept or not; with ``start`` they count from the first frame
    that is not before it.

    Raises:
        SourceError: There is no such file, or it is no video, or its first picture is too large; while
            iterating: it was closed or is gone.
        OptionError: A time is negative or no number, ``end`` is not after ``start``, or ``fps`` is not above
        0.
    """

    live = False

    def __init__(
        self,
        path: str | Path,
        *,
        start: float | None = None,
        end: float | None = None,
        fps: float | None = None,
    ) -> None:
        self._range = _Range.checked(start, end, fps)
        self._path = Path(path)
        self._name = str(path)
        self._closed = False
        self._running: weakref.WeakSet[Generator[Frame | Gap, None, None]] = weakref.WeakSet()
        self._info = _info(self._path, self._name)

    @property
    def name(self) -> str:
        """The path as it was given."""
        return self._name

    @property
    def info(self) -> VideoInfo:
        """Size, length and format of the whole file, whatever range is read."""
        return self._info

    def __iter__(self) -> Iterator[Frame | Gap]:
        """Yield the frames and gaps from the beginning.

        Raises:
            SourceError: The source was closed, or the file is gone.
        """
        if self._closed:
            raise SourceError("was closed; open it again", path=self._name)
        running = self._items()
        self._running.add(running)
        return running

    def close(self) -> None:
        """End running iterations; from any thread, any number of times."""
        self._closed = True
        for running in list(self._running):
            try:
                running.close()
            except ValueError:
                # It is at work in another thread, and sees for itself before the next packet.
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _items(self) -> Generator[Frame | Gap, None, None]:
        reading = _Reading(self._path, self._name, self._info, self._range.start)
        try:
            yield from self._in_range(reading)
        finally:
            reading.close()

    def _in_range(self, reading: _Reading) -> Iterator[Frame | Gap]:
        wanted, thinning, index = self._range, Thinning(self._range.fps), 0
        for time, picture, why in reading.items(lambda: self._closed):
            if time >= wanted.end:
                return
            if time < wanted.start:
                continue
            if thinning.due(time):
                item = reading.item(index, time, picture, why)
                if isinstance(item, Frame):
                    thinning.kept(time)
                yield item
            index += 1


@dataclass(frozen=True)
class _Range:
    """What is wanted of a file; the slack lets a time that was rounded once find its frame."""

    start: float
    end: float
    fps: float | None

    SLACK = 1e-6

    @staticmethod
    def checked(start: float | None, end: float | None, fps: float | None) -> _Range:
        if start is not None:
            check_number("start", start, 0, 1e9)
        if end is not None:
            check_number("end", end, math.nextafter(start or 0, math.inf), 1e9)
        if fps is not None:
            check_number("fps", fps, 1e-6, 1e6)
        return _Range(
            -math.inf if start is None else start - _Range.SLACK,
            math.inf if end is None else end - _Range.SLACK,
            fps,
        )


# Time, the picture or None, and why there is none.
_Item = tuple[float, "VideoFrame | None", str]


class _Reading:
    """One pass through a file."""

    def __init__(self, path: Path, name: str, info: VideoInfo, start: float) -> None:
        self._path, self._name, self._info, self._start = path, name, info, start
        self._convert, self._turn_of = RgbConverter(), TurnReader()
        self._opened = open_file(path, name)
        self._restart()

    def _restart(self) -> None:
        self._timeline = Timeline(self._opened.fps)
        self._missing = Missing()
        self._complaint = ""

    def close(self) -> None:
        self._opened.container.close()

    def items(self, stopped: Callable[[], bool]) -> Iterator[_Item]:
        """Yield what is in the file, some of it from before the start."""
        if self._start <= 0:
            yield from self._decoded(stopped)
            return
        for target in (self._start, self._start - _EARLIER):
            if target > 0 and _seek(self._opened, target):
                self._restart()
                items = self._decoded(stopped)
                # Not every index leads to a key frame: what cannot be decoded before the first picture tells
                # nothing of the file, and when it comes is told by pictures alone.
                first = next((item for item in items if item[1] is not None), None)
                if first is not None and first[0] <= self._start:
                    yield first
                    yield from items
                    return
        # No index, or one that leads astray: read from the beginning.
        self._opened.container.close()
        self._opened = open_file(self._path, self._name)
        self._restart()
        yield from self._decoded(stopped)

    def item(self, index: int, time: float, picture: VideoFrame | None, why: str) -> Frame | Gap:
        """Make the frame of a picture, or a gap if it cannot be converted either."""
        if picture is not None and too_large(picture.width, picture.height):
            why = f"refused: {picture.width} x {picture.height} pixels"
        elif picture is not None:
            try:
                pixels = self._convert(picture, self._turn_of(picture))
            except (av.FFmpegError, ValueError) as error:
                why = reason(error)
            else:
                height, width = pixels.shape[:2]
                return Frame(pixels, Stamp(self._name, width, height, index, time))
        return Gap(Stamp(self._name, self._info.width, self._info.height, index, time, status="failed"), why)

    def _decoded(self, stopped: Callable[[], bool]) -> Iterator[_Item]:
        for packet in self._packets():
            if stopped():
                return
            yield from self._pictures(packet)
            yield from self._gaps(self._missing.overdue())
        if self._opened.counted:
            # What waits here may be packets that only say "the same again".
            while self._missing.earliest() is not None:
                continue
        yield from self._gaps(self._missing.rest())

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yield the packets, past places where the file cannot be read; ``None`` empties the decoder."""
        container, stream = self._opened.container, self._opened.stream
        failures = 0
        while failures < _ATTEMPTS:
            try:
                for packet in container.demux(stream):
                    failures = 0
                    yield packet
            except IndexError:
                # PyAV stumbles at the end over streams that a damaged file seemed to begin on its way.
                break
            except av.FFmpegError as error:
                # One gap for the place, however long it is.
                if not failures:
                    self._complain(f"the file cannot be read on: {reason(error)}", None)
                failures += 1
            else:
                return
        yield None

    def _pictures(self, packet: Packet[VideoStream] | None) -> Iterator[_Item]:
        time = None
        if packet is not None:
            time = self._time(packet.dts if self._opened.counted else packet.pts)
        if packet is not None and packet.size and not packet.is_discard and not _hidden(packet):
            self._missing.packet(time)
        try:
            pictures = packet.decode() if packet is not None else self._opened.stream.decode(None)
        except (av.FFmpegError, ValueError) as error:
            self._complain(f"cannot be decoded: {reason(error)}", time)
            return
        for picture in pictures:
            shown = self._shown(picture)
            yield from self._gaps(self._missing.picture(shown, fields=picture.interlaced_frame))
            yield self._timeline.at(shown), picture, ""

    def _complain(self, complaint: str, time: float | None) -> None:
        self._complaint = complaint
        if self._opened.counted and time is not None:
            self._missing.earliest()
            time = None
        self._missing.complaint(time)

    def _shown(self, picture: VideoFrame) -> float | None:
        return self._missing.earliest() if self._opened.counted else self._time(picture.pts)

    def _gaps(self, times: list[float | None]) -> Iterator[_Item]:
        for time in times:
            yield self._timeline.at(time), None, self._complaint or "cannot be decoded"

    def _time(self, stamp: int | None) -> float | None:
        """Return a time as players show it, in seconds."""
        return None if stamp is None else float(stamp * self._opened.tick - self._opened.origin)


def _hidden(packet: Packet[VideoStream]) -> bool:
    """Say whether a packet is for later reference only: VP8 says so in a bit of its first byte."""
    return packet.stream.codec_context.name == "vp8" and not memoryview(packet)[0] >> 4 & 1


def _seek(opened: Opened, time: float) -> bool:
    """Go to the key frame before a time; say whether that is possible."""
    try:
        offset = math.floor((Fraction(time) + opened.origin) / opened.tick)
        opened.container.seek(offset, stream=opened.stream, backward=True)
    except (av.FFmpegError, ArithmeticError):
        return False
    return True


def _info(path: Path, name: str) -> VideoInfo:
    opened = open_file(path, name)
    with opened.container:
        stream = opened.stream
        picture = _first_picture(opened, name)
        turn = TurnReader()(picture) if picture else Turn()
        stored = (picture.width, picture.height) if picture else (stream.width, stream.height)
        duration = _duration(opened)
        width, height = turn.size(*stored)
        guessed = round(duration * opened.fps) if duration and opened.fps else None
        return VideoInfo(
            width,
            height,
            frames=stream.frames or guessed,
            duration=duration,
            fps=opened.fps,
            rotation=turn.clockwise,
            codec=stream.codec_context.name,
            audio=bool(opened.container.streams.audio),
        )


def _first_picture(opened: Opened, name: str) -> VideoFrame | None:
    """Decode until there is a picture; ``None`` if that takes long."""
    try:
        for count, packet in enumerate(opened.container.demux(opened.stream)):
            if picture := _decoded(packet):
                return picture
            if count == _SEARCHED:
                return None
    except av.FFmpegError as error:
        raise SourceError(f"none of its pictures can be read: {reason(error)}", path=name) from error
    raise SourceError("none of its pictures can be decoded", path=name)


def _decoded(packet: Packet[VideoStream]) -> VideoFrame | None:
    try:
        return next(iter(packet.decode()), None)
    except (av.FFmpegError, ValueError):
        # What is wrong with it is told when it is read as a frame.
        return None


def _duration(opened: Opened) -> float | None:
    if opened.stream.duration:
        return float(opened.stream.duration * opened.tick)
    return opened.container.duration / av.time_base if opened.container.duration else None
