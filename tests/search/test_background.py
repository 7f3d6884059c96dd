"""The thorough search of a stream: how it is spread over frames."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor, Future

import numpy as np
import pytest

from vitruvian import Frame, Landmarks, Regions, Skeleton, Stamp
from vitruvian.errors import SessionError
from vitruvian.following import follow_bodies
from vitruvian.landmarks import bounds
from vitruvian.models.tiles import Sight, Tile
from vitruvian.regions import NOWHERE
from vitruvian.search.background import Background
from vitruvian.search.thorough import Job, Thorough

F32 = np.float32
BODY = Skeleton.named("body33")
SHAPE = np.random.default_rng(3).uniform(-0.3, 0.3, (33, 2))


def _regions(*places):
    """Return regions: (x, y, side) each."""
    rows = np.array(places, F32).reshape(-1, 3)
    return Regions(
        rows[:, :2].copy(), rows[:, [2, 2]].copy(), np.zeros(len(rows), F32), np.ones(len(rows), F32)
    )


def _people(regions):
    """Return somebody in every region."""
    count = len(regions)
    side = regions.size[:, :1]
    xy = (regions.centre[:, None] + SHAPE * side[:, None]).astype(F32)
    ones = np.ones((count, 33), F32)
    return Landmarks(
        BODY,
        xy,
        bounds(xy) if count else np.empty((0, 4), F32),
        ones[:, 0],
        score=ones,
        presence=ones,
        auxiliary=np.stack([regions.centre, regions.centre - side / 2.5 * np.array([0, 1], F32)], axis=1),
        region=np.arange(count),
    )


class Errand:
    """A search of a few tiles and a few regions, each of which takes its time.

    It reports who is in ``finds`` at the end of the first search, and keeps what it was asked and told.
    """

    def __init__(self, wait, *, tile=0.003, region=0.003, tiles=5, finds=()):
        self.wait, self.costs = wait, {True: tile, False: region}
        self.tiles, self.finds = tiles, list(finds)
        self.follow = follow_bodies
        self.pieces, self.turns, self.spent = [], [], []
        self.walks, self.told = 0, []
        self.shows = None  # x of the regions that hold somebody; by default all do

    def walk(self, _, company):
        self.walks += 1
        finds, self.finds = _regions(*self.finds), []
        answer = yield Job(tiles=[Tile(10.0 * i, 45, 60) for i in range(self.tiles)])
        self.told.append(answer)
        if len(finds):
            answer = yield Job(regions=finds, flipped=True)
            self.told.append(answer)
            company.report(answer)
        return _people(finds)

    def perform(self, frame, job, rotation=0):
        begin = time.perf_counter()
        self.wait(self.costs[bool(job.tiles)])
        self.spent.append(time.perf_counter() - begin)
        self.pieces.append((frame.stamp.index, job))
        self.turns.append(rotation)
        if job.tiles:
            return Sight(_regions((job.tiles[0].x, 0, 9)), _regions((job.tiles[0].x, 1, 9), (0, 2, 9)))
        (x,) = job.regions.centre[:, 0].tolist()
        people = _people(job.regions)
        return people if self.shows is None or x in self.shows else people[:0]


class Clock:
    """A clock that stands still unless somebody waits."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


class AtOnce(Executor):
    """Does whatever is submitted before ``submit`` returns."""

    def submit(self, work, /, *arguments, **options):
        future = Future()
        future.set_result(work(*arguments, **options))
        return future


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("vitruvian.search.background.perf_counter", clock)
    return clock


def _searching(search, budget, rotation=0):
    """Return a search whose pieces are done at once, by whatever clock."""
    return Background(search, rotation, budget, AtOnce())


def _numbered(index, width=160):
    return Frame(np.zeros((90, width, 3), np.uint8), Stamp("x", width, 90, index, index / 30))


def _run(background, count, known=NOWHERE):
    return [background(_numbered(index), known) for index in range(count)]


def _performed(errand):
    """Return how many pieces were done in which frame."""
    frames = [index for index, _ in errand.pieces]
    return {index: frames.count(index) for index in sorted(set(frames))}


@pytest.mark.parametrize("cost", [0.001, 0.003, 0.012, 0.050])
def test_the_budget_is_kept_on_the_mean_however_long_things_really_take(cost):
    """By the real clock: on a busy machine a piece takes longer, and is paid for by the next frames."""
    errand = Errand(time.sleep, tile=cost, region=cost)
    background = Background(errand, 0, 0.008)
    _run(background, 80)
    background.close()
    assert sum(errand.spent) <= 80 * 0.008 + max(errand.spent)
    assert len(errand.pieces) >= 5


def test_a_frame_takes_as_many_pieces_as_it_can_pay(clock):
    """Nothing is known of prices in the first frame: that one pays for one piece, and learns."""
    errand = Errand(clock.wait, tile=0.003, tiles=100)
    _run(_searching(errand, 0.0080001), 10)
    performed = _performed(errand)
    assert performed[0] <= 3
    assert [performed[index] for index in range(2, 10)] == [2] * 8


def test_what_is_dearer_than_the_budget_is_done_every_so_many_frames(clock):
    errand = Errand(clock.wait, tile=0.010)
    _run(_searching(errand, 0.0040001), 31)
    frames = list(_performed(errand))
    assert max(_performed(errand).values()) == 1
    assert frames[0] == 0
    assert set(np.diff(frames[1:])) == {3}
    assert len(errand.pieces) * 0.010 <= 31 * 0.004 + 0.010


def test_what_one_frame_does_not_need_is_not_saved_for_others(clock):
    """After a while with nothing to pay a frame takes what its own budget allows, and no more."""
    errand = Errand(clock.wait, tile=0.0001, tiles=3)
    background = _searching(errand, 0.008)
    _run(background, 20)
    errand.costs[True], errand.tiles = 0.004, 100
    before = clock.now
    for index in range(20, 30):
        start = clock.now
        background(_numbered(index), NOWHERE)
        assert clock.now - start <= 0.008 + 0.004 + 1e-9
    assert clock.now - before <= 10 * 0.008 + 0.004


def test_one_dear_moment_is_paid_back_and_then_forgotten(clock):
    errand = Errand(clock.wait, tile=0.002, tiles=1000)
    background = _searching(errand, 0.0080001)
    _run(background, 5)
    errand.costs[True] = 0.050
    background(_numbered(5), NOWHERE)
    errand.costs[True] = 0.002
    for index in range(6, 60):
        background(_numbered(index), NOWHERE)
    performed = _performed(errand)
    assert not any(index in performed for index in range(6, 11))
    assert performed[59] >= 3


def test_one_search_begins_in_a_frame_however_much_it_might_cost(clock):
    errand = Errand(clock.wait, tiles=5)
    _run(_searching(errand, 1000), 4)
    assert errand.walks == 4
    assert _performed(errand) == dict.fromkeys(range(4), 5)


def test_without_a_budget_nothing_is_done(clock):
    errand = Errand(clock.wait, finds=[(80, 45, 40)])
    assert [len(found) for found in _run(_searching(errand, 0.0), 5)] == [0] * 5
    assert errand.walks == 0
    assert errand.pieces == []


def test_people_come_out_once_and_in_the_next_frame(clock):
    errand = Errand(clock.wait, finds=[(80, 45, 40), (20, 45, 30)])
    found = _run(_searching(errand, 1000), 5)
    assert [len(regions) for regions in found] == [0, 2, 0, 0, 0]
    assert found[1].centre == pytest.approx(np.array([[80, 45], [20, 45]]))
    assert found[1].size[:, 0] == pytest.approx([40, 30], rel=1e-5)


def test_who_is_found_over_many_frames_comes_out_when_they_are_found(clock):
    errand = Errand(clock.wait, tile=0.003, region=0.003, tiles=5, finds=[(80, 45, 40)])
    found = _run(_searching(errand, 0.003), 20)
    arrivals = [index for index, regions in enumerate(found) if len(regions)]
    last = [index for index, job in errand.pieces if len(job.regions)]
    assert arrivals == [last[-1] + 1]


def test_reading_those_who_are_found_is_paid_from_the_budget(clock):
    """The caller reads them, in the same frame."""
    counts = []
    for finds in ([(80, 45, 40)], [(80, 45, 40), (20, 45, 30), (140, 45, 30)]):
        errand = Errand(clock.wait, tile=0.001, region=0.002, tiles=50, finds=finds)
        background = _searching(errand, 0.0080001)
        frame = 0
        while not len(background(_numbered(frame), NOWHERE)):
            frame += 1
        counts.append(_performed(errand)[frame])
    assert counts == [5, 1]


def test_a_piece_is_one_tile_or_one_region_of_the_present_frame(clock):
    errand = Errand(clock.wait, tile=0.004, region=0.004, tiles=3, finds=[(80, 45, 40), (20, 45, 30)])
    _run(_searching(errand, 0.004, rotation=90), 8)
    jobs = [(len(job.tiles), len(job.regions), job.flipped) for _, job in errand.pieces[:5]]
    assert jobs == [(1, 0, False)] * 3 + [(0, 1, True)] * 2
    assert [index for index, _ in errand.pieces] == sorted(index for index, _ in errand.pieces)
    assert len(_performed(errand)) >= 4
    assert set(errand.turns) == {90}


def test_the_search_is_told_the_whole_answer_in_order(clock):
    errand = Errand(clock.wait, tiles=3, finds=[(80, 45, 40), (20, 45, 30)])
    _run(_searching(errand, 0.003), 12)
    sight, people = errand.told[:2]
    assert sight.found.centre[:, 0].tolist() == [0, 10, 20]
    assert sight.hints.centre.tolist() == [[0, 1], [0, 2], [10, 1], [0, 2], [20, 1], [0, 2]]
    assert people.region.tolist() == [0, 1]
    assert people.auxiliary[:, 0] == pytest.approx(np.array([[80, 45], [20, 45]]))


def test_nobody_in_some_regions_and_in_any_is_an_answer_too(clock):
    places = [(80, 45, 40), (20, 45, 30), (140, 45, 30)]
    for there in ([0, 1, 2], [2], []):
        errand = Errand(clock.wait, tile=0.004, region=0.004, tiles=1, finds=places)
        errand.shows = [places[row][0] for row in there]
        found = _run(_searching(errand, 0.004), 8)
        assert errand.told[1].region.tolist() == there
        assert sum(map(len, found)) == len(there)


def test_frames_of_another_size_begin_another_search(clock):
    errand = Errand(clock.wait, tile=0.004, tiles=10)
    background = _searching(errand, 0.004)
    _run(background, 4)
    assert errand.walks == 1
    background(_numbered(4, width=200), NOWHERE)
    assert errand.walks == 2
    assert errand.told == []
    for index in range(5, 25):
        background(_numbered(index, width=200), NOWHERE)
    assert len(errand.told[0].found) == 10


def test_who_was_found_in_frames_of_another_size_is_forgotten(clock):
    errand = Errand(clock.wait, finds=[(80, 45, 40)])
    background = _searching(errand, 1000)
    assert len(background(_numbered(0), NOWHERE)) == 0
    assert len(background(_numbered(1, width=200), NOWHERE)) == 0
    assert len(background(_numbered(2, width=200), NOWHERE)) == 0
    assert errand.walks == 3


class Gate:
    """Somebody who waits until they are let through, however long they said that they would take."""

    def __init__(self):
        self.begun, self.opened = threading.Event(), threading.Event()

    def wait(self, _):
        self.begun.set()
        assert self.opened.wait(30)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()  # or a thread would wait for ever


@pytest.fixture
def held(gate):
    """A search whose first piece does not end before the gate is opened, and what it is asked."""
    errand = Errand(gate.wait, tiles=2, finds=[(80, 45, 40)])
    background = Background(errand, 0, 0.02)
    yield background, errand
    gate.opened.set()
    background.close()


def _until(background, ready, first):
    """Send frames until something is the case, and return what was found in them."""
    found = []
    for index in range(first, first + 500):
        found.append(background(_numbered(index), NOWHERE))
        if ready():
            return found
        time.sleep(0.001)
    pytest.fail("it never was")


def test_no_frame_waits_for_a_piece_that_takes_long(held, gate):
    """It is done beside the frames to come, with the frame in which it began; no other begins before."""
    background, errand = held
    assert [len(found) for found in _run(background, 4)] == [0] * 4
    assert gate.begun.is_set()
    assert errand.pieces == []
    gate.opened.set()
    found = _until(background, lambda: len(errand.told) == 2, 4)
    first, second, *_ = [index for index, _ in errand.pieces]
    assert first == 0
    assert second >= 4
    assert errand.told[0].found.centre[:, 0].tolist() == [0, 10]
    assert sum(map(len, found)) == 1


def test_a_piece_of_frames_of_another_size_is_no_answer(held, gate):
    background, errand = held
    _run(background, 2)
    background(_numbered(2, width=200), NOWHERE)
    gate.opened.set()
    background.close()
    assert errand.walks == 2
    assert errand.told == []


def test_an_error_of_the_network_comes_out(clock, gate):
    """In the frame that finds it."""
    broken = SessionError("it is broken", network="x")

    def fail(*_):
        gate.opened.wait()
        raise broken

    errand = Errand(clock.wait)
    errand.perform = fail
    background = Background(errand, 0, 0.01)
    assert len(background(_numbered(0), NOWHERE)) == 0
    gate.opened.set()
    with pytest.raises(SessionError, match="it is broken"):
        _run(background, 500)
    background.close()


def test_closing_waits_for_the_piece_that_is_being_done_and_leaves_no_thread(held, gate):
    background, errand = held
    before = threading.active_count()
    _run(background, 2)
    assert threading.active_count() == before + 1
    threading.Timer(0.05, gate.opened.set).start()
    background.close()
    assert len(errand.pieces) == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("search")]


def test_any_budget_is_one(clock):
    for budget in (1e12, float("inf")):
        errand = Errand(clock.wait)
        background = Background(errand, 0, budget)
        _run(background, 3)
        background.close()
        assert errand.walks == 3


class Still:
    """Two people who stand still, for the real search: one on the left, one on the right."""

    places = ((45, 45, 40), (115, 45, 40))

    def __init__(self):
        self.reads = 0

    def inspect(self, _, tiles, rotation=0):
        assert rotation == 0
        return Sight(_regions(*(self.places if tiles[0].side == 160 else ())), NOWHERE)

    def read(self, _, regions):
        self.reads += len(regions[0])
        return [_people(regions[0])]

    def search(self):
        return Thorough(self.inspect, self.read, self.read, follow_bodies, BODY)


def test_the_real_search_finds_who_is_not_known():
    still = Still()
    background = _searching(still.search(), 1000)
    nobody, both = _run(background, 2)
    assert len(nobody) == 0
    assert sorted(both.centre[:, 0].tolist()) == pytest.approx([45, 115])
    left = background(
        _numbered(2), _regions((47, 46, 41))
    )  # found by the second search, before that was known
    assert len(left) == 2
    right = background(_numbered(2), _regions((47, 46, 41)))
    assert right.centre[:, 0].tolist() == pytest.approx([115])


def test_who_is_known_is_not_read_and_not_reported():
    still = Still()
    background = _searching(still.search(), 1000)
    found = _run(background, 6, known=_regions(*Still.places))
    assert [len(regions) for regions in found] == [0] * 6
    assert still.reads == 0
