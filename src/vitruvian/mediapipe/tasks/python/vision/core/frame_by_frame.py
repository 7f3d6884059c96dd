"""The original's loop over the frames of a stream, driven from outside: one call for each frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from vitruvian.following import Stages
    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline
    from vitruvian.regions import Regions

    Loop: TypeAlias = Callable[[Iterable[Frame | Gap], Stages], Iterator[tuple[Frame | Gap, Landmarks]]]

__all__ = ["FrameByFrame"]


class _Feed:
    """Hands the loop the frame that is due; there always is one, as the loop is asked for one at a time."""

    frame: Frame
    rotation = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        return self.frame


class FrameByFrame:
    """Follows people or hands from call to call, as the original's VIDEO mode does.

    All memory is in a generator, one of ``following``, the same that any other stream is. One caller at a
    time. After a call that raised, the next one follows nobody: it begins with the detector, unsmoothed.

    Args:
        pipeline: Finds and reads; stays the caller's to close.
        loop: Such as ``partial(compatible, options=...)``.
    """

    def __init__(self, pipeline: Pipeline, loop: Loop) -> None:
        self._pipeline, self._loop = pipeline, loop
        self._feed = _Feed()
        self._running: Iterator[tuple[Frame | Gap, Landmarks]] | None = None

    def __call__(self, frame: Frame, rotation: int = 0) -> Landmarks:
        """Return everybody in the next frame.

        Args:
            frame: With its time.
            rotation: Degrees by which this frame must be turned clockwise to be upright, a multiple of 90.

        Raises:
            SessionError: A network failed, or the pipeline is closed.
        """
        feed = self._feed
        feed.frame, feed.rotation = frame, rotation
        running = self._begin() if self._running is None else self._running
        self._running = None  # a generator that has raised is over
        _, people = next(running)
        self._running = running
        return people

    def forget(self) -> None:
        """Follow nobody: the next frame is the first."""
        self._running = None

    def _begin(self) -> Iterator[tuple[Frame | Gap, Landmarks]]:
        pipeline, feed = self._pipeline, self._feed

        def look(frames: Sequence[Frame]) -> list[Regions]:
            return pipeline.detect(frames, rotation=feed.rotation)

        return self._loop(feed, replace(pipeline.stages(), look=look))
