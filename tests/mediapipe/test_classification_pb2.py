from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from vitruvian.mediapipe.framework.formats import classification_pb2
from vitruvian.mediapipe.framework.formats.classification_pb2 import Classification, ClassificationList


def test_fields_and_their_defaults() -> None:
    side = Classification(score=0.1, label="Left")
    assert (side.index, side.score, side.label, side.display_name) == (0, float(np.float32(0.1)), "Left", "")
    fields = ("index", "score", "label", "display_name")
    assert [side.HasField(field) for field in fields] == [False, True, True, False]
    side.index = np.int64(3)
    assert side.HasField("index")
    assert type(side.index) is int


def test_unknown_names_and_values_of_another_kind() -> None:
    side: Any = Classification()
    with pytest.raises(AttributeError, match="Classification has no field 'name'"):
        side.name = "Left"
    with pytest.raises(ValueError, match="no field 'name'"):
        side.HasField("name")
    for field, wrong in (("index", 1.5), ("score", "1"), ("label", 3), ("display_name", None)):
        with pytest.raises(TypeError):
            setattr(side, field, wrong)
    assert side == Classification()


def test_lists_store_copies_of_one_class() -> None:
    side = Classification(index=1, score=0.5, label="Right")
    message = ClassificationList(classification=[side])
    side.label = "Left"
    message.classification.add(label="Left").score = 0.25
    assert [each.label for each in message.classification] == ["Right", "Left"]
    assert [each.score for each in message.classification] == [0.5, 0.25]
    wrong: Any = "Left"
    with pytest.raises(TypeError, match="expected a Classification, got a str"):
        message.classification.append(wrong)
    other = ClassificationList()
    other.CopyFrom(message)
    assert other == message == copy.deepcopy(message) == pickle.loads(pickle.dumps(message))  # noqa: S301
    other.Clear()
    assert other != message


def test_text() -> None:
    message = classification_pb2.ClassificationList(classification=[Classification(score=0.5, label="Left")])
    assert repr(message) == 'classification {\n  score: 0.5\n  label: "Left"\n}\n'
