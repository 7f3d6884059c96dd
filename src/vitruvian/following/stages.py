"""What a loop over frames calls, and what all loops share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vitruvian.errors import OptionError
from vitruvian.regions import NOWHERE, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Frame, Stamp
    from vitruvian.landmarks import Landmarks
    from vitruvian.regions import Regions
    from vitruvian.skeleton import Skeleton
    from vitruvian.tracking import Tracking

__all__ = [
    "NOWHERE",
    "Follow",
    "Look",
    "Read",
    "Stages",
    "Traits",
    "Wander",
    "joined",
    "overlap",
    "pushed",
    "scaled",
    "seconds",
]


class Look(Protocol):
    """A detector that is told nothing but the picture."""

    def __call__(self, frames: Sequence[Frame]) -> list[Regions]:
        """Return the regions of each frame, best first."""


class Read(Protocol):
    """A landmark network."""

    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        """Return the landmarks of each frame: of its regions in order, without those that hold nobody."""


class Follow(Protocol):
    """From the landmarks of a frame to the regions in which the next one is read."""

    def __call__(self, landmarks: Landmarks, stamp: Stamp) -> Regions:
        """Return one region for each instance, in the pixels of the frame that ``stamp`` describes."""


class Wander(Protocol):
    """A search for newcomers that goes on from frame to frame; it has a memory."""

    def __call__(self, frame: Frame, known: Regions) -> Regions:
        """Return where somebody is who is not among those who are known; mostly nowhere."""

    def close(self) -> None:
        """End the search; the last call."""


@dataclass(frozen=True)
class Traits:
    """How instances move, for telling them apart in a stream. The defaults are those of bodies.

    Attributes:
        drift: Sizes per second by which an instance becomes harder to predict: how suddenly it moves.
        apart: Of the side of a region: a detection nearer to the middle of the region in which an instance is
            followed is that instance.
        sure: Score from which on a point counts in telling who is who, and of which an instance needs a few
            to be followed; 0: all points count.
        boxed: Whether instances are looked for in upright boxes, as a detector gives them: then what a
            detector finds renews the box in which it is followed (with points out of sight the box made from
            the others shrinks), and each box stays as it was read.
    """

    drift: float = 0.6
    apart: float = 0.08
    sure: float = 0.0
    boxed: bool = False


@dataclass(frozen=True, eq=False)
class Stages:
    """What a loop over frames calls.

    Attributes:
        look: Finds instances.
        read: Reads their landmarks.
        follow: Makes the regions of the next frame.
        skeleton: Of the landmarks.
        traits: How instances move.
        beside: Finds instances beside those who are followed; ``None``: ``look`` does.
        wander: Begins a stream's search for newcomers beside ``look``, which gets these options; ``None``:
            there is none.
    """

    look: Look
    read: Read
    follow: Follow
    skeleton: Skeleton
    traits: Traits = field(default_factory=Traits)
    beside: Look | None = None
    wander: Callable[[Tracking], Wander] | None = None


def scaled(regions: Regions, before: Stamp, now: Stamp) -> Regions:
    """Return the regions of a frame in the pixels of one of another size: fractions of the picture stay."""
    if (before.width, before.height) == (now.width, now.height):
        return regions
    ratio = np.array([now.width / before.width, now.height / before.height], np.float32)
    return replace(regions, centre=regions.centre * ratio, size=regions.size * ratio)


def overlap(one: Regions, others: Regions) -> NDArray[np.float32]:
    """Return the intersection over union of all pairs, (N, M), of the boxes without their rotation."""
    low = np.maximum((one.centre - one.size / 2)[:, None], (others.centre - others.size / 2)[None])
    high = np.minimum((one.centre + one.size / 2)[:, None], (others.centre + others.size / 2)[None])
    shared = (high - low).clip(0).prod(axis=2)
    areas = one.size.prod(axis=1)[:, None] + others.size.prod(axis=1)[None]
    ratio: NDArray[np.float32] = shared / np.maximum(areas - shared, np.finfo(np.float32).tiny)
    return ratio


def seconds(stamp: Stamp) -> float:
    """Return the time of a frame.

    Raises:
        OptionError: It has none, or one that is no number.
    """
    if stamp.time is None:
        raise OptionError(
            f"frame {stamp.index} of {stamp.source} has no time; give stream() the rate: fps=30, say"
        )
    if not math.isfinite(stamp.time):
        raise OptionError(f"frame {stamp.index} of {stamp.source} has the time {stamp.time}, which is none")
    return stamp.time


def pushed(regions: Regions, found: Regions, most: float) -> tuple[Regions, NDArray[np.intp]]:
    """Add regions one by one, each in place of those it overlaps by more than ``most``.

    "Push" in section 9 of the pose specification.

    Returns:
        The regions that are left, and for each its place in the row of all.
    """
    everything = joined(regions, found) if len(found) else regions
    if len(everything) < 2:
        return everything, np.arange(len(everything))
    shared = overlap(everything, everything)
    kept: list[int] = []
    for i in range(len(everything)):
        kept = [*(j for j in kept if shared[j, i] <= most), i]
    origin = np.array(kept, np.intp)
    return everything[origin], origin
