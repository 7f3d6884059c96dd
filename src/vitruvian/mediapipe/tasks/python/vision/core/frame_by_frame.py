"""The original's loop over the frames of a stream, driven from outside: one call for each frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vitruvian.following import OneByOne

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
        self._rotation = 0
        self._next = OneByOne(self._begin)

    def __call__(self, frame: Frame, rotation: int = 0) -> Landmarks:
        """Return everybody in the next frame.

        Args:
            frame: With its time.
            rotation: Degrees by which this frame must be turned clockwise to be upright, a multiple of 90.

        Raises:
            SessionError: A network failed, or the pipeline is closed.
        """
        self._rotation = rotation
        return self._next(frame)

    def forget(self) -> None:
        """Follow nobody: the next frame is the first."""
        self._next.forget()

    def _begin(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame | Gap, Landmarks]]:
        return self._loop(frames, replace(self._pipeline.stages(), look=self._look))

    def _look(self, frames: Sequence[Frame]) -> list[Regions]:
        return self._pipeline.detect(frames, rotation=self._rotation)
