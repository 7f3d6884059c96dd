"""Boxes of a stranger's detector, as places to look for bodies."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from vitruvian import ArrayError, Frame, OptionError, Regions
from vitruvian.models.boxes import (
    AskedDetector,
    BodiesInBoxes,
    GivenBoxes,
    OrWholePictures,
    asked,
    regions_of_boxes,
)
from vitruvian.models.detr import DetrDetector
from vitruvian.models.tiles import Tile

PICTURE = Frame.of(np.zeros((300, 400, 3), np.uint8))
BOXES = [(10, 20, 50, 100, 0.9), (200, 50, 360, 90, 0.4)]


def _bodies(*boxes):
    return BodiesInBoxes(AskedDetector(lambda frames: [boxes for _ in frames]))


def test_a_body_is_in_the_square_around_its_box_and_a_bit_more():
    (regions,) = _bodies(*BOXES)([PICTURE])
    assert regions.centre.tolist() == [[30, 60], [280, 70]]
    assert regions.size.tolist() == [[100, 100], [200, 200]]
    assert regions.rotation.tolist() == [0, 0]
    assert regions.score == pytest.approx([0.9, 0.4])
    assert regions.size.dtype == np.float32


@pytest.mark.parametrize("score", [7.0, 1.001, -0.1])
def test_a_score_outside_its_range_is_refused(score):
    with pytest.raises(ArrayError, match="from 0 to 1"):
        _bodies((10, 20, 50, 100, score))([PICTURE])
    (regions,) = _bodies((10, 20, 50, 100, 1 + 1e-7))([PICTURE])
    assert len(regions) == 1


def test_a_detector_is_asked_once_at_a_time_however_many_threads_there_are():
    inside, most = [], []

    def ask(frames):
        inside.append(frames)
        most.append(len(inside))
        time.sleep(0.005)
        inside.pop()
        return [[]] * len(frames)

    detector = AskedDetector(ask)
    with ThreadPoolExecutor(4) as pool:
        assert [len(regions) for (regions,) in pool.map(detector, [[PICTURE]] * 12)] == [0] * 12
    assert most == [1] * 12


def test_every_picture_has_its_answer():
    detector = BodiesInBoxes(AskedDetector(lambda frames: [BOXES[: i % 3] for i in range(len(frames))]))
    assert [len(each) for each in detector([PICTURE] * 4)] == [0, 1, 2, 0]
    assert detector([]) == []


@pytest.mark.parametrize("rotation", [90, 180, 270, -90])
def test_in_a_turned_picture_everybody_stands_upright_once_it_is_turned(rotation):
    (regions,) = _bodies(*BOXES)([PICTURE], rotation)
    assert regions.centre.tolist() == [[30, 60], [280, 70]]
    assert regions.size.tolist() == [[100, 100], [200, 200]]
    assert regions.rotation == pytest.approx(2 * [-math.radians(rotation % 360)])


@pytest.mark.parametrize("rotation", [0, 90])
def test_a_closer_look_takes_each_box_for_somebody_in_four_turns(rotation):
    bodies = _bodies(*BOXES)
    (upright,) = bodies([PICTURE], rotation)
    sight = bodies.inspect(PICTURE, [Tile(200, 150, 400)], rotation)
    assert len(sight.found) == 8
    assert len(sight.hints) == 0
    turns = (sight.found.rotation - upright.rotation[0]).reshape(4, 2)
    assert turns == pytest.approx(np.repeat(np.arange(4)[:, None] * math.pi / 2, 2, axis=1), abs=1e-6)
    for turn in range(4):
        part = sight.found[slice(2 * turn, 2 * turn + 2)]
        assert part.centre.tolist() == upright.centre.tolist()
        assert part.size.tolist() == upright.size.tolist()
        assert part.score.tolist() == upright.score.tolist()


def test_no_boxes_are_nobody_in_any_turn():
    assert len(_bodies()([PICTURE])[0]) == 0
    assert len(_bodies().inspect(PICTURE, [Tile(200, 150, 400)]).found) == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([(1, 2, 3)], r"the detector's boxes: expected shape \(M, 4\) or \(M, 5\), got \(1, 3\)"),
        ([(9, 2, 3, 4)], "each is x0, y0, x1, y1 in pixels with x0 <= x1"),
        ([(0, 0, math.nan, 4)], "each is x0, y0, x1, y1"),
        ("somebody", "expected numbers of shape"),
        (None, "the detector's boxes: expected"),
        ([object()], "expected numbers of shape"),
    ],
)
def test_rubbish_is_refused(answer, message):
    with pytest.raises(ArrayError, match=message):
        BodiesInBoxes(AskedDetector(lambda frames: [answer for _ in frames]))([PICTURE])


ONE = Regions(*(np.full(shape, 9, np.float32) for shape in ((1, 2), (1, 2), 1, 1)))


@pytest.mark.parametrize("answers", [None, 5, ONE], ids=["nothing", "a number", "regions of no picture"])
def test_what_is_no_row_of_answers_is_refused(answers):
    with pytest.raises(ArrayError, match="detector"):
        BodiesInBoxes(AskedDetector(lambda _: answers))([PICTURE])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", ["centre", "size", "rotation"])
def test_regions_of_a_detector_are_finite(column, value):
    broken = replace(ONE, **{column: np.full_like(getattr(ONE, column), value)})
    with pytest.raises(ArrayError, match="the detector's boxes"):
        BodiesInBoxes(AskedDetector(lambda _: [broken]))([PICTURE])


@pytest.mark.parametrize("count", [0, 2])
def test_there_is_one_answer_for_each_picture(count):
    with pytest.raises(ArrayError, match=f"detector: expected 1 answers, one a picture, got {count}"):
        BodiesInBoxes(AskedDetector(lambda _: [[]] * count))([PICTURE])


def test_a_picture_may_not_be_turned_by_less_than_a_quarter():
    with pytest.raises(OptionError, match="multiple of 90"):
        _bodies(*BOXES)([PICTURE], 45)


@pytest.mark.parametrize("far", [1e300, 10**400, 1e8, math.nan])
def test_boxes_where_no_picture_reaches_are_refused(far):
    with pytest.raises(ArrayError, match="boxes: "):
        regions_of_boxes([[0, 0, far, 10]])


def test_the_best_come_first_and_equals_stay_in_their_order():
    rows = [(0, 0, 5, 9, 0.3), (0, 0, 6, 9, 0.9), (0, 0, 7, 9, 0.3)]
    for detector in (AskedDetector(lambda frames: [rows for _ in frames]), GivenBoxes(rows)):
        (found,) = detector([PICTURE])
        assert found.size[:, 0].tolist() == [6, 5, 7]


def test_a_detr_is_told_which_way_is_up():
    seen = []

    class Session:
        def run(self, pictures):
            seen.extend(picture.shape for picture in pictures)
            return [(np.zeros((1, 92), np.float32), np.zeros((1, 4), np.float32))] * len(pictures)

    asked(DetrDetector(Session()))([PICTURE], 90)
    assert seen == [(400, 300, 3)]


def test_a_picture_without_anybody_is_one_person_who_fills_it_where_that_is_asked_for():
    answers = iter([[], BOXES[:1]])
    detector = OrWholePictures(AskedDetector(lambda frames: [next(answers) for _ in frames]))
    nobody, somebody = detector([PICTURE, PICTURE])
    assert nobody.centre.tolist() == [[199.5, 149.5]]
    assert nobody.size.tolist() == [[399, 299]]
    assert nobody.score.tolist() == [1]
    assert somebody.size.tolist() == [[40, 80]]
