"""The beginning of a network, which kernels calculate as one step: ``stem.h`` says how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitruvian.kernels.steps import Kind, Planes, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STEM_FILTERS", "STEM_PIECES", "stem_of"]

_LAYERS = 4
_WIDEST, _MOST, _LANES = 128, 64, 16  # of `stem.h`, as is the next one

STEM_FILTERS = 4
"""That are calculated together."""

STEM_PIECES = 16
"""Bands of rows that threads share."""


def stem_of(steps: Sequence[tuple[Step, Step | None]]) -> list[Planes]:
    """Return what the steps of a network's stem make, if it has one; else nothing.

    Args:
        steps: All of the network, each with the depthwise convolution in front of it, if there is one.
    """
    first = steps[:_LAYERS]
    made = [step.result for step, _ in first if step.result is not None]
    if len(made) < _LAYERS or not _is_chain(first) or not all(_fits(step, front) for step, front in first):
        return []
    later = {planes for pair in steps[_LAYERS:] for step in pair if step for planes in step.read}
    (height, width), *others = (planes.shape[1:] for planes in made)
    sized = others == [(height, width), (height, width), (height // 2, width // 2)]
    small = width % _LANES == 0 and width <= _WIDEST and max(planes.channels for planes in made) <= _MOST
    # What lies between the steps is nowhere afterwards.
    return made if sized and small and later.isdisjoint(made[:-1]) else []


def _is_chain(steps: Sequence[tuple[Step, Step | None]]) -> bool:
    """Return whether each step reads what the one before it makes, and they are of the kinds of a stem."""
    read = [front.source if front else step.source for step, front in steps]
    kinds = [(step.kind, front and (front.kernel, front.stride)) for step, front in steps]
    return read[1:] == [step.result for step, _ in steps[:-1]] and kinds == [
        (Kind.FIRST, None),
        (Kind.POINTWISE, (3, 1)),
        (Kind.POINTWISE, None),
        (Kind.POINTWISE, (3, 2)),
    ]


def _fits(step: Step, front: Step | None) -> bool:
    plain = step.slopes is None and not step.late and (front is None or front.slopes is None)
    if step.kind is Kind.FIRST:
        return plain and step.kernel == 3 and step.pad <= 1
    return plain and (front is None or front.pad == 1 or (front.stride, front.pad) == (2, 0))
