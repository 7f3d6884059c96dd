"""Hands on real photos and over time: the defaults, beyond what the original does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import vitruvian
from vitruvian import Frame, OptionError, Stamp

SIZE = (540, 960)


def _streamed(pipeline, frames, **options):
    return [hands for _, hands in pipeline.stream(frames, **options)]


def _ids(results):
    return {name for hands in results for name in hands.track_id.tolist()}


@pytest.fixture(scope="module")
def clip_frames(hand_clip):
    with vitruvian.open_source(hand_clip) as source:
        return list(source)


@pytest.mark.parametrize("smoothing", ["off", "live"])
def test_results_are_the_callers_to_change(hands_full, clip_frames, spoilt, smoothing):
    plain = _streamed(hands_full, clip_frames[:8], smoothing=smoothing)
    changed = [spoilt(hands) for _, hands in hands_full.stream(clip_frames[:8], smoothing=smoothing)]
    for hands, (names, xy) in zip(plain, changed, strict=True):
        assert hands.track_id.tolist() == names == [0]
        np.testing.assert_array_equal(hands.xy, xy)


@pytest.fixture(scope="module")
def patches(hands_full, hand_photos):
    """Two hands with what is around them, 260 x 260: a left one and a right one."""
    return [_patch(hands_full, hand_photos / f"{name}.jpg") for name in ("call_0413d5c5", "call_0e022ee9")]


def _patch(pipeline, photo):
    frame = vitruvian.read_image(photo)
    x0, y0, x1, y1 = pipeline.estimate(frame)[0].box[0]
    reach = 1.1 * max(x1 - x0, y1 - y0)
    left, right = (max(0, int((x0 + x1) / 2 + side * reach)) for side in (-1, 1))
    top, bottom = (max(0, int((y0 + y1) / 2 + side * reach)) for side in (-1, 1))
    return cv2.resize(frame.pixels[top:bottom, left:right], (260, 260))


def _scene(count, *actors):
    """Yield frames in which each (patch, place of its corner at frame i) moves over grey ground."""
    for i in range(count):
        pixels = np.full((*SIZE, 3), 90, np.uint8)
        for patch, place in actors:
            if (corner := place(i)) is not None:
                x, y = map(int, corner)
                pixels[y : y + 260, x : x + 260] = patch
        yield Frame(pixels, Stamp("scene", SIZE[1], SIZE[0], i, i / 30))


def test_a_hand_is_one_hand_and_the_same_side_through_a_clip(hands_full, clip_frames):
    results = _streamed(hands_full, clip_frames)
    assert [len(hands) for hands in results] == [1] * 202
    assert _ids(results) == {0}
    assert all(hands.handedness[0] > 0.5 for hands in results)


def test_what_is_mirrored_is_the_other_hand(hands_files, hands_full, hand_photos):
    frame = vitruvian.read_image(hand_photos / "call_0413d5c5.jpg")
    with vitruvian.hands(hands_files, mirrored=True, search="fast") as mirrored:
        plain, other = hands_full.estimate(frame), mirrored.estimate(frame)
    assert np.array_equal(plain.xy, other.xy)
    assert other.handedness == pytest.approx(1 - plain.handedness)
    flipped = hands_full.estimate(np.ascontiguousarray(frame.pixels[:, ::-1]))
    assert (flipped.handedness[0] > 0.5) != (plain.handedness[0] > 0.5)


def test_a_waving_hand_keeps_its_identity(hands_full, patches):
    """16 pixels a frame: three hand sizes in a second, and back."""
    scene = _scene(90, (patches[1], lambda i: (350 + 300 * np.sin(i * 16 / 300), 150)))
    results = _streamed(hands_full, scene)
    assert sum(len(hands) == 1 for hands in results) >= 80
    assert _ids(results) == {0}


def test_two_hands_that_pass_each_other_keep_identity_and_side(hands_full, patches):
    left, right = patches
    scene = _scene(100, (left, lambda i: (20 + 6 * i, 20)), (right, lambda i: (660 - 6 * i, 270)))
    results = _streamed(hands_full, scene)
    assert _ids(results) == {0, 1}
    sides = {0: set(), 1: set()}
    for hands in results:
        for name, probability in zip(hands.track_id.tolist(), hands.handedness.tolist(), strict=True):
            sides[name].add(probability > 0.5)
    assert sorted(sides.values(), key=str) == [{False}, {True}]


def test_a_hand_that_comes_back_is_the_same_hand(hands_full, patches):
    scene = _scene(90, (patches[1], lambda i: None if 40 < i < 60 else (300, 150)))
    results = _streamed(hands_full, scene)
    assert {len(hands) for hands in results[41:60]} == {0}
    assert len(results[-1]) == 1
    assert _ids(results) == {0}


def test_smoothing_calms_a_hand_that_is_held_still(hands_full, patches):
    rng = np.random.default_rng(3)
    noise = [rng.normal(0, 6, (*SIZE, 3)) for _ in range(40)]
    frames = [
        Frame(np.clip(frame.pixels + one, 0, 255).astype(np.uint8), frame.stamp)
        for frame, one in zip(_scene(40, (patches[1], lambda _: (300, 150))), noise, strict=True)
    ]
    calm, raw = (
        np.array([hands.xy[0] for hands in _streamed(hands_full, frames, smoothing=name)[5:]])
        for name in ("live", "off")
    )
    assert np.diff(calm, axis=0).std() < 0.5 * np.diff(raw, axis=0).std()


def test_no_more_hands_than_asked_for(hands_files, patches):
    with vitruvian.hands(hands_files, num_hands=1, search="fast") as pipeline:
        scene = _scene(10, (patches[0], lambda _: (20, 150)), (patches[1], lambda _: (660, 150)))
        assert {len(hands) for hands in _streamed(pipeline, scene)} == {1}


def test_the_upright_region_finds_at_least_as_many_hands(hands_files, hand_photos, eval_photos):
    photos = [*hand_photos.glob("*.jpg"), *eval_photos.iterdir()]
    frames = [vitruvian.read_image(path) for path in sorted(photos)]
    counts = {}
    for upright in (True, False):
        with vitruvian.hands(hands_files, upright=upright, search="fast") as pipeline:
            counts[upright] = sum(len(pipeline.estimate(frame)) for frame in frames)
    assert counts[True] >= counts[False] > 20


def test_a_second_look_agrees_with_itself(hands_files, hand_photos):
    """Where the first region came from the palm alone, the later ones come from the whole hand."""
    frame = vitruvian.read_image(hand_photos / "rock_026fd791.jpg")
    found = {}
    for looks in (1, 2, 3):
        with vitruvian.hands(hands_files, looks=looks, search="fast") as pipeline:
            found[looks] = pipeline.estimate(frame).xy[0]
    moved = {looks: np.hypot(*(found[looks] - found[looks - 1]).T).mean() for looks in (2, 3)}
    assert 0 < moved[3] < moved[2]


def test_looks_is_a_count(hands_files):
    with pytest.raises(OptionError, match="looks"):
        vitruvian.hands(hands_files, looks=0)
