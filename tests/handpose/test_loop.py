"""When the detector runs, and where a hand is looked for."""

import math
from itertools import pairwise

import numpy as np
import pytest

from vitruvian import Frame, Gap, OptionError, Stamp
from vitruvian.following import CompatibleHandpose, compatible_handpose, flipped
from vitruvian.models.blazehand import Palms
from vitruvian.models.handpose import region_around_palms

UPRIGHT = (300.0, 240.0, 120.0, 0.0)


def _run(stage, frames, **options):
    return [found for _, found in compatible_handpose(frames, stage.stages, CompatibleHandpose(**options))]


def _step(stage, picture, **options):
    """Return a function that moves the hands, and gives the next picture's result."""
    frames = iter(lambda: picture, None)
    running = compatible_handpose(frames, stage.stages, CompatibleHandpose(**options))

    def step(*hands):
        stage.hands = list(hands)
        return next(running)[1]

    return step


@pytest.mark.parametrize(
    ("checks", "runs"), [(-1, 60), (0, 60), (0.5, 30), (1, 30), (5, 10), (59, 1), (math.inf, 1)]
)
def test_the_detector_runs_in_every_n_plus_first_picture(stage, picture, checks, runs):
    stage.hands = [UPRIGHT]
    found = _run(stage, [picture] * 60, max_continuous_checks=checks)
    assert stage.looks == runs
    assert [len(each.hands) for each in found] == [1] * 60


def test_a_lost_hand_costs_one_picture(stage, picture):
    step = _step(stage, picture)
    assert len(step(UPRIGHT).hands) == 1
    far = (90.0, 90.0, 50.0, 0.0)
    assert len(step(far).hands) == 0
    assert stage.looks == 1
    assert len(step(far).hands) == 1
    assert stage.looks == 2


def test_without_a_hand_the_detector_runs_in_every_picture(stage, picture):
    found = _run(stage, [picture] * 4)
    assert stage.looks == 4
    assert all(each.places.shape == (0, 21, 3) and len(each.hands) == 0 for each in found)


def test_a_forced_detection_that_finds_nothing_drops_the_hand(stage, picture):
    step = _step(stage, picture, max_continuous_checks=1)
    assert [len(step(UPRIGHT).hands) for _ in range(2)] == [1, 1]
    stage.detected = False
    assert len(step(UPRIGHT).hands) == 0
    stage.detected = True
    assert len(step(UPRIGHT).hands) == 1
    assert stage.looks == 3


@pytest.mark.parametrize("turn", [0, 0.7, -1.3, 2.9, math.pi])
def test_the_region_around_a_detected_palm(stage, original, turn):
    stage.hands = [(300, 240, 120, turn)]
    palms = stage.find([None])[0]
    regions = region_around_palms(palms)
    centre, side, rotation = original.fresh(palms.box[0].tolist(), palms.points[0].tolist())
    assert regions.centre[0] == pytest.approx(centre, abs=1e-3)
    assert regions.size[0] == pytest.approx((side, side), rel=1e-5)
    assert math.cos(regions.rotation[0] - rotation) == pytest.approx(1)


def test_a_followed_hand_is_looked_for_in_the_square_around_its_landmarks(stage, picture, original):
    step = _step(stage, picture)
    stages = [(300, 240, 120, 0.4), (330, 250, 130, 0.9), (380, 260, 120, 1.4)]
    for hand in stages:
        found = step(hand)
        assert found.hands.box[0] == pytest.approx(original.box(stage.points(*hand).tolist()), abs=1e-2)
    for before, region in zip(stages, stage.regions[1:], strict=False):
        points = stage.points(*before)
        x0, y0, x1, y1 = original.box(points.tolist())
        assert region.centre[0] == pytest.approx(((x0 + x1) / 2, (y0 + y1) / 2), abs=1e-3)
        assert region.size[0] == pytest.approx((x1 - x0, y1 - y0), rel=1e-5)
        assert region.rotation[0] == pytest.approx(original.rotation(points[[0, 5, 9]].tolist()), abs=1e-5)


def _drift(count=60):
    return [(300 + 0.9 * i, 240 + 0.4 * i, 120.0, 0.01 * i) for i in range(count)]


def test_a_hand_that_hardly_moves_is_looked_for_where_it_was(stage, picture, original):
    """The rule of section 2.9 in plain numbers, step by step."""
    step = _step(stage, picture)
    before = palm = None
    frozen = 0
    for place, hand in enumerate(_drift()):
        step(hand)
        points = stage.points(*hand).tolist()
        if place:
            region = stage.regions[-1]
            centre = ((before[0] + before[2]) / 2, (before[1] + before[3]) / 2)
            assert region.centre[0] == pytest.approx(centre, abs=1e-2)
            assert region.rotation[0] == pytest.approx(original.rotation(palm), abs=1e-5)
        now = original.box(points)
        keep = place > 0 and original.overlap(before, now) > 0.8
        frozen += keep
        if not keep:
            before, palm = now, [points[i] for i in (0, 5, 9)]
    assert 40 < frozen < 59


def test_the_overlap_counts_the_former_box_from_the_top_of_the_new_one(stage, picture, original):
    """Downwards a hand stays frozen for longer than upwards, which is the slip."""

    def frozen(direction):
        step = _step(stage, picture)
        step(UPRIGHT)
        x, y, size, turn = UPRIGHT
        moves = 0
        while True:
            moves += 1
            step((x, y + direction * moves, size, turn))
            step((x, y + direction * moves, size, turn))
            if stage.regions[-1].centre[0, 1] != stage.regions[-2].centre[0, 1]:
                return moves

    side = original.square(stage.points(*UPRIGHT).tolist(), -0.1, 1.65)[1]
    assert frozen(1) == math.floor(0.2 * side) + 1
    assert frozen(-1) < frozen(1)


def test_the_box_is_that_of_the_new_landmarks_even_where_the_old_is_kept(stage, picture):
    step = _step(stage, picture)
    step(UPRIGHT)
    x, y, size, turn = UPRIGHT
    before, now = step(UPRIGHT), step((x + 2, y, size, turn))
    assert (stage.regions[-1].centre == stage.regions[-2].centre).all()
    assert now.hands.box - before.hands.box == pytest.approx(np.array([[2, 0, 2, 0]]), abs=1e-3)


def test_without_stickiness_every_picture_moves_the_region(stage, picture):
    step = _step(stage, picture, sticky=False)
    for hand in _drift():
        step(hand)
    centres = [region.centre[0].tolist() for region in stage.regions[1:]]
    assert all(one != other for one, other in pairwise(centres))


def test_depths_are_in_pixels_of_a_crop_of_256(stage, picture):
    stage.hands = [UPRIGHT]
    found = _run(stage, [picture] * 2)
    for each, region in zip(found, stage.regions, strict=True):
        assert each.places[0, :, 2] == pytest.approx(256 / region.size[0, 0])
        assert (each.places[0, :, :2] == each.hands.xy[0]).all()


def test_flipping_changes_x_and_does_not_swap_the_corners(stage, picture):
    stage.hands = [UPRIGHT]
    [found] = _run(stage, [picture])
    other = flipped(found, 640)
    assert other.places[..., 0] == pytest.approx(639 - found.places[..., 0])
    assert (other.places[..., 1:] == found.places[..., 1:]).all()
    assert other.hands.box[0] == pytest.approx(
        np.array([639, 0, 639, 0]) + found.hands.box[0] * [-1, 1, -1, 1]
    )
    assert other.hands.box[0, 0] > other.hands.box[0, 2]


def test_one_hand_is_the_best_palm(stage, picture):
    stage.hands = [UPRIGHT, (100, 100, 60, 0)]
    [found] = _run(stage, [picture])
    assert found.hands.xy[0] == pytest.approx(stage.points(*UPRIGHT))


def test_more_hands_are_followed_each_for_itself(stage, picture):
    left, right = (150.0, 240.0, 100.0, 0.0), (450.0, 240.0, 100.0, 0.3)
    step = _step(stage, picture, max_hands=2)
    assert len(step(right).hands) == 1
    both = step(left, right)
    assert stage.looks == 2
    assert both.hands.followed.tolist() == [True, False]
    assert both.hands.xy[0] == pytest.approx(stage.points(*right))
    assert both.hands.xy[1] == pytest.approx(stage.points(*left))
    for _ in range(5):
        assert len(step(left, right).hands) == 2
    assert stage.looks == 2
    stage.detected = False
    assert len(step(left).hands) == 1
    assert stage.looks == 2


def test_each_hand_has_its_own_count(stage, picture):
    left, right = (150.0, 240.0, 100.0, 0.0), (450.0, 240.0, 100.0, 0.3)
    step = _step(stage, picture, max_hands=2, max_continuous_checks=3)
    step(right)
    step(right)
    flags = [step(right, left).hands.followed.tolist() for _ in range(6)]
    # The right hand came two pictures earlier, and so is due two pictures earlier.
    assert flags == [
        [True, False],
        [True, True],
        [True, False],
        [True, True],
        [True, False],
        [True, True],
    ]


def test_one_hand_is_never_two(stage, picture):
    step = _step(stage, picture, max_hands=3)
    for place in range(12):
        found = step((300 + place, 240, 120, 0), (303 + place, 242, 121, 0.05))
        assert len(found.hands) == 1
    assert stage.looks == 12


def test_two_followed_hands_that_turn_out_to_be_one_are_one(stage, picture):
    step = _step(stage, picture, max_hands=2)
    assert len(step((250, 240, 120, 0), (350, 240, 120, 0)).hands) == 2
    stage.detected = False
    assert len(step((300, 240, 120, 0)).hands) == 1


def test_palms_that_are_points_or_nowhere_are_no_hands(stage, picture):
    points = np.stack([np.full((7, 2), 5), np.full((7, 2), np.nan), stage.points(*UPRIGHT)[:7]])
    points = points.astype(np.float32)
    box = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    palms = Palms(box, points, np.ones(3, np.float32))
    stage.find = lambda _: [palms]
    stage.hands = [UPRIGHT]
    [found] = _run(stage, [picture])
    assert len(found.hands) == 1
    assert len(stage.regions[0]) == 1


def test_a_hand_that_grows_beyond_all_bounds_is_lost(stage, picture):
    step = _step(stage, picture)
    step(UPRIGHT)
    assert len(step((300, 240, 1e7, 0)).hands) == 1
    assert len(step(UPRIGHT).hands) == 1
    assert stage.looks == 2


def test_a_gap_shows_nobody_and_changes_nothing(stage, picture):
    gap = Gap(Stamp("clip", 640, 480, status="failed"))
    stage.hands = [UPRIGHT]
    found = _run(stage, [picture, gap, picture])
    assert [len(each.hands) for each in found] == [1, 0, 1]
    assert stage.looks == 1


def test_pictures_may_change_their_size(stage, picture):
    stage.hands = [UPRIGHT]
    other = Frame.of(np.zeros((500, 700, 3), np.uint8))
    assert [len(each.hands) for each in _run(stage, [picture, other])] == [1, 1]


@pytest.mark.parametrize(
    "options",
    [
        {"max_continuous_checks": math.nan},
        {"max_continuous_checks": "5"},
        {"max_hands": 0},
        {"max_hands": 1.5},
        {"iou_threshold": -0.1},
        {"iou_threshold": 1.1},
    ],
)
def test_options_outside_their_range(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        CompatibleHandpose(**options)
