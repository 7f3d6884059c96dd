"""Streams with the real networks: real people, moved along known paths."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest

import vitruvian
from vitruvian import Frame, Gap, OptionError, Stamp
from vitruvian.testing import Actor, Scene, cut_out, identity_switches

PHOTOS = {
    "skier": "coco_000000000785.jpg",
    "walker": "mpi_inf_3dhp_TS1_002001.jpg",
    "woman": "h36m_S1_Directions_1.54138969_000001.jpg",
    "player": "aic_ff945ae2e729f24eea992814639d59b3bdec8bd8.jpg",
}
WIDTH, HEIGHT, FPS = 1280, 720, 30


@pytest.fixture(scope="module")
def looks(eval_photos, lite_bundle):
    with vitruvian.pose(lite_bundle, num_poses=1, masks=True, search="fast") as pipeline:
        frames = {name: vitruvian.read_image(eval_photos / file) for name, file in PHOTOS.items()}
        return {name: [cut_out(frame, pipeline.estimate(frame))] for name, frame in frames.items()}


@pytest.fixture(scope="module")
def everybody(lite_bundle):
    with vitruvian.pose(lite_bundle, search="fast") as pipeline:
        yield pipeline


def _ground():
    coarse = np.random.default_rng(0).integers(60, 190, (9, 16, 3)).astype(np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def _pillar(width):
    stone = np.random.default_rng(1).integers(70, 110, (HEIGHT, width, 3)).astype(np.uint8)
    stone = cv2.GaussianBlur(stone, (0, 0), 3)
    return Actor([np.dstack([stone, np.full((HEIGHT, width), 255, np.uint8)])], lambda _: (640, 360, 720))


def _crossing(looks, tall, seconds, *, low=0):
    """Two people walk through the picture, the first to the right and behind, the second to the left."""
    way = WIDTH - 300
    return [
        Actor(looks[0], lambda t: (150 + way * t / seconds, 400 + 6 * math.sin(9 * t), tall[0])),
        Actor(
            looks[1], lambda t: (WIDTH - 150 - way * t / seconds, 400 + low + 6 * math.sin(8 * t), tall[1])
        ),
    ]


def _watched(pipeline, scene, count, **options):
    truth, seen = [], []

    def frames():
        for frame, appearances in scene.frames(count):
            truth.append(appearances)
            yield frame

    for _, people in pipeline.stream(frames(), **options):
        seen.append((people, truth[-1][:2]))
    return seen


@pytest.mark.parametrize(
    ("names", "tall", "seconds"),
    [
        (("skier", "walker"), (420, 420), 3),
        (("walker", "skier"), (420, 420), 3),
        (("woman", "player"), (450, 360), 3),
        (("player", "woman"), (360, 450), 3),
    ],
)
def test_people_who_cross_keep_their_identities(everybody, looks, names, tall, seconds):
    actors = _crossing([looks[name] for name in names], tall, seconds)
    switches, found, visible = identity_switches(_watched(everybody, Scene(_ground(), actors), seconds * FPS))
    assert switches == 0
    assert found > 0.7 * visible


@pytest.mark.parametrize(
    ("names", "tall", "low"),
    [
        (("player", "woman"), (360, 450), 0),
        (("player", "woman"), (400, 400), 40),
        (("skier", "walker"), (400, 400), 40),
    ],
)
def test_people_who_cross_out_of_sight_come_out_as_who_they_were(everybody, looks, names, tall, low):
    """Both meet behind a pillar, fully hidden for more than ten frames."""
    actors = [*_crossing([looks[name] for name in names], tall, 4, low=low), _pillar(260)]
    seen = _watched(everybody, Scene(_ground(), actors), 4 * FPS)
    assert all(sum(truth[actor].visible < 0.05 for _, truth in seen) >= 10 for actor in (0, 1))
    switches, found, visible = identity_switches(seen)
    assert switches == 0
    assert found > 0.55 * visible


def test_a_newcomer_is_found_within_half_a_second(everybody, looks):
    stays = Actor(looks["skier"], lambda _: (300, 400, 420))
    enters = Actor(looks["walker"], lambda t: (900 if t >= 1 else 5000, 400, 420))
    seen = _watched(everybody, Scene(_ground(), [stays, enters]), 2 * FPS)
    assert {len(people) for people, _ in seen[: 1 * FPS]} == {1}
    assert len(seen[int(1.5 * FPS)][0]) == 2
    assert seen[-1][0].track_id.tolist() == [0, 1]


def test_masks_come_with_everybody_in_a_stream(lite_bundle, looks):
    scene = Scene(_ground(), [Actor(looks["skier"], lambda t: (400 + 60 * t, 400, 420))])
    with vitruvian.pose(lite_bundle, masks=True) as pipeline:
        for people, truth in _watched(pipeline, scene, 5):
            (mask,) = people.mask
            x0, y0, x1, y1 = map(int, truth[0].box)
            image = mask.image(WIDTH, HEIGHT) > 0.5
            assert image[y0:y1, x0:x1].sum() > 0.9 * image.sum()


@pytest.fixture(scope="module")
def film(looks):
    return [
        f for f, _ in Scene(_ground(), _crossing([looks["skier"], looks["walker"]], (420, 420), 3)).frames(24)
    ]


def _everything(results):
    return [(people.track_id.tolist(), people.xy) for _, people in results]


def _assert_equal(one, other):
    assert [ids for ids, _ in one] == [ids for ids, _ in other]
    for (_, a), (_, b) in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_pipeline_serves_many_streams_by_turns(everybody, film):
    alone = _everything(everybody.stream(film))
    streams = [everybody.stream(film[i:]) for i in (0, 8)]
    turns = [[], []]
    for _ in range(16):
        for results, stream in zip(turns, streams, strict=True):
            results.extend(_everything(islice(stream, 1)))
    _assert_equal(turns[0], alone[:16])
    assert turns[1][0][0] == list(range(len(turns[1][0][0])))


@pytest.mark.parametrize("smoothing", ["off", "live"])
def test_results_are_the_callers_to_change(everybody, film, spoilt, smoothing):
    """Whoever draws into them, or scales them in place, does not disturb what comes next."""
    streams = [everybody.stream(film[:8], smoothing=smoothing) for _ in range(2)]
    _assert_equal([spoilt(people) for _, people in streams[0]], _everything(streams[1]))


def test_many_threads_at_once_get_what_one_gets(everybody, film):
    alone = _everything(everybody.stream(film))
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(lambda _: _everything(everybody.stream(film)), range(4)):
            _assert_equal(together, alone)


def test_arrays_are_frames_when_the_rate_is_given(everybody, film):
    results = list(everybody.stream((frame.pixels for frame in film[:3]), fps=25))
    assert [(frame.stamp.index, frame.stamp.time) for frame, _ in results] == [(0, 0.0), (1, 0.04), (2, 0.08)]
    with pytest.raises(OptionError, match=r"has no time; give stream\(\) the rate"):
        next(everybody.stream([film[0].pixels]))


def test_a_gap_goes_through(everybody, film):
    gap = Gap(Stamp("scene", WIDTH, HEIGHT, 1, 1 / FPS, status="failed"), "damaged")
    results = list(everybody.stream([film[0], gap, film[2]]))
    assert results[1][0] is gap
    assert [len(people) for _, people in results] == [2, 0, 2]
    assert results[2][1].track_id.tolist() == [0, 1]


def test_a_stream_is_lazy(everybody, film):
    taken = []

    def frames():
        for frame in film:
            taken.append(frame.stamp.index)
            yield frame

    stream = everybody.stream(frames())
    assert taken == []
    next(stream)
    assert taken == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"smoothing": "fast"}, "smoothing"), ({"fps": 0}, "fps"), ({"rotation": 45}, "rotation")],
)
def test_options_are_checked_before_the_first_frame(everybody, options, message):
    with pytest.raises(OptionError, match=message):
        everybody.stream([], **options)


def test_a_turned_stream_finds_the_same(everybody, film):
    upright = next(everybody.stream(film[:1]))[1]
    turned = Frame.of(np.ascontiguousarray(np.rot90(film[0].pixels)))
    _, people = next(everybody.stream([turned], fps=30, rotation=90))
    assert len(people)
    for person in people.xy:
        x, y = person.T
        distance = np.hypot(WIDTH - y - upright.xy[..., 0], x - upright.xy[..., 1])
        assert np.median(distance, axis=1).min() < 15


def test_time_that_falls_is_refused_by_name(everybody, film):
    again = (frame for _ in range(2) for frame in film[:3])
    stream = everybody.stream(again)
    for _ in range(3):
        next(stream)
    with pytest.raises(OptionError, match=r"comes after .* s; call stream\(\) once for each recording"):
        next(stream)


@pytest.mark.parametrize("time", [float("nan"), float("inf")])
def test_a_time_that_is_no_number_is_refused(everybody, film, time):
    frame = replace(film[0], stamp=replace(film[0].stamp, time=time))
    with pytest.raises(OptionError, match="which is none"):
        next(everybody.stream([frame]))
