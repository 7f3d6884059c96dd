"""Where to look in the next frame: regions out of this frame's landmarks, and the original's loop on them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vitruvian.errors import OptionError
from vitruvian.frame import Frame
from vitruvian.landmarks import Landmarks
from vitruvian.models.blazepose import ENLARGE, regions_around
from vitruvian.options import check_number
from vitruvian.regions import Regions
from vitruvian.smoothing import OriginalFilters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Gap, Stamp
    from vitruvian.skeleton import Skeleton

__all__ = [
    "NOWHERE",
    "Compatible",
    "Follow",
    "Look",
    "Read",
    "Stages",
    "compatible",
    "follow_bodies",
    "joined",
    "overlap",
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


@dataclass(frozen=True, eq=False)
class Stages:
    """What a loop over frames calls.

    Attributes:
        look: Finds instances.
        read: Reads their landmarks.
        follow: Makes the regions of the next frame.
        skeleton: Of the landmarks.
    """

    look: Look
    read: Read
    follow: Follow
    skeleton: Skeleton


_NOTHING = np.empty(0, np.float32)
NOWHERE = Regions(_NOTHING.reshape(0, 2), _NOTHING.reshape(0, 2), _NOTHING, _NOTHING)


def follow_bodies(landmarks: Landmarks, stamp: Stamp) -> Regions:
    """Return the square around each body's circle, whose two points the network gives (section 6.6)."""
    if landmarks.auxiliary is None:
        if len(landmarks):
            raise OptionError("landmarks: bodies are followed by their auxiliary points, and there are none")
        return NOWHERE
    size = np.array([stamp.width, stamp.height], np.float32)
    points = landmarks.auxiliary / size
    return regions_around(points[:, 0], points[:, 1], landmarks.box_score, size)


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


def joined(*regions: Regions) -> Regions:
    """Return all these regions, in this order."""
    if len(regions) < 2:
        return regions[0] if regions else NOWHERE
    columns = (field.name for field in fields(Regions))
    return Regions(*(np.concatenate([getattr(each, name) for each in regions]) for name in columns))


def seconds(stamp: Stamp) -> float:
    """Return the time of a frame.

    Raises:
        OptionError: It has none.
    """
    if stamp.time is None:
        raise OptionError(
            f"frame {stamp.index} of {stamp.source} has no time; give stream() the rate: fps=30, say"
        )
    return stamp.time


@dataclass(frozen=True)
class Compatible:
    """Options of the original's loop.

    Attributes:
        num_poses: Most instances; with 1 they are smoothed, and the detector rests while one is followed.
        min_tracking_confidence: Overlap above which a region replaces an earlier one.
        smooth: Whether the landmarks of one instance are smoothed.
        legacy: As ``solutions.pose`` of 0.10.21: only the best detection counts, and the points that the next
            region is made from are smoothed too (section 12).

    Raises:
        OptionError: A value is outside its range.
    """

    num_poses: int = 1
    min_tracking_confidence: float = 0.5
    smooth: bool = True
    legacy: bool = False

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        check_number("num_poses", self.num_poses, 1, whole=True)
        check_number("min_tracking_confidence", self.min_tracking_confidence, 0, 1)


def compatible(
    frames: Iterable[Frame | Gap], stages: Stages, options: Compatible
) -> Iterator[tuple[Frame | Gap, Landmarks]]:
    """Yield each frame with its landmarks exactly as the original's VIDEO mode gives them (sections 9, 10).

    Oddities included: a lower detection replaces a better one that it overlaps, a loss costs an empty frame,
    and filters are reset in part. All memory is in this generator.

    Args:
        frames: In order, each with a time. A gap yields nobody and changes nothing.
        stages: Detector, landmark network, following.
        options: The original's.

    Raises:
        OptionError: A frame has no time.
    """
    filters = OriginalFilters() if options.num_poses == 1 else None
    nobody = Landmarks.nobody(stages.skeleton)
    previous: Regions = NOWHERE
    before: Stamp | None = None
    for frame in frames:
        if not isinstance(frame, Frame):
            yield frame, nobody
            continue
        stamp = frame.stamp
        regions = scaled(previous, before or stamp, stamp)
        followed, found = len(regions), NOWHERE
        if followed < options.num_poses:
            found = stages.look([frame])[0][: 1 if options.legacy else None]
        regions, origin = _pushed(regions, found, options.min_tracking_confidence)
        people = stages.read([frame], [regions[: options.num_poses]])[0]
        people = replace(people, followed=origin[people.region] < followed)
        previous, before = stages.follow(people, stamp), stamp
        if filters is not None:
            time = round(seconds(stamp) * 1e6) * 1000  # the original counts in microseconds
            size = float(previous.size.mean()) if len(people) else 0.0
            if options.legacy:
                size /= ENLARGE
                previous = stages.follow(filters.aim(people, size, time), stamp)
            if options.smooth:
                people = filters(people, size, time)
        yield frame, people


def _pushed(regions: Regions, found: Regions, most: float) -> tuple[Regions, NDArray[np.intp]]:
    """Add regions one by one, each in place of those it overlaps by more than ``most`` (section 9, push).

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
