"""Opening files and streams with FFmpeg: what is allowed, and what went wrong in words."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.stream import Disposition

from vitruvian.errors import SourceError
from vitruvian.sources.image import MAX_PIXELS
from vitruvian.sources.picture import too_large

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["SCHEMES", "Opened", "open_file", "open_stream", "reason"]

# Formats that hold pictures. Left out are those that name other files or addresses (playlists, concat, DASH,
# SDP, image sequences): a file is read, and nothing that it points to.
_FILE_FORMATS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,gif,apng,mjpeg,mpjpeg,h264,hevc,vvc,av1,"
    "obu,ivf,m4v,h263,vc1,dv,mxf,nut,rm,wtv,yuv4mpegpipe,swf,gxf,dirac,cavsvideo"
)

# Scheme → what a connection of this kind may open; never a local file, whatever a playlist says.
_STREAM_PROTOCOLS = {
    "rtsp": "rtsp,rtp,srtp,udp,tcp,tls,http,https",
    "rtsps": "rtsp,rtp,srtp,udp,tcp,tls,http,https",
    "http": "http,https,httpproxy,tcp,tls,crypto,data",
    "https": "http,https,httpproxy,tcp,tls,crypto,data",
    "udp": "udp",
    "tcp": "tcp",
    "rtmp": "rtmp,rtmpt,rtmps,rtmpe,ffrtmpcrypt,ffrtmphttp,http,https,tcp,tls",
    "srt": "srt,udp",
}

SCHEMES = frozenset(_STREAM_PROTOCOLS)
"""Beginnings of the addresses of live streams."""

# What is read to learn what a live stream holds: most say it in their first hundred milliseconds.
_PROBE = {"analyzeduration": "1000000", "probesize": "1000000"}


@dataclass(frozen=True)
class Opened:
    """An open container and the stream of its pictures.

    Attributes:
        container: To be closed by whoever opened it.
        stream: Its video stream.
        origin: What players take for 0, in seconds of the stream's own clock: the container's start.
        tick: Length of a unit of the stream's clock, in seconds; both exact.
        fps: Mean frames a second, as the container says; ``None`` if it does not.
        counted: The container gives packets, but not pictures, their times: pictures take them in order.
    """

    container: InputContainer
    stream: VideoStream
    origin: Fraction
    tick: Fraction
    fps: float | None
    counted: bool


def open_file(path: Path, name: str) -> Opened:
    """Open a local video file; nothing else is opened, whatever is in it.

    Raises:
        SourceError: There is no such file, or it is no video.
    """
    _check_file(path, name)
    options = {"protocol_whitelist": "file", "format_whitelist": _FILE_FORMATS}
    try:
        # The prefix keeps FFmpeg from taking a file name such as "concat:a" for an address.
        container = av.open(
            f"file:{os.path.abspath(path)}",  # noqa: PTH100  # keeps links
            options=options,
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        message = f"not a video in a known format, or damaged at its beginning ({reason(error)})"
        raise SourceError(message, path=name) from error
    return _opened(container, name, "AUTO")


def _check_file(path: Path, name: str) -> None:
    try:
        if path.is_dir():
            raise SourceError(
                "is a folder; give its files one by one, or name it on the command line", path=name
            )
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceError("the file is empty", path=name)
    except FileNotFoundError as error:
        raise SourceError("there is no such file", path=name) from error
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be read: {reason(error)}", path=name) from error


def open_stream(address: str, name: str, *, patience: float, silence: float) -> Opened:
    """Connect to a live stream.

    Args:
        address: With a scheme of ``rtsp``, ``http``, ``udp`` and the like.
        name: What messages call it, without a password.
        patience: Longest time for each of connecting and learning what is in the stream, in seconds.
        silence: After so many seconds without data, reading fails.

    Raises:
        SourceError: The stream holds no pictures.
        av.FFmpegError: It cannot be reached, or not now.
    """
    scheme = address.partition(":")[0].lower()
    options = {"protocol_whitelist": _STREAM_PROTOCOLS[scheme], **_PROBE}
    if scheme in ("rtsp", "rtsps"):
        # Over UDP a lost packet is a torn picture, and firewalls drop it all.
        options["rtsp_transport"] = "tcp"
    if scheme == "udp":
        # Late is worse than lost: what overruns the buffer is dropped, and reading goes on.
        options["overrun_nonfatal"] = "1"
    container = av.open(address, options=options, metadata_errors="replace", timeout=(patience, silence))
    # Frame threads would hold back as many pictures as there are threads.
    return _opened(container, name, "SLICE")


def _opened(container: InputContainer, name: str, threads: str) -> Opened:
    try:
        stream = _video_stream(container, name)
        stream.thread_type = threads
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    except SourceError:
        container.close()
        raise
    tick = stream.time_base or Fraction(1, av.time_base)
    rate = stream.average_rate or stream.guessed_rate
    fps = float(rate) if rate else None
    return Opened(
        container, stream, _origin(container, stream, tick), tick, fps, counted=container.format.name == "avi"
    )


def _origin(container: InputContainer, stream: VideoStream, tick: Fraction) -> Fraction:
    own = (stream.start_time or 0) * tick
    start: int | None = getattr(container, "start_time", None)
    if start is None:
        return own
    # The container's start is rounded to microseconds; where it is the stream's, that is exact.
    whole = Fraction(start, av.time_base)
    return own if abs(whole - own) <= Fraction(2, av.time_base) else whole


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    # A picture that is attached is the cover of a song.
    streams = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        held = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise SourceError(f"there are no moving pictures in it (it holds: {held})", path=name)
    best = container.streams.best("video")
    stream = next((stream for stream in streams if stream is best), streams[0])
    width, height = getattr(stream.codec_context, "width", None), getattr(stream.codec_context, "height", 0)
    if width is None:
        raise SourceError("its pictures are in a format that this FFmpeg cannot decode", path=name)
    if too_large(width, height):
        raise SourceError(f"refused before decoding: {width} x {height} pixels", path=name)
    return stream


def reason(error: Exception) -> str:
    """Return what went wrong, for a person, without FFmpeg's number and file name."""
    if isinstance(error, av.error.ExitError):
        return "nothing came in time"
    return str(getattr(error, "strerror", None) or error)
