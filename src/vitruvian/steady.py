"""The loop over a stream's frames that knows many people, drops nobody for a frame, and tells who is who.

It differs from the original's loop (``following.compatible``) where its users suffer (pose specification,
sections 16 and 17): everybody is smoothed, not one person only; somebody who is lost is looked for in the
same frame; what a detector finds never replaces somebody who is followed; whoever comes back gets fresh
filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.following import joined, scaled, seconds
from vitruvian.frame import Frame
from vitruvian.landmarks import Landmarks, concatenated
from vitruvian.smoothing import Filters
from vitruvian.tracking import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from vitruvian.following import Stages
    from vitruvian.frame import Gap, Stamp
    from vitruvian.regions import Regions
    from vitruvian.smoothing import Smoothing
    from vitruvian.tracking import Tracking

__all__ = ["Steadiness", "steady"]

_APART = 0.08  # of a region's size: a detection nearer to the middle of somebody's region is that person


@dataclass(frozen=True)
class Steadiness:
    """Options of the steady loop.

    Attributes:
        limit: Most people at a time: who is known stays, then come the detector's best; ``None``: everyone.
        tracking: When to look, and how long to remember.
        smoothing: How strongly to smooth; ``None``: not at all.
    """

    limit: int | None
    tracking: Tracking
    smoothing: Smoothing | None


def steady(
    frames: Iterable[Frame | Gap], stages: Stages, options: Steadiness
) -> Iterator[tuple[Frame | Gap, Landmarks]]:
    """Yield each frame with everybody in it. All memory is in this generator.

    Args:
        frames: In order, each with a time. A gap yields nobody and changes nothing.
        stages: Detector, landmark network, following.
        options: How many, when to look, how to smooth.

    Raises:
        OptionError: A frame has no time.
    """
    memory = _Memory(stages, options)
    nobody = Landmarks.nobody(stages.skeleton)
    for frame in frames:
        yield frame, memory.step(frame) if isinstance(frame, Frame) else nobody


class _Memory:
    """What a stream remembers from one frame to the next."""

    def __init__(self, stages: Stages, options: Steadiness) -> None:
        self._stages, self._options = stages, options
        self._tracker = Tracker(options.tracking.keep)
        self._filters: dict[int, Filters] = {}
        self._regions: dict[int, Regions] = {}  # of everybody remembered
        self._shown: list[int] = []  # who was in the last frame
        self._before: Stamp | None = None
        self._start: float | None = None
        self._looked = -math.inf

    def step(self, frame: Frame) -> Landmarks:
        """Return everybody in the next frame."""
        stamp, now = frame.stamp, seconds(frame.stamp)
        if self._start is None:
            self._start = now
        self._rescale(stamp)
        people, rows = self._read(frame, [self._regions[name] for name in self._shown], followed=True)
        expected: list[int | None] = [self._shown[row] for row in rows]
        missing = self._tracker.missing(expected, now)
        if self._is_time_to_look(len(people), len(missing), now):
            self._looked = now
            back, whose = self._sought(frame, missing)
            found = self._look(frame, [self._regions[self._shown[row]] for row in rows])
            people = concatenated([people, back, found])
            expected += [*whose, *(None for _ in range(len(found)))]
        people = self._tracker(people, expected, now)[: self._options.limit]
        self._shown = [] if people.track_id is None else people.track_id.tolist()
        for name in set(self._regions) - set(self._shown) - set(missing):
            del self._regions[name]
        smoothed = self._smoothed(people, stamp, round((now - self._start) * 1e9))
        return smoothed if self._tracker.all_proven else smoothed[self._tracker.proven(people)]

    def _rescale(self, stamp: Stamp) -> None:
        """Carry what is remembered over to a frame of another size."""
        before, self._before = self._before or stamp, stamp
        if (before.width, before.height) != (stamp.width, stamp.height):
            self._regions = {name: scaled(each, before, stamp) for name, each in self._regions.items()}
            self._tracker.rescale(np.array([stamp.width / before.width, stamp.height / before.height]))
            self._filters = {}

    def _read(
        self, frame: Frame, regions: Sequence[Regions], *, followed: bool
    ) -> tuple[Landmarks, list[int]]:
        """Read regions; return the landmarks, and of which region each is."""
        people = self._stages.read([frame], [joined(*regions)])[0]
        rows = range(len(people)) if people.region is None else people.region.tolist()
        return replace(people, followed=np.full(len(people), followed)), list(rows)

    def _is_time_to_look(self, present: int, missing: int, now: float) -> bool:
        if self._options.limit is not None and present >= self._options.limit:
            return False
        if present == 0 or present < len(self._shown):  # lost in this frame: looked for in this frame
            return True
        tracking = self._options.tracking
        return now - self._looked >= (tracking.search if missing else tracking.redetect)

    def _sought(
        self, frame: Frame, missing: Mapping[int, NDArray[np.float64]]
    ) -> tuple[Landmarks, list[int]]:
        """Look for those who are missing where they should be by now; return with each row who that is."""
        names = [name for name in missing if name in self._regions]
        regions = [
            replace(self._regions[name], centre=self._regions[name].centre + missing[name].astype(np.float32))
            for name in names
        ]
        people, rows = self._read(frame, regions, followed=True)
        return people, [names[row] for row in rows]

    def _look(self, frame: Frame, known: Sequence[Regions]) -> Landmarks:
        """Look for people beside those in sight."""
        found, near = self._stages.look([frame])[0], joined(*known)
        if len(found) and len(near):
            offset = np.abs(found.centre[:, None] - near.centre[None]).max(axis=2)
            found = found[(offset > _APART * near.size.max(axis=1)).all(axis=1)]
        return self._read(frame, [found], followed=False)[0]

    def _smoothed(self, people: Landmarks, stamp: Stamp, time: int) -> Landmarks:
        """Return the smoothed landmarks, and remember where to look for them in the next frame."""
        self._filters = {
            name: self._filters.get(name) or Filters(self._options.smoothing) for name in self._shown
        }
        if not len(people):
            return people
        extent = self._stages.follow(people, stamp).size.mean(axis=1).tolist()
        rows = list(zip(people, self._filters.values(), extent, strict=True))
        # Without this the crop, and with it all that is read from it, trembles (section 17.6).
        aimed = concatenated([filters.aim(row, size, time) for row, filters, size in rows])
        regions = self._stages.follow(aimed, stamp)
        self._regions |= {name: regions[row : row + 1] for row, name in enumerate(self._shown)}
        return concatenated([filters(row, size, time) for row, filters, size in rows])
