"""Reading everything twice, straight and in a mirror, and taking the mean: flip averaging."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vitruvian.errors import ArrayError
from vitruvian.landmarks import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.regions import Regions

__all__ = ["FlipAveraged", "averaged"]

_MEANS = ("xy", "box_score", "score", "presence", "depth", "world", "handedness", "auxiliary")


class _Read(Protocol):
    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]: ...


@dataclass(frozen=True, eq=False)
class FlipAveraged:
    """A landmark network that reads every region twice.

    What it finds is what the straight reading finds; where the mirrored one finds nothing, the straight one
    stands alone.

    Attributes:
        straight: Reads regions.
        flipped: Reads them in a mirror.
    """

    straight: _Read
    flipped: _Read

    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        """Read all regions of all frames, twice."""
        pairs = zip(self.straight(frames, regions), self.flipped(frames, regions), strict=True)
        return [_together(one, other) for one, other in pairs]


def _together(one: Landmarks, other: Landmarks) -> Landmarks:
    if one.region is None or other.region is None:
        raise ArrayError("region: a landmark network says from which region each instance was read")
    rows = {region: row for row, region in enumerate(other.region.tolist())}
    twice = [row for row, region in enumerate(one.region.tolist()) if region in rows]
    if not twice:
        return one
    means = averaged(one[twice], other[[rows[region] for region in one.region[twice].tolist()]])
    columns: dict[str, Any] = {}
    for name in (*_MEANS, "box"):
        if (column := getattr(one, name)) is not None:
            columns[name] = column.copy()
            columns[name][twice] = getattr(means, name)
    return replace(one, **columns)


def averaged(one: Landmarks, other: Landmarks) -> Landmarks:
    """Return the mean of two readings of the same instances; masks stay those of the first.

    Args:
        one: N instances.
        other: The same N.
    """
    columns: dict[str, Any] = {
        name: (first + second) / np.float32(2)
        for name in _MEANS
        if (first := getattr(one, name)) is not None and (second := getattr(other, name)) is not None
    }
    return replace(one, **columns, box=bounds(columns["xy"]))
