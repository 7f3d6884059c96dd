"""The classification messages of MediaPipe 0.10.21 as plain Python classes: which hand is a left one.

Scores are kept as float32, an unset field reads as 0 or an empty text and ``HasField`` tells the difference,
a list stores copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitruvian.mediapipe.framework.formats.descriptor import FieldDescriptor
from vitruvian.mediapipe.framework.formats.message import (
    ListMessage,
    Message,
    Repeated,
    described,
    list_described,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["Classification", "ClassificationList"]


class Classification(Message):
    """One class that something may belong to.

    Attributes:
        index: Its place in the model's list of classes.
        score: Its probability.
        label: Its name.
        display_name: Its name as it is shown to people.
    """

    DESCRIPTOR = described(
        "Classification",
        "mediapipe/framework/formats/classification.proto",
        {
            "index": FieldDescriptor.TYPE_INT32,
            "score": FieldDescriptor.TYPE_FLOAT,
            "label": FieldDescriptor.TYPE_STRING,
            "display_name": FieldDescriptor.TYPE_STRING,
        },
    )

    index: int = 0
    score: float = 0.0
    label: str = ""
    display_name: str = ""

    def __init__(
        self,
        *,
        index: int | None = None,
        score: float | None = None,
        label: str | None = None,
        display_name: str | None = None,
    ) -> None:
        given = {"index": index, "score": score, "label": label, "display_name": display_name}
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)


class _Classifications(Repeated[Classification]):
    """The entries of a ``ClassificationList``."""

    def add(
        self,
        *,
        index: int | None = None,
        score: float | None = None,
        label: str | None = None,
        display_name: str | None = None,
    ) -> Classification:
        """Append a new entry with these fields set, and return it."""
        return self._added(Classification(index=index, score=score, label=label, display_name=display_name))


class ClassificationList(ListMessage[Classification]):
    """The classes that something may belong to, the likeliest first."""

    DESCRIPTOR = list_described("ClassificationList", "classification", Classification.DESCRIPTOR)
    _entries: _Classifications

    def __init__(self, *, classification: Iterable[Classification | Mapping[str, Any]] = ()) -> None:
        super().__init__(_Classifications(Classification), classification)

    @property
    def classification(self) -> _Classifications:
        """The entries; fill it with ``add``, ``append`` or ``extend``."""
        return self._entries
