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


def test_mirror_exchanges_left_and_right():
    body = Skeleton.named("body33")
    for name, twin in zip(body.landmarks, body.mirror, strict=True):
        other = body.landmarks[twin]
        assert other == name.replace("left", "?").replace("right", "left").replace("?", "right")


def test_edges_are_symmetric():
    body = Skeleton.named("body33")
    edges = {frozenset(edge) for edge in body.edges}
    assert {frozenset(body.mirror[i] for i in edge) for edge in edges} == edges


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError, match="body33"):
        Skeleton.named("body34")


@pytest.mark.parametrize(
    "change", [{"mirror": (*range(1, 33), 0)}, {"edges": ((0, 33),)}, {"landmarks": ("nose",) * 33}]
)
def test_contradictions_are_refused(change):
    with pytest.raises(OptionError, match="body33"):
        dataclasses.replace(Skeleton.named("body33"), **change)
