"""Who is who: identities of the instances of a stream, by the similarity of landmarks and by motion."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.landmarks import picked, sure_points
from vitruvian.likeness import FALLOFF, distinct, known_bounds, similarity, sizes
from vitruvian.models.nms import overlaps
from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = ["FEW", "Tracker", "Tracking"]

_UNKNOWN = 6.0  # sizes per second by which it may be off while it is not known how somebody moves
_GROWTH = 0.3  # natural logarithm of the factor by which somebody may look larger or smaller on return
_MATCH = 0.35  # least similarity of an instance to whom we follow
_RETURN = 0.1  # the same to whom we lost, where there is nobody to be confused with
_NEW = 0.1  # similarity to those in sight below which an instance is somebody new
_CROWDED = 0.3  # overlap of boxes from which on a newcomer may be a part of somebody
_PROOF = 0.2  # seconds after which that newcomer, or one who may be somebody lost, is believed
_OWN = 0.25  # what it counts to be found where one was followed to
_ASTRAY = 0.4  # sizes from where somebody was heading, beyond which they may be somebody else
_QUICK, _SLOW = 0.15, 0.8  # seconds over which velocities are averaged
_SIDE = 2.0  # seconds over which it is averaged of which side a hand is
FEW = 3  # sure points, below which a body is not told by them
_SIDED = 0.8  # what it counts against an instance that it is surely a hand of the other side


@dataclass(frozen=True)
class Tracking:
    """When a stream looks for people, and how long it remembers them.

    Attributes:
        redetect: Seconds between two looks for newcomers while everybody known is in sight. While nobody is
            in sight, every frame is looked at.
        search: Seconds between two looks while somebody known is missing.
        keep: Seconds after which somebody missing is forgotten, and gets a new identity on return.
        search_budget: Milliseconds for which each frame waits for a thorough search, at most, where there is
            one: by and by it looks closer at every part of the picture. What it finds, and when, depends on
            the machine.

    Raises:
        OptionError: A value is negative.
    """

    redetect: float = 0.25
    search: float = 0.1
    keep: float = 2.0
    search_budget: float = 8.0

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        for name in ("redetect", "search", "keep", "search_budget"):
            check_number(name, getattr(self, name), 0)


def _leap(xy: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far the middle of a body moved, (2,): that of the points known of both, if there are any."""
    known = np.isfinite(xy[:, 0]) & np.isfinite(before[:, 0])
    if known.all():
        return np.asarray((xy - before).sum(axis=0) / len(xy))  # half the price of means
    if known.any():
        return np.asarray((xy - before)[known].mean(axis=0))
    return np.asarray(np.nanmean(xy, axis=0) - np.nanmean(before, axis=0))


@dataclass
class _Track:
    """Somebody.

    Attributes:
        xy: (K, 2) landmarks when last seen; NaN where they were not sure.
        born: When first seen.
        seen: When last seen.
        size: In pixels, averaged: somebody half hidden looks small.
        drift: Sizes per second by which they become harder to predict.
        velocity: Pixels per second of late: where the next frame shows them.
        heading: The same over a longer time, which tells where they come out again after being hidden.
        lost: Whether they were not in the last frame.
        proven: Whether they are somebody new, and neither a part of somebody else nor somebody lost.
        rivals: Who was near when this one went out of sight, as they were then.
        right: The probability that it is a right hand, averaged over all times; ``None``: it is no hand.
    """

    xy: NDArray[np.float32]
    born: float
    seen: float
    size: float
    drift: float
    proven: bool
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    heading: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    lost: bool = False
    rivals: dict[int, _Track] = field(default_factory=dict)
    right: float | None = None

    def moved(self, time: float) -> NDArray[np.float64]:
        """Return how far they should have moved since they were seen."""
        shift: NDArray[np.float64] = (self.heading if self.lost else self.velocity) * (time - self.seen)
        return shift

    def falloff(self, time: float) -> float:
        """Return how far they may be off where we expect them, in sizes."""
        unknown = _UNKNOWN * math.exp((self.born - self.seen) / _QUICK)
        return FALLOFF + (self.drift + unknown) * (time - self.seen)

    def distance(self, xy: NDArray[np.float32], time: float) -> float:
        """Return how far the middle of a body is from where this one should be, in sizes."""
        offset = _leap(xy, self.xy) - self.moved(time)
        return float(np.hypot(*offset)) / self.size

    def likeness(self, xy: NDArray[np.float32], time: float) -> NDArray[np.float64]:
        """Return how similar each of (N, K, 2) bodies is to what this one should look like now: (N,)."""
        falloff = self.falloff(time)
        if not self.lost:
            return similarity((self.xy + self.moved(time)).astype(np.float32), xy, falloff * self.size)
        # Who comes back may have changed their pose, and was half hidden when last seen: place and size tell.
        growth = np.log(sizes(xy) / self.size) / _GROWTH
        near = np.array([self.near(each, time) for each in xy], np.float64)
        alike: NDArray[np.float64] = near * np.exp(-growth * growth / 2)
        return alike

    def near(self, xy: NDArray[np.float32], time: float) -> float:
        """Return how well the place of a body agrees with where this one should be, from 0 to 1."""
        return math.exp(-((self.distance(xy, time) / self.falloff(time)) ** 2) / 2)

    def update(self, people: Landmarks, row: int, time: float, likeness: float) -> None:
        """Take note of how they look now; ``likeness`` is how well that agrees with what was expected."""
        xy, passed, age = people.xy[row].copy(), time - self.seen, time - self.born
        if passed > 0:
            speed = _leap(xy, self.xy) / passed
            # Half hidden, a body seems to leap: what is unlike it says little about how it moves.
            self.velocity = self.velocity + likeness * _share(passed, age, _QUICK) * (speed - self.velocity)
            self.heading = self.heading + likeness * _share(passed, age, _SLOW) * (speed - self.heading)
            self.size += likeness * _share(passed, age, _SLOW) * (float(sizes(xy[None])[0]) - self.size)
            if self.right is not None and people.handedness is not None:
                self.right += _share(passed, age, _SIDE) * (float(people.handedness[row]) - self.right)
        self.xy, self.seen, self.lost, self.rivals = xy, time, False, {}
        self.proven |= age >= _PROOF


def _share(passed: float, age: float, memory: float) -> float:
    """Return what the newest value counts in an average over ``memory`` seconds, or over a shorter age."""
    return max(1 - math.exp(-passed / memory), passed / age)


class Tracker:
    """Gives each instance of each frame an identity that stays.

    Every track predicts where its landmarks are now; the sum of the similarities between predictions and
    instances is made as large as can be (Jonker and Volgenant, 1987, as ``lap`` does it), so that two people
    who cross are told apart by what each would look like, not by who is nearest.

    Args:
        keep: Seconds after which somebody missing is forgotten.
        drift: Sizes per second by which somebody becomes harder to predict.
        sure: Score from which on a point tells who somebody is, unless only a few reach it; 0: all do.
    """

    def __init__(self, keep: float, drift: float, sure: float = 0.0) -> None:
        self._keep, self._drift, self._sure = keep, drift, sure
        self._tracks: dict[int, _Track] = {}
        self._next = 0

    def __call__(self, people: Landmarks, expected: Sequence[int | None], time: float) -> Landmarks:
        """Return the instances of the next frame without doubles, with ``track_id``, by rising identity.

        Args:
            people: Everybody read in this frame.
            expected: For each, who was looked for there; ``None``: nobody, a detector found them.
            time: Seconds, not falling.
        """
        self._forget(time)
        shown, people = people, self._told(people)
        names = list(self._tracks)
        likeness = np.array([self._tracks[name].likeness(people.xy, time) for name in names])
        likeness = likeness.reshape(len(names), len(people)) * self._agreement(people)
        own = np.array([[name == whose for whose in expected] for name in names]).reshape(likeness.shape)
        # Of doubles stays who is most like whom we followed there; what a detector found replaces nobody.
        rows = distinct(people, (likeness * own + own).max(axis=0, initial=0).tolist())
        people, likeness, own = picked(people, rows), likeness[:, rows], own[:, rows]
        identities: dict[int, int] = {}  # of each row that has one
        for row, track in enumerate(_matched(likeness, own, self._least(likeness))):
            if track is not None:
                identities[row] = names[track]
                self._tracks[names[track]].update(people, row, time, likeness[track, row])
        self._lose(time)
        identities = self._recognised(self._untangled(identities, people, time), people, time)
        # What was looked for and is not them is nobody: only a detector finds newcomers.
        found = [row for row in range(len(people)) if row not in identities and expected[rows[row]] is None]
        identities |= self._newcomers(people, found, time)
        order = sorted(identities, key=lambda row: identities[row])
        people = picked(shown, rows[np.array(order, np.intp)])
        track_id = np.array([identities[row] for row in order], np.int64)
        if people.handedness is None:
            return replace(people, track_id=track_id)
        right = np.array([self._tracks[name].right for name in track_id.tolist()], np.float32)
        return replace(people, track_id=track_id, handedness=right)

    def _told(self, people: Landmarks) -> Landmarks:
        """Return the people with the points that tell who they are; the others are NaN."""
        if not self._sure:
            return people
        points = sure_points(people, self._sure)
        few = np.isfinite(points).all(axis=2).sum(axis=1) < FEW
        return replace(people, xy=np.where(few[:, None, None], people.xy, points))

    def misses(self, present: Collection[int | None], time: float) -> bool:
        """Return whether somebody is remembered who is not present."""
        self._forget(time)
        return any(name not in present for name, track in self._tracks.items() if track.proven)

    def rescale(self, ratio: NDArray[np.float64]) -> None:
        """Go on in frames of another size: ``ratio`` is (2,), new to old."""
        for track in self._tracks.values():
            track.xy = (track.xy * ratio).astype(np.float32)
            track.velocity, track.heading = track.velocity * ratio, track.heading * ratio
            track.size *= float(np.sqrt(ratio.prod()))
            track.rivals = {}

    def proven(self, people: Landmarks) -> NDArray[np.bool_]:
        """Return who is somebody for sure: (N,)."""
        names = [] if people.track_id is None else people.track_id.tolist()
        return np.array([self._tracks[name].proven for name in names], np.bool_)

    def _forget(self, time: float) -> None:
        self._tracks = {
            name: track
            for name, track in self._tracks.items()
            if time - track.seen <= self._keep and (track.proven or not track.lost)
        }

    def _agreement(self, people: Landmarks) -> NDArray[np.float64]:
        """Return how well the side of each instance agrees with each track's: (tracks, instances), to 1."""
        if people.handedness is None:
            return np.ones((len(self._tracks), len(people)))
        right = np.array([track.right for track in self._tracks.values()], np.float64)  # None becomes NaN
        other = people.handedness[None]
        agreement: NDArray[np.float64] = 1 - _SIDED * np.nan_to_num(np.abs(right[:, None] - other))
        return agreement

    def _least(self, likeness: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how similar each instance must be to each track to be theirs: (tracks, instances)."""
        if not any(track.lost for track in self._tracks.values()):
            return np.full(likeness.shape, _MATCH)
        lost = np.array([track.lost for track in self._tracks.values()], np.bool_)[:, None]
        # Who is lost may look like much, but not like a part of somebody in sight.
        taken = np.where(lost, 0.0, likeness).max(axis=0, initial=0) >= _NEW
        return np.where(lost, np.where(taken, np.inf, _RETURN), _MATCH)

    def _lose(self, time: float) -> None:
        """Mark who is out of sight; remember of those who just went who was near."""
        present = {name: track for name, track in self._tracks.items() if track.seen == time}
        for track in self._tracks.values():
            if track.seen < time and not track.lost:
                track.lost = True
                track.rivals = {
                    name: replace(other, lost=True)
                    for name, other in present.items()
                    if other.distance(track.xy, time) < 1
                }

    def _untangled(self, identities: dict[int, int], people: Landmarks, time: float) -> dict[int, int]:
        """Correct an identity that, while two were one in the picture, went on with the wrong one of them.

        Then the body is far from where its bearer was heading, and near where the other should be by now.
        """
        untangled = dict(identities)
        for row, name in identities.items():
            for other, track in self._tracks.items():
                rival = track.rivals.get(name)
                if rival is None or not track.lost:
                    continue
                astray = rival.distance(people.xy[row], time)
                if astray > _ASTRAY and track.distance(people.xy[row], time) < astray / 2:
                    untangled[row] = other
                    self._tracks[name] = replace(rival, rivals={})
                    track.update(people, row, time, 0.0)
                    break
        return untangled

    def _recognised(self, identities: dict[int, int], people: Landmarks, time: float) -> dict[int, int]:
        """Give newcomers who are not proven the identity of somebody lost, as soon as they look like them."""
        recognised = dict(identities)
        for row, name in identities.items():
            if self._tracks[name].proven:
                continue
            person = people[row]
            likeness = dict(zip(self._tracks, self._agreement(person)[:, 0].tolist(), strict=True))
            likeness = {
                other: likeness[other] * float(track.likeness(person.xy, time)[0])
                for other, track in self._tracks.items()
                if track.lost
            }
            best = max(likeness, key=lambda other: likeness[other], default=None)
            if best is not None and likeness[best] >= _RETURN:
                self._tracks[best].update(people, row, time, 0.0)
                del self._tracks[name]
                recognised[row] = best
        return recognised

    def _newcomers(self, people: Landmarks, rows: Sequence[int], time: float) -> dict[int, int]:
        """Give identities to those of these rows who are somebody new."""
        if not rows:
            return {}
        present = [track for track in self._tracks.values() if track.seen == time]
        boxes = known_bounds(
            np.array([track.xy for track in present], np.float32).reshape(-1, *people.xy.shape[1:])
        )
        identities = {}
        for row in rows:
            xy = people.xy[row : row + 1]
            if any(track.likeness(xy, time)[0] >= _NEW for track in present):
                continue  # half like somebody who is elsewhere: two bodies taken for one, and not a third
            crowded = bool((overlaps(people.box[row], boxes) > _CROWDED).any())
            back = any(track.near(xy[0], time) >= _RETURN for track in self._tracks.values() if track.lost)
            size = float(sizes(xy)[0])
            track = _Track(xy[0].copy(), time, time, size, self._drift, proven=not (crowded or back))
            track.right = None if people.handedness is None else float(people.handedness[row])
            self._tracks[self._next] = track
            identities[row] = self._next
            self._next += 1
        return identities


def _matched(
    likeness: NDArray[np.float64], own: NDArray[np.bool_], least: NDArray[np.float64]
) -> list[int | None]:
    """Return for each instance (column) the track (row) it belongs to, or ``None``."""
    tracks, rows = likeness.shape
    possible = likeness >= least
    pairs = np.argwhere(possible).tolist()
    if len({track for track, _ in pairs}) == len({row for _, row in pairs}) == len(pairs):  # nothing to solve
        found = {row: track for track, row in pairs}
        return [found.get(row) for row in range(rows)]
    from lap import lapjv  # noqa: PLC0415  # opens a foreign world

    _, _, taken = lapjv(np.where(possible, -likeness - _OWN * own, 0.0), extend_cost=True)
    return [
        track if 0 <= track < tracks and possible[track, row] else None
        for row, track in enumerate(taken.tolist())
    ]
