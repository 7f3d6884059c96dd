"""What the thorough search believes, in a world whose people are known, and on real photos."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pytest

from vitruvian import ArrayError, Frame, Landmarks, Regions, Skeleton
from vitruvian.following import follow_bodies
from vitruvian.landmarks import bounds
from vitruvian.models.tiles import Sight, tiles_of
from vitruvian.regions import NOWHERE, joined
from vitruvian.search.thorough import SHARES, Company, Thorough

F32 = np.float32
BODY = Skeleton.named("body33")
PICTURE = Frame.of(np.zeros((720, 1280, 3), np.uint8))
SHAPE = np.random.default_rng(3).uniform(-0.3, 0.3, (33, 2))  # of a body, in sides of its region
SHAPE[:4] = [(-0.3, -0.3), (0.3, -0.3), (-0.3, 0.3), (0.3, 0.3)]


class Person(NamedTuple):
    """Somebody, or a piece of furniture.

    Attributes:
        x: Of the middle of the region.
        y: Of the middle of the region.
        side: Of the region.
        presence: What the network says.
        readings: By how many sides each reading is off; the last one stays.
        mirrored: The same in the mirror; nothing: the mirror shows nobody.
    """

    x: float
    y: float
    side: float
    presence: float = 0.95
    readings: tuple[float, ...] = (0.0,)
    mirrored: tuple[float, ...] = (0.0,)


@dataclass
class Room:
    """People in a picture; a detector that sees those who are large enough, and a network that reads them."""

    people: list[Person]
    seen: float = 0.4  # of a tile's side: the least region that is found in it
    hinted: float = 0.1  # the least that is a hint
    tiles: list = field(default_factory=list)
    straight: list[int] = field(default_factory=list)
    flipped: list[int] = field(default_factory=list)
    turns: set[int] = field(default_factory=set)
    times: dict = field(default_factory=dict)

    def inspect(self, _, tiles, rotation=0):
        self.tiles += tiles
        self.turns.add(rotation)
        found, hints = [], []
        for tile in tiles:
            for person in self.people:
                inside = max(abs(person.x - tile.x), abs(person.y - tile.y)) <= tile.side / 2
                if inside and person.side >= self.hinted * tile.side:
                    hints.append(person)
                    if self.seen * tile.side <= person.side <= 1.3 * tile.side:
                        found.append(person)
        return Sight(_regions(found), _regions(hints))

    def read(self, frames, regions):
        assert len(frames) == len(regions) == 1
        self.straight.append(len(regions[0]))
        return [self._read(regions[0], "readings")]

    def mirror(self, _, regions):
        self.flipped.append(len(regions[0]))
        return [self._read(regions[0], "mirrored")]

    def _read(self, regions, how):
        rows, shown = [], []
        for row, (x, y) in enumerate(regions.centre.tolist()):
            near = [one for one in self.people if np.hypot(one.x - x, one.y - y) < 0.3 * one.side]
            near.sort(key=lambda one, size=regions.size[row, 0]: abs(np.log(one.side / size)))
            if near and getattr(near[0], how):
                offs = getattr(near[0], how)
                time = self.times[near[0], how] = self.times.get((near[0], how), -1) + 1
                rows.append(row)
                shown.append((near[0], offs[min(time, len(offs) - 1)]))
        return _landmarks(rows, shown)

    def search(self, **options):
        return Thorough(self.inspect, self.read, self.mirror, follow_bodies, BODY, **options)


def _regions(people):
    rows = np.array([(one.x, one.y, one.side) for one in people], F32).reshape(-1, 3)
    return Regions(
        rows[:, :2].copy(), rows[:, [2, 2]].copy(), np.zeros(len(rows), F32), np.full(len(rows), 0.9, F32)
    )


def _landmarks(rows, shown):
    count = len(rows)
    xy = np.zeros((count, 33, 2), F32)
    auxiliary = np.zeros((count, 2, 2), F32)
    for row, (one, off) in enumerate(shown):
        xy[row] = SHAPE * one.side + (one.x + off * one.side, one.y)
        auxiliary[row] = [(one.x, one.y), (one.x, one.y - one.side / 2.5)]
    ones = np.ones((count, 33), F32)
    return Landmarks(
        BODY,
        xy,
        bounds(xy) if count else np.empty((0, 4), F32),
        np.array([one.presence for one, _ in shown], F32),
        score=ones,
        presence=ones,
        depth=0 * ones,
        world=np.zeros((count, 33, 3), F32),
        auxiliary=auxiliary,
        region=np.array(rows, np.int64),
    )


def _middles(people):
    return [tuple(row) for row in people.auxiliary[:, 0].tolist()] if len(people) else []


TALL, SMALL = Person(400, 360, 600), Person(1000, 200, 150)


def _tiles(*levels):
    return [tile for level in levels for tile in tiles_of(1280, 720, SHARES[level])]


def test_somebody_who_is_seen_in_many_tiles_is_read_three_times_in_all():
    room = Room([TALL])
    (people,) = room.search()([PICTURE])
    assert _middles(people) == [(400, 360)]
    assert room.straight == [1, 1]
    assert room.flipped == [1]
    assert people.box_score == pytest.approx([0.95**2], abs=1e-5)
    assert people.region is None


def test_nobody_is_looked_for_beyond_the_second_level_without_a_hint():
    room = Room([])
    (people,) = room.search()([PICTURE])
    assert len(people) == 0
    assert room.tiles == _tiles(0, 1)
    assert room.straight == [0]
    assert people.world.shape == (0, 33, 3)  # every column, as the network has it


def test_a_hint_opens_the_tiles_around_it_and_no_others():
    room = Room([SMALL], hinted=0.2)
    (people,) = room.search()([PICTURE])
    assert _middles(people) == [(1000, 200)]
    finer = room.tiles[len(_tiles(0, 1)) :]
    assert 2 <= len(finer) <= 6
    assert len(finer) < len(_tiles(2, 3)) / 4
    assert all(max(abs(tile.x - 1000), abs(tile.y - 200)) < tile.side for tile in finer)
    assert room.straight == [1, 1]


def test_what_is_known_explains_its_hints():
    large = Person(640, 360, 560)
    room = Room([large])
    (people,) = room.search()([PICTURE])
    assert len(people) == 1
    assert room.tiles == _tiles(0, 1)


def test_hints_of_what_is_no_person_open_tiles_and_no_more():
    """Where the first reading was not believed, what is near is looked at again, but not read again."""
    lamp = Person(640, 360, 300, readings=(0.0, 0.5))
    room = Room([lamp])
    (people,) = room.search()([PICTURE])
    assert len(people) == 0
    assert room.tiles[: len(_tiles(0, 1))] == _tiles(0, 1)
    assert len(room.tiles) > len(_tiles(0, 1))
    assert room.straight == [1, 1, 0]
    assert room.flipped == []


@pytest.mark.parametrize(
    "lamp",
    [
        Person(900, 300, 500, readings=(0.0, 0.2)),
        Person(900, 300, 500, mirrored=()),
        Person(900, 300, 500, mirrored=(0.2,)),
        Person(900, 300, 500, presence=0.4),
        Person(900, 300, 500, readings=(0.0, 0.08), mirrored=(-0.02,)),
    ],
    ids=[
        "the second reading differs",
        "not in the mirror",
        "other in the mirror",
        "hardly there",
        "all a bit",
    ],
)
def test_what_readings_do_not_agree_on_is_dropped(lamp):
    room = Room([lamp, Person(300, 360, 500)])
    (people,) = room.search()([PICTURE])
    assert _middles(people) == [(300, 360)]
    assert people.box_score == pytest.approx([0.95**2], abs=1e-5)


def test_small_differences_cost_some_score_and_the_best_come_first():
    people = [
        Person(200, 360, 300, presence=0.7),
        Person(600, 360, 300, presence=0.9),
        Person(1000, 360, 300, readings=(0.0, 0.02)),
    ]
    (found,) = Room(people).search()([PICTURE])
    assert [x for x, _ in _middles(found)] == [600, 1000, 200]
    assert (np.diff(found.box_score) < 0).all()
    assert found.box_score[0] == pytest.approx(0.9**2, abs=1e-5)
    assert found.box_score[1] < 0.95**2
    assert found.box_score[2] == pytest.approx(0.7**2, abs=1e-5)


@pytest.mark.parametrize("looks", [2, 3, 4])
def test_looks_say_how_often_somebody_is_read_before_the_mirror(looks):
    room = Room([TALL], seen=0.45)
    (people,) = room.search(looks=looks)([PICTURE])
    assert len(people) == 1
    assert room.straight == [1] * looks
    assert room.flipped == [1]


def test_the_last_reading_is_the_one_that_comes_out():
    """Each is nearer; the mirror's counts only where both are averaged."""
    person = Person(400, 360, 600, readings=(0.04, 0.01), mirrored=(0.03,))
    (people,) = Room([person]).search()([PICTURE])
    assert people.xy[0, 0, 0] == pytest.approx(400 + (-0.3 + 0.01) * 600, abs=1e-3)
    (means,) = Room([person]).search(averaged=True)([PICTURE])
    assert means.xy[0, 0, 0] == pytest.approx(400 + (-0.3 + 0.02) * 600, abs=1e-3)
    assert means.box_score == pytest.approx(people.box_score)
    np.testing.assert_array_equal(means.box, bounds(means.xy))


def test_one_body_that_is_found_at_two_places_is_there_once():
    room = Room([TALL])
    shifted = [TALL, TALL._replace(x=480), TALL._replace(y=280, side=700)]
    room.inspect = lambda *_: Sight(_regions(shifted), NOWHERE)
    (people,) = room.search()([PICTURE])
    assert _middles(people) == [(400, 360)]
    assert room.straight == [3, 1]  # alike after the first reading, and read on once
    assert room.flipped == [1]


def test_a_child_in_front_of_its_mother_is_somebody_and_a_hand_in_a_hand_is_a_part_of_it():
    mother, child = Person(640, 360, 600), Person(640, 400, 200)
    nested, flat = (Room([mother, child], seen=0.15).search(nested=nested)([PICTURE])[0] for nested in (1, 0))
    assert sorted(_middles(nested)) == [(640, 360), (640, 400)]
    assert _middles(flat) == [(640, 360)]


def test_hands_of_one_size_are_no_parts_of_each_other():
    hands = [Person(600, 360, 300), Person(680, 380, 260), Person(200, 200, 100)]
    (people,) = Room(hands, seen=0.07).search(nested=False)([PICTURE])
    assert sorted(_middles(people)) == [(200, 200), (600, 360), (680, 380)]


def test_the_tiles_of_each_level_are_those_that_are_asked_for():
    room = Room([TALL])
    assert len(room.search(shares=SHARES[:1])([PICTURE])[0]) == 1
    assert room.tiles == _tiles(0)


def test_frames_are_searched_one_by_one():
    room = Room([TALL, SMALL])
    assert room.search()([]) == []
    several = room.search()([PICTURE, Frame.of(np.zeros((100, 100, 3), np.uint8)), PICTURE])
    assert [len(people) for people in several] == [2, 0, 2]


def test_which_way_is_up_reaches_the_detector():
    room = Room([TALL])
    room.search()([PICTURE], 270)
    assert room.turns == {270}


@pytest.mark.parametrize("reader", ["read", "mirror"])
def test_a_network_must_say_from_which_region_it_read(reader):
    room = Room([TALL])
    plain = getattr(room, reader)
    setattr(room, reader, lambda *args: [replace(some, region=None) for some in plain(*args)])
    with pytest.raises(ArrayError, match="region: a landmark network says from which region"):
        room.search()([PICTURE])


def test_who_reads_the_rows_in_another_order_is_understood():
    """Not all regions hold somebody, and rows need not be in the order of the regions."""
    room = Room([Person(200, 360, 300, presence=0.8), Person(600, 360, 300), Person(1000, 360, 300, 0.9)])
    plain = room.mirror
    room.mirror = lambda *args: [some[::-1] for some in plain(*args)]
    (people,) = room.search()([PICTURE])
    assert [x for x, _ in _middles(people)] == [600, 1000, 200]
    assert people.box_score == pytest.approx(np.array([0.95, 0.9, 0.8]) ** 2, abs=1e-5)


def _driven(search, walk):
    """Return what a search that is driven from outside returns, and its jobs."""
    jobs = []
    try:
        jobs.append(next(walk))
        while True:
            jobs.append(walk.send(search.perform(PICTURE, jobs[-1])))
    except StopIteration as end:
        return end.value, jobs


def _walked(room, company):
    search = room.search()
    return _driven(search, search.walk(PICTURE.stamp, company))


def test_people_are_reported_as_soon_as_they_are_believed():
    told = []
    company = Company(report=lambda people: told.extend(_middles(people)), tiles=2)
    people, jobs = _walked(Room([TALL, SMALL]), company)
    assert told == [(400, 360), (1000, 200)]
    assert sorted(_middles(people)) == sorted(told)
    assert max(len(job.tiles) for job in jobs) == 2


def test_who_is_known_is_neither_read_nor_looked_at_closer():
    known = _regions([TALL._replace(x=430), SMALL])  # known as of some frames ago
    people, jobs = _walked(Room([TALL, SMALL]), Company(known=lambda: known))
    assert len(people) == 0
    assert [tile for job in jobs for tile in job.tiles] == _tiles(0, 1)
    assert not any(len(job.regions) for job in jobs)


def test_what_is_known_may_change_on_the_way():
    known = [NOWHERE]
    company = Company(known=lambda: known[0], report=lambda _: known.__setitem__(0, _regions([TALL, SMALL])))
    people, _ = _walked(Room([TALL, SMALL]), company)
    assert _middles(people) == [(400, 360)]


def test_a_job_is_tiles_or_regions():
    _, jobs = _walked(Room([TALL]), Company())
    assert [(len(job.tiles), len(job.regions), job.flipped) for job in jobs][:4] == [
        (1, 0, False),
        (0, 1, False),
        (0, 1, False),
        (0, 1, True),
    ]
    assert all(bool(job.tiles) != bool(len(job.regions)) for job in jobs)


def test_regions_are_weighed_without_a_look_at_the_picture():
    room = Room([TALL, SMALL, Person(900, 500, 200, mirrored=())])
    search = room.search()
    candidates = joined(_regions(room.people), _regions([Person(50, 50, 80)]))
    people, jobs = _driven(search, search.weighed(candidates, PICTURE.stamp))
    assert _middles(people) == [(400, 360), (1000, 200)]
    assert [job.flipped for job in jobs] == [False, False, True]
    assert room.straight == [4, 3]
    assert room.flipped == [3]
    assert room.tiles == []
