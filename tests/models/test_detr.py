"""DETR's guesses into people (Sapiens specification, section 3.2)."""

import numpy as np
import pytest

from vitruvian import Frame, OptionError
from vitruvian.models.detr import DetrDetector, distinct, person_boxes, whole_pictures
from vitruvian.models.sapiens import UdpCrop

F32 = np.float32
PERSON, OTHER, NOTHING = 1, 18, 91


def _guesses(*guesses):
    """Return logits and boxes of 100 guesses; one is (kind, probability, box), all others are nothing."""
    odds = np.full((100, 92), 1e-4)
    odds[:, NOTHING] = 1 - 91e-4
    boxes = np.full((100, 4), 0.5)
    for row, (kind, probability, box) in enumerate(guesses):
        odds[row] = (1 - probability) / 200
        odds[row, NOTHING] = 0
        odds[row, kind] = probability
        odds[row, NOTHING] = max(1 - odds[row].sum(), 1e-9)
        boxes[row] = box
    return np.log(odds).astype(F32), boxes.astype(F32)


class Answers:
    """A network that gives one answer after the other, and keeps what it was shown."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []
        self.closed = 0

    def close(self):
        self.closed += 1

    def run(self, frames):
        self.seen.append(list(frames))
        return [self.answers.pop(0) for _ in frames]


def _picture(width=400, height=200):
    return Frame.of(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def test_people_come_best_first_in_pixels_and_are_not_cut_at_the_edge():
    guesses = _guesses((PERSON, 0.6, (0.25, 0.5, 0.1, 0.5)), (PERSON, 0.9, (0.9, 0.5, 0.4, 1.2)))
    boxes, scores = person_boxes(*guesses, 400, 200)
    assert boxes == pytest.approx(np.array([[280, -20, 440, 220], [80, 50, 120, 150]]), abs=1e-3)
    assert scores == pytest.approx([0.9, 0.6], abs=1e-6)
    assert boxes.dtype == scores.dtype == F32


def test_nothing_else_is_a_person():
    assert len(person_boxes(*_guesses((OTHER, 0.9, (0.5, 0.5, 0.2, 0.2))), 400, 200)[0]) == 0


def test_a_guess_that_is_more_likely_nothing_counts_all_the_same():
    logits, boxes = _guesses((PERSON, 0.35, (0.5, 0.5, 0.2, 0.2)))
    assert logits[0].argmax() == NOTHING
    assert person_boxes(logits, boxes, 400, 200)[1] == pytest.approx([0.35], abs=1e-6)


def test_a_guess_that_is_more_likely_something_else_does_not():
    logits, boxes = _guesses((PERSON, 0.4, (0.5, 0.5, 0.2, 0.2)))
    logits[0, OTHER] = logits[0, PERSON] + 0.1
    assert len(person_boxes(logits, boxes, 400, 200)[0]) == 0


def test_the_threshold_must_be_exceeded():
    guesses = _guesses((PERSON, 0.7, (0.5, 0.5, 0.2, 0.2)))
    (score,) = person_boxes(*guesses, 400, 200)[1]
    assert len(person_boxes(*guesses, 400, 200, threshold=float(score))[1]) == 0
    assert len(person_boxes(*guesses, 400, 200, threshold=float(np.nextafter(score, F32(0))))[1]) == 1


@pytest.mark.parametrize("size", [(0, 0.2), (0.2, 0), (-0.1, 0.2), (np.nan, 0.2)])
def test_what_has_no_size_is_nobody(size):
    guesses = _guesses((PERSON, 0.9, (0.5, 0.5, *size)), (PERSON, 0.8, (0.5, 0.5, 0.2, 0.2)))
    assert person_boxes(*guesses, 400, 200)[1] == pytest.approx([0.8], abs=1e-6)


def test_numbers_that_are_none_are_nobody():
    logits, boxes = _guesses((PERSON, 0.9, (0.5, 0.5, 0.2, 0.2)))
    logits[0, 7] = np.nan
    assert len(person_boxes(logits, boxes, 400, 200)[0]) == 0


def _plain(boxes, scores, iou):
    """Return the rows that the greedy rule leaves, one pair at a time."""
    rows, kept = sorted(range(len(boxes)), key=lambda row: -scores[row]), []
    for row in rows:
        x0, y0, x1, y1 = map(float, boxes[row])
        for a0, b0, a1, b1 in boxes[kept].tolist():
            wide = max(0.0, min(x1, a1) - max(x0, a0) + 1)
            high = max(0.0, min(y1, b1) - max(y0, b0) + 1)
            both = (x1 - x0 + 1) * (y1 - y0 + 1) + (a1 - a0 + 1) * (b1 - b0 + 1) - wide * high
            if wide * high / both > iou:
                break
        else:
            kept.append(row)
    return kept


def test_suppression_equals_a_plain_loop_on_random_sets():
    rng = np.random.default_rng(1)
    for _ in range(300):
        count = int(rng.integers(0, 40))
        # Whole pixels: overlaps are then quotients of whole numbers, the same however they are computed.
        low = rng.integers(0, 200, (count, 2))
        boxes = np.concatenate([low, low + rng.integers(1, 150, (count, 2))], axis=1).astype(F32)
        scores = rng.permutation(count).astype(F32) / 40
        assert distinct(boxes, scores, 0.35).tolist() == _plain(boxes, scores, 0.35)


def test_an_overlap_at_the_limit_is_none():
    """Ten pixels of width each, five of which they share: 5 / 15; with the ends counted as pixels."""
    boxes = np.array([[0, 0, 9, 9], [5, 0, 14, 9]], F32)
    assert distinct(boxes, np.array([0.5, 0.9], F32), 0.34).tolist() == [1, 0]
    assert distinct(boxes, np.array([0.5, 0.9], F32), 0.33).tolist() == [1]


def test_of_equals_the_first_stays():
    boxes = np.array([[0, 0, 9, 9]] * 3, F32)
    assert distinct(boxes, np.full(3, 0.5, F32), 0.3).tolist() == [0]


def test_a_person_is_a_region_of_the_box_without_margin():
    session = Answers(_guesses((PERSON, 0.8, (0.25, 0.5, 0.1, 0.5))))
    (regions,) = DetrDetector(session)([_picture()])
    assert regions.centre[0] == pytest.approx([100, 100])
    assert regions.size[0] == pytest.approx([40, 100])
    assert regions.rotation.tolist() == [0]
    assert regions.score == pytest.approx([0.8], abs=1e-6)


def test_pictures_go_to_the_network_a_batch_at_a_time_and_in_order():
    session = Answers(*(_guesses((PERSON, 0.5 + 0.05 * i, (0.5, 0.5, 0.2, 0.2))) for i in range(5)))
    found = DetrDetector(session, batch=2)([_picture(40 + i, 30) for i in range(5)])
    assert [len(some) for some in session.seen] == [2, 2, 1]
    assert [frame.shape[1] for some in session.seen for frame in some] == [40, 41, 42, 43, 44]
    assert [each.score[0] for each in found] == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7], abs=1e-6)
    assert DetrDetector(session)([]) == []


def test_nobody_found_is_nobody():
    (regions,) = DetrDetector(Answers(_guesses()))([_picture()])
    assert len(regions) == 0


def test_whole_pictures_need_no_network():
    wide, high = whole_pictures([_picture(400, 200), _picture(30, 50)])
    assert wide.size.tolist() == [[399, 199]]
    assert high.size.tolist() == [[29, 49]]


@pytest.mark.parametrize("rotation", [90, 180, 270, -90])
def test_a_turned_picture_is_shown_upright_and_read_where_it_is(rotation):
    """What is read in the region of the picture is what is read in the upright picture."""
    upright = _picture(300, 400)
    answer = _guesses((PERSON, 0.8, (0.3, 0.4, 0.2, 0.3)))
    (expected,) = DetrDetector(Answers(answer))([upright])
    lying = Frame.of(np.rot90(upright.pixels, rotation // 90).copy())
    session = Answers(answer)
    (regions,) = DetrDetector(session)([lying], rotation)
    assert np.array_equal(session.seen[0][0], upright.pixels)
    (crop,), (same,) = UdpCrop.around(regions), UdpCrop.around(expected)
    difference = np.abs(crop.warp(lying.pixels).astype(int) - same.warp(upright.pixels))
    assert (
        difference.max() <= 20
    )  # of noise, so that half a pixel would be 100; OpenCV 5 has 1, OpenCV 4 has 16
    (whole,) = whole_pictures([lying], rotation)
    (alike,) = whole_pictures([upright])
    assert whole.size.tolist() == alike.size.tolist()


def test_a_picture_may_not_be_turned_by_less_than_a_quarter():
    with pytest.raises(OptionError, match="multiple of 90"):
        DetrDetector(Answers())([_picture()], 45)


@pytest.mark.parametrize("option", [{"threshold": 1.1}, {"iou": -0.1}, {"batch": 0}])
def test_options_outside_their_range_are_refused_by_name(option):
    with pytest.raises(OptionError, match=next(iter(option))):
        DetrDetector(Answers(), **option)


def test_a_detector_is_closed_by_hand_or_at_the_end_of_a_block():
    session = Answers(_guesses((PERSON, 0.8, (0.25, 0.5, 0.1, 0.5))))
    with DetrDetector(session) as detector:
        assert isinstance(detector, DetrDetector)
        assert len(detector([_picture()])[0]) == 1
        assert session.closed == 0
    assert session.closed == 1
    detector.close()
    assert session.closed == 2  # closing twice is the session's affair, which allows it


def test_a_detector_is_closed_when_something_goes_wrong():
    session = Answers()
    with pytest.raises(OptionError, match="multiple of 90"), DetrDetector(session) as detector:
        detector([_picture()], 45)
    assert session.closed == 1
