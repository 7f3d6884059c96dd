"""The thorough search of streams with the real networks: who is far away is found by and by."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import cv2
import numpy as np
import pytest

import vitruvian
from vitruvian import OptionError, Tracking
from vitruvian.testing import Actor, Scene, cut_out

WIDTH, HEIGHT, FPS = 1280, 720, 30
FAR = 90  # pixels tall: an eighth of the picture's height
# A whole search in every frame, so that it depends on no machine's speed who is found when.
GENEROUS = Tracking(search_budget=1e6)


@pytest.fixture(scope="module")
def looks(eval_photos, lite_bundle):
    files = {"skier": "coco_000000000785.jpg", "woman": "h36m_S1_Directions_1.54138969_000001.jpg"}
    with vitruvian.pose(lite_bundle, num_poses=1, masks=True, search="fast") as pipeline:
        frames = {name: vitruvian.read_image(eval_photos / file) for name, file in files.items()}
        return {name: [cut_out(frame, pipeline.estimate(frame))] for name, frame in frames.items()}


def _film(count, *actors):
    coarse = np.random.default_rng(0).integers(60, 190, (9, 16, 3)).astype(np.uint8)
    ground = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return [frame for frame, _ in Scene(ground, actors, fps=FPS).frames(count)]


def _walker(looks):
    """Return somebody far away who walks to the right."""
    return Actor(looks["skier"], lambda t: (900 + 60 * t, 400, FAR))


@pytest.fixture(scope="module")
def far(looks):
    return _film(24, _walker(looks))


@pytest.fixture(scope="module")
def far_and_near(looks):
    return _film(12, _walker(looks), Actor(looks["woman"], lambda t: (350 - 40 * t, 380, 480)))


@pytest.fixture(scope="module")
def one(full_files):
    """At most one person: whoever is found is followed, and nobody else looked for."""
    with vitruvian.pose(full_files, num_poses=1, search="thorough") as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def two(full_files):
    with vitruvian.pose(full_files, num_poses=2, search="thorough") as pipeline:
        yield pipeline


def _streamed(pipeline, frames, **options):
    return [people for _, people in pipeline.stream(frames, **options)]


def test_somebody_far_away_is_found_within_a_second_and_a_half_and_stays_who_they_are(one, far):
    results = _streamed(one, far, tracking=GENEROUS)
    found = [index for index, people in enumerate(results) if len(people)]
    assert found[0] > 0  # a search finds where somebody is; the next frame reads them
    assert found == list(range(found[0], 24))
    assert found[0] <= 1.5 * FPS
    assert {name for people in results for name in people.track_id.tolist()} == {0}
    for index in found:
        x0, y0, x1, y1 = results[index].box[0]
        assert (x0 + x1) / 2 == pytest.approx(900 + 60 * index / FPS, abs=0.25 * FAR)
        assert (y0 + y1) / 2 == pytest.approx(400, abs=0.25 * FAR)
        assert 0.5 * FAR < y1 - y0 < 1.5 * FAR


def test_who_looks_once_never_finds_them(full, full_files, far):
    assert not any(map(len, _streamed(full, far)))
    with vitruvian.pose(full_files, search="auto") as pipeline:
        assert not any(map(len, _streamed(pipeline, far[:10], tracking=GENEROUS)))


def test_a_stream_without_a_budget_is_the_fast_one(full_files, one, far_and_near):
    with vitruvian.pose(full_files, num_poses=1, search="fast") as fast:
        expected = _streamed(fast, far_and_near)
    for people, other in zip(
        _streamed(one, far_and_near, tracking=Tracking(search_budget=0)), expected, strict=True
    ):
        np.testing.assert_array_equal(people.xy, other.xy)
        assert people.track_id.tolist() == other.track_id.tolist()


def test_who_is_followed_is_followed_as_ever(full, two, far_and_near):
    """The one who is near is found at once, and looks the same whether somebody else is looked for or not."""
    expected = _streamed(full, far_and_near)
    results = _streamed(two, far_and_near, tracking=GENEROUS)
    assert {tuple(people.track_id.tolist()) for people in expected} == {(0,)}
    assert [people.track_id.tolist()[:1] for people in results] == [[0]] * 12
    assert results[-1].track_id.tolist() == [0, 1]
    for people, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(people.xy[0], other.xy[0])
    assert results[-1].box[1, 0] > 800


def test_a_small_budget_is_kept_and_finds_them_in_the_end(one, far):
    """Milliseconds of a frame; how many frames it takes depends on the machine."""
    still = [far[0].pixels] * 900
    stream = one.stream(still, fps=FPS, tracking=Tracking(search_budget=30))
    found = next((index for index, (_, people) in enumerate(stream) if len(people)), None)
    assert found is not None
    assert found > 1


def _everything(results):
    return [(people.track_id.tolist(), people.xy) for _, people in results]


def _assert_equal(one, other):
    assert [ids for ids, _ in one] == [ids for ids, _ in other]
    for (_, a), (_, b) in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def alone(one, far):
    results = _everything(one.stream(far[:6], tracking=GENEROUS))
    assert results[-1][0] == [0]
    return results


def test_one_pipeline_serves_many_streams_by_turns(one, far, alone):
    streams = [one.stream(frames, tracking=GENEROUS) for frames in (far[:6], far[10:16])]
    turns = [[], []]
    for _ in range(6):
        for results, stream in zip(turns, streams, strict=True):
            results.extend(_everything(islice(stream, 1)))
    _assert_equal(turns[0], alone)
    assert turns[1][-1][0] == [0]
    assert turns[1][-1][1][0, 0, 0] > turns[0][-1][1][0, 0, 0]


def test_many_threads_at_once_get_what_one_gets(one, far, alone):
    def run(_):
        return _everything(one.stream(far[:6], tracking=GENEROUS))

    with ThreadPoolExecutor(2) as pool:
        for together in pool.map(run, range(2)):
            _assert_equal(together, alone)


def test_a_stream_that_is_left_leaves_no_thread(one, far):
    before = set(threading.enumerate())
    stream = one.stream(far, tracking=GENEROUS)
    next(stream)
    assert len(set(threading.enumerate()) - before) == 1
    stream.close()
    assert set(threading.enumerate()) == before


def test_a_budget_is_a_number_of_milliseconds():
    assert Tracking().search_budget == 8
    for value in (-1, float("nan"), "8"):
        with pytest.raises(OptionError, match="search_budget: a number from 0"):
            Tracking(search_budget=value)
