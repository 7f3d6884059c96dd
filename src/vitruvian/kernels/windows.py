"""Pictures of which only windows are read: the rest of them is not calculated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vitruvian.kernels.steps import Kind, Look, Planes, Step, readers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["STRIP", "narrowed"]

STRIP = 8
"""Places in a row that are calculated together, or not at all; that of `windows.h`."""


def narrowed(steps: Sequence[Step], target: int, points: int, look: Look) -> list[Step]:
    """Return the steps so that of one output only windows are calculated; elsewhere it may hold anything.

    Args:
        steps: Of a network, in the order of their calculation, the outputs last. They come back as they are
            where nothing can be left out.
        target: Number of the output.
        points: Number of the output that holds the points around which it is read.
        look: Where around them.
    """
    writes = [
        [s for s in steps if s.kind is Kind.WRITE and s.target == number] for number in (target, points)
    ]
    if [len(some) for some in writes] != [1, 1]:
        return [*steps]
    write, (picture, around) = writes[0][0], (some[0].source for some in writes)
    if picture is None or around is None or not _fits(picture, around, look):
        return [*steps]
    makers = {step.result: step for step in steps if step.result is not None}
    few = _read_there(picture, makers, readers_of(steps))
    if not few:
        return [*steps]
    places = Planes(1 + picture.height * picture.width // STRIP, 1, 1)
    there = [Step(Kind.LOOK, around, places, look=look)]
    there += [replace(step, only=places) for step in steps if step in few]
    at = steps.index(write)
    return [step for step in steps[:at] if step not in few] + there + [*steps[at:]]


def _fits(picture: Planes, around: Planes, look: Look) -> bool:
    numbers = look.numbers * (look.count - 1) + 2
    there = around.shape[1:] == (1, 1) and around.channels >= numbers
    return there and picture.shape[1:] == (look.height, look.width) and look.width % STRIP == 0


def _read_there(
    picture: Planes, makers: Mapping[Planes, Step], readers: Mapping[Planes, list[Step]]
) -> list[Step]:
    """Return the steps whose results are read at the same places as a picture, by one step each."""
    step = makers[picture]
    if len(readers[picture]) > 1 or step.kind not in {Kind.POINTWISE, Kind.ENLARGE}:
        return []
    read = [step.added, step.source if step.kind is Kind.POINTWISE else None]
    return [step, *(few for planes in read if planes for few in _read_there(planes, makers, readers))]
