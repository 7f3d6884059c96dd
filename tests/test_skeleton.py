import copy
import dataclasses
import json
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from vitruvian import OptionError, Skeleton


def test_body33_is_the_pose_landmarkers():
    body = Skeleton.named("body33")
    assert len(body) == 33
    assert len(body.edges) == 35
    assert body.landmarks[0] == "nose"
    assert body.landmarks[15] == "left_wrist"
    assert body.landmarks[32] == "right_foot_index"
    assert (27, 31) in body.edges


@pytest.mark.parametrize("skeleton", ["body25", "body33", "body75", "coco17"])
def test_mirror_exchanges_left_and_right(skeleton):
    body = Skeleton.named(skeleton)
    for name, twin in zip(body.landmarks, body.mirror, strict=True):
        other = body.landmarks[twin]
        assert other == name.replace("left", "?").replace("right", "left").replace("?", "right")


@pytest.mark.parametrize("name", ["body25", "body33", "body75", "coco17", "coco133", "sapiens308"])
def test_edges_are_symmetric(name):
    body = Skeleton.named(name)
    edges = {frozenset(edge) for edge in body.edges}
    assert {frozenset(body.mirror[i] for i in edge) for edge in edges} == edges


def test_body75_is_a_body_and_two_hands():
    whole, body, hand = (Skeleton.named(name) for name in ("body75", "body33", "hand21"))
    assert whole.landmarks[:33] == body.landmarks
    for side, start in (("left", 33), ("right", 54)):
        points = tuple(range(start, start + 21))
        assert whole.parts[f"{side}_hand"] == points
        assert [whole.landmarks[i] for i in points] == [f"{side}_hand_{name}" for name in hand.landmarks]
        assert {(a + start, b + start) for a, b in hand.edges} < set(whole.edges)
        assert (body.landmarks.index(f"{side}_wrist"), start) in whole.edges
        for part, inner in hand.parts.items():
            assert whole.parts[f"{side}_{part}"] == tuple(start + i for i in inner)


def test_sapiens308_is_as_specified():
    place = Path(__file__).resolve().parents[2] / "shared" / "specs" / "sapiens308.json"
    if not place.exists():
        pytest.skip(f"needs {place}, which only the project's own machines have")
    table = json.loads(place.read_text(encoding="utf-8"))
    many = Skeleton.named("sapiens308")
    assert list(many.landmarks) == [point["name"] for point in table["keypoints"]]
    assert list(many.mirror) == table["flip_indices"]
    assert list(many.edges) == [(link["a"], link["b"]) for link in table["skeleton"]]
    assert list(many.parts["face"]) == table["groups"]["face"]
    for part, points in table["face_parts"].items():
        assert list(many.parts[part]) == points


def test_sapiens308_has_238_points_of_the_face_and_not_274():
    many = Skeleton.named("sapiens308")
    assert len(many) == 308
    assert len(many.edges) == 65
    assert len(many.parts["face"]) == 238  # 274 is the count before 36 points of teeth are dropped
    inner = [points for part, points in many.parts.items() if set(points) < set(many.parts["face"])]
    assert sorted(sum(inner, ())) == list(many.parts["face"])
    assert not set(sum(many.edges, ())) & set(many.parts["face"])
    assert many.landmarks[41] == "right_wrist"
    assert many.landmarks[62] == "left_wrist"
    assert [i for i, twin in enumerate(many.mirror) if i == twin] == [
        0, *range(69, 78), 178, 179, 190, 191, 206, 207
    ]  # fmt: skip
    belonging = Counter(point for points in many.parts.values() for point in points)
    assert sorted(belonging) == list(range(308))


@pytest.mark.parametrize("name", ["body75", "coco133", "hand21", "sapiens308"])
def test_parts_keep_to_their_side(name):
    skeleton = Skeleton.named(name)
    for part, points in skeleton.parts.items():
        twin = part.replace("left", "?").replace("right", "left").replace("?", "right")
        assert {skeleton.mirror[point] for point in points} == set(skeleton.parts[twin])


def test_coco133_has_five_kinds_of_points():
    whole = Skeleton.named("coco133")
    kinds = [("face", range(23, 91)), ("left_hand", range(91, 112)), ("right_hand", range(112, 133))]
    assert whole.landmarks[:17] == Skeleton.named("coco17").landmarks
    for part, points in kinds:
        assert whole.parts[part] == tuple(points)
    assert whole.landmarks[91] == "left_hand_root"
    assert whole.landmarks[132] == "right_pinky_finger4"


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError, match="body33"):
        Skeleton.named("body34")


@pytest.mark.parametrize(
    "change", [{"mirror": (*range(1, 33), 0)}, {"edges": ((0, 33),)}, {"landmarks": ("nose",) * 33}]
)
def test_contradictions_are_refused(change):
    with pytest.raises(OptionError, match="body33"):
        dataclasses.replace(Skeleton.named("body33"), **change)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])  # noqa: S301
def test_it_travels_between_processes(copied):
    ours = Skeleton.named("body33")
    assert copied(ours) is ours
    own = Skeleton("own", ("a", "b"), ((0, 1),), (1, 0), {"all": (0, 1)}, "corner")
    assert copied(own) == own
    other = replace(ours, edges=())  # has our name and is another
    assert copied(other) == other
