"""A loop over frames, driven from outside: one call for each frame, as push-style doors are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vitruvian.frame import Frame, Gap

__all__ = ["OneByOne"]

_R = TypeVar("_R")


class _Due:
    """Hands the loop the frame that is due; there always is one, as the loop is asked for one at a time."""

    frame: Frame

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        return self.frame


class OneByOne(Generic[_R]):
    """Takes the frames of one of this package's loops from call to call.

    All memory is in the loop's generator, the same that any other stream is. One caller at a time. After a
    call that raised, the next one begins afresh and follows nobody.

    Args:
        begin: Makes the loop out of its frames.
    """

    def __init__(self, begin: Callable[[Iterable[Frame]], Iterator[tuple[Frame | Gap, _R]]]) -> None:
        self._begin = begin
        self._due = _Due()
        self._running: Iterator[tuple[Frame | Gap, _R]] | None = None

    def __call__(self, frame: Frame) -> _R:
        """Return what the loop yields for the next frame; raises what the loop raises."""
        self._due.frame = frame
        running = self._begin(self._due) if self._running is None else self._running
        self._running = None  # a generator that has raised is over
        _, found = next(running)
        self._running = running
        return found

    def forget(self) -> None:
        """Follow nobody: the next frame is the first."""
        self._running = None
