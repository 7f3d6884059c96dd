"""One video: read, follow and write at the same time."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from vitruvian.cli.console import complain
from vitruvian.errors import SourceError, shown
from vitruvian.frame import Gap
from vitruvian.offline import smooth_offline
from vitruvian.prefetch import ahead, behind
from vitruvian.recording import Recording
from vitruvian.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vitruvian.cli.interruption import Interruption
    from vitruvian.cli.meter import Meter
    from vitruvian.cli.noun import Noun
    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline
    from vitruvian.sinks.sink import Sink
    from vitruvian.sources.video import VideoSource

    _Pair = tuple[Frame | Gap, Landmarks]

__all__ = ["Clip", "ClipOptions", "Watch", "follow"]

_LACK, _LACKING = 1.0, 0.1  # seconds, and of the whole: sound may be that much longer than pictures


@dataclass(frozen=True)
class ClipOptions:
    """How videos are worked on.

    Attributes:
        start: Seconds into the video where to begin; ``None``: its beginning.
        end: Seconds into the video where to stop; ``None``: its end.
        fps: Most frames a second; ``None``: all there are.
        smoothing: A preset of ``Pipeline.stream``, or ``offline``.
        tracking: When to look for people or hands, and how long to remember them.
        rotation: Degrees by which pictures must be turned clockwise to be upright.
    """

    start: float | None = None
    end: float | None = None
    fps: float | None = None
    smoothing: str = "live"
    tracking: Tracking = field(default_factory=Tracking)
    rotation: int = 0

    def expected(self, source: VideoSource) -> int | None:
        """Return about how many frames there are going to be; ``None`` if nobody knows."""
        info = source.info
        if info.frames is None or not info.duration:
            return info.frames
        end = info.duration if self.end is None else min(self.end, info.duration)
        frames = info.frames * max(0.0, end - (self.start or 0)) / info.duration
        if self.fps and info.fps:
            frames *= min(1.0, self.fps / info.fps)
        return max(1, round(frames))


@dataclass
class Clip:
    """What became of one video.

    Attributes:
        path: Of the video.
        frames: How many were written, those that failed included.
        failed_frames: How many of them have no picture.
        found: How many people or hands were told apart.
        seconds: What it took.
        fps: Frames a second that were worked through.
        interrupted: Whether the user stopped it before its end.
    """

    path: str
    frames: int = 0
    failed_frames: int = 0
    found: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    interrupted: bool = False

    def summary(self, noun: Noun) -> dict[str, object]:
        """Return the attributes; what was found is called by its noun."""
        return {noun.many if name == "found" else name: value for name, value in asdict(self).items()}

    def line(self, noun: Noun) -> str:
        """Return the summary for a person."""
        parts = [
            f"{self.frames} frames",
            *([f"{self.failed_frames} of them failed"] if self.failed_frames else []),
            noun.count(self.found),
            f"{self.fps:.1f} frames/s",
            *(["interrupted"] if self.interrupted else []),
        ]
        return ", ".join(parts)


@dataclass(frozen=True)
class Watch:
    """Who looks on.

    Attributes:
        meter: Counts frames.
        stop: Knows whether the user wants to stop.
    """

    meter: Meter
    stop: Interruption


def follow(
    source: VideoSource,
    pipeline: Pipeline,
    options: ClipOptions,
    sinks: Sequence[Sink],
    watch: Watch,
) -> Clip:
    """Work through a video.

    Reading, the networks, and drawing and writing run at the same time. With ``offline`` smoothing there are
    two passes: the first finds everybody, the second reads the file again, draws and writes; an interruption
    of the first leaves nothing.

    Args:
        source: The video.
        pipeline: Finds people or hands.
        options: How.
        sinks: Take the results; entered and completed here, the first one last.
        watch: Told about each frame, and asked whether to stop before it.

    Raises:
        VitruvianError: The video cannot be read on, a network failed, or a result cannot be written. What
            was written until then is complete in itself.
    """
    begin = time.perf_counter()
    work = _Work(source, pipeline, options, sinks, watch, Clip(source.name))
    try:
        clip = work.filtered() if options.smoothing == "offline" else work.streamed()
    finally:
        watch.meter.end()
    if not clip.frames and not clip.interrupted:
        raise SourceError("there is no frame from --start to --end", path=source.name)
    clip.seconds = round(time.perf_counter() - begin, 3)
    clip.fps = round(clip.frames / (time.perf_counter() - begin), 2)
    return clip


@dataclass(frozen=True)
class _Work:
    """One video and everything that it meets."""

    source: VideoSource
    pipeline: Pipeline
    options: ClipOptions
    sinks: Sequence[Sink]
    watch: Watch
    clip: Clip

    def streamed(self) -> Clip:
        """Find, filter and write in one pass."""
        with closing(ahead(self.source)) as frames:
            self._write(self._counted(self._people(frames, self.options.smoothing), self.source.name))
        return self.clip

    def filtered(self) -> Clip:
        """Find everybody first; then, with the future known, filter, and read the frames again."""
        name, rows = self.source.name, []
        with closing(ahead(self.source)) as frames:
            for frame, people in self._counted(self._people(frames, "off"), f"{name} (1 of 2)"):
                rows.append((frame.stamp, people))
        if rows and not self.clip.interrupted:
            recording = smooth_offline(Recording.from_rows(*zip(*rows, strict=True)))
            del rows
            with closing(ahead(self.source)) as frames:
                self._write(self._counted(_again(frames, recording), f"{name} (2 of 2)"))
        return self.clip

    def _people(self, frames: Iterable[Frame | Gap], smoothing: str) -> Iterator[_Pair]:
        options = self.options
        return self.pipeline.stream(
            frames, smoothing=smoothing, tracking=options.tracking, rotation=options.rotation
        )

    def _counted(self, pairs: Iterator[_Pair], name: str) -> Iterator[_Pair]:
        """Yield what comes until the user wants to stop, and let it be seen."""
        self.watch.meter.video(name, self.options.expected(self.source))
        for pair in pairs:
            if self.watch.stop.asked:
                self.clip.interrupted = True
                return
            yield pair
            self.watch.meter.frame()

    def _write(self, pairs: Iterator[_Pair]) -> None:
        clip, identities, failure, last = self.clip, set(), None, 0.0

        def write(pair: _Pair) -> None:
            for sink in self.sinks:
                sink.write(*pair)

        with ExitStack() as stack:
            for sink in self.sinks:
                stack.enter_context(sink)
            later = stack.enter_context(behind(write))
            for frame, people in pairs:
                later((frame, people))
                clip.frames += 1
                last = frame.stamp.time or last
                if isinstance(frame, Gap):
                    clip.failed_frames += 1
                    failure = failure or frame
                if people.track_id is not None:
                    identities.update(people.track_id.tolist())
                    clip.found = len(identities)
        if failure is not None:
            _tell(clip, failure)
        self._tell_of_the_end(last)

    def _tell_of_the_end(self, last: float) -> None:
        """Say it if the file is over long before the end that it promises: it may be cut short."""
        promised = self.source.info.duration
        if self.options.end is not None or self.clip.interrupted or not promised:
            return
        if last < promised - max(_LACK, _LACKING * promised):
            end = f"ends at {last:.1f} s of {promised:.1f} s"
            complain(shown(f"{self.clip.path}: {end}; is the file complete?"))


def _again(frames: Iterable[Frame | Gap], recording: Recording) -> Iterator[_Pair]:
    """Yield the frames of a second pass with what the first one found."""
    rows = iter(recording)
    for frame in frames:
        stamp, people = next(rows, (None, None))
        if people is None or stamp != frame.stamp:
            raise _changed(frame.stamp.source)
        yield frame, people
    if (rest := next(rows, None)) is not None:
        raise _changed(rest[0].source)


def _changed(path: str) -> SourceError:
    return SourceError("changed while it was worked on; begin again when it is complete", path=path)


def _tell(clip: Clip, first: Gap) -> None:
    when = "" if first.stamp.time is None else f" at {first.stamp.time:.2f} s"
    reason = f": {first.reason}" if first.reason else ""
    count = f"{clip.failed_frames} of {clip.frames} frames cannot be read"
    complain(shown(f"{clip.path}: {count}, the first{when}{reason}"))
