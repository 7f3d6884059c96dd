"""Who is who: identities of the instances of a stream, by the similarity of landmarks and by motion."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = ["Tracker", "Tracking", "distinct", "similarity"]

_FALLOFF = 0.12  # of a size: how far a point may be off
_DRIFT = 0.3  # sizes per second by which somebody out of sight becomes harder to predict
_UNKNOWN = 6.0  # the same at first, while it is not known yet how they move
_SAME = 0.5  # similarity above which two instances of a frame are one
_MATCH = 0.35  # least similarity of an instance to whom we expect
_NOBODY = 0.1  # similarity to everybody known below which an instance is somebody new
_OWN = 0.25  # what it counts to be found where one was followed to
_ASTRAY = 0.4  # sizes from where somebody was heading, beyond which they may be somebody else
_MOTION = 0.3  # seconds over which a velocity is averaged


@dataclass(frozen=True)
class Tracking:
    """When a stream looks for people, and how long it remembers them.

    Attributes:
        redetect: Seconds between two looks for newcomers while everybody known is in sight. While nobody is
            in sight, every frame is looked at.
        search: Seconds between two looks while somebody known is missing.
        keep: Seconds after which somebody missing is forgotten, and gets a new identity on return.

    Raises:
        OptionError: A value is negative.
    """

    redetect: float = 0.25
    search: float = 0.1
    keep: float = 2.0

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        for name in ("redetect", "search", "keep"):
            check_number(name, getattr(self, name), 0)


def similarity(
    xy: NDArray[np.float32], others: NDArray[np.float32], falloff: NDArray[np.float64] | float = _FALLOFF
) -> NDArray[np.float64]:
    """Return the object keypoint similarity (COCO's OKS, with one width for all points) of all pairs.

    Args:
        xy: (N, K, 2) pixels.
        others: (M, K, 2) pixels.
        falloff: Distance, in sizes of the first, at which a point counts exp(-1/2): a number or (N, 1).

    Returns:
        (N, M), from 0 to 1.
    """
    squared = ((xy[:, None].astype(np.float64) - others[None]) ** 2).sum(axis=3)
    scale = sizes(xy)[:, None] * falloff
    alike: NDArray[np.float64] = np.exp(-squared / (2 * scale * scale)[..., None]).mean(axis=2)
    return alike


def sizes(xy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the square root of the area of each instance's bounds: (N,) pixels, at least 1."""
    extent = (xy.max(axis=1) - xy.min(axis=1)).astype(np.float64)
    side: NDArray[np.float64] = np.sqrt(extent.prod(axis=1)).clip(1)
    return side


def distinct(people: Landmarks, worth: Sequence[float]) -> NDArray[np.intp]:
    """Return the rows that are left, in order, when of two that show one body that of less worth goes."""
    alike = similarity(people.xy, people.xy)
    kept: list[int] = []
    for row in np.argsort(-np.asarray(worth), kind="stable").tolist():
        if all(max(alike[row, other], alike[other, row]) <= _SAME for other in kept):
            kept.append(row)
    return np.array(sorted(kept), np.intp)


@dataclass
class _Track:
    """Somebody: their landmarks when last seen, when that was, and how they moved (pixels per second).

    Whoever was near when this one went out of sight is among the ``rivals``, as they were at that moment.
    """

    xy: NDArray[np.float32]
    born: float
    seen: float
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    rivals: dict[int, _Track] = field(default_factory=dict)

    def falloff(self, time: float) -> float:
        """Return how far a point may be off where we expect it, in sizes."""
        unknown = _UNKNOWN * math.exp((self.born - self.seen) / _MOTION)
        return _FALLOFF + (_DRIFT + unknown) * (time - self.seen)

    def distance(self, xy: NDArray[np.float32], time: float) -> float:
        """Return how far the middle of a body is from where this one should be, in sizes of the body."""
        offset = (xy - self.at(time)).mean(axis=0)
        return float(np.hypot(*offset) / sizes(xy[None])[0])

    def at(self, time: float) -> NDArray[np.float64]:
        moved: NDArray[np.float64] = self.xy + self.velocity * (time - self.seen)
        return moved

    def update(self, xy: NDArray[np.float32], time: float, likeness: float) -> None:
        passed = time - self.seen
        if passed > 0:
            speed = (xy.mean(axis=0) - self.xy.mean(axis=0)) / passed
            share = max(1 - math.exp(-passed / _MOTION), passed / (time - self.born))
            # Half hidden, a body seems to leap: what is unlike it says little about its speed.
            share *= likeness
            self.velocity = self.velocity + share * (speed - self.velocity)
        self.xy, self.seen, self.rivals = xy, time, {}


class Tracker:
    """Gives each instance of each frame an identity that stays.

    Every track predicts where its landmarks are now, at its own velocity; the sum of the similarities between
    predictions and instances is made as large as can be (Jonker and Volgenant, 1987, as ``lap`` does it), so
    that two people who cross are told apart by what each would look like, not by who is nearest.

    Args:
        keep: Seconds after which somebody missing is forgotten.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._tracks: dict[int, _Track] = {}
        self._next = 0

    def __call__(self, people: Landmarks, expected: Sequence[int | None], time: float) -> Landmarks:
        """Return the instances of the next frame without doubles, with ``track_id``, by rising identity.

        Args:
            people: Everybody read in this frame.
            expected: For each, whose landmarks of the frame before said where to look; ``None``: nobody's.
            time: Seconds, not falling.
        """
        self._tracks = {
            name: track for name, track in self._tracks.items() if time - track.seen <= self._keep
        }
        likeness = self._likeness(people.xy, time)
        own = np.array([[name == whose for whose in expected] for name in self._tracks], np.float64)
        own = own.reshape(likeness.shape)
        # Of doubles stays who is most like whom we followed there; what a detector found replaces nobody.
        rows = distinct(people, (likeness * own + own).max(axis=0, initial=0).tolist())
        people, likeness, own = people[rows], likeness[:, rows], own[:, rows]
        names, before = list(self._tracks), max((track.seen for track in self._tracks.values()), default=time)
        identities: dict[int, int] = {}  # of each row that has one
        for row, track in enumerate(_matched(likeness, likeness + _OWN * own)):
            if track is not None:
                identities[row] = names[track]
                self._tracks[names[track]].update(people.xy[row], time, likeness[track, row])
            elif likeness[:, row].max(initial=0) < _NOBODY:
                identities[row] = self._next
                self._tracks[self._next] = _Track(people.xy[row], born=time, seen=time)
                self._next += 1
            # Else it is half like somebody who is elsewhere: two bodies taken for one, and not a third.
        self._set_rivals(before, time)
        identities = self._untangled(identities, people, time)
        order = sorted(identities, key=lambda row: identities[row])
        people = people[np.array(order, np.intp)]
        return replace(people, track_id=np.array([identities[row] for row in order], np.int64))

    def missing(self, present: Collection[int | None], time: float) -> dict[int, NDArray[np.float64]]:
        """Return who is remembered but not present, and how far they moved, as we think: (2,) pixels."""
        return {
            name: track.velocity * (time - track.seen)
            for name, track in self._tracks.items()
            if name not in present and time - track.seen <= self._keep
        }

    def _set_rivals(self, before: float, time: float) -> None:
        """Remember of those who just went out of sight who was near."""
        present = {name: track for name, track in self._tracks.items() if track.seen == time}
        for track in self._tracks.values():
            if track.seen == before < time:
                track.rivals = {
                    name: replace(other)
                    for name, other in present.items()
                    if other.distance(track.xy, before) < 1
                }

    def _untangled(self, identities: dict[int, int], people: Landmarks, time: float) -> dict[int, int]:
        """Correct an identity that, while two were one in the picture, went on with the wrong one of them.

        Then the body is far from where its bearer was heading, and near where the other should be by now.
        """
        untangled = dict(identities)
        for row, name in identities.items():
            for other, track in self._tracks.items():
                rival = track.rivals.get(name)
                if rival is None or track.seen == time:
                    continue
                astray = rival.distance(people.xy[row], time)
                if astray > _ASTRAY and track.distance(people.xy[row], time) < astray / 2:
                    untangled[row] = other
                    self._tracks[name] = replace(rival, rivals={})
                    track.update(people.xy[row], time, 0.0)
                    break
        return untangled

    def _likeness(self, xy: NDArray[np.float32], time: float) -> NDArray[np.float64]:
        """Return how similar each instance is to what each track would look like now: (tracks, instances)."""
        if not self._tracks or not len(xy):
            return np.empty((len(self._tracks), len(xy)))
        tracks = list(self._tracks.values())
        falloff = np.array([[track.falloff(time)] for track in tracks])
        return similarity(np.stack([track.at(time) for track in tracks]), xy, falloff)


def _matched(likeness: NDArray[np.float64], worth: NDArray[np.float64]) -> list[int | None]:
    """Return for each instance (column) the track (row) it is most worth to, or ``None``."""
    tracks, rows = likeness.shape
    if not tracks:
        return [None] * rows
    if tracks == rows == 1:
        return [0 if likeness[0, 0] >= _MATCH else None]
    from lap import lapjv  # noqa: PLC0415  # opens a foreign world

    _, _, taken = lapjv(np.where(likeness >= _MATCH, -worth, 0.0), extend_cost=True)
    return [
        track if 0 <= track < tracks and likeness[track, row] >= _MATCH else None
        for row, track in enumerate(taken.tolist())
    ]
