"""The work of ``vitruvian live``: a source through a pipeline into files and onto a screen."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vitruvian.cli.noun import PEOPLE, Noun
from vitruvian.errors import SourceError
from vitruvian.frame import Frame, Gap
from vitruvian.prefetch import behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vitruvian.cli.screen import Screen
    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline
    from vitruvian.sinks.sink import Sink
    from vitruvian.sources.source import Source
    from vitruvian.tracking import Tracking

__all__ = ["Broadcast", "Manner", "Tally", "paced"]

_RECENT = 2.0  # seconds that the current speed is told from


class Tally:
    """Counts what comes out of a stream; any thread may ask. Its size does not grow with the stream.

    Args:
        noun: What is found.

    Attributes:
        noun: The same.
    """

    def __init__(self, noun: Noun = PEOPLE) -> None:
        self.noun = noun
        self._lock = threading.Lock()
        self._counts = Counter({"ok": 0, "dropped": 0, "failed": 0})
        self._ages: Counter[int] = Counter()  # milliseconds → frames
        self._recent: deque[float] = deque()  # when the latest results came
        self._first = self._last = 0.0
        self._size = (0, 0)
        self._found = 0
        self._age: float | None = None

    @property
    def frames(self) -> int:
        """How many frames have landmarks."""
        return self._counts["ok"]

    @property
    def seconds(self) -> float:
        """Time since the first item came; 0 before it."""
        return time.monotonic() - self._first if self._first else 0.0

    def count(self, frame: Frame | Gap, people: Landmarks) -> None:
        """Take one item of the stream, at the moment when its landmarks are there."""
        now, stamp = time.monotonic(), frame.stamp
        with self._lock:
            self._first = self._first or now
            self._counts[stamp.status] += 1
            if isinstance(frame, Gap):
                return
            self._last, self._found, self._size = now, len(people), (stamp.width, stamp.height)
            self._recent.append(now)
            self._forget(now)
            if stamp.captured is not None:
                self._age = now - stamp.captured
                self._ages[round(1000 * self._age)] += 1

    def status(self) -> dict[str, object]:
        """Return how it goes: plain values for JSON.

        ``frames``, ``dropped`` and ``failed`` count; ``people`` (or ``hands``) are those in the newest frame,
        ``width`` and ``height`` its pixels, ``age_ms`` how old it was when its landmarks were there;
        ``silence_ms`` is the time since then; ``fps`` the frames per second of the last 2 s.
        """
        now = time.monotonic()
        with self._lock:
            self._forget(now)
            return {
                "frames": self._counts["ok"],
                "dropped": self._counts["dropped"],
                "failed": self._counts["failed"],
                self.noun.many: self._found,
                "width": self._size[0],
                "height": self._size[1],
                "fps": round(self._speed(now), 2),
                "age_ms": None if self._age is None else round(1000 * self._age, 1),
                "silence_ms": round(1000 * (now - self._last)) if self._last else None,
            }

    def line(self) -> str:
        """Return the summary for a person."""
        with self._lock:
            frames, took = self._counts["ok"], self._last - self._first
            parts = [
                f"{frames} {'frame' if frames == 1 else 'frames'}",
                f"{self._counts['dropped']} dropped",
                *([f"{self._counts['failed']} failed"] if self._counts["failed"] else []),
                *([f"median age {_median(self._ages)} ms"] if self._ages else []),
                *([f"{(frames - 1) / took:.1f} frames/s"] if frames > 1 and took > 0 else []),
            ]
        return ", ".join(parts)

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0] < now - _RECENT:
            self._recent.popleft()

    def _speed(self, now: float) -> float:
        # At the beginning there is less than the whole span to look back on.
        span = min(_RECENT, now - self._first)
        return len(self._recent) / span if self._recent and span > 0 else 0.0


@dataclass(frozen=True)
class Manner:
    """How people or hands are followed, as ``Pipeline.stream`` takes it.

    Attributes:
        smoothing: A preset.
        tracking: When to look for them, and how closely.
    """

    smoothing: str = "live"
    tracking: Tracking | None = None


class Broadcast:
    """Runs a stream until it ends or is stopped.

    Args:
        source: Where the pictures come from; closed at the end. A file is played at its own pace.
        pipeline: Finds people or hands.
        sinks: What writes them; completed at the end, whatever ends it.
        recorder: A sink that takes long for a frame: it works in a thread of its own, and where it falls
            behind, frames are dropped.
        screen: What shows them.
        manner: How those found are followed.
        noun: What the pipeline finds.

    Attributes:
        tally: What came out so far.
    """

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        *,
        sinks: Sequence[Sink] = (),
        recorder: Sink | None = None,
        screen: Screen | None = None,
        manner: Manner | None = None,
        noun: Noun = PEOPLE,
    ) -> None:
        self.tally = Tally(noun)
        self._source, self._pipeline, self._manner = source, pipeline, manner or Manner()
        self._sinks, self._recorder, self._screen = sinks, recorder, screen
        self._stopped = threading.Event()

    def run(self) -> None:
        """Work until the source ends or ``stop`` is called; then everything is complete and closed.

        Raises:
            SourceError: The source cannot be read, or no more.
            SinkError: A result cannot be written.
            SessionError: A network failed.
        """
        with ExitStack() as stack:
            stack.enter_context(self._source)
            for sink in self._sinks:
                stack.enter_context(sink)
            record = self._recording(stack)
            manner = self._manner
            for frame, people in self._pipeline.stream(
                self._items(), smoothing=manner.smoothing, tracking=manner.tracking
            ):
                self.tally.count(frame, people)
                if self._screen is not None and isinstance(frame, Frame):
                    self._screen.show(frame, people)
                for sink in self._sinks:
                    sink.write(frame, people)
                if record is not None:
                    record((frame, people))

    def stop(self) -> None:
        """End ``run`` soon, in whatever thread it is; before it begins, too."""
        self._stopped.set()
        self._source.close()

    def _recording(self, stack: ExitStack) -> Callable[[tuple[Frame | Gap, Landmarks]], None] | None:
        if self._recorder is None:
            return None
        recorder = stack.enter_context(self._recorder)

        def write(item: tuple[Frame | Gap, Landmarks]) -> None:
            recorder.write(*item)

        return stack.enter_context(behind(write))

    def _items(self) -> Iterator[Frame | Gap]:
        try:
            for item in self._source if self._source.live else paced(self._source, self._stopped):
                if self._stopped.is_set():
                    return
                yield item
        except SourceError:
            # It was closed under its reader: that is what stopping is.
            if not self._stopped.is_set():
                raise


def paced(items: Iterable[Frame | Gap], stopped: threading.Event) -> Iterator[Frame | Gap]:
    """Yield the frames of a recording when they are due, as a camera would.

    A frame whose successor is due already is a gap with status ``dropped``; ``Stamp.captured`` is the moment
    when the frame was due.

    Args:
        items: Frames with times, and gaps.
        stopped: Ends the waiting.
    """
    start: float | None = None
    waiting: Frame | Gap | None = None
    for item in items:
        shown = item.stamp.time or 0.0
        start = time.monotonic() - shown if start is None else start
        due = start + shown
        if waiting is not None:
            yield _overtaken(waiting) if time.monotonic() >= due else waiting
        waiting = replace(item, stamp=replace(item.stamp, captured=due))
        if stopped.wait(max(0.0, due - time.monotonic())):
            return
    if waiting is not None:
        yield waiting


def _overtaken(item: Frame | Gap) -> Gap:
    if isinstance(item, Gap):
        return item
    return Gap(replace(item.stamp, status="dropped"), "a newer picture came")


def _median(ages: Counter[int]) -> int:
    """Return the median of counted values, of which there is one at least."""
    left = (ages.total() + 1) // 2
    for age in sorted(ages):
        left -= ages[age]
        if left <= 0:
            return age
    return max(ages)
