"""The messages against protobuf's own, made from the same description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from hypothesis import given
from hypothesis import strategies as st

from vitruvian.mediapipe.framework.formats import classification_pb2, landmark_pb2

if TYPE_CHECKING:
    from vitruvian.mediapipe.framework.formats.descriptor import Descriptor

OURS: dict[str, Any] = {
    name: getattr(module, name) for module in (landmark_pb2, classification_pb2) for name in module.__all__
}
LISTS = {name: kind for name, kind in OURS.items() if name.endswith("List")}


def _theirs() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="messages.proto", package="mediapipe", syntax="proto2")
    for kind in OURS.values():
        described: Descriptor = kind.DESCRIPTOR
        message = file.message_type.add(name=described.name)
        for field in described.fields:
            entry = field.message_type and f".{field.message_type.full_name}"
            message.field.add(
                name=field.name, number=field.number, type=field.type, label=field.label, type_name=entry
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"mediapipe.{name}") for name in OURS}
    return {name: message_factory.GetMessageClass(one) for name, one in found.items()}


THEIRS = _theirs()
VALUES = {
    2: st.floats(width=32),
    5: st.integers(-(2**31), 2**31 - 1),
    9: st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
    | st.sampled_from(['a"b', "\n", "\\"]),
}


@st.composite
def _contents(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A kind of list, and what its entries are to hold."""
    name = draw(st.sampled_from(sorted(LISTS)))
    entries = LISTS[name].DESCRIPTOR.fields[0].message_type
    entry = st.fixed_dictionaries({}, optional={one.name: VALUES[one.type] for one in entries.fields})
    return name, draw(st.lists(entry, max_size=3))


@given(_contents())
def test_text_bytes_and_json_are_those_of_protobuf(contents: tuple[str, list[dict[str, Any]]]) -> None:
    name, entries = contents
    (field,) = OURS[name].DESCRIPTOR.fields
    ours, theirs = OURS[name](**{field.name: entries}), THEIRS[name](**{field.name: entries})
    assert repr(ours) == repr(theirs)
    assert str(ours) == str(theirs)
    assert ours.SerializeToString() == theirs.SerializeToString()
    assert ours.ByteSize() == theirs.ByteSize()
    assert json_format.MessageToJson(ours) == json_format.MessageToJson(theirs)
    for options in (
        {},
        {"preserving_proto_field_name": True},
        {"always_print_fields_with_no_presence": True},
    ):
        assert repr(json_format.MessageToDict(ours, **options)) == repr(
            json_format.MessageToDict(theirs, **options)
        )
    assert [one.name for one, _ in ours.ListFields()] == [one.name for one, _ in theirs.ListFields()]


def test_which_hand_it_is() -> None:
    """The line of many a script."""
    hands = OURS["ClassificationList"]()
    hands.classification.add(index=0, score=0.97, label="Left")
    assert json_format.MessageToDict(hands)["classification"][0]["label"] == "Left"


@pytest.mark.parametrize("kinds", [OURS, THEIRS], ids=["ours", "theirs"])
def test_lists_and_fields_are_changed_alike(kinds: dict[str, Any]) -> None:
    point, points = kinds["NormalizedLandmark"], kinds["NormalizedLandmarkList"]
    message = points(landmark=[{"x": 3}, point(x=1, y=2)])
    message.landmark.sort(key=lambda one: one.x)
    message.landmark.reverse()
    message.landmark.insert(0, point(x=9))
    message.MergeFrom(points(landmark=[point(x=5)]))
    assert [one.x for one in message.landmark] == [9, 3, 1, 5]
    message.landmark.MergeFrom([point(x=7)])
    assert len(message.landmark) == 5
    one = point(x=1, y=2)
    one.MergeFrom(point(y=3, z=4))
    one.ClearField("x")
    assert (one.HasField("x"), one.y, one.z) == (False, 3, 4)
    assert one.IsInitialized()
    for wrong in (one, message):
        with pytest.raises(ValueError, match="foo"):
            wrong.ClearField("foo")
        with pytest.raises(AttributeError):
            wrong.foo = 3
    message.ClearField("landmark")
    assert message.ListFields() == []
    message.landmark.add(x=1)
    message.landmark.clear()
    assert message == points()
