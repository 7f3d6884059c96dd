"""The thorough search: looking again, closer, and believing what two readings agree on.

MediaPipe's detectors were made for one person in front of a phone. Here they look at the whole picture and at
overlapping tiles of it, and whatever they find is read as often as it takes to tell a person from furniture:
the landmark network draws a body wherever it is told to look, but only a real one twice in the same place,
from another crop and in the mirror.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import numpy as np

from vitruvian.errors import ArrayError
from vitruvian.landmarks import Landmarks, concatenated
from vitruvian.likeness import agreement, distinct
from vitruvian.models.flip import averaged
from vitruvian.models.tiles import open_tiles, tiles_of
from vitruvian.regions import NOWHERE, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    from vitruvian.following import Follow, Read
    from vitruvian.frame import Frame, Stamp
    from vitruvian.models.tiles import Sight, Tile
    from vitruvian.regions import Regions
    from vitruvian.skeleton import Skeleton

__all__ = ["SHARES", "Answer", "Company", "Inspect", "Job", "Thorough", "Walk", "origin"]

SHARES = (1.0, 1 / 2, 1 / 3, 1 / 5)
"""Of a picture's longer side: the tiles of each level."""

_COMPLETE = 2  # levels of which every tile is looked at; of the finer ones those that a hint opens
_SAME = 0.07  # in sides: two regions this near show the same, and are read once
_REPEATED = 0.9  # similarity above which two readings are read on once
_AGREED = 0.08  # of a size: how far two readings of a point may be apart
_TRUST = 0.3  # least score of somebody who is believed
_SETTLED = 0.7  # score of somebody whom no closer look shows better
_INNER = 0.25  # of a hand's region, from its middle: a small hand in there is a part of it
_SMALL = 0.6  # of the larger one's size


class Inspect(Protocol):
    """A detector that looks at parts of a picture."""

    def __call__(self, frame: Frame, tiles: Sequence[Tile], rotation: int = 0) -> Sight:
        """Return what it sees in these tiles, as one batch, in the pixels of the picture."""


class Job(NamedTuple):
    """What a search wants to know next.

    Attributes:
        tiles: To be looked at; or
        regions: to be read,
        flipped: in a mirror.
    """

    tiles: Sequence[Tile] = ()
    regions: Regions = NOWHERE
    flipped: bool = False


@dataclass(frozen=True)
class Company:
    """What goes on around a search that takes a while.

    Attributes:
        known: Where those are who need not be found.
        report: Is told of people as soon as they are believed.
        tiles: How many are looked at before what was found in them is read; ``None``: all of a level, which
            tells best who is there twice.
        moving: Whether people move between two readings, which are of different frames.
        every_tile: Whether in the end the tiles are looked at, too, that no hint opens.
    """

    known: Callable[[], Regions] = lambda: NOWHERE
    report: Callable[[Landmarks], None] = lambda _: None
    tiles: int | None = None
    moving: bool = False
    every_tile: bool = False


if TYPE_CHECKING:
    Answer: TypeAlias = Sight | Landmarks
    Walk: TypeAlias = Generator[Job, Answer, Landmarks]


@dataclass(frozen=True, eq=False)
class Thorough:
    """Finds everybody in a picture, those of the highest score first. Holds no memory of pictures.

    Attributes:
        inspect: The detector.
        read: The landmark network.
        flipped: The same network, in a mirror.
        follow: From landmarks to the region in which the same instance is read again.
        skeleton: Of the landmarks.
        looks: How often an instance is read before it is read in the mirror, 2 or more.
        nested: Whether an instance may be inside another, as a child in front of its mother is; a hand within
            a hand is a misread part of it.
        averaged: Whether the landmarks are the mean of both readings, the straight and the mirrored.
        shares: Of the picture's longer side: the tiles of each level, the coarsest first.
    """

    inspect: Inspect
    read: Read
    flipped: Read
    follow: Follow
    skeleton: Skeleton
    looks: int = 2
    nested: bool = True
    averaged: bool = False
    shares: Sequence[float] = SHARES

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Landmarks]:
        """Find everybody in each frame.

        Args:
            frames: Pictures.
            rotation: Degrees by which the pictures must be turned clockwise to be upright; a multiple of 90.

        Returns:
            For each frame everybody, best first; ``box_score`` is the score by which they are ranked.
        """
        return [self._find(frame, rotation) for frame in frames]

    def perform(self, frame: Frame, job: Job, rotation: int = 0) -> Answer:
        """Answer a job with this frame: all its tiles, or all its regions, as one batch."""
        if job.tiles:
            return self.inspect(frame, job.tiles, rotation)
        return (self.flipped if job.flipped else self.read)([frame], [job.regions])[0]

    def walk(self, stamp: Stamp, company: Company | None = None) -> Walk:
        """Search a picture: yields jobs, is sent their answers, and returns everybody.

        Args:
            stamp: Of the picture; in a stream, of the frame with which the search begins.
            company: Of a search in a stream.
        """
        company = company or Company()
        people = Landmarks.nobody(self.skeleton)
        hints = tried = NOWHERE
        for level, share in enumerate(self.shares):
            tiles = tiles_of(stamp.width, stamp.height, share)
            if level >= _COMPLETE:
                known = joined(company.known(), self.follow(people, stamp))
                opened = open_tiles(tiles, _others(hints, known))
                tiles = opened + [tile for tile in tiles if company.every_tile and tile not in opened]
            some = company.tiles or max(len(tiles), 1)
            for start in range(0, len(tiles), some):
                sight = cast("Sight", (yield Job(tiles=tiles[start : start + some])))
                hints = joined(hints, sight.hints)
                settled = self.follow(people[people.box_score >= _SETTLED], stamp)
                fresh = _fresh(_others(sight.found, joined(company.known(), settled)), tried)
                tried = joined(tried, fresh)
                newcomers = yield from self.weighed(fresh, stamp, moving=company.moving)
                everybody, before = concatenated([people, newcomers]), len(people)
                rows = self._best(everybody, stamp, company.known())
                company.report(everybody[rows[rows >= before]])
                people = everybody[rows]
        return people

    def weighed(self, candidates: Regions, stamp: Stamp, *, moving: bool = False) -> Walk:
        """Read candidates until each is believed or not; as ``walk``, and returns those who are."""
        people = yield from self._read(Job(regions=candidates))
        people = people[distinct(people, people.box_score.tolist(), _REPEATED)]
        agreed = people.box_score.astype(np.float64)
        regions = NOWHERE
        for _ in range(1, self.looks):
            regions = self.follow(people, stamp)
            again = yield from self._read(Job(regions=regions))
            agreed = agreement(people[origin(again)], again, _AGREED, moving=moving)
            rows = np.flatnonzero(agreed >= _TRUST)
            rows = rows[distinct(again[rows], agreed[rows].tolist(), _REPEATED)]
            people, agreed, regions = again[rows], agreed[rows], regions[origin(again)[rows]]
        mirrored = yield from self._read(Job(regions=regions, flipped=True))
        people, agreed = people[origin(mirrored)], agreed[origin(mirrored)]
        agreed *= agreement(people, mirrored, _AGREED, moving=moving)
        score = agreed * people.box_score * mirrored.box_score
        people = averaged(people, mirrored) if self.averaged else people
        return replace(people, box_score=score.astype(np.float32), region=None)[score >= _TRUST]

    def _read(self, job: Job) -> Walk:
        """Ask for a reading; without regions nobody is there."""
        if not len(job.regions):
            return replace(Landmarks.nobody(self.skeleton), region=np.empty(0, np.int64))
        return cast("Landmarks", (yield job))

    def _find(self, frame: Frame, rotation: int) -> Landmarks:
        walk = self.walk(frame.stamp)
        try:
            job = next(walk)
            while True:
                job = walk.send(self.perform(frame, job, rotation))
        except StopIteration as end:
            people = cast("Landmarks", end.value)
        # Nobody has every column, too: as a network has it that is given nothing to read.
        return people if len(people) else self.read([frame], [NOWHERE])[0]

    def _best(self, people: Landmarks, stamp: Stamp, known: Regions) -> NDArray[np.intp]:
        """Return the rows of everybody once, best first, without parts of them and of who is known."""
        rows = distinct(people, people.box_score.tolist(), guesses=False)
        rows = rows[np.argsort(-people.box_score[rows], kind="stable")]
        if self.nested:
            return rows
        regions = self.follow(people[rows], stamp)
        return rows[~_parts(regions, joined(regions, known))]


def origin(people: Landmarks) -> NDArray[np.int64]:
    """Return which of the regions asked for each was read from."""
    if people.region is None:
        raise ArrayError("region: a landmark network says from which region each instance was read")
    return people.region


def _alike(some: Regions, others: Regions) -> NDArray[np.bool_]:
    """Return which of (N) regions show what which of (M) others show: (N, M)."""
    sides, theirs = some.size[:, None, 0], others.size[None, :, 0]
    larger, smaller = np.maximum(sides, theirs), np.minimum(sides, theirs)
    apart = np.hypot(*(some.centre[:, None] - others.centre[None]).transpose(2, 0, 1))
    turn = (some.rotation[:, None] - others.rotation[None] + math.pi) % (2 * math.pi) - math.pi
    alike: NDArray[np.bool_] = (
        (apart <= _SAME * larger) & (larger <= (1 + 2 * _SAME) * smaller) & (np.abs(turn) <= 3 * _SAME)
    )
    return alike


def _others(regions: Regions, known: Regions) -> Regions:
    """Return those that show somebody else than who is known."""
    return regions[np.flatnonzero(~_alike(regions, known).any(axis=1))]


def _fresh(found: Regions, tried: Regions) -> Regions:
    """Return what has not been read, each place once, the best of it."""
    order = np.argsort(-found.score, kind="stable")
    order = order[~_alike(found[order], tried).any(axis=1)]
    alike = _alike(found[order], found[order])
    kept: list[int] = []
    for row in range(len(order)):
        if not alike[row, kept].any():
            kept.append(row)
    return found[order[kept]]


def _parts(some: Regions, others: Regions) -> NDArray[np.bool_]:
    """Return which of these regions show a part of a larger one of the others: (N,)."""
    apart = np.abs(some.centre[:, None] - others.centre[None]).max(axis=2)
    inside = apart <= _INNER * others.size[None, :, 0]
    smaller = some.size[:, None, 0] <= _SMALL * others.size[None, :, 0]
    return np.asarray((inside & smaller).any(axis=1))
