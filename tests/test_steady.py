"""The steady loop, with a detector and a network that obey the test; real people are in test_streams.py."""

from __future__ import annotations

import numpy as np
import pytest

from vitruvian import Frame, Gap, Stamp, Tracking
from vitruvian.smoothing import smoothing_named
from vitruvian.steady import Steadiness, steady

PIXELS = np.zeros((100, 400, 3), np.uint8)


def _run(world, script, *, limit=None, tracking=None, smoothing="off", fps=30):
    """Run the loop; ``script`` holds the people of each frame."""
    results = []

    def frames():
        for i, people in enumerate(script):
            world.people = list(people)
            yield Frame(PIXELS, Stamp("x", 400, 100, i, i / fps))

    options = Steadiness(limit, tracking or Tracking(), smoothing_named(smoothing))
    for _, people in steady(frames(), world.stages, options):
        results.append(people)
    return results


def _ids(results):
    return [people.track_id.tolist() for people in results]


def test_nobody_is_nobody_and_every_frame_is_looked_at(world):
    assert _ids(_run(world, [[]] * 3)) == [[], [], []]
    assert world.looks == 3


def test_who_is_followed_costs_no_detection_between_looks(world):
    results = _run(world, [[(50, 50)]] * 31, tracking=Tracking(redetect=0.25))
    assert world.looks == 4  # at 0, and at the first frames after 0.25 s each
    assert _ids(results) == [[0]] * 31
    assert not results[0].followed.any()
    assert all(people.followed.all() for people in results[1:])


def test_a_newcomer_is_found_within_half_a_second(world):
    script = [[(50, 50)]] * 5 + [[(50, 50), (250, 50)]] * 20
    ids = _ids(_run(world, script))
    assert ids[4] == [0]
    assert ids[5 + 15] == [0, 1]


def test_who_leaps_is_found_in_the_same_frame(world):
    script = [[(50, 50)]] * 5 + [[(300, 50)]] * 5
    assert [len(ids) for ids in _ids(_run(world, script))] == [1] * 10


def test_the_same_person_comes_back_with_the_same_identity(world):
    walk = [[(50 + 4 * i, 50)] for i in range(20)]
    hidden = [[]] * 12
    again = [[(50 + 4 * i, 50)] for i in range(32, 45)]
    ids = _ids(_run(world, walk + hidden + again))
    assert ids[0] == [0]
    assert ids[-1] == [0]


def test_who_was_away_for_longer_than_remembered_is_somebody_new(world):
    script = [[(50, 50)]] * 3 + [[]] * 20 + [[(50, 50)]] * 3
    ids = _ids(_run(world, script, tracking=Tracking(keep=0.5)))
    assert (ids[0], ids[-1]) == ([0], [1])


def test_two_who_cross_keep_their_identities(world):
    """Both are seen all the time, so only their motion tells them apart when they meet."""
    script = [[(50 + 5 * i, 48), (350 - 5 * i, 52)] for i in range(60)]
    results = _run(world, script)
    last = results[-1]
    assert last.track_id.tolist() == [0, 1]
    assert last.xy[:, :, 0].mean(axis=1) == pytest.approx([345, 55], abs=1)


def test_a_detection_beside_somebody_followed_is_not_somebody_else(world):
    """Section 17.2: no detection replaces or doubles who is followed."""
    world.detected = [(53, 50)]
    assert _ids(_run(world, [[(50, 50)]] * 31)) == [[0]] * 31


def test_no_more_than_the_limit_and_who_is_known_stays(world):
    script = [[(50, 50)]] * 3 + [[(350, 50), (200, 50), (50, 50)]] * 20
    ids = _ids(_run(world, script, limit=2))
    assert ids[-1][0] == 0
    assert all(len(each) <= 2 for each in ids)
    assert len(ids[-1]) == 2


def test_at_the_limit_nobody_is_looked_for(world):
    _run(world, [[(50, 50)]] * 31, limit=1)
    assert world.looks == 1


def test_filters_start_afresh_for_who_comes_back(world):
    """Section 17.3: the first landmarks after a loss are as they were read, not dragged along."""
    script = [[(50, 50)]] * 20 + [[]] * 5 + [[(70, 50)]] * 2
    results = _run(world, script, smoothing="smooth")
    assert results[25].xy[0, :, 0].mean() == pytest.approx(70, abs=0.01)


def test_everybody_is_smoothed(world):
    rng = np.random.default_rng(0)
    script = [[(50 + dx, 50), (250 + dy, 50)] for dx, dy in rng.normal(0, 1, (60, 2))]
    raw, smooth = (_run(world, script, smoothing=name) for name in ("off", "smooth"))
    for person in (0, 1):
        jitter = [
            np.abs(np.diff([people.xy[person, :, 0].mean() for people in results[5:]], 2)).mean()
            for results in (raw, smooth)
        ]
        assert jitter[1] < jitter[0] / 2


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("smoothing", ["off", "live"])
def test_results_are_the_callers_to_change(world, spoilt, count, smoothing):
    script = [[(50 + 3 * i, 40), (250 + i, 60)][:count] for i in range(6)]

    def frames():
        for i, people in enumerate(script):
            world.people = people
            yield Frame(PIXELS, Stamp("x", 400, 100, i, i / 30))

    expected = _run(world, script, smoothing=smoothing)
    options = Steadiness(None, Tracking(), smoothing_named(smoothing))
    for (_, people), untouched in zip(steady(frames(), world.stages, options), expected, strict=True):
        assert people.box_score.tolist() == [1] * count
        assert people.xy.tolist() == untouched.xy.tolist()
        spoilt(people)


def test_a_gap_is_passed_on_and_everybody_is_still_known(world):
    world.people = [(50, 50)]
    frames = [Frame(PIXELS, Stamp("x", 400, 100, i, i / 30)) for i in range(3)]
    frames[1] = gap = Gap(Stamp("x", 400, 100, 1, 1 / 30, status="failed"))
    options = Steadiness(None, Tracking(), None)
    results = list(steady(frames, world.stages, options))
    assert results[1][0] is gap
    assert len(results[1][1]) == 0
    assert results[2][1].track_id.tolist() == [0]


def test_regions_go_along_with_a_change_of_size(world):
    world.people = [(50, 50)]

    def frames():
        yield Frame(PIXELS, Stamp("x", 400, 100, 0, 0.0))
        world.people = [(100, 100)]
        yield Frame(np.zeros((200, 800, 3), np.uint8), Stamp("x", 800, 200, 1, 0.03))

    results = [people for _, people in steady(frames(), world.stages, Steadiness(None, Tracking(), None))]
    assert results[1].followed.tolist() == [True]
