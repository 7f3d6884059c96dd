"""The original's loop (pose specification, section 9), with a detector and a network that obey the test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitruvian import Frame, Gap, Landmarks, OptionError, Regions, Skeleton, Stamp
from vitruvian.following import (
    NOWHERE,
    Compatible,
    Stages,
    compatible,
    follow_bodies,
    joined,
    overlap,
    scaled,
)

BODY = Skeleton.named("body33")
F32 = np.float32
PIXELS = np.zeros((100, 200, 3), np.uint8)


def _frames(count, width=200, height=100):
    for i in range(count):
        yield Frame(np.zeros((height, width, 3), np.uint8), Stamp("x", width, height, i, 1 + i / 30))


def _regions(*centres, side=40.0, scores=None):
    count = len(centres)
    return Regions(
        np.array(centres, F32).reshape(count, 2),
        np.full((count, 2), side, F32),
        np.zeros(count, F32),
        np.array(scores if scores is not None else [1.0] * count, F32),
    )


def _run(world, count, options=None, before=None):
    results = []

    def frames():
        for frame in _frames(count):
            if before:
                before(frame.stamp.index)
            yield frame

    for _, people in compatible(frames(), world.stages, options or Compatible()):
        results.append(people)
    return results


def test_while_one_is_followed_the_detector_rests(world):
    world.people = [(50, 50)]
    results = _run(world, 5)
    assert world.looks == 1
    assert [len(people) for people in results] == [1] * 5
    assert [people.followed.tolist() for people in results] == [[False]] + [[True]] * 4


def test_a_loss_costs_one_empty_frame(world):
    world.people = [(50, 50)]

    def move(index):
        if index == 2:
            world.people = [(150, 50)]

    results = _run(world, 5, before=move)
    assert [len(people) for people in results] == [1, 1, 0, 1, 1]
    assert world.looks == 2


def test_several_are_looked_for_on_every_frame_until_all_are_there(world):
    world.people = [(40, 50)]
    _run(world, 4, Compatible(num_poses=2))
    assert world.looks == 4
    world.people, world.looks = [(40, 50), (150, 50)], 0
    _run(world, 4, Compatible(num_poses=2))
    assert world.looks == 1


def test_a_later_detection_replaces_what_it_overlaps(world):
    """Section 9, "later wins": the second detection is the same person, a little off, and the first goes."""
    world.people = [(50, 50)]
    world.detected = [(50, 50), (53, 50)]
    seen = []
    stages = Stages(
        world.look, lambda f, r: (seen.append(r[0].centre.tolist()), world.read(f, r))[1], follow_bodies, BODY
    )
    list(compatible(_frames(1), stages, Compatible(num_poses=2)))
    assert seen == [[[53, 50]]]


def test_the_legacy_loop_takes_the_best_detection(world):
    world.people = [(50, 50)]
    world.detected = [(50, 50), (53, 50)]
    seen = []
    stages = Stages(
        world.look, lambda f, r: (seen.append(r[0].centre.tolist()), world.read(f, r))[1], follow_bodies, BODY
    )
    list(compatible(_frames(1), stages, Compatible(legacy=True)))
    assert seen == [[[50, 50]]]


def test_regions_go_along_with_a_change_of_size(world):
    world.people = [(50, 50)]
    small, large = list(_frames(1)), list(_frames(2, width=400, height=200))[1:]

    def frames():
        yield from small
        world.people = [(100, 100)]
        yield from large

    results = [people for _, people in compatible(frames(), world.stages, Compatible())]
    assert [len(people) for people in results] == [1, 1]
    assert world.looks == 1


def test_a_gap_is_passed_on_and_changes_nothing(world):
    world.people = [(50, 50)]
    gap = Gap(Stamp("x", 200, 100, 1, 1.03, status="failed"), "damaged")
    first, last = list(_frames(3))[::2]
    results = list(compatible([first, gap, last], world.stages, Compatible()))
    assert results[1][0] is gap
    assert [len(people) for _, people in results] == [1, 0, 1]
    assert world.looks == 1


def test_a_frame_without_time_is_refused(world):
    world.people = [(50, 50)]
    with pytest.raises(OptionError, match="frame 0 of array has no time"):
        list(compatible([Frame.of(PIXELS)], world.stages, Compatible()))


def test_following_needs_the_points_it_follows():
    people = Landmarks(BODY, np.zeros((1, 33, 2), F32), np.zeros((1, 4), F32), np.ones(1, F32))
    with pytest.raises(OptionError, match="auxiliary"):
        follow_bodies(people, Stamp("x", 9, 9))
    assert len(follow_bodies(people[:0], Stamp("x", 9, 9))) == 0


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 100)), min_size=1, max_size=4))
def test_overlap_is_symmetric_and_one_with_itself(centres):
    regions = _regions(*centres)
    shared = overlap(regions, regions)
    np.testing.assert_allclose(shared, shared.T, atol=1e-6)
    np.testing.assert_allclose(np.diag(shared), 1, atol=1e-5)


def test_scaling_there_and_back_is_nothing():
    regions, small, large = _regions((50, 30)), Stamp("x", 200, 100), Stamp("x", 640, 480)
    back = scaled(scaled(regions, small, large), large, small)
    np.testing.assert_allclose(back.centre, regions.centre, rtol=1e-6)
    assert scaled(regions, small, small) is regions


def test_joining_nothing_is_nowhere():
    assert len(joined()) == 0
    assert joined(NOWHERE, _regions((1, 2))).centre.tolist() == [[1, 2]]


@pytest.mark.parametrize(("name", "value"), [("num_poses", 0), ("min_tracking_confidence", 1.5)])
def test_options_outside_their_range_are_refused(name, value):
    with pytest.raises(OptionError, match=name):
        Compatible(**{name: value})
