import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vitruvian import ArrayError, Landmarks, Skeleton, Stamp
from vitruvian.wire import frame_status, from_wire, to_wire

BODY = Skeleton.named("body33")


def _columns(count: int):
    pixel = st.floats(-1e4, 1e4, width=32) | st.just(float("nan"))
    unit = st.floats(0, 1, width=32)
    metre = st.floats(-2, 2, width=32)
    return st.builds(
        Landmarks,
        st.just(BODY),
        xy=hnp.arrays(np.float32, (count, 33, 2), elements=pixel),
        box=hnp.arrays(np.float32, (count, 4), elements=pixel),
        box_score=hnp.arrays(np.float32, (count,), elements=unit),
        score=st.none() | hnp.arrays(np.float32, (count, 33), elements=unit),
        presence=st.none() | hnp.arrays(np.float32, (count, 33), elements=unit),
        depth=st.none() | hnp.arrays(np.float32, (count, 33), elements=pixel),
        world=st.none() | hnp.arrays(np.float32, (count, 33, 3), elements=metre),
        track_id=st.none() | hnp.arrays(np.int64, (count,), elements=st.integers(0, 1000)),
    )


@given(st.integers(0, 3).flatmap(_columns))
def test_written_and_read_back_is_the_same(people):
    text = json.dumps(to_wire(people), allow_nan=False)
    back = from_wire(json.loads(text), BODY)
    assert len(back) == len(people)
    for column in ("xy", "box", "box_score", "score", "presence", "depth", "world", "track_id"):
        before, after = getattr(people, column), getattr(back, column)
        if len(people):
            assert (before is None) == (after is None)
        if before is not None and after is not None:
            np.testing.assert_allclose(after, before, atol=1e-3, rtol=1e-6)


def test_the_fields_own_names():
    people = Landmarks(
        BODY, np.zeros((1, 33, 2), np.float32), np.zeros((1, 4), np.float32), np.ones(1, np.float32)
    )
    (person,) = to_wire(people)
    assert list(person) == [
        "bbox", "score", "keypoints", "keypoint_scores", "presence", "depth", "world_keypoints",
        "handedness", "handedness_score", "track_id",
    ]  # fmt: skip
    assert person["keypoint_scores"] is None


def test_another_skeletons_points_are_refused():
    (person,) = to_wire(
        Landmarks(
            BODY, np.zeros((1, 33, 2), np.float32), np.zeros((1, 4), np.float32), np.ones(1, np.float32)
        )
    )
    person["keypoints"].pop()
    with pytest.raises((ArrayError, ValueError)):
        from_wire([person], BODY)


@pytest.mark.parametrize(
    ("status", "followed", "expected"),
    [
        ("ok", [], "empty"),
        ("ok", None, "detected"),
        ("ok", [True, False], "detected"),
        ("ok", [True, True], "tracked"),
        ("failed", [], "failed"),
        ("dropped", [], "dropped"),
    ],
)
def test_a_frame_has_one_status(status, followed, expected):
    count = 1 if followed is None else len(followed)
    people = Landmarks(
        BODY,
        np.zeros((count, 33, 2), np.float32),
        np.zeros((count, 4), np.float32),
        np.ones(count, np.float32),
        followed=None if followed is None else np.array(followed, bool),
    )
    assert frame_status(Stamp("x", 4, 4, status=status), people) == expected
