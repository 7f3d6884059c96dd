"""The thorough search of a stream: spread over its frames, a few milliseconds of each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from vitruvian.landmarks import Landmarks, concatenated
from vitruvian.models.tiles import Sight
from vitruvian.regions import NOWHERE, joined
from vitruvian.thorough import Company, Job, origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitruvian.frame import Frame, Stamp
    from vitruvian.regions import Regions
    from vitruvian.thorough import Answer, Thorough, Walk

__all__ = ["Background"]

_TILES = 4  # looked at before what was found in them is read: who waits longer has moved
_SLOWER = 1.5  # times what the last pieces took: what one more may take, on a machine that others use too
_MEMORY = 0.8  # of what work cost before that is remembered when it comes cheaper


class Background:
    """One stream's search. Each call goes on where the one before stopped; at the end it begins again.

    A search takes many frames, and finds people where they were some frames ago: near enough to read them in
    the present one.

    Args:
        search: What is done to a picture.
        rotation: Degrees by which the frames must be turned clockwise to be upright; a multiple of 90.
        budget: Seconds of each frame. A network that takes longer, on a slow machine, is run in every second
            frame, or third, so that the mean is kept.
    """

    def __init__(self, search: Thorough, rotation: int, budget: float) -> None:
        self._search, self._rotation, self._budget = search, rotation, budget
        self._credit = 0.0
        self._prices: dict[bool, float] = {}  # of reading a region, of looking at a tile
        self._known = self._found = NOWHERE
        self._walk: Walk | None = None
        self._pieces: list[Job] = []  # of the job at hand, one tile or region each
        self._answers: list[Answer] = []  # to the first of them
        self._size = (0, 0)

    def __call__(self, frame: Frame, known: Regions) -> Regions:
        """Search for as long as the budget allows.

        Args:
            frame: The present one.
            known: Where those are who are in sight.

        Returns:
            Where newcomers are to be read; mostly nowhere.
        """
        if not self._budget:
            return NOWHERE
        self._known = known
        self._begin(frame.stamp)
        newcomers, self._found = self._found, NOWHERE
        self._credit += self._budget - len(newcomers) * self._cost(regions=True)  # the caller reads them
        due = 1.0  # the first piece of a frame has to be done at some time; the next need not be now
        while self._walk is not None and self._credit >= due * self._price:
            self._go_on(self._walk, frame)
            due = _SLOWER
        # What is left is saved only where one frame's budget is not enough.
        self._credit = min(self._credit, max(self._price - self._budget, 0.0))
        return newcomers

    def _begin(self, stamp: Stamp) -> None:
        """Begin a search, if none is under way in frames of this size."""
        if self._size != (stamp.width, stamp.height):
            self._size, self._found, self._walk = (stamp.width, stamp.height), NOWHERE, None
        if self._walk is None:
            company = Company(
                lambda: self._known, partial(self._report, stamp), _TILES, moving=True, every_tile=True
            )
            self._walk = self._search.walk(stamp, company)
            self._take(next(self._walk))

    def _report(self, stamp: Stamp, people: Landmarks) -> None:
        self._found = joined(self._found, self._search.follow(people, stamp))

    @property
    def _price(self) -> float:
        """What the next piece will cost, to judge by those before."""
        return self._cost(regions=not self._pieces[len(self._answers)].tiles) if self._walk else 0.0

    def _cost(self, *, regions: bool) -> float:
        """What reading a region costs, or looking at a tile; unknown: what the other does."""
        return self._prices.get(regions, max(self._prices.values(), default=0.0))

    def _go_on(self, walk: Walk, frame: Frame) -> None:
        piece = self._pieces[len(self._answers)]
        begin = perf_counter()
        self._answers.append(self._search.perform(frame, piece, self._rotation))
        cost = perf_counter() - begin
        self._credit -= cost
        regions = not piece.tiles
        before = self._prices.get(regions, cost)
        self._prices[regions] = max(cost, _MEMORY * before + (1 - _MEMORY) * cost)
        if len(self._answers) == len(self._pieces):
            try:
                self._take(walk.send(_whole(self._answers)))
            except StopIteration:
                self._walk = None

    def _take(self, job: Job) -> None:
        tiles = [Job(tiles=[tile]) for tile in job.tiles]
        regions = [Job(regions=job.regions[i : i + 1], flipped=job.flipped) for i in range(len(job.regions))]
        self._pieces, self._answers = tiles or regions, []


def _whole(answers: Sequence[Answer]) -> Answer:
    """Put the answers to the pieces of a job together to that to the job."""
    sights = [each for each in answers if isinstance(each, Sight)]
    if sights:
        return Sight(joined(*(sight.found for sight in sights)), joined(*(sight.hints for sight in sights)))
    people = [each for each in answers if isinstance(each, Landmarks)]
    return concatenated([replace(some, region=origin(some) + i) for i, some in enumerate(people)])
