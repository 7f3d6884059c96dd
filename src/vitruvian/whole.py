"""The whole person: hands, each on the arm that it belongs to, and body and hands as one skeleton.

The palm detector sees the picture at 192 x 192 pixels and misses most hands of people who are seen as a
whole; the body's own points say where each hand must be. So the hand network is shown both, and a hand
belongs to the arm whose wrist it sits on: that says left or right, and whose it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vitruvian.following import NOWHERE, follow_hands, joined, scaled, seconds
from vitruvian.frame import Frame
from vitruvian.landmarks import Landmarks, concatenated
from vitruvian.models.blazehand import aims
from vitruvian.regions import Regions
from vitruvian.skeleton import Skeleton
from vitruvian.smoothing import FilterBank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.following import Read
    from vitruvian.frame import Gap, Stamp
    from vitruvian.smoothing import Smoothing
    from vitruvian.tracking import Tracking

__all__ = ["HOPE", "Held", "Whole", "hand_regions"]

HOPE = 0.2
"""Presence from which on a hand is read again where its points say it is: a region made from a body's points
may be off, and the hand that shows in it is then found in the second one. Below, there was none."""

_IN_SIGHT = (
    0.1  # visibility of a wrist: the hand network tells a hidden hand better than the body network does
)
_SIDE = 4.2  # side of a hand's region in lengths from wrist to knuckles
_SHORTEST = 0.25  # the same length of a hand that points at the camera, in lengths of the forearm as seen
_REACH = 0.5  # sides of a hand's region within which its wrist lies from that of the body
_OWN = 0.25  # what it counts, against that distance as a whole, that a hand was followed on this arm
_SURE = 0.1  # what presence counts, where two hands are as near

# Of the left and of the right arm.
_WRISTS, _LITTLE, _INDEX, _ELBOWS = [15, 16], [17, 18], [19, 20], [13, 14]
_HAND = 21


def hand_regions(bodies: Landmarks) -> Regions:
    """Return the square around each hand of each body, turned as the hand is.

    Args:
        bodies: N bodies of 33 points.

    Returns:
        2 N regions, of each body the left hand and then the right one, with the score of the wrist.
    """
    wrist, elbow = _wrists(bodies), bodies.xy[:, _ELBOWS].reshape(-1, 2)
    knuckles = (bodies.xy[:, _LITTLE] + bodies.xy[:, _INDEX]).reshape(-1, 2) / np.float32(2)
    palm, forearm = (np.hypot(*(end - wrist).T) for end in (knuckles, elbow))
    side = (_SIDE * np.maximum(palm, _SHORTEST * forearm)).astype(np.float32)
    sure = np.ones(len(side), np.float32) if bodies.score is None else bodies.score[:, _WRISTS].ravel()
    return Regions(knuckles, np.stack([side, side], axis=1), aims(wrist, knuckles), sure)


class Held(NamedTuple):
    """Hands and whose they are.

    Attributes:
        hands: M hands, of each arm one at most.
        arm: (M,) the arm of each: 2 · (row of the body), plus 1 if it is the right one.
    """

    hands: Landmarks
    arm: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Whole:
    """Ties hands to bodies. Holds no memory of pictures.

    Attributes:
        look: Finds palms, in pictures that are upright once turned clockwise by so many degrees.
        glance: Reads hands, and leaves out what is below ``HOPE``.
        read: Reads hands, and leaves out what is none.
    """

    look: Callable[[Sequence[Frame], int], list[Regions]]
    glance: Read
    read: Read

    def complete(
        self, frames: Sequence[Frame], bodies: Sequence[Landmarks], rotation: int = 0
    ) -> list[Landmarks]:
        """Add the hands to the bodies of each picture.

        Args:
            frames: Pictures.
            bodies: Of each, with 33 points.
            rotation: Degrees by which the pictures must be turned clockwise to be upright.

        Returns:
            The same people, as ``body75``.
        """
        wanted = [_in_sight(some, frame.stamp) for some, frame in zip(bodies, frames, strict=True)]
        held = self.search(frames, bodies, wanted, [_nobody()] * len(frames), rotation)
        return [_composed(some, hands) for some, hands in zip(bodies, held, strict=True)]

    def stream(
        self,
        bodies: Iterable[tuple[Frame | Gap, Landmarks]],
        *,
        tracking: Tracking,
        smoothing: Smoothing | None,
        rotation: int = 0,
    ) -> Iterator[tuple[Frame | Gap, Landmarks]]:
        """Add the hands to the bodies of each frame of a stream. All memory is in this generator.

        A hand is followed from frame to frame, as long as it stays on its arm. Where a visible wrist has
        none, it is looked for: at once when it was lost or its owner has just come, and else at the times at
        which people are.

        Args:
            bodies: Frames in order, each with a time, and the bodies in them, with ``track_id``.
            tracking: When to look.
            smoothing: Of each hand; ``None``: none.
            rotation: Degrees by which the frames must be turned clockwise to be upright.

        Raises:
            OptionError: A frame has no time.
        """
        memory = _Memory(self, tracking, smoothing, rotation)
        for frame, people in bodies:
            yield frame, memory.step(frame, people) if isinstance(frame, Frame) else _composed(people)

    def search(
        self,
        frames: Sequence[Frame],
        bodies: Sequence[Landmarks],
        wanted: Sequence[NDArray[np.bool_]],
        known: Sequence[Held],
        rotation: int,
    ) -> list[Held]:
        """Look for the hands of some arms.

        Args:
            frames: Pictures.
            bodies: Of each, N bodies.
            wanted: Of each, (2 N,) for which arms, in the order of ``hand_regions``.
            known: Of each, the hands of other arms.
            rotation: Degrees by which the pictures must be turned clockwise to be upright.

        Returns:
            Of each picture the hands that are known and those that were found.
        """
        hopes = [_nobody()] * len(frames)
        # The ends of the arms come first: where they show the hands, no palm is needed.
        for places in (_ends, partial(self._palms, rotation=rotation)):
            missing = [_without(arms, held) for arms, held in zip(wanted, hopes, strict=True)]
            hands = self.glance(frames, places(frames, bodies, missing))
            hopes = [
                _added(held, _owned(found, some, frame.stamp, arms))
                for held, found, some, frame, arms in zip(hopes, hands, bodies, frames, missing, strict=True)
            ]
        # What is known comes first, since of two readings of one hand the later one goes.
        again = [
            joined(follow_hands(old.hands, frame.stamp), follow_hands(new.hands, frame.stamp))
            for old, new, frame in zip(known, hopes, frames, strict=True)
        ]
        return [
            _added(old, _owned(hands[_regions(hands) >= len(old.hands)], some, frame.stamp, arms))
            for old, hands, some, frame, arms in zip(
                known, self.read(frames, again), bodies, frames, wanted, strict=True
            )
        ]

    def _palms(
        self,
        frames: Sequence[Frame],
        _: Sequence[Landmarks],
        wanted: Sequence[NDArray[np.bool_]],
        rotation: int,
    ) -> list[Regions]:
        """Return the regions around the palms of each frame in which a hand is wanted."""
        rows = [row for row, arms in enumerate(wanted) if arms.any()]
        palms = dict(zip(rows, self.look([frames[row] for row in rows], rotation), strict=True))
        return [palms.get(row, NOWHERE) for row in range(len(frames))]


def _ends(
    _: Sequence[Frame], bodies: Sequence[Landmarks], wanted: Sequence[NDArray[np.bool_]]
) -> list[Regions]:
    """Return the regions at the ends of those arms of which a hand is wanted."""
    return [hand_regions(some)[arms] for some, arms in zip(bodies, wanted, strict=True)]


class _Memory:
    """What a stream remembers of hands from one frame to the next."""

    def __init__(self, whole: Whole, tracking: Tracking, smoothing: Smoothing | None, rotation: int) -> None:
        self._whole, self._tracking = whole, tracking
        self._rotation = rotation
        self._people: frozenset[int] = frozenset()
        # Of the hand of each person's each side, from the wrist of the body: the arm carries it along.
        self._regions: dict[tuple[int, int], Regions] = {}
        self._filters = FilterBank[tuple[int, int]](smoothing)
        self._seen: dict[tuple[int, int], float] = {}  # when each of these hands was seen last
        self._before: Stamp | None = None
        self._start: float | None = None
        self._looked = -math.inf

    def step(self, frame: Frame, bodies: Landmarks) -> Landmarks:
        """Return everybody in the next frame, with their hands."""
        now = seconds(frame.stamp)
        if self._start is None:
            self._start = now
        self._rescale(frame.stamp)
        people = [] if bodies.track_id is None else bodies.track_id.tolist()
        arms = [(person, side) for person in people for side in (0, 1)]
        held = self._follow(frame, bodies, arms)
        wanted = _without(_in_sight(bodies, frame.stamp), held)
        missing = [arms[row] for row in np.flatnonzero(wanted).tolist()]
        if missing and self._is_time_to_look(missing, people, now):
            self._looked = now
            held = self._whole.search([frame], [bodies], [wanted], [held], self._rotation)[0]
        self._people = frozenset(people)
        names = [arms[arm] for arm in held.arm.tolist()]
        regions = follow_hands(held.hands, frame.stamp)
        centred = replace(regions, centre=regions.centre - _wrists(bodies)[held.arm])
        self._regions = {name: centred[row : row + 1] for row, name in enumerate(names)}
        self._seen |= dict.fromkeys(names, now)
        self._seen = {name: time for name, time in self._seen.items() if now - time <= self._tracking.keep}
        sizes = regions.size[:, 0].tolist()
        hands = self._smoothed(held.hands, names, sizes, round((now - self._start) * 1e9))
        return _composed(bodies, Held(hands, held.arm))

    def _rescale(self, stamp: Stamp) -> None:
        """Carry what is remembered over to a frame of another size."""
        before, self._before = self._before or stamp, stamp
        if (before.width, before.height) != (stamp.width, stamp.height):
            self._regions = {arm: scaled(each, before, stamp) for arm, each in self._regions.items()}
            self._filters.keep([])

    def _follow(self, frame: Frame, bodies: Landmarks, arms: Sequence[tuple[int, int]]) -> Held:
        """Return the hands that are where those of the last frame led to."""
        followed = [row for row, arm in enumerate(arms) if arm in self._regions]
        if not followed:
            return _nobody()
        regions = joined(*(self._regions[arms[row]] for row in followed))
        regions = replace(regions, centre=regions.centre + _wrists(bodies)[followed])
        hands = self._whole.read([frame], [regions])[0]
        own = np.array(followed, np.intp)[_regions(hands)]
        return _owned(hands, bodies, frame.stamp, np.ones(len(arms), np.bool_), own)

    def _is_time_to_look(self, missing: Sequence[tuple[int, int]], people: Sequence[int], now: float) -> bool:
        """Return whether one of these hands was just lost, somebody just came, or enough time has passed."""
        if not self._people.issuperset(people) or any(arm in self._regions for arm in missing):
            return True
        known = any(arm in self._seen for arm in missing)
        return now - self._looked >= (self._tracking.search if known else self._tracking.redetect)

    def _smoothed(
        self, hands: Landmarks, names: Sequence[tuple[int, int]], sizes: Sequence[float], time: int
    ) -> Landmarks:
        self._filters.keep(names)
        return self._filters.smoothed(hands, sizes, time)


def _wrists(bodies: Landmarks) -> NDArray[np.float32]:
    """Return the wrists of the bodies: (2 N, 2), of each the left and then the right one."""
    return bodies.xy[:, _WRISTS].reshape(-1, 2)


def _in_sight(bodies: Landmarks, stamp: Stamp) -> NDArray[np.bool_]:
    """Return which arms' wrists are inside the picture and perhaps visible: (2 N,)."""
    wrists = _wrists(bodies)
    within = (wrists >= 0) & (wrists < (stamp.width, stamp.height))
    seen: NDArray[np.bool_] = within[:, 0] & within[:, 1]
    return seen if bodies.score is None else seen & (bodies.score[:, _WRISTS].ravel() >= _IN_SIGHT)


def _without(arms: NDArray[np.bool_], held: Held) -> NDArray[np.bool_]:
    """Return those of the arms that hold no hand."""
    free = arms.copy()
    free[held.arm] = False
    return free


def _owned(
    hands: Landmarks,
    bodies: Landmarks,
    stamp: Stamp,
    arms: NDArray[np.bool_],
    own: NDArray[np.intp] | None = None,
) -> Held:
    """Give each hand to the arm whose wrist it sits on, so that the sum of what speaks for it is greatest.

    Args:
        hands: M hands in one picture.
        bodies: N bodies in it.
        stamp: The picture's.
        arms: (2 N,) which arms a hand is looked for.
        own: (M,) the arm on which each hand was followed.

    Returns:
        Those hands that have an owner, the nearest to its wrist first.
    """
    if not len(hands) or not arms.any():
        return Held(hands[:0], np.empty(0, np.intp))
    from lap import lapjv  # noqa: PLC0415  # opens a foreign world

    offset = np.hypot(*(hands.xy[:, None, 0] - _wrists(bodies)[None]).transpose(2, 0, 1))
    nearness = 1 - offset / (_REACH * follow_hands(hands, stamp).size[:, :1].clip(1))
    possible = (nearness > 0) & arms
    worth = nearness + _SURE * hands.box_score[:, None]
    if own is not None:
        worth[np.arange(len(hands)), own] += _OWN
    _, taken, _ = lapjv(np.where(possible, -worth, 0.0).astype(np.float64), extend_cost=True)
    pairs = [
        (row, arm) for row, arm in enumerate(taken.tolist()) if 0 <= arm < len(arms) and possible[row, arm]
    ]
    pairs.sort(key=lambda pair: -nearness[pair])
    return Held(hands[[row for row, _ in pairs]], np.array([arm for _, arm in pairs], np.intp))


def _nobody() -> Held:
    return Held(Landmarks.nobody(Skeleton.named("hand21")), np.empty(0, np.intp))


def _regions(hands: Landmarks) -> NDArray[np.int64]:
    """Return the region that each hand was read from."""
    return np.arange(len(hands)) if hands.region is None else hands.region


def _added(held: Held, more: Held) -> Held:
    return Held(concatenated([held.hands, more.hands]), np.concatenate([held.arm, more.arm]))


def _composed(bodies: Landmarks, held: Held | None = None) -> Landmarks:
    """Return bodies and hands as one skeleton; what is not known of a hand is NaN.

    Depths and world points of a hand are the hand network's, moved so that its wrist is where the body's is:
    the axes of both are those of the camera.
    """
    hands, arm = held or _nobody()
    # Typed loosely, since a table of names cannot tell which column is which.
    columns: dict[str, Any] = {
        name: _with_hands(column, getattr(hands, name), arm, moved=name in ("depth", "world"))
        for name in ("xy", "score", "presence", "depth", "world")
        if (column := getattr(bodies, name)) is not None
    }
    return replace(bodies, skeleton=Skeleton.named("body75"), **columns)


def _with_hands(
    body: NDArray[np.float32], hands: NDArray[np.float32] | None, arm: NDArray[np.intp], *, moved: bool
) -> NDArray[np.float32]:
    """Return (N, 75, …) values of whole people.

    Args:
        body: (N, 33, …).
        hands: (M, 21, …); ``None``: there are none of hands.
        arm: (M,) the arm of each.
        moved: Whether the values of a hand start from the wrist of its body.
    """
    both = np.full((2 * len(body), _HAND, *body.shape[2:]), np.nan, np.float32)
    if hands is not None:
        wrists = body[:, _WRISTS].reshape(-1, 1, *body.shape[2:])
        both[arm] = hands - hands[:, :1] + wrists[arm] if moved else hands
    return np.concatenate([body, both.reshape(len(body), 2 * _HAND, *body.shape[2:])], axis=1)
