"""From hand to hand, and the original's loop (hand specification, sections 4.8, 4.9 and 5)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitruvian import Frame, Gap, Landmarks, OptionError, Skeleton, Stamp
from vitruvian.following import CompatibleHands, Stages, compatible_hands, follow_hands

HAND = Skeleton.named("hand21")
F32 = np.float32
PIXELS = np.zeros((480, 640, 3), np.uint8)
STAMP = Stamp("x", 640, 480)

# An upright hand of 100 pixels: wrist below, fingers up; the middle knuckle is above the wrist.
SHAPE = np.array(
    [(0, 50), (-20, 40), (-32, 25), (-40, 10), (-46, -2)]
    + [(x, y) for x in (-18, 0, 14, 28) for y in (0, -20, -35, -48)],
    F32,
)


def _hands(*rows):
    """Return hands at (x, y, scale, radians)."""
    xy = np.array([_turned(SHAPE * scale, angle) + np.array([x, y]) for x, y, scale, angle in rows], F32)
    xy = xy.reshape(-1, 21, 2)
    box = np.concatenate([xy.min(axis=1, initial=1e9), xy.max(axis=1, initial=-1e9)], axis=1)
    return Landmarks(HAND, xy, box, np.ones(len(rows), F32), region=np.arange(len(rows)))


def _turned(points, angle):
    cos, sin = math.cos(angle), math.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def test_the_next_region_of_an_upright_hand():
    (region,) = [follow_hands(_hands((300, 200, 1, 0)), STAMP)]
    root = SHAPE[[0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]]
    low, high = root.min(axis=0), root.max(axis=0)
    bases = ((SHAPE[5] + SHAPE[13]) / 2 + SHAPE[9]) / 2
    turn = math.pi / 2 - math.atan2(-(bases[1] - 50), bases[0])
    assert region.rotation[0] == pytest.approx(turn, abs=1e-5)
    # Nearly upright: the rotated bounds are the bounds to within a pixel.
    assert region.size[0] == pytest.approx([2 * max(high - low)] * 2, rel=0.05)
    middle = (low + high) / 2 + (300, 200) - (0, 0.1 * (high - low)[1])
    assert region.centre[0] == pytest.approx(middle, abs=3)


@given(st.floats(100, 500), st.floats(100, 400), st.floats(0.2, 3), st.floats(-3, 3), st.floats(-0.3, 0.3))
def test_the_region_moves_grows_and_turns_with_the_hand(x, y, scale, angle, more):
    one, other = _hands((0, 0, 1, angle)), _hands((x, y, scale, angle))
    first, second = follow_hands(one, STAMP), follow_hands(other, STAMP)
    assert second.size[0] == pytest.approx(first.size[0] * scale, rel=1e-3)
    assert second.centre[0] - (x, y) == pytest.approx(first.centre[0] * scale, abs=0.1)
    assert second.rotation[0] == pytest.approx(first.rotation[0], abs=1e-3)
    # Its angle is exact; its box comes from bounds in the picture first (section 4.8), so it is nearly so.
    turned = follow_hands(_hands((x, y, scale, angle + more)), STAMP)
    assert math.cos(turned.rotation[0] - second.rotation[0] - more) == pytest.approx(1, abs=1e-4)


def test_the_region_does_not_depend_on_the_pictures_shape():
    hands = _hands((200, 150, 1, 0.4))
    wide, tall = (follow_hands(hands, Stamp("x", *size)) for size in ((1280, 320), (400, 900)))
    for name in ("centre", "size", "rotation"):
        assert getattr(wide, name) == pytest.approx(getattr(tall, name), rel=1e-4)


def test_nobody_is_followed_nowhere():
    assert len(follow_hands(_hands(), STAMP)) == 0


class Table:
    """Hands at known places: detected where ``palms`` says, read wherever a region's middle is near one."""

    def __init__(self, *hands):
        self.hands, self.palms = list(hands), list(hands)
        self.looks = 0

    def look(self, frames):
        self.looks += 1
        return [follow_hands(_hands(*((x, y, 1, 0) for x, y in self.palms)), STAMP) for _ in frames]

    def read(self, _, regions):
        return [self._hands(each) for each in regions]

    def _hands(self, regions):
        rows, near = [], []
        for row, centre in enumerate(regions.centre):
            distances = [math.dist(centre, hand[:2]) for hand in self.hands]
            if distances and min(distances) < 60:
                rows.append(row)
                near.append((*self.hands[int(np.argmin(distances))][:2], 1, 0))
        hands = _hands(*near)
        return Landmarks(HAND, hands.xy, hands.box, hands.box_score, region=np.array(rows, np.int64))

    def run(self, count, options):
        stages = Stages(self.look, self.read, follow_hands, HAND)
        frames = [Frame(PIXELS, Stamp("x", 640, 480, i)) for i in range(count)]
        return compatible_hands(frames, stages, options)


def _middles(hands):
    return [tuple(np.rint(xy).astype(int).tolist()) for xy in hands.xy[:, 9]]


def test_the_detector_rests_while_enough_hands_are_followed():
    table = Table((300, 200))
    found = [len(hands) for _, hands in table.run(10, CompatibleHands())]
    assert found == [1] * 10
    assert table.looks == 1


def test_the_detector_never_rests_while_a_hand_is_missing():
    table = Table((300, 200))
    assert [len(hands) for _, hands in table.run(10, CompatibleHands(num_hands=2))] == [1] * 10
    assert table.looks == 10


def test_a_lost_hand_costs_a_frame():
    table = Table((300, 200))
    loop = table.run(4, CompatibleHands())
    assert len(next(loop)[1]) == 1
    table.hands = table.palms = [(100, 200)]
    assert len(next(loop)[1]) == 0
    assert _middles(next(loop)[1]) == [(100, 200)]


def test_followed_hands_come_first_and_new_ones_after_them():
    table = Table((300, 200))
    loop = table.run(3, CompatibleHands(num_hands=3))
    next(loop)
    table.hands = table.palms = [(550, 200), (100, 200), (300, 200)]
    _, hands = next(loop)
    assert _middles(hands) == [(300, 200), (550, 200), (100, 200)]
    assert hands.followed.tolist() == [True, False, False]


def test_no_more_than_num_hands():
    table = Table((100, 200), (300, 200), (500, 200))
    assert [len(hands) for _, hands in table.run(3, CompatibleHands(num_hands=2))] == [2, 2, 2]


def test_tracking_confidence_is_an_overlap():
    """At 1 the detection of a hand that is followed is never that hand, and it comes out twice (4.9)."""
    table = Table((300, 200))
    loop = table.run(2, CompatibleHands(num_hands=2, min_tracking_confidence=1.0))
    next(loop)
    assert len(next(loop)[1]) == 2


def test_a_gap_yields_nobody_and_changes_nothing():
    table = Table((300, 200))
    stages = Stages(table.look, table.read, follow_hands, HAND)
    gap = Gap(Stamp("x", 640, 480, 1, status="failed"), "damaged")
    frames = [Frame(PIXELS, Stamp("x", 640, 480, 0)), gap, Frame(PIXELS, Stamp("x", 640, 480, 2))]
    found = [len(hands) for _, hands in compatible_hands(frames, stages, CompatibleHands())]
    assert found == [1, 0, 1]
    assert table.looks == 1


def test_legacy_puts_followed_hands_last_and_may_give_more_than_asked():
    """Section 5."""
    table = Table((300, 200))
    loop = table.run(3, CompatibleHands(num_hands=2, legacy=True))
    next(loop)
    table.hands = [(300, 200), (100, 200), (550, 200)]
    table.palms = [(100, 200), (550, 200), (300, 200)]
    _, hands = next(loop)
    assert _middles(hands) == [(100, 200), (550, 200), (300, 200)]
    assert hands.followed.tolist() == [False, False, True]


@pytest.mark.parametrize("option", [{"num_hands": 0}, {"min_tracking_confidence": 1.5}], ids=str)
def test_options_outside_their_range_are_refused(option):
    with pytest.raises(OptionError, match=next(iter(option))):
        CompatibleHands(**option)
