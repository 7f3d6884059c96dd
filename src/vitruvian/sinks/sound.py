"""The sound of a video, on its way into another one."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import av

from vitruvian.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

__all__ = ["Sound"]

# What MP4 holds and players play from it.
_COPIED = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "opus"})
_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})  # of AAC
# What of a packet itself keeps it from being written; a disk that is full is another matter.
_DAMAGED = (av.error.InvalidDataError, av.error.ArgumentError)
_FALL = 0.5  # seconds: less is how some recorders count
_SHORT = 0.01  # seconds
# What a playlist names is not followed anywhere but to files.
_LOCAL = {"protocol_whitelist": "file,pipe"}


class Sound:
    """Copies the sound of a file into an MP4 file, or makes AAC of it; a file without sound gives nothing.

    Sound that is damaged is left out, up to where it goes on.

    Args:
        source: The file whose sound it is.
        target: Where it goes; has no header yet.
        first: Time in the source, in seconds since its container starts, from which on to copy.
        origin: Time in the source that is 0 in the target.

    Raises:
        SinkError: The source cannot be opened.
    """

    def __init__(self, source: str | Path, target: OutputContainer, *, first: float, origin: float) -> None:
        self._target = target
        try:
            # The prefix keeps FFmpeg from taking a file name such as "take:1" for an address.
            address = f"file:{os.path.abspath(source)}"  # noqa: PTH100  # keeps links
            self._file: InputContainer = av.open(address, options=_LOCAL, metadata_errors="ignore")
        except (av.FFmpegError, OSError) as error:
            raise SinkError(f"its sound cannot be read: {error}", path=source) from error
        # FFmpeg does not know every kind of sound, and has no context for those.
        known = (stream for stream in self._file.streams.audio if stream.codec_context is not None)
        self._in: AudioStream | None = next(known, None)
        self._out: AudioStream | None = None
        self._held: Packet[AudioStream] | None = None
        if self._in is None:
            return
        zero = _start(self._file)
        self._first, self._shift = first + zero, origin + zero
        self._end = -math.inf
        self._copies = self._in.codec_context.name in _COPIED
        self._out = target.add_stream_from_template(self._in) if self._copies else _aac(target, self._in)
        if first > 0:
            self._file.seek(int(self._first * av.time_base))
        self._packets = self._read(self._in)

    def copy(self, *, until: float) -> None:
        """Copy what begins before a time of the target, in seconds, and was not copied yet."""
        if self._out is None:
            return
        while (packet := self._held or next(self._packets, None)) is not None:
            if self._held is None:
                self._join(packet)
            self._held = packet
            if _seconds(packet) - self._shift >= until:
                return
            self._held = None
            self._write(packet, self._out)

    def _join(self, packet: Packet[AudioStream]) -> None:
        """Let time rise where it falls: recordings that were put together begin anew there."""
        begin = _seconds(packet) - self._shift
        if begin < self._end - _FALL:
            self._shift += begin - self._end
            begin = self._end
        self._end = begin + _length(packet)

    def close(self) -> None:
        """Write what an encoder still holds, and let go of the source."""
        if self._out is not None and not self._copies:
            self._target.mux(self._out.encode(None))
        self._file.close()

    def _read(self, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
        """Yield the packets that do not end before the first moment."""
        demuxed = self._file.demux(stream)
        while True:
            try:
                packet = next(demuxed, None)
            except av.FFmpegError:
                return  # a file that breaks off here
            if packet is None:
                return
            if packet.pts is None or packet.is_corrupt or packet.time_base is None:
                continue
            # How long some packets are is not said; none is empty.
            if _seconds(packet) + (_length(packet) or _SHORT) > self._first:
                yield packet

    def _write(self, packet: Packet[AudioStream], out: AudioStream) -> None:
        """Write a packet; of one that is damaged there is nothing, and silence in its place."""
        if not self._copies:
            for frame in _decoded(packet):
                if frame.pts is not None:
                    frame.pts -= _ticks(self._shift, frame.time_base)
                with suppress(*_DAMAGED):
                    self._target.mux(out.encode(frame))
            return
        packet.pts = (packet.pts or 0) - _ticks(self._shift, packet.time_base)
        packet.dts = packet.pts  # sound is never out of order
        packet.stream = out
        with suppress(*_DAMAGED):
            self._target.mux(packet)


def _decoded(packet: Packet[AudioStream]) -> list[AudioFrame]:
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _aac(target: OutputContainer, stream: AudioStream) -> AudioStream:
    context = stream.codec_context
    rate = context.sample_rate if context.sample_rate in _RATES else 48_000
    sound: AudioStream = target.add_stream("aac", rate=rate)
    sound.codec_context.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
    return sound


def _start(file: InputContainer) -> float:
    """Return the time that is 0 to those who play the file: its container's start."""
    start: int | None = file.start_time
    return 0.0 if start is None else start / av.time_base


def _length(packet: Packet[AudioStream]) -> float:
    return float((packet.duration or 0) * (packet.time_base or 0))


def _seconds(packet: Packet[AudioStream]) -> float:
    return float((packet.pts or 0) * (packet.time_base or 0))


def _ticks(seconds: float, time_base: Fraction | None) -> int:
    return round(seconds / (time_base or 1))
