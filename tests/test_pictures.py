"""Many pictures through a pipeline, whose networks are scripted."""

import threading

import numpy as np
import pytest

import vitruvian
from vitruvian import Frame, Landmarks, Regions, SessionError, Skeleton, SourceError
from vitruvian.following import follow_boxes
from vitruvian.pictures import Seen, look_through
from vitruvian.pipeline import Pipeline
from vitruvian.provenance import Provenance

MANY = Skeleton.named("sapiens308")
BAD, HEAVY = -1, 7  # a picture that cannot be read, and one that the network cannot take


class Script:
    """A pipeline that sees a picture's number, which is in its first pixel, as the score of one person."""

    def __init__(self, together: int) -> None:
        self.groups: list[list[int]] = []
        self.pipeline = Pipeline(
            detect=self._detect,
            landmark=self._landmark,
            follow=follow_boxes,
            skeleton=MANY,
            model=Provenance("scripted", (), ""),
            limit=None,
            release=lambda: None,
            together=together,
        )

    def _detect(self, frames, *_, **__):
        numbers = [int(frame.pixels[0, 0, 0]) for frame in frames]
        self.groups.append(numbers)
        if HEAVY in numbers:
            raise SessionError("not enough memory", network="scripted")
        one = np.ones((1, 2), np.float32)
        return [Regions(one, one, one[:, 0] * 0, np.float32([number / 100])) for number in numbers]

    def _landmark(self, frames, regions):
        points, box = np.zeros((1, 308, 2), np.float32), np.zeros((1, 4), np.float32)
        return [Landmarks(MANY, points, box, some.score) for _, some in zip(frames, regions, strict=True)]


def _read(number: int) -> Frame:
    if number == BAD:
        raise SourceError("not a picture", path="bad.png")
    return Frame.of(np.full((4, 4, 3), number, np.uint8))


def _numbers(outcomes) -> list[int | str]:
    return [
        round(float(seen.people.box_score[0]) * 100) if isinstance(seen, Seen) else type(seen).__name__
        for _, seen in outcomes
    ]


@pytest.mark.parametrize(
    ("together", "groups"),
    [(1, [[0], [1], [2], [3], [4]]), (2, [[0, 1], [2, 3], [4]]), (9, [[0, 1, 2, 3, 4]])],
)
def test_as_many_are_looked_at_together_as_is_good_and_come_in_order(together, groups):
    script = Script(together)
    outcomes = list(look_through(script.pipeline, _read, range(5)))
    assert script.groups == groups
    assert [item for item, _ in outcomes] == _numbers(outcomes) == [0, 1, 2, 3, 4]
    assert [seen.frame.pixels[0, 0, 0] for _, seen in outcomes] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("together", [1, 3])
def test_one_that_cannot_be_read_ends_nothing(together):
    items = [BAD, 0, 1, BAD, 2]
    outcomes = list(look_through(Script(together).pipeline, _read, items))
    assert [item for item, _ in outcomes] == items
    assert _numbers(outcomes) == ["SourceError", 0, 1, "SourceError", 2]


def test_one_that_is_too_much_fails_alone():
    script = Script(3)
    outcomes = list(look_through(script.pipeline, _read, [0, HEAVY, 2, 3]))
    assert _numbers(outcomes) == [0, "SessionError", 2, 3]
    assert script.groups == [[0, HEAVY, 2], [0], [HEAVY], [2], [3]]


def test_it_stops_before_the_next_look():
    script, seen = Script(2), []
    for item, _ in look_through(script.pipeline, _read, range(9), stop=lambda: len(seen) >= 2):
        seen.append(item)
    assert seen == [0, 1]  # whole: what has been looked at is not lost
    assert script.groups == [[0, 1]]


def test_whoever_leaves_early_leaves_no_thread():
    seen = look_through(Script(1).pipeline, _read, range(100))
    next(seen)
    seen.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_pictures_that_are_turned_are_looked_at_upright(lite, eval_photos):
    upright = vitruvian.read_image(eval_photos / "coco_000000000785.jpg").pixels
    turned = Frame.of(np.ascontiguousarray(np.rot90(upright)))
    ((_, seen),) = look_through(lite, lambda frame: frame, [turned], rotation=90)
    expected = lite.estimate(turned, rotation=90)
    np.testing.assert_array_equal(seen.people.xy, expected.xy)
    assert len(expected) == 1
