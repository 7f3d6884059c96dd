"""Hands of whole people: on photos, and in a stream in which everything is known."""

from __future__ import annotations

import numpy as np
import pytest

import vitruvian
from vitruvian import (
    Frame,
    Gap,
    Landmarks,
    OptionError,
    Recording,
    Regions,
    SessionError,
    Skeleton,
    Stamp,
    Tracking,
    convert,
    smooth_offline,
)
from vitruvian.smoothing import SMOOTHING
from vitruvian.whole import Whole, hand_regions

F32 = np.float32
LEFT, RIGHT = slice(33, 54), slice(54, 75)
COLUMNS = ("xy", "score", "presence", "depth", "world")


@pytest.fixture(scope="module")
def whole(full_files, hands_files):
    with vitruvian.pose(full_files, hands=hands_files, search="fast") as pipeline:
        yield pipeline


def _seen(people) -> list[tuple[bool, bool]]:
    """Return of each person whether the left and the right hand are there."""
    known = np.isfinite(people.xy).all(axis=2)
    for part in (LEFT, RIGHT):
        assert (known[:, part].any(axis=1) == known[:, part].all(axis=1)).all()
    return [(bool(row[33]), bool(row[54])) for row in known]


def test_bodies_stay_what_they_are_and_hands_start_at_their_wrists(whole, full, hand_photos):
    frame = vitruvian.read_image(hand_photos / "none_00c84257.jpg")
    people, bodies = whole.estimate(frame), full.estimate(frame)
    assert people.skeleton.name == "body75"
    assert _seen(people) == [(True, True)]
    for name in COLUMNS:
        assert (getattr(people, name)[:, :33] == getattr(bodies, name)).all()
    assert (people.box == bodies.box).all()
    assert (convert(people, "body33").xy == bodies.xy).all()
    for wrist, hand in ((15, 33), (16, 54)):
        assert (people.world[:, hand] == people.world[:, wrist]).all()
        assert (people.depth[:, hand] == people.depth[:, wrist]).all()
        assert np.hypot(*(people.xy[0, hand] - people.xy[0, wrist])) < 30
    assert np.isnan(people.score[:, 33:]).all()
    assert np.isnan(people.presence[:, 33:]).all()


def test_a_hand_that_the_palm_detector_misses_is_found_at_the_end_of_its_arm(whole, hands_full, hand_photos):
    frame = vitruvian.read_image(hand_photos / "four_07a5a144.jpg")
    assert len(hands_full.estimate(frame)) == 0
    people = whole.estimate(frame)
    assert _seen(people) == [(False, True)]
    for name in COLUMNS:
        assert np.isnan(getattr(people, name)[:, LEFT]).all()
    # Four fingers are up: their tips are above their bases.
    hand = people.xy[0, RIGHT]
    assert (hand[[8, 12, 16, 20], 1] < hand[[5, 9, 13, 17], 1] - 10).all()


def test_the_arm_says_which_hand_it_is(whole, hand_photos):
    pixels = vitruvian.read_image(hand_photos / "four_07a5a144.jpg").pixels
    mirrored = whole.estimate(np.ascontiguousarray(pixels[:, ::-1]))
    assert _seen(mirrored) == [(True, False)]


def test_one_hand_is_not_given_to_two_arms(whole, eval_photos):
    """Both of the player's arms end at the ball, and one of the hands is behind it."""
    people = whole.estimate(vitruvian.read_image(eval_photos / "mhp_10084.jpg"))
    assert sorted(_seen(people)[0]) == [False, True]


def test_hands_of_a_turned_picture(whole, hand_photos):
    pixels = vitruvian.read_image(hand_photos / "none_00c84257.jpg").pixels
    upright = whole.estimate(pixels)
    turned = whole.estimate(np.ascontiguousarray(np.rot90(pixels)), rotation=90)
    assert _seen(turned) == [(True, True)]
    back = np.stack([pixels.shape[1] - turned.xy[..., 1], turned.xy[..., 0]], axis=2)
    assert np.hypot(*(back - upright.xy)[0, 33:].T).mean() < 6


def test_pictures_of_a_batch_do_not_mix(whole, hand_photos, astronaut):
    frames = [
        vitruvian.read_image(hand_photos / "four_07a5a144.jpg"),
        Frame.of(np.zeros((90, 120, 3), np.uint8)),
        vitruvian.read_image(astronaut),
    ]
    together = whole.estimate(frames)
    assert len(together[1]) == 0
    assert together[1].xy.shape == (0, 75, 2)
    for people, frame in zip(together, frames, strict=True):
        alone = whole.estimate(frame)
        assert people.xy.shape == alone.xy.shape
        np.testing.assert_allclose(people.xy, alone.xy, atol=0.05)


def test_networks_of_both_are_named_and_released(full_files, hands_files, astronaut):
    frame = vitruvian.read_image(astronaut)
    with vitruvian.pose(full_files, hands=hands_files, search="fast") as pipeline:
        files = [*full_files.values(), *hands_files.values()]
        assert pipeline.model.files == tuple(file.sha256 for file in files)
        people = pipeline.estimate(frame)
    with pytest.raises(SessionError):
        pipeline.whole.complete([frame], [convert(people, "body33")])


def test_a_clip(whole, hand_clip):
    with vitruvian.open_source(hand_clip.with_name("pose_squats.mp4")) as frames:
        recording = Recording.of(whole.stream(frames, smoothing="off"))
    people = recording.landmarks
    assert set(people.track_id.tolist()) == {0}
    both = [left and right for left, right in _seen(people)]
    assert np.mean(both) > 0.8
    smooth = smooth_offline(recording, cutoff=1.5).landmarks
    assert (np.isnan(smooth.xy) == np.isnan(people.xy)).all()
    assert not np.array_equal(smooth.xy[:, LEFT], people.xy[:, LEFT], equal_nan=True)


HAND = np.array(
    [(0, 0)] + [(8 * finger - 16, -10 * joint - 10) for finger in range(5) for joint in range(4)], F32
)


def _bodies(*wrists, ids=None):
    """Return bodies whose forearms point up, 60 pixels long, and end at (left, right) wrists."""
    xy = np.zeros((len(wrists), 33, 2), F32)
    for body, pair in zip(xy, wrists, strict=True):
        for side, wrist in enumerate(pair):
            body[[13 + side, 15 + side, 17 + side, 19 + side]] = np.array(wrist, F32) + np.array(
                [(0, 60), (0, 0), (-8, -20), (8, -20)], F32
            )
    return Landmarks(
        Skeleton.named("body33"),
        xy,
        np.zeros((len(wrists), 4), F32),
        np.ones(len(wrists), F32),
        score=np.ones((len(wrists), 33), F32),
        depth=np.full((len(wrists), 33), 7, F32),
        world=np.ones((len(wrists), 33, 3), F32),
        track_id=np.arange(len(wrists)) if ids is None else np.array(ids),
    )


class Hands:
    """Hands at known places; a network reads the one whose middle is near that of a region."""

    def __init__(self, *wrists):
        self.wrists = list(wrists)
        self.looks, self.glances, self.reads = 0, 0, 0
        self.whole = Whole(self._look, self._glance, self._read)

    def _look(self, frames, _):
        self.looks += len(frames)
        count = len(self.wrists)
        centre = np.array(self.wrists, F32).reshape(-1, 2) - np.array([0, 25], F32)
        return [
            Regions(centre, np.full((count, 2), 90, F32), np.zeros(count, F32), np.ones(count, F32))
            for _ in frames
        ]

    def _glance(self, _, regions):
        self.glances += sum(len(each) for each in regions)
        return [self._hands(each) for each in regions]

    def _read(self, _, regions):
        self.reads += sum(len(each) for each in regions)
        return [self._hands(each) for each in regions]

    def _hands(self, regions):
        taken: dict[int, int] = {}  # of each hand the region that showed it first
        for row, centre in enumerate(regions.centre):
            near = [np.hypot(*(np.array(wrist) - (0, 25) - centre)) for wrist in self.wrists]
            if near and min(near) < 25:
                taken.setdefault(int(np.argmin(near)), row)
        xy = np.array([HAND + np.array(self.wrists[hand], F32) for hand in taken], F32).reshape(-1, 21, 2)
        count = len(xy)
        return Landmarks(
            Skeleton.named("hand21"),
            xy,
            np.zeros((count, 4), F32),
            np.ones(count, F32),
            depth=np.full((count, 21), 2, F32),
            world=np.zeros((count, 21, 3), F32),
            handedness=np.zeros(count, F32),
            region=np.array(list(taken.values()), np.int64),
        )


def _frame(index, *, fps=16, size=(640, 480)):
    stamp = Stamp("test", *size, index, index / fps)
    return Frame(np.zeros((size[1], size[0], 3), np.uint8), stamp)


def _stream(hands, bodies, **options):
    """Return what comes out of a stream of these bodies, frame by frame."""
    settings = {"tracking": Tracking(), "smoothing": None, **options}
    frames = ((_frame(index), people) for index, people in enumerate(bodies))
    return [people for _, people in hands.whole.stream(frames, **settings)]


def test_the_region_of_a_hand_lies_on_the_knuckles_and_is_turned_as_the_hand():
    regions = hand_regions(_bodies([(100, 100), (300, 100)]))
    np.testing.assert_allclose(regions.centre, [(100, 80), (300, 80)])
    np.testing.assert_allclose(regions.size, 4.2 * 20, rtol=1e-6)
    np.testing.assert_allclose(regions.rotation, 0, atol=1e-6)


def test_followed_hands_cost_one_reading_each_and_no_search():
    hands = Hands((100, 100), (300, 100))
    people = _stream(hands, [_bodies([(100, 100), (300, 100)])] * 10)
    assert [_seen(each) for each in people] == [[(True, True)]] * 10
    assert (hands.looks, hands.glances) == (0, 2)
    assert hands.reads == 2 + 9 * 2
    np.testing.assert_allclose(people[-1].xy[0, LEFT], HAND + F32(100))
    np.testing.assert_allclose(people[-1].depth[0, LEFT], 7)
    np.testing.assert_allclose(people[-1].world[0, RIGHT], 1)


def test_an_arm_carries_the_region_along():
    hands = Hands((100, 100))
    frames = [_bodies([(100 + 60 * step, 100), (600, 470)]) for step in range(6)]
    memory = hands.whole.stream(
        _moving(hands, frames), tracking=Tracking(redetect=99, search=99), smoothing=None
    )
    assert [_seen(people) for _, people in memory] == [[(True, False)]] * 6
    assert hands.glances == 2 + 1  # both ends of the arms in the first frame, and the palm then


def _moving(hands, frames):
    for index, people in enumerate(frames):
        hands.wrists = [tuple(people.xy[0, 15].tolist())]
        yield _frame(index), people


def test_a_lost_hand_is_looked_for_in_the_same_frame_and_a_hidden_one_now_and_then():
    hands = Hands((100, 100), (300, 100))
    bodies = _bodies([(100, 100), (300, 100)])
    steps = []

    def frames():
        for index in range(60):
            hands.wrists = [(100, 100)] if index >= 10 else [(100, 100), (300, 100)]
            steps.append(hands.looks)
            yield _frame(index), bodies

    people = [each for _, each in hands.whole.stream(frames(), tracking=Tracking(), smoothing=None)]
    assert [_seen(each)[0] for each in people] == [(True, index < 10) for index in range(60)]
    looked = np.flatnonzero(np.diff(steps))
    assert looked[0] == 10
    assert set(np.diff(looked[looked < 40]).tolist()) == {2}  # after 0.1 s while it is remembered
    assert set(np.diff(looked[looked > 42]).tolist()) == {4}  # after 0.25 s then


def test_hands_of_two_people_keep_to_their_arms():
    hands = Hands((100, 100), (140, 100), (400, 100))
    bodies = _bodies([(102, 101), (300, 400)], [(500, 400), (138, 99)])
    people = _stream(hands, [bodies] * 3, smoothing=SMOOTHING["live"])
    assert [_seen(each) for each in people] == [[(True, False), (False, True)]] * 3
    np.testing.assert_allclose(people[-1].xy[0, 33], (100, 100), atol=1e-3)
    np.testing.assert_allclose(people[-1].xy[1, 54], (140, 100), atol=1e-3)


def test_wrists_that_are_hidden_or_outside_are_not_looked_at():
    hands = Hands((100, 100), (300, 100))
    bodies = _bodies([(100, 100), (-5, 100)])
    bodies.score[0, 15] = 0.05
    assert _seen(_stream(hands, [bodies])[0]) == [(False, False)]
    assert (hands.looks, hands.glances, hands.reads) == (0, 0, 0)


def test_who_goes_takes_the_hands_along_and_gaps_change_nothing():
    hands = Hands((100, 100), (300, 100))
    bodies, nobody = _bodies([(100, 100), (300, 100)], ids=[4]), Landmarks.nobody(Skeleton.named("body33"))
    gap = Gap(Stamp("test", 640, 480, 1, 1 / 16, status="failed"), "torn")
    frames = [(_frame(0), bodies), (gap, nobody), (_frame(2), bodies), (_frame(3), nobody)]
    people = [
        each for _, each in hands.whole.stream(iter(frames), tracking=Tracking(), smoothing=SMOOTHING["live"])
    ]
    assert [each.skeleton.name for each in people] == ["body75"] * 4
    assert [len(each) for each in people] == [1, 0, 1, 0]
    assert people[2].track_id.tolist() == [4]
    assert hands.glances == 2


def test_frames_may_change_their_size():
    hands = Hands((100, 100), (300, 100))
    large = _bodies([(200, 200), (600, 200)])

    def frames():
        yield _frame(0), _bodies([(100, 100), (300, 100)])
        hands.wrists = [(200, 200), (600, 200)]
        yield _frame(1, size=(1280, 960)), large

    people = [each for _, each in hands.whole.stream(frames(), tracking=Tracking(), smoothing=None)]
    assert _seen(people[1]) == [(True, True)]
    np.testing.assert_allclose(people[1].xy[0, 33], (200, 200))


def test_a_frame_without_a_time_is_refused():
    hands = Hands((100, 100))
    frame = Frame.of(np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(OptionError, match="no time"):
        next(hands.whole.stream([(frame, _bodies([(1, 1), (2, 2)]))], tracking=Tracking(), smoothing=None))
