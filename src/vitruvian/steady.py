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

from vitruvian.following import NOWHERE, joined, overlap, scaled, seconds
from vitruvian.frame import Frame
from vitruvian.landmarks import Landmarks, concatenated, picked
from vitruvian.smoothing import FilterBank
from vitruvian.tracking import FEW, Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.following import Stages
    from vitruvian.frame import Gap, Stamp
    from vitruvian.regions import Regions
    from vitruvian.smoothing import Smoothing
    from vitruvian.tracking import Tracking

__all__ = ["Steadiness", "steady"]

_RENEWS = 0.3  # overlap from which on a detected box may be that of somebody who is followed
_INSIDE = 0.7  # the same of the smaller of both boxes: who is followed may be known in part


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
    try:
        for frame in frames:
            yield frame, memory.step(frame) if isinstance(frame, Frame) else nobody
    finally:
        memory.close()


@dataclass(frozen=True, eq=False)
class _Places:
    """Where to look for people.

    Attributes:
        regions: One for each.
        names: Who is expected there; ``None``: a newcomer.
        followed: (N,) whether the frame before leads there; if not, a detector does.
        looked: Whether the detector has seen this frame.
    """

    regions: Regions
    names: Sequence[int | None]
    followed: NDArray[np.bool_]
    looked: bool = False


class _Memory:
    """What a stream remembers from one frame to the next."""

    def __init__(self, stages: Stages, options: Steadiness) -> None:
        self._stages, self._options = stages, options
        self._tracker = Tracker(options.tracking.keep, stages.traits.drift, stages.traits.sure)
        self._wander = None if stages.wander is None else stages.wander(options.tracking)
        self._filters = FilterBank[int](options.smoothing, boxed=stages.traits.boxed)
        self._shown: list[int] = []  # who was in the last frame
        self._regions = NOWHERE  # where to look for them in the next one
        self._before: Stamp | None = None
        self._start: float | None = None
        self._looked = -math.inf

    def step(self, frame: Frame) -> Landmarks:
        """Return everybody in the next frame."""
        stamp, now = frame.stamp, seconds(frame.stamp)
        if self._start is None:
            self._start = now
        self._rescale(stamp)
        places = self._places(frame, now)
        people, rows = self._read(frame, places.regions, places.followed)
        expected = [places.names[row] for row in rows.tolist()]
        if not places.looked and self._is_time_to_look(expected, now):
            self._looked = now
            found = self._look(frame, places.regions[rows])
            people = concatenated([people, found])
            expected += [None] * len(found)
        if self._wander is not None and self._has_room(len(expected)):
            found = self._read_new(frame, self._wander(frame, places.regions[rows]))
            people = concatenated([people, found])
            expected += [None] * len(found)
        people = self._tracker(people, expected, now)
        people = picked(people, np.arange(len(people))[: self._options.limit])
        self._shown = [] if people.track_id is None else people.track_id.tolist()
        smoothed = self._smoothed(people, stamp, round((now - self._start) * 1e9))
        proven = self._tracker.proven(people)
        return smoothed if proven.all() else smoothed[proven]

    def close(self) -> None:
        """Leave nothing at work; the last call."""
        if self._wander is not None:
            self._wander.close()

    def _rescale(self, stamp: Stamp) -> None:
        """Carry what is remembered over to a frame of another size."""
        before, self._before = self._before or stamp, stamp
        if (before.width, before.height) != (stamp.width, stamp.height):
            self._regions = scaled(self._regions, before, stamp)
            self._tracker.rescale(np.array([stamp.width / before.width, stamp.height / before.height]))
            self._filters.keep([])

    def _places(self, frame: Frame, now: float) -> _Places:
        """Return where to look for those who were in the last frame, and in boxes for newcomers too."""
        if not (self._stages.traits.boxed and self._shown and self._is_due(self._shown, now)):
            return _Places(self._regions, list(self._shown), np.ones(len(self._shown), np.bool_))
        self._looked = now
        found, known = self._found_beside(frame), len(self._shown)
        seen = _paired(self._regions, found)
        new = [row for row in range(len(found)) if row not in seen.values()]
        if self._options.limit is not None:
            new = new[: max(self._options.limit - known, 0)]
        picks = np.array([known + seen[row] if row in seen else row for row in range(known)], np.intp)
        picks = np.append(picks, known + np.array(new, np.intp))
        names = [*self._shown, *([None] * len(new))]
        return _Places(joined(self._regions, found)[picks], names, picks < known, looked=True)

    def _read(
        self, frame: Frame, regions: Regions, followed: NDArray[np.bool_]
    ) -> tuple[Landmarks, NDArray[np.int64]]:
        """Return who is in these regions, and in which each is, without those who are lost."""
        people = self._stages.read([frame], [regions])[0]
        rows = np.arange(len(people)) if people.region is None else people.region
        people = replace(people, followed=followed[rows])
        least = self._stages.traits.sure
        if least and people.score is not None:
            there = ((people.score >= least).sum(axis=1) >= FEW) | ~followed[rows]
            people, rows = people[there], rows[there]
        return people, rows

    def _is_time_to_look(self, present: Sequence[int | None], now: float) -> bool:
        if not self._has_room(len(present)):
            return False
        if not present or len(present) < len(self._shown):  # lost in this frame: looked for in this frame
            return True
        return self._is_due(present, now)

    def _has_room(self, present: int) -> bool:
        return self._options.limit is None or present < self._options.limit

    def _is_due(self, present: Sequence[int | None], now: float) -> bool:
        tracking = self._options.tracking
        wait = tracking.search if self._tracker.misses(present, now) else tracking.redetect
        return now - self._looked >= wait

    def _look(self, frame: Frame, known: Regions) -> Landmarks:
        """Look for people beside those in sight."""
        found = self._found_beside(frame) if len(known) else self._stages.look([frame])[0]
        if len(found) and len(known):
            offset = np.abs(found.centre[:, None] - known.centre[None]).max(axis=2)
            found = found[(offset > self._stages.traits.apart * known.size.max(axis=1)).all(axis=1)]
        return self._read_new(frame, found)

    def _found_beside(self, frame: Frame) -> Regions:
        return (self._stages.beside or self._stages.look)([frame])[0]

    def _read_new(self, frame: Frame, found: Regions) -> Landmarks:
        return self._read(frame, found, np.zeros(len(found), np.bool_))[0]

    def _smoothed(self, people: Landmarks, stamp: Stamp, time: int) -> Landmarks:
        """Return the smoothed landmarks, and remember where to look for them in the next frame."""
        self._filters.keep(self._shown)
        if not len(people):
            self._regions = NOWHERE
            return people
        extent = self._stages.follow(people, stamp).size.mean(axis=1).tolist()
        # Without this the crop, and with it all that is read from it, trembles (section 17.6).
        regions = self._stages.follow(self._filters.aimed(people, extent, time), stamp)
        # Of what is remembered nothing is the caller's.
        self._regions = replace(regions, score=regions.score.copy())
        return self._filters.smoothed(people, extent, time)


def _paired(known: Regions, found: Regions) -> dict[int, int]:
    """Return for who is known (rows) what was found of them (columns), the best pairs first, each once."""
    shared = overlap(known, found).astype(np.float64)
    areas, others = known.size.prod(axis=1)[:, None], found.size.prod(axis=1)[None]
    inside = shared * (areas + others) / (1 + shared) / np.minimum(areas, others).clip(1)
    possible = (shared >= _RENEWS) | (inside >= _INSIDE)
    pairs: dict[int, int] = {}
    for pick in np.argsort(-shared, axis=None, kind="stable").tolist():
        row, column = divmod(pick, len(found))
        if possible[row, column] and row not in pairs and column not in pairs.values():
            pairs[row] = column
    return pairs
