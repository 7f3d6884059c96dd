from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from vitruvian.mediapipe.framework.formats import landmark_pb2
from vitruvian.mediapipe.framework.formats.landmark_pb2 import (
    Landmark,
    LandmarkList,
    NormalizedLandmark,
    NormalizedLandmarkList,
)

FIELDS = ("x", "y", "z", "visibility", "presence")


def test_numbers_are_float32_and_know_whether_they_are_set() -> None:
    point = NormalizedLandmark(x=0.1, z=0.0, visibility=None)
    assert point.x == float(np.float32(0.1))
    assert point.visibility == 0.0
    assert [point.HasField(field) for field in FIELDS] == [True, False, True, False, False]
    point.visibility = np.float32(0.7)
    assert point.HasField("visibility")
    assert type(point.visibility) is float


def test_unknown_names_and_values_that_are_no_numbers() -> None:
    point: Any = NormalizedLandmark()
    with pytest.raises(AttributeError, match="no field 'name'"):
        point.name = 1
    with pytest.raises(ValueError, match="no field 'name'"):
        point.HasField("name")
    for nonsense in ("1", None):
        with pytest.raises(TypeError):
            point.x = nonsense


def test_equality_of_points() -> None:
    assert NormalizedLandmark(x=1, y=2) == NormalizedLandmark(y=2, x=1)
    assert NormalizedLandmark() != NormalizedLandmark(x=0)
    assert NormalizedLandmark(x=1) != Landmark(x=1)
    with pytest.raises(TypeError):
        hash(NormalizedLandmark())


def test_copy_from_replaces_everything() -> None:
    point = NormalizedLandmark(x=1, y=2)
    point.CopyFrom(NormalizedLandmark(z=4))
    assert point == NormalizedLandmark(z=4)
    point.CopyFrom(point)
    assert point == NormalizedLandmark(z=4)
    wrong: Any = Landmark()
    with pytest.raises(TypeError, match="expected a NormalizedLandmark, got a Landmark"):
        point.CopyFrom(wrong)


@pytest.mark.parametrize(
    ("kind", "list_kind"), [(NormalizedLandmark, NormalizedLandmarkList), (Landmark, LandmarkList)]
)
def test_filling_a_list(kind: type[NormalizedLandmark], list_kind: type[NormalizedLandmarkList]) -> None:
    message = list_kind()
    first = message.landmark.add(x=1)
    first.y = 2
    message.landmark.append(kind(x=3))
    message.landmark.extend(kind(x=x) for x in (4, 5))
    assert len(message.landmark) == 4
    assert [point.x for point in message.landmark] == [1, 3, 4, 5]
    assert message.landmark[0].y == 2
    assert [point.x for point in message.landmark[-2:]] == [4, 5]
    assert kind(x=4) in message.landmark
    assert message.landmark.pop().x == 5
    message.landmark.remove(kind(x=3))
    del message.landmark[0]
    assert message == list_kind(landmark=[kind(x=4)])
    assert message != list_kind()


def test_lists_store_copies() -> None:
    point = NormalizedLandmark(x=1)
    message = NormalizedLandmarkList(landmark=[point, point])
    point.x = 9
    message.landmark[0].x = 5
    assert [each.x for each in message.landmark] == [5, 1]


def test_lists_take_one_class_only() -> None:
    message: Any = NormalizedLandmarkList()
    for wrong in (Landmark(), 3, None):
        with pytest.raises(TypeError, match="expected a NormalizedLandmark"):
            message.landmark.append(wrong)
    with pytest.raises(TypeError):
        message.landmark.extend(None)
    with pytest.raises(AttributeError):
        message.landmark = []
    assert len(message.landmark) == 0


def test_copies_of_lists() -> None:
    message = NormalizedLandmarkList(landmark=[NormalizedLandmark(x=1, presence=0)])
    other = NormalizedLandmarkList(landmark=[NormalizedLandmark()] * 3)
    other.CopyFrom(message)
    assert other == message
    assert other.landmark[0] is not message.landmark[0]
    message.CopyFrom(message)
    assert message == other == copy.deepcopy(message) == pickle.loads(pickle.dumps(message))  # noqa: S301
    other.Clear()
    assert other == NormalizedLandmarkList()
    with pytest.raises(TypeError):
        hash(message)


def test_text() -> None:
    message = landmark_pb2.LandmarkList(landmark=[Landmark(x=0.5, visibility=1)])
    assert repr(message) == str(message) == "landmark {\n  x: 0.5\n  visibility: 1\n}\n"
