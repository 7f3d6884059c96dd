import json
from importlib import resources

import numpy as np
import pytest

from vitruvian import Landmarks, OptionError, Skeleton, convert

F32 = np.float32
BODY = Skeleton.named("body33")
WAYS = json.loads((resources.files("vitruvian") / "data" / "correspondences.json").read_text())


@pytest.fixture
def people():
    rng = np.random.default_rng(0)
    return Landmarks(
        BODY,
        rng.random((2, 33, 2)).astype(F32),
        rng.random((2, 4)).astype(F32),
        np.ones(2, F32),
        score=rng.random((2, 33)).astype(F32),
        world=rng.random((2, 33, 3)).astype(F32),
        track_id=np.array([4, 2]),
    )


def test_points_go_where_their_names_say(people):
    converted = convert(people, "coco17")
    assert converted.skeleton.name == "coco17"
    for i, name in enumerate(converted.skeleton.landmarks):
        old = BODY.landmarks.index(name)
        assert (converted.xy[:, i] == people.xy[:, old]).all()
        assert (converted.score[:, i] == people.score[:, old]).all()
        assert (converted.world[:, i] == people.world[:, old]).all()
    assert (converted.box == people.box).all()
    assert converted.track_id.tolist() == [4, 2]
    assert converted.depth is None


@pytest.mark.parametrize(("old", "new"), [(old, new) for old in WAYS for new in WAYS[old]])
def test_mirrored_points_stay_mirrored(old, new):
    points, before, after = WAYS[old][new], Skeleton.named(old), Skeleton.named(new)
    assert len(points) == len(after)
    assert [before.mirror[point] for point in points] == [points[i] for i in after.mirror]


def test_whole_people_become_bodies(people):
    whole = Landmarks(
        Skeleton.named("body75"),
        np.concatenate([people.xy, np.full((2, 42, 2), np.nan, F32)], axis=1),
        people.box,
        people.box_score,
    )
    assert (convert(whole, "body33").xy == people.xy).all()
    assert (convert(whole, "coco17").xy == convert(people, "coco17").xy).all()
    assert (convert(whole, "body33").box == people.box).all()


def test_the_same_skeleton_is_no_work(people):
    assert convert(people, "body33") is people


def test_nobody_stays_nobody(people):
    assert convert(people[:0], "coco17").xy.shape == (0, 17, 2)


def test_there_is_no_way_back(people):
    with pytest.raises(OptionError, match="coco17 becomes nothing else"):
        convert(convert(people, "coco17"), "body33")
