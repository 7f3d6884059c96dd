"""The landmark messages of MediaPipe 0.10.21 as plain Python classes.

They are what scripts fill before they draw. In that use they behave as the generated protocol-buffer classes
do: numbers are kept as float32, an unset number reads as 0 and ``HasField`` tells the difference, a list
stores copies.
"""

from __future__ import annotations

from ctypes import c_float
from typing import TYPE_CHECKING, ClassVar, TypeVar

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

__all__ = ["Landmark", "LandmarkList", "NormalizedLandmark", "NormalizedLandmarkList"]


_FILE = "mediapipe/framework/formats/landmark.proto"
_NUMBERS = dict.fromkeys(("x", "y", "z", "visibility", "presence"), FieldDescriptor.TYPE_FLOAT)


class _Point(Message):
    """Five optional numbers."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    visibility: float = 0.0
    presence: float = 0.0

    def __init__(
        self,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        visibility: float | None = None,
        presence: float | None = None,
    ) -> None:
        # Spelled out, and past __setattr__: a loop takes nearly twice as long, for 66 points in each frame.
        numbers = self.__dict__
        if x is not None:
            numbers["x"] = c_float(x).value
        if y is not None:
            numbers["y"] = c_float(y).value
        if z is not None:
            numbers["z"] = c_float(z).value
        if visibility is not None:
            numbers["visibility"] = c_float(visibility).value
        if presence is not None:
            numbers["presence"] = c_float(presence).value


class Landmark(_Point):
    """A point in metres."""

    DESCRIPTOR = described("Landmark", _FILE, _NUMBERS)


class NormalizedLandmark(_Point):
    """A point in fractions of the image."""

    DESCRIPTOR = described("NormalizedLandmark", _FILE, _NUMBERS)


_P = TypeVar("_P", bound=_Point)


class _Points(Repeated[_P]):
    """The points of a list message."""

    def add(
        self,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        visibility: float | None = None,
        presence: float | None = None,
    ) -> _P:
        """Append a new point with these numbers set, and return it."""
        return self._added(self._kind(x=x, y=y, z=z, visibility=visibility, presence=presence))


class _PointList(ListMessage[_P]):
    """A message whose one field is a list of points."""

    _kind: ClassVar[type[_Point]]
    _entries: _Points[_P]

    def __init__(self, *, landmark: Iterable[_P | Mapping[str, float]] = ()) -> None:
        super().__init__(_Points(self._kind), landmark)  # type: ignore[arg-type]  # the subclass's _P

    @property
    def landmark(self) -> _Points[_P]:
        """The points; fill it with ``add``, ``append`` or ``extend``."""
        return self._entries


class LandmarkList(_PointList[Landmark]):
    """Points in metres, in the order of a skeleton."""

    DESCRIPTOR = list_described("LandmarkList", "landmark", Landmark.DESCRIPTOR)
    _kind = Landmark


class NormalizedLandmarkList(_PointList[NormalizedLandmark]):
    """Points in fractions of the image, in the order of a skeleton."""

    DESCRIPTOR = list_described("NormalizedLandmarkList", "landmark", NormalizedLandmark.DESCRIPTOR)
    _kind = NormalizedLandmark
