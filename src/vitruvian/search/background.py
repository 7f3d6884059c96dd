"""The thorough search of a stream: spread over its frames, a few milliseconds of each."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from threading import TIMEOUT_MAX
from time import perf_counter
from typing import TYPE_CHECKING

from vitruvian.landmarks import Landmarks, concatenated
from vitruvian.models.tiles import Sight
from vitruvian.regions import NOWHERE, joined
from vitruvian.search.thorough import Company, Job, origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitruvian.frame import Frame, Stamp
    from vitruvian.regions import Regions
    from vitruvian.search.thorough import Answer, Thorough, Walk

__all__ = ["Background"]

_TILES = 4  # looked at before what was found in them is read: who waits longer has moved
_SLOWER = 1.5  # times what the last pieces took: what one more may take, on a machine that others use too
_PUNCTUAL = 0.85  # of the budget: who waits for a piece while all cores are busy wakes up late
_MEMORY = 0.8  # of what work cost before that is remembered when it comes cheaper


class Background:
    """One stream's search. Each call goes on where the one before stopped; at the end it begins again.

    A search takes many frames, and finds people where they were some frames ago: near enough to read them in
    the present one. Its pieces are done in a thread, so that no frame need wait for one that takes long.

    Args:
        search: What is done to a picture.
        rotation: Degrees by which the frames must be turned clockwise to be upright; a multiple of 90.
        budget: Seconds for which each frame waits, at most. A piece that takes longer, on a slow machine, is
            done beside the frames to come, and no other begins before it is paid for, so that in the mean,
            too, the search takes no more.
        executor: What does the pieces; by default a thread of its own.
    """

    def __init__(
        self, search: Thorough, rotation: int, budget: float, executor: Executor | None = None
    ) -> None:
        self._search, self._rotation, self._budget = search, rotation, budget
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="search")
        self._credit = 0.0
        self._prices: dict[bool | None, float] = {}  # of reading a region, of looking at a tile
        self._known = self._found = NOWHERE
        self._walk: Walk | None = None
        self._pieces: list[Job] = []  # of the job at hand, one tile or region each
        self._answers: list[Answer] = []  # to the first of them
        self._work: Future[tuple[Answer, float]] | None = None  # on the next of them
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
        begin = perf_counter()
        self._known = known
        self._resize(frame.stamp)
        if self._work is not None and self._work.done():
            self._pay(self._work)
        if self._work is None:
            self._credit = min(self._credit, 0.0)  # what a frame has left is not saved; what it owes is kept
        self._begin(frame.stamp)
        newcomers, self._found = self._found, NOWHERE
        share = self._budget - len(newcomers) * self._cost(regions=True)  # the caller reads them
        self._credit += share
        self._go_on(frame, begin + _PUNCTUAL * share)
        return newcomers

    def close(self) -> None:
        """Wait for the piece that is being done, if there is one; the last call."""
        self._executor.shutdown(cancel_futures=True)

    def _resize(self, stamp: Stamp) -> None:
        """Forget the search that is under way, if frames are of another size now."""
        if self._size != (stamp.width, stamp.height):
            self._size, self._found = (stamp.width, stamp.height), NOWHERE
            self._walk = self._work = None

    def _begin(self, stamp: Stamp) -> None:
        """Begin a search, if none is under way."""
        self._advance()
        if self._walk is None:
            company = Company(
                lambda: self._known, partial(self._report, stamp), _TILES, moving=True, every_tile=True
            )
            self._walk = self._search.walk(stamp, company)
            self._take(next(self._walk))

    def _report(self, stamp: Stamp, people: Landmarks) -> None:
        self._found = joined(self._found, self._search.follow(people, stamp))

    def _go_on(self, frame: Frame, deadline: float) -> None:
        """Do pieces while they can be paid; who waits for one does so until the deadline."""
        enough = min(self._price, self._budget)  # or what is dearer than a frame's budget would never be done
        while self._work is not None or self._credit >= enough:
            if self._work is None:
                self._advance()
                if self._walk is None:
                    break
                self._work = self._executor.submit(self._perform, frame, self._piece)
            if wait([self._work], min(max(deadline - perf_counter(), 0.0), TIMEOUT_MAX)).not_done:
                return
            self._pay(self._work)
            enough = _SLOWER * self._price

    @property
    def _price(self) -> float:
        """What the next piece will cost, to judge by those before."""
        return self._cost(regions=None if self._is_done() else not self._piece.tiles)

    def _cost(self, *, regions: bool | None) -> float:
        """What reading a region costs, or looking at a tile; unknown, or not known which: the dearest."""
        return self._prices.get(regions, max(self._prices.values(), default=0.0))

    @property
    def _piece(self) -> Job:
        """The first that has no answer yet."""
        return self._pieces[len(self._answers)]

    def _perform(self, frame: Frame, piece: Job) -> tuple[Answer, float]:
        """Return the answer to a piece, and the seconds that it took."""
        begin = perf_counter()
        return self._search.perform(frame, piece, self._rotation), perf_counter() - begin

    def _pay(self, work: Future[tuple[Answer, float]]) -> None:
        """Take the answer to the piece at hand, and learn from what it cost."""
        answer, cost = work.result()
        regions, self._work = not self._piece.tiles, None
        self._answers.append(answer)
        self._credit -= cost
        before = self._prices.get(regions, cost)
        self._prices[regions] = max(cost, _MEMORY * before + (1 - _MEMORY) * cost)

    def _is_done(self) -> bool:
        return len(self._answers) == len(self._pieces)

    def _advance(self) -> None:
        """Tell the search what was found in all pieces of a job, and take the next job, or none."""
        if self._walk is None or not self._is_done():
            return
        begin = perf_counter()
        try:
            self._take(self._walk.send(_whole(self._answers)))
        except StopIteration:
            self._walk = None
        self._credit -= perf_counter() - begin

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
