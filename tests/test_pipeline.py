from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import vitruvian
from vitruvian import ArrayError, Frame, OptionError, SessionError


def _same(one, other) -> bool:
    return (
        (one.xy == other.xy).all() and (one.world == other.world).all() and (one.score == other.score).all()
    )


def test_one_picture_gives_landmarks_and_several_a_list(full, astronaut):
    frame = vitruvian.read_image(astronaut)
    one = full.estimate(frame)
    several = full.estimate([frame, frame.pixels])
    assert len(one) == 1
    assert isinstance(several, list)
    assert all(_same(one, each) for each in several)
    assert full.estimate([]) == []


def test_people_of_one_batch_do_not_mix(lite, eval_photos):
    frames = [
        vitruvian.read_image(eval_photos / f"{name}.jpg")
        for name in ("coco_000000000785", "mhp_10084", "freihand_00017620", "mpii_005808361")
    ]
    together = lite.estimate(frames)
    assert [len(people) for people in together] == [1, 1, 0, 1]
    assert all(_same(people, lite.estimate(frame)) for people, frame in zip(together, frames, strict=True))


def test_everyone_is_found_unless_a_limit_is_set(lite_bundle, eval_photos):
    frame = vitruvian.read_image(eval_photos / "ochuman_000817.jpg")
    settings = [vitruvian.PoseSettings(num_poses=most) for most in (None, 1)]
    everyone, one = (vitruvian.pose_pipeline(vitruvian.weights.load(lite_bundle), each) for each in settings)
    with everyone, one:
        people = everyone.estimate(frame)
        assert len(people) == 2
        assert _same(one.estimate(frame), people[0])


def test_many_threads_share_one_pipeline(full, astronaut, astronaut_people):
    frame = vitruvian.read_image(astronaut)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: full.estimate(frame), range(32)))
    assert all(_same(people, astronaut_people) for people in results)


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_turned_picture_gives_the_turned_landmarks(full, astronaut, astronaut_people, quarter_turns):
    """``rotation`` is the clockwise turn that makes the picture upright (specification, section 17.1)."""
    upright = vitruvian.read_image(astronaut).pixels
    turned = np.ascontiguousarray(np.rot90(upright, quarter_turns))  # anticlockwise
    people = full.estimate(turned, rotation=90 * quarter_turns)
    assert len(people) == 1
    xy = people.xy[0] - 256  # the photo is 512 x 512
    for _ in range(quarter_turns):
        xy = np.stack([-xy[:, 1], xy[:, 0]], axis=1)  # clockwise
    seen = astronaut_people.score[0] > 0.9
    assert np.hypot(*(xy + 256 - astronaut_people.xy[0])[seen].T).mean() < 10
    assert (
        np.abs(people.world[0] - _turned_world(astronaut_people.world[0], quarter_turns))[seen].mean() < 0.05
    )


def _turned_world(world, quarter_turns):
    for _ in range(quarter_turns):
        world = np.stack([world[:, 1], -world[:, 0], world[:, 2]], axis=1)
    return world


def test_whole_turns_change_nothing(full, astronaut, astronaut_people):
    frame = vitruvian.read_image(astronaut)
    assert _same(full.estimate(frame, rotation=-360), astronaut_people)


@pytest.mark.parametrize("rotation", [45, 90.5, "90"])
def test_other_angles_are_refused(full, rotation):
    with pytest.raises(OptionError, match=r"rotation: a (multiple of 90|whole number)"):
        full.estimate(np.zeros((8, 8, 3), np.uint8), rotation=rotation)


@pytest.mark.parametrize("shape", [(1, 1), (1, 10_000), (10_000, 1), (2, 3)])
def test_odd_shapes_show_nobody(full, shape):
    assert len(full.estimate(np.zeros((*shape, 3), np.uint8))) == 0


@pytest.mark.parametrize(
    "picture",
    [np.zeros((8, 8)), np.full((8, 8, 3), np.nan), np.zeros((8, 8, 3), np.int32)],
    ids=["grey", "nan", "int"],
)
def test_a_bad_array_is_refused_and_the_pipeline_goes_on(full, picture, astronaut, astronaut_people):
    with pytest.raises(ArrayError, match="expected"):
        full.estimate(picture)
    assert _same(full.estimate(vitruvian.read_image(astronaut)), astronaut_people)


def test_a_closed_pipeline_says_so(full_files):
    pipeline = vitruvian.pose(full_files)
    pipeline.close()
    pipeline.close()
    with pytest.raises(SessionError, match="closed"):
        pipeline.estimate(Frame.of(np.zeros((8, 8, 3), np.uint8)))


def test_the_pipeline_says_what_made_a_result(full, full_files):
    assert full.model.files == (full_files["detector"].sha256, full_files["landmarker"].sha256)
    assert full.model.runtime.startswith("openvino ")


@pytest.mark.parametrize("nothing", [None, 3, "photo.jpg", b"bytes", Path("photo.jpg")])
def test_what_is_no_picture_is_said_to_be_none(lite, nothing):
    with pytest.raises(ArrayError, match=r"pixels \(RGB\)"):
        lite.estimate(nothing)
