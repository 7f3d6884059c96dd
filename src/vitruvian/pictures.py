"""Many pictures through a pipeline: read ahead, looked at together, none of them lost for another's sake."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vitruvian.errors import VitruvianError
from vitruvian.prefetch import prefetch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline

__all__ = ["Seen", "look_through"]

Item = TypeVar("Item")


class Seen(NamedTuple):
    """A picture and who is in it."""

    frame: Frame
    people: Landmarks


def look_through(
    pipeline: Pipeline,
    read: Callable[[Item], Frame],
    items: Iterable[Item],
    *,
    rotation: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[tuple[Item, Seen | VitruvianError], None, None]:
    """Yield each item with what the pipeline finds in its picture, in order, while the next ones are read.

    As many pictures are looked at together as are good for the pipeline. Where that fails, each of them is
    looked at alone, so that it is known which it was.

    Args:
        pipeline: Finds people or hands.
        read: Makes a frame of an item; called in a thread.
        items: Iterated a few ahead.
        rotation: Degrees by which the pictures must be turned clockwise to be upright: a multiple of 90.
        stop: Asked before each look: whether this one and all others are no longer wanted.

    Yields:
        The item, and what was seen, or why it cannot be read or looked at.
    """
    together: list[tuple[Item, Frame]] = []
    with closing(prefetch(read, items, ahead=max(2, pipeline.together))) as opened:
        for item, reading in opened:
            if stop():
                return
            try:
                together.append((item, reading.result()))
            except VitruvianError as error:
                yield from _looked_at(pipeline, together, rotation)
                together = []
                yield item, error
            if len(together) >= pipeline.together:
                yield from _looked_at(pipeline, together, rotation)
                together = []
    if not stop():
        yield from _looked_at(pipeline, together, rotation)


def _looked_at(
    pipeline: Pipeline, some: Sequence[tuple[Item, Frame]], rotation: int
) -> Iterator[tuple[Item, Seen | VitruvianError]]:
    if not some:
        return
    try:
        people = pipeline.estimate([frame for _, frame in some], rotation=rotation)
    except VitruvianError as error:
        if len(some) == 1:
            yield some[0][0], error
            return
        for one in some:
            yield from _looked_at(pipeline, [one], rotation)
    else:
        for (item, frame), found in zip(some, people, strict=True):
            yield item, Seen(frame, found)
