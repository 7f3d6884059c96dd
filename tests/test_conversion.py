import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from vitruvian import Landmarks, OptionError, Skeleton, convert

F32 = np.float32
BODY = Skeleton.named("body33")
WAYS = json.loads((resources.files("vitruvian") / "data" / "correspondences.json").read_text())


@pytest.fixture(scope="session")
def specified():
    """The specification's tables of the 308 points."""
    place = Path(__file__).resolve().parents[2] / "shared" / "specs" / "sapiens308.json"
    if not place.exists():
        pytest.skip(f"needs {place}, which only the project's own machines have")
    return json.loads(place.read_text(encoding="utf-8"))


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


def _whole_ways():
    return [(old, new) for old, ways in WAYS.items() for new in ways if isinstance(ways[new], list)]


def _parts():
    ways = [(old, new, WAYS[old][new]) for old in WAYS for new in WAYS[old]]
    return [(old, new, part) for old, new, way in ways if isinstance(way, dict) for part in way]


def _mirrored(skeleton, points):
    """The mirror images of what a new point is made from, in an order that can be compared."""
    if points is None:
        return None
    return sorted(skeleton.mirror[point] for point in ([points] if isinstance(points, int) else points))


def _made_from(points):
    return None if points is None else sorted([points] if isinstance(points, int) else points)


@pytest.mark.parametrize(("old", "new"), _whole_ways())
def test_mirrored_points_stay_mirrored(old, new):
    points, before, after = WAYS[old][new], Skeleton.named(old), Skeleton.named(new)
    assert len(points) == len(after)
    assert [_mirrored(before, point) for point in points] == [_made_from(points[i]) for i in after.mirror]


@pytest.mark.parametrize("old", ["body75", "sapiens308"])
def test_a_left_hand_is_a_right_hand_s_mirror_image(old):
    before, hands = Skeleton.named(old), WAYS[old]["hand21"]
    assert len(hands["left_hand"]) == 21
    assert [before.mirror[point] for point in hands["left_hand"]] == hands["right_hand"]
    for side in ("left_hand", "right_hand"):
        assert set(hands[side]) == set(before.parts[side])


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


@pytest.fixture
def many():
    """Two people with 308 points."""
    rng = np.random.default_rng(1)
    return Landmarks(
        Skeleton.named("sapiens308"),
        rng.random((2, 308, 2)).astype(F32),
        rng.random((2, 4)).astype(F32),
        np.array([0.9, 0.8], F32),
        score=rng.random((2, 308)).astype(F32),
        track_id=np.array([4, 2]),
    )


def test_308_points_become_every_other_skeleton(specified, many):
    """As the specification's tables say, point for point."""
    tables = {
        "coco17": "coco17", "coco133": "coco_wholebody133", "body25": "openpose_body25",
        "body33": "mediapipe_pose33",
    }  # fmt: skip
    for name, table in tables.items():
        converted = convert(many, name)
        assert converted.skeleton.name == name
        for i, source in enumerate(specified["mappings"][table]["idx308"]):
            if source == -1:
                assert np.isnan(converted.xy[:, i]).all()
                assert np.isnan(converted.score[:, i]).all()
            elif isinstance(source, list):
                np.testing.assert_allclose(converted.xy[:, i], many.xy[:, source].mean(axis=1), rtol=1e-6)
                assert (converted.score[:, i] == many.score[:, source].min(axis=1)).all()
            else:
                assert (converted.xy[:, i] == many.xy[:, source]).all()
                assert (converted.score[:, i] == many.score[:, source]).all()
        assert (converted.box == many.box).all()
        assert converted.track_id.tolist() == [4, 2]


def test_names_agree_where_both_skeletons_have_them(many):
    old = Skeleton.named("sapiens308").landmarks
    for name in ("coco17", "coco133", "body25"):
        new = Skeleton.named(name).landmarks
        for i, source in enumerate(WAYS["sapiens308"][name]):
            if new[i] in old:
                assert source == old.index(new[i])
    assert np.isnan(convert(many, "coco133").xy).any(axis=2).sum() == 2 * 18


@pytest.mark.parametrize(("old", "new", "part"), _parts())
def test_a_hand_is_an_instance_of_its_own(old, new, part):
    rng, skeleton = np.random.default_rng(2), Skeleton.named(old)
    xy = rng.random((2, len(skeleton), 2)).astype(F32)
    points = WAYS[old][new][part]
    xy[0, points[1:5]] = np.nan
    people = Landmarks(skeleton, xy, np.zeros((2, 4), F32), np.ones(2, F32), track_id=np.array([4, 2]))
    hands = convert(people, new, part=part)
    np.testing.assert_array_equal(hands.xy, xy[:, points])
    assert hands.handedness.tolist() == [float(part == "right_hand")] * 2
    assert hands.track_id.tolist() == [4, 2]
    np.testing.assert_array_equal(hands.box[:, :2], np.nanmin(xy[:, points], axis=1))
    np.testing.assert_array_equal(hands.box[:, 2:], np.nanmax(xy[:, points], axis=1))
    xy[0, points] = np.nan
    unseen = Landmarks(skeleton, xy, people.box, people.box_score, track_id=people.track_id)
    assert convert(unseen, new, part=part).track_id.tolist() == [2]
    assert convert(people[:0], new, part=part).xy.shape == (0, 21, 2)


def test_hands_agree_with_the_hands_of_whole_people(many):
    whole = convert(many, "body75")
    for part in ("left_hand", "right_hand"):
        assert (convert(whole, "hand21", part=part).xy == convert(many, "hand21", part=part).xy).all()
    assert (convert(whole, "body33").xy == convert(many, "body33").xy).all()


def test_a_part_must_be_named_where_there_are_several_and_only_there(many):
    with pytest.raises(OptionError, match="left_hand or right_hand; got None"):
        convert(many, "hand21")
    with pytest.raises(OptionError, match="left_hand or right_hand; got 'hand'"):
        convert(many, "hand21", part="hand")
    with pytest.raises(OptionError, match="as a whole; got 'left_hand'"):
        convert(many, "coco17", part="left_hand")
    with pytest.raises(OptionError, match="body25, body33, body75, coco133, coco17, hand21; got"):
        convert(many, "sapiens308", part="left_hand")
