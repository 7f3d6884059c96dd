"""Palms and hands (hand specification, sections 4.3 to 4.10)."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import vitruvian
from vitruvian import Frame, HandSettings, OptionError, Regions
from vitruvian.models import blazehand
from vitruvian.models.anchors import anchor_centres
from vitruvian.models.blazehand import BlazeHandLandmarker, BlazePalmDetector
from vitruvian.models.tiles import HINT, Tile, tiles_of

F32 = np.float32
GREY = Frame.of(np.full((100, 200, 3), 128, np.uint8))


class Answers:
    """A session that gives one answer, whatever it sees."""

    def __init__(self, **answer):
        self.answer = answer

    def run(self, inputs):
        count = len(inputs["image"])
        return {name: np.stack([value] * count).astype(F32) for name, value in self.answer.items()}

    def close(self):
        pass


def _palm_answer(*palms, size=192):
    """Return what the network says of palms: (score logit, centre x, y, side, seven points) in its pixels."""
    boxes, scores = np.zeros((2016, 18)), np.full((2016, 1), -50.0)
    anchors = anchor_centres(192, strides=(8, 16, 16, 16))
    for row, (logit, x, y, side, points) in enumerate(palms):
        place = anchors[row] * size
        boxes[row] = [x - place[0], y - place[1], side, side, *(np.array(points) - place).ravel()]
        scores[row] = logit
    return {"boxes": boxes, "scores": scores}


UP = [(96, 120), (86, 96), (96, 90), (104, 92), (110, 98), (84, 112), (78, 104)]


def test_there_are_2016_anchors_from_corner_to_corner():
    anchors = anchor_centres(192, strides=(8, 16, 16, 16))
    assert len(anchors) == 2016
    assert anchors[0] == pytest.approx([1 / 48, 1 / 48])
    assert anchors[-1] == pytest.approx([23 / 24, 23 / 24])


def test_a_palm_is_carried_through_the_letterbox():
    detector = BlazePalmDetector(Answers(**_palm_answer((5, 96, 100, 40, UP))), HandSettings())
    (palms,) = detector.palms([GREY])
    scale, top = 200 / 192, (100 - 200) / 2  # a square of 200 pixels around the middle
    assert palms.box[0] == pytest.approx([76 * scale, 80 * scale + top, 116 * scale, 120 * scale + top])
    assert palms.points[0] == pytest.approx(np.array(UP) * scale + [0, top], abs=1e-4)
    assert palms.score[0] == pytest.approx(1 / (1 + math.exp(-5)))


def test_the_region_of_a_palm_is_shifted_up_squared_and_enlarged():
    detector = BlazePalmDetector(Answers(**_palm_answer((5, 96, 100, 40, UP))), HandSettings())
    (regions,) = detector([GREY])
    scale = 200 / 192
    assert regions.rotation[0] == pytest.approx(0, abs=1e-6)
    assert regions.size[0] == pytest.approx([2.6 * 40 * scale] * 2, rel=1e-5)
    assert regions.centre[0] == pytest.approx([96 * scale, (100 - 0.5 * 40) * scale - 50], rel=1e-5)


def test_the_originals_region_is_turned_by_90_radians():
    """26.62 degrees too far (section 4.5)."""
    answer = _palm_answer((5, 96, 100, 40, UP))
    upright, original = (
        BlazePalmDetector(Answers(**answer), HandSettings(upright=up))([GREY])[0] for up in (True, False)
    )
    assert original.rotation[0] - upright.rotation[0] == pytest.approx(0.464609, abs=1e-5)
    assert math.degrees(original.rotation[0]) == pytest.approx(26.62, abs=0.01)


def test_two_detections_of_a_palm_are_averaged_and_keep_the_better_score():
    palms = [(4, 96, 100, 40, UP), (2, 100, 100, 40, UP), (3, 30, 100, 40, np.array(UP) - [66, 0])]
    (found,) = BlazePalmDetector(Answers(**_palm_answer(*palms)), HandSettings()).palms([GREY])
    scores = [1 / (1 + math.exp(-logit)) for logit in (4, 2, 3)]
    assert found.score == pytest.approx([scores[0], scores[2]])
    middle = (96 * scores[0] + 100 * scores[1]) / (scores[0] + scores[1])
    assert found.box[0, [0, 2]].mean() == pytest.approx(middle * 200 / 192, rel=1e-5)


@pytest.mark.parametrize(("threshold", "count"), [(0.5, 1), (0.500001, 0)])
def test_a_palm_at_the_threshold_counts(threshold, count):
    detector = BlazePalmDetector(
        Answers(**_palm_answer((0, 96, 100, 40, UP))), HandSettings(min_hand_detection_confidence=threshold)
    )
    assert len(detector([GREY])[0]) == count


def test_what_has_no_size_is_no_palm():
    palms = [(5, 96, 100, -1, UP), (5, 30, 100, 0, UP), (5, math.nan, 100, 40, UP)]
    detector = BlazePalmDetector(Answers(**_palm_answer(*palms)), HandSettings())
    assert len(detector([GREY])[0]) == 0


@given(st.floats(-3.1, 3.1), st.floats(-3.1, 3.1))
def test_aim_turns_with_the_arrow(angle, up):
    turned = blazehand.aim((0, 0), (math.cos(angle), -math.sin(angle)), up)
    assert -math.pi <= turned <= math.pi + 1e-6
    assert math.cos(turned - (up - angle)) == pytest.approx(1, abs=1e-5)


def _hand_answer(**changes):
    points = np.stack([np.linspace(40, 180, 21), np.linspace(200, 30, 21), np.linspace(0, -8, 21)], axis=1)
    answer = {
        "landmarks": points.ravel(),
        "presence": np.array([0.9]),
        "handedness": np.array([0.8]),
        "world": points.ravel() / 1000,
    }
    return answer | changes


def _region(*rows):
    """Return regions: (x, y, side, radians) each."""
    rows = np.array(rows, F32).reshape(-1, 4)
    return Regions(rows[:, :2].copy(), rows[:, [2, 2]].copy(), rows[:, 3].copy(), np.ones(len(rows), F32))


def test_landmarks_are_carried_to_the_picture():
    """Section 4.6: in pixels, in the rotated region; depth in units of 0.4 crop pixels."""
    answer = _hand_answer()
    (hands,) = BlazeHandLandmarker(Answers(**answer), HandSettings())([GREY], [_region((90, 50, 112, 0.3))])
    raw = answer["landmarks"].reshape(21, 3)
    across, down = (raw[:, :2] / 224 - 0.5).T * 112
    cos, sin = math.cos(0.3), math.sin(0.3)
    assert hands.xy[0] == pytest.approx(
        np.stack([90 + cos * across - sin * down, 50 + sin * across + cos * down], axis=1), abs=1e-3
    )
    assert hands.depth[0] == pytest.approx(raw[:, 2] / 0.4 * 112 / 224, abs=1e-4)
    x, y, z = (raw / 1000).T
    assert hands.world[0] == pytest.approx(np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1))
    assert hands.box_score[0] == pytest.approx(0.9)
    assert hands.score is None
    assert hands.presence is None


@pytest.mark.parametrize(("mirrored", "right"), [(False, 0.8), (True, 0.2)])
def test_a_mirrored_picture_exchanges_the_sides(mirrored, right):
    reader = BlazeHandLandmarker(Answers(**_hand_answer()), HandSettings(mirrored=mirrored))
    (hands,) = reader([GREY], [_region((90, 50, 112, 0))])
    assert hands.handedness[0] == pytest.approx(right)


@pytest.mark.parametrize(("presence", "count"), [(0.5, 0), (0.500001, 1)])
def test_presence_must_exceed_its_threshold(presence, count):
    reader = BlazeHandLandmarker(Answers(**_hand_answer(presence=np.array([presence]))), HandSettings())
    assert len(reader([GREY], [_region((90, 50, 112, 0))])[0]) == count


def test_a_hand_that_is_there_twice_is_dropped_once():
    """Section 4.10: ten points within a fifth of a palm, and boxes that overlap; the first one stays."""
    answer, far, near = _hand_answer(), (190, 50, 112, 0), (92, 50, 112, 0)
    regions = _region((90, 50, 112, 0), far, near)
    (once,) = BlazeHandLandmarker(Answers(**answer), HandSettings())([GREY], [regions])
    assert once.region.tolist() == [0, 1]
    (twice,) = BlazeHandLandmarker(Answers(**answer), HandSettings(distinct=False))([GREY], [regions])
    assert twice.region.tolist() == [0, 1, 2]


def test_a_batch_is_the_same_as_one_by_one(hands_full, hand_photos):
    frames = [vitruvian.read_image(path) for path in sorted(hand_photos.glob("*.jpg"))[:4]]
    for alone, together in zip(map(hands_full.estimate, frames), hands_full.estimate(frames), strict=True):
        assert np.array_equal(alone.xy, together.xy)


def test_nobody_has_every_column(hands_full):
    nobody = hands_full.estimate(GREY)
    assert len(nobody) == 0
    assert nobody.world.shape == (0, 21, 3)
    assert nobody.handedness.shape == (0,)


@pytest.mark.parametrize(
    "option",
    [
        {"num_hands": 0},
        {"num_hands": 1.5},
        {"min_hand_detection_confidence": 1.1},
        {"min_hand_presence_confidence": -0.1},
        {"min_hand_presence_confidence": math.nan},
    ],
    ids=str,
)
def test_options_outside_their_range_are_refused(option):
    with pytest.raises(OptionError, match=next(iter(option))):
        HandSettings(**option)


@given(st.floats(0, 1), st.lists(st.floats(-30, 30), min_size=1, max_size=8))
@example(0.0, [-30.0])
@example(1.0, [17.5])
@example(1e-12, [-27.0])
def test_what_is_left_out_early_is_what_the_threshold_leaves_out(threshold, logits):
    palms = [(logit, 96, 100, 40, UP) for logit in logits]
    settings = HandSettings(min_hand_detection_confidence=threshold)
    (found,) = BlazePalmDetector(Answers(**_palm_answer(*palms)), settings).palms([GREY])
    one = np.float32(1)
    best = (one / (one + np.exp(-np.array(logits, F32)))).max()
    assert len(found.score) == (best >= threshold)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270, -90])
def test_one_tile_that_is_the_letterbox_shows_what_a_look_does(hands_full, hand_photos, rotation):
    upright = vitruvian.read_image(hand_photos / "rock_026fd791.jpg").pixels
    frame = Frame.of(np.rot90(upright, rotation // 90).copy())
    (looked,) = hands_full.detect([frame], rotation)
    sight = hands_full.detect.inspect(frame, tiles_of(frame.stamp.width, frame.stamp.height, 1.0), rotation)
    assert len(looked)
    for column in ("centre", "size", "rotation", "score"):
        np.testing.assert_array_equal(getattr(sight.found, column), getattr(looked, column))
    assert (sight.hints.score >= F32(HINT)).all()
    assert len(sight.hints) > len(sight.found)


def test_a_palm_in_a_tile_is_carried_to_the_picture():
    """Each of two tiles shows the same palm; what is nearly one is a hint."""
    unsure = (-1.5, 30, 100, 40, np.array(UP) - [66, 0])
    nothing = (-3, 60, 100, 40, np.array(UP) - [36, 0])
    answer = _palm_answer((5, 96, 100, 40, UP), unsure, nothing)
    detector = BlazePalmDetector(Answers(**answer), HandSettings())
    sight = detector.inspect(GREY, [Tile(48, 48, 96), Tile(140, 52, 96)])
    assert sight.found.centre == pytest.approx(np.array([[48, 40], [140, 44]]), abs=1e-3)
    assert sight.found.size == pytest.approx(np.full((2, 2), 2.6 * 40 / 2))
    assert sight.hints.score == pytest.approx([0.99331, 0.18243] * 2, abs=1e-5)
    assert sight.hints.centre[1] == pytest.approx([15, 40], abs=1e-3)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("photo", ["call_0e022ee9", "four_06aa70cc", "rock_09a619ab"])
def test_a_hand_seen_in_a_mirror_is_the_same_hand(hands_full, hand_photos, photo, mirrored):
    frame = vitruvian.read_image(hand_photos / f"{photo}.jpg")
    regions = hands_full.follow(hands_full.estimate(frame), frame.stamp)
    session, settings = hands_full.landmark._network.session, HandSettings(mirrored=mirrored)
    straight, other = (
        BlazeHandLandmarker(session, settings, flipped=flipped)([frame], [regions])[0]
        for flipped in (False, True)
    )
    assert len(straight) == len(other) == 1
    assert np.hypot(*(straight.xy[0] - other.xy[0]).T).mean() < 3
    assert other.handedness == pytest.approx(straight.handedness, abs=0.1)
    assert np.abs(other.world - straight.world).mean() < 0.01
    assert np.abs(other.depth - straight.depth).mean() < 0.1 * np.ptp(straight.xy)


def test_a_mirror_exchanges_x_and_the_side_and_nothing_else():
    """The same answer, from a straight and from a mirrored crop."""
    region = _region((90, 50, 112, 0))
    straight, other = (
        BlazeHandLandmarker(Answers(**_hand_answer()), HandSettings(), flipped=flipped)([GREY], [region])[0]
        for flipped in (False, True)
    )
    assert other.xy[..., 0] == pytest.approx(180 - straight.xy[..., 0], abs=1e-4)
    assert other.xy[..., 1] == pytest.approx(straight.xy[..., 1], abs=1e-4)
    assert other.world == pytest.approx(straight.world * np.array([-1, 1, 1], F32))
    assert other.depth == pytest.approx(straight.depth)
    assert other.handedness[0] == pytest.approx(0.2)


@pytest.mark.parametrize("option", [{"search": "slow"}, {"accuracy": "best"}, {"accuracy": None}])
def test_searches_and_accuracies_are_words_of_a_list(option):
    (name,) = option
    with pytest.raises(OptionError, match=rf"{name}: '(auto', 'fast', 'thorough|normal', 'high)', got"):
        HandSettings(**option)
