"""Bodies from frame to frame, and the loop of MediaPipe's Pose Landmarker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vitruvian.errors import OptionError
from vitruvian.following.stages import NOWHERE, pushed, scaled, seconds
from vitruvian.frame import Frame
from vitruvian.landmarks import Landmarks
from vitruvian.models.blazepose import ENLARGE, regions_around
from vitruvian.options import check_number
from vitruvian.smoothing import OriginalFilters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vitruvian.following.stages import Stages
    from vitruvian.frame import Gap, Stamp
    from vitruvian.regions import Regions

__all__ = ["Compatible", "compatible", "follow_bodies"]


def follow_bodies(landmarks: Landmarks, stamp: Stamp) -> Regions:
    """Return the square around each body's circle, whose two points the network gives (section 6.6)."""
    if landmarks.auxiliary is None:
        if len(landmarks):
            raise OptionError("landmarks: bodies are followed by their auxiliary points, and there are none")
        return NOWHERE
    return regions_around(landmarks.auxiliary, landmarks.box_score, stamp.width, stamp.height)


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
        regions, origin = pushed(regions, found, options.min_tracking_confidence)
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
