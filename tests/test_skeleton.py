import dataclasses

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


@pytest.mark.parametrize("skeleton", ["body33", "body75"])
def test_mirror_exchanges_left_and_right(skeleton):
    body = Skeleton.named(skeleton)
    for name, twin in zip(body.landmarks, body.mirror, strict=True):
        other = body.landmarks[twin]
        assert other == name.replace("left", "?").replace("right", "left").replace("?", "right")


@pytest.mark.parametrize("name", ["body33", "body75"])
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


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError, match="body33"):
        Skeleton.named("body34")


@pytest.mark.parametrize(
    "change", [{"mirror": (*range(1, 33), 0)}, {"edges": ((0, 33),)}, {"landmarks": ("nose",) * 33}]
)
def test_contradictions_are_refused(change):
    with pytest.raises(OptionError, match="body33"):
        dataclasses.replace(Skeleton.named("body33"), **change)
