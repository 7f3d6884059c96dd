"""People in boxes from frame to frame: their sure points lead, and a detector's box renews theirs."""

from dataclasses import replace

import numpy as np
import pytest

from vitruvian import Frame, Landmarks, Regions, Skeleton, Stamp, Tracking
from vitruvian.following import SURE, Stages, Traits, follow_boxes, turned_follow
from vitruvian.smoothing import SMOOTHING, smoothing_named
from vitruvian.steady import Steadiness, _paired, steady
from vitruvian.tracking import Tracker

BODY = Skeleton.named("body33")
STAMP = Stamp("x", 400, 300)
PIXELS = np.zeros((300, 400, 3), np.uint8)
TRAITS = Traits(sure=SURE, boxed=True)


def _person(x, y, *, sure=33, height=100.0, wild=None):
    """Somebody around a place whose first points are sure; the others are ``wild``, or unknown."""
    down = np.linspace(-height / 2, height / 2, 33, dtype=np.float32)
    xy = np.stack([x + 18 * np.cos(down * np.pi / 25), y + down], axis=1).astype(np.float32)[None]
    score = np.full((1, 33), 0.9, np.float32)
    score[:, sure:] = 0.1
    xy[:, sure:] = np.nan if wild is None else wild
    box = np.array([[x - 20, y - height / 2, x + 20, y + height / 2]], np.float32)
    return Landmarks(BODY, xy, box, np.ones(1, np.float32), score=score, region=np.zeros(1, np.int64))


def test_the_box_lies_around_the_sure_points_a_tenth_larger():
    person = _person(100, 150, sure=20, wild=9999.0)
    points = person.xy[0, :20]
    region = follow_boxes(person, STAMP)
    assert region.centre[0] == pytest.approx((points.min(axis=0) + points.max(axis=0)) / 2)
    assert region.size[0] == pytest.approx(1.1 * (points.max(axis=0) - points.min(axis=0)), rel=1e-6)
    assert (region.rotation.tolist(), region.score.tolist()) == ([0.0], [1.0])


def test_a_score_of_exactly_the_mark_is_sure():
    person = replace(_person(100, 150), score=np.full((1, 33), SURE, np.float32))
    assert follow_boxes(person, STAMP).size.min() > 0


@pytest.mark.parametrize("sure", [0, 2])
def test_who_has_hardly_a_sure_point_is_followed_nowhere(sure):
    assert follow_boxes(_person(100, 150, sure=sure), STAMP).size.tolist() == [[0, 0]]


def test_nobody_is_followed_nowhere():
    assert len(follow_boxes(Landmarks.nobody(BODY), STAMP)) == 0


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_in_turned_pictures_the_box_is_the_same_and_knows_where_up_is(rotation):
    person = _person(100, 150)
    plain, turned = follow_boxes(person, STAMP), turned_follow(follow_boxes, rotation)(person, STAMP)
    assert turned.centre.tolist() == plain.centre.tolist()
    assert turned.rotation[0] == pytest.approx(-np.radians(rotation))
    width, height = plain.size[0].tolist()
    assert turned.size[0].tolist() == ([height, width] if rotation % 180 else [width, height])


def test_who_is_told_by_sure_points_keeps_the_identity_whatever_the_others_do():
    tracker, rng = Tracker(keep=2.0, drift=0.6, sure=SURE), np.random.default_rng(1)
    for index in range(20):
        wild = rng.uniform(-5000, 5000, 2)
        people = [_person(60 + 3 * index, 150, sure=15, wild=wild), _person(300, 150, sure=12 + index % 9)]
        both = replace(
            people[0], **{name: _both(people, name) for name in ("xy", "score", "box", "box_score", "region")}
        )
        found = tracker(both, [None, None] if index == 0 else [0, 1], index / 30)
        assert found.track_id.tolist() == [0, 1]
        assert found.xy.tobytes() == both.xy.tobytes(), "what tells them apart is not what is reported"


def _both(people, name):
    return np.concatenate([getattr(each, name) for each in people])


def test_somebody_without_a_sure_point_still_has_an_identity():
    tracker = Tracker(keep=2.0, drift=0.6, sure=SURE)
    ids = [tracker(_person(100, 150, sure=0, wild=50.0), [None], i / 30).track_id.tolist() for i in range(3)]
    assert ids == [[0]] * 3


class Scene:
    """People at known places; of a person is sure what lies in the box with its margin, or less."""

    def __init__(self):
        self.people: list[tuple[float, float]] = []
        self.boxes: list[tuple[float, float, float]] | None = None
        self.looks, self.reads = 0, []
        self.sure = 33

    def look(self, frames):
        self.looks += 1
        boxes = [(x, y, 100) for x, y in self.people] if self.boxes is None else self.boxes
        count = len(boxes)
        places = np.array(boxes, np.float32).reshape(count, 3)
        size = np.stack([0 * places[:, 2] + 40, places[:, 2]], axis=1)
        ones = np.ones(count, np.float32)
        return [Regions(places[:, :2], size, 0 * ones, ones) for _ in frames]

    def read(self, _, regions):
        return [self._people(each) for each in regions]

    def _people(self, regions):
        self.reads.append(regions)
        rows, found = [], []
        for row, (centre, size) in enumerate(zip(regions.centre, regions.size, strict=True)):
            near = [p for p in self.people if np.hypot(*(centre - p)) < 40]
            if near and size.min() > 0:
                rows.append(row)
                down = np.linspace(-50, 50, 33) + near[0][1] - centre[1]
                inside = int((down < 0.625 * size[1]).sum())
                found.append(_person(*near[0], sure=min(inside, self.sure)))
        if not rows:
            return replace(Landmarks.nobody(BODY), score=np.empty((0, 33), np.float32))
        columns = {name: _both(found, name) for name in ("xy", "score", "box", "box_score")}
        return replace(found[0], region=np.array(rows, np.int64), **columns)

    def run(self, script, *, limit=None, tracking=None, smoothing="off"):
        def frames():
            for index, people in enumerate(script):
                self.people = list(people)
                yield Frame(PIXELS, Stamp("x", 400, 300, index, index / 30))

        stages = Stages(self.look, self.read, follow_boxes, BODY, TRAITS)
        options = Steadiness(limit, tracking or Tracking(), smoothing_named(smoothing))
        return [people for _, people in steady(frames(), stages, options)]


def test_a_look_renews_the_box_in_which_somebody_is_followed():
    scene = Scene()
    scene.boxes = [(100, 115, 30)]  # the upper half of the person
    script = [[(100, 150)]] * 10

    def grown():
        for index, people in enumerate(script):
            if index == 5:
                scene.boxes = None
            yield people

    results = scene.run(grown(), tracking=Tracking(redetect=0.15))
    assert [people.track_id.tolist() for people in results] == [[0]] * 10
    known = [int((people.score[0] >= SURE).sum()) for people in results]
    assert max(known[:5]) < 20
    assert known[-1] == 33
    assert all(len(regions) <= 1 for regions in scene.reads), "nobody is read twice"
    followed = [bool(people.followed[0]) for people in results]
    assert followed.count(False) == scene.looks < 4


def test_who_is_known_in_part_is_found_as_a_whole():
    """What is followed covers a tenth of the detected box: it is inside, and that tells."""
    known = Regions(*(np.array(each, np.float32) for each in ([[100, 110]], [[20, 20]], [0], [1])))
    found = Regions(
        *(np.array(each, np.float32) for each in ([[300, 150], [100, 150]], [[40, 100]] * 2, [0, 0], [1, 1]))
    )
    assert _paired(known, found) == {0: 1}


def test_two_people_and_a_newcomer_beside_them():
    scene = Scene()
    script = [[(80, 150), (200, 150)]] * 10 + [[(80, 150), (200, 150), (320, 150)]] * 20
    results = scene.run(script)
    assert [people.track_id.tolist() for people in results[:10]] == [[0, 1]] * 10
    assert results[-1].track_id.tolist() == [0, 1, 2]
    assert scene.looks == 4


def test_no_more_people_than_asked_for():
    scene = Scene()
    results = scene.run([[(80, 150)]] * 3 + [[(80, 150), (200, 150)]] * 20, limit=1)
    assert [people.track_id.tolist() for people in results] == [[0]] * 23


def test_who_is_not_surely_there_any_more_is_lost_in_the_same_frame():
    scene = Scene()

    def fading():
        for index in range(10):
            scene.sure = 33 if index < 5 else 1
            scene.boxes = None if index < 5 else []
            yield [(100, 150)]

    assert [len(people) for people in scene.run(fading())] == [1] * 5 + [0] * 5


def test_the_box_stays_the_one_that_was_read_when_points_are_smoothed():
    results = Scene().run([[(100 + index, 150)] for index in range(5)], smoothing=SMOOTHING["smooth"])
    assert [people.box[0].tolist() for people in results] == [[80 + i, 100, 120 + i, 200] for i in range(5)]


def test_an_unknown_point_is_smoothed_afresh_when_it_is_back():
    scene = Scene()

    def winking():
        for index in range(9):
            scene.sure = 20 if 3 <= index < 6 else 33
            yield [(100 + 2 * index, 150)]

    results = scene.run(winking(), smoothing="smooth", tracking=Tracking(redetect=0))
    seen = [people.xy[0] for people in results]
    assert [int(np.isnan(xy[:, 0]).sum()) for xy in seen] == [0] * 3 + [13] * 3 + [0] * 3
    exact = _person(112, 150).xy[0]
    assert seen[6][20:] == pytest.approx(exact[20:], abs=1e-3)
    assert abs(seen[6][:20, 0] - exact[:20, 0]).max() > 0.1, "the others lag, as smoothed points do"
