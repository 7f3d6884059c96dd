"""The landmark messages of MediaPipe 0.10.21 as plain Python classes.

They are what scripts fill before they draw. In that use they behave as the generated protocol-buffer classes
do: numbers are kept as float32, an unset number reads as 0 and ``HasField`` tells the difference, a list
stores copies. They do not serialise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ctypes import c_float
from typing import ClassVar, Generic, Self, TypeVar, overload

from vitruvian.errors import OptionError

__all__ = ["Landmark", "LandmarkList", "NormalizedLandmark", "NormalizedLandmarkList"]

_FIELDS = ("x", "y", "z", "visibility", "presence")


class _Point:
    """Five optional numbers. The instance's dictionary holds those that are set, the class the defaults."""

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

    def __setattr__(self, name: str, value: float) -> None:
        if name not in _FIELDS:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        self.__dict__[name] = c_float(value).value

    def HasField(self, field_name: str) -> bool:  # noqa: N802 - the original's name
        """Return whether a number has been set.

        Raises:
            OptionError: There is no such field.
        """
        if field_name not in _FIELDS:
            raise OptionError(f"{type(self).__name__} has no field {field_name!r}")
        return field_name in self.__dict__

    def CopyFrom(self, other: Self) -> None:  # noqa: N802 - the original's name
        """Make this point equal to ``other``, unset numbers included.

        Raises:
            TypeError: ``other`` is of another class.
        """
        _check_kind(other, type(self))
        numbers = dict(other.__dict__)
        self.Clear()
        self.__dict__.update(numbers)

    def Clear(self) -> None:  # noqa: N802 - the original's name
        """Unset all numbers."""
        self.__dict__.clear()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={self.__dict__[name]:g}" for name in _FIELDS if name in self.__dict__)
        return f"{type(self).__name__}({numbers})"


class Landmark(_Point):
    """A point in metres."""


class NormalizedLandmark(_Point):
    """A point in fractions of the image."""


_P = TypeVar("_P", bound=_Point)


class _Repeated(Sequence[_P]):
    """The points of a list message, all of one class; what goes in is copied."""

    def __init__(self, kind: type[_P]) -> None:
        self._kind = kind
        self._points: list[_P] = []

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
        self._points.append(self._kind(x=x, y=y, z=z, visibility=visibility, presence=presence))
        return self._points[-1]

    def append(self, value: _P) -> None:
        """Append a copy of ``value``.

        Raises:
            TypeError: ``value`` is of another class than the points of this list.
        """
        _check_kind(value, self._kind)
        self.add().CopyFrom(value)

    def extend(self, values: Iterable[_P]) -> None:
        """Append copies of ``values``; see ``append``."""
        for value in tuple(values):
            self.append(value)

    def pop(self, index: int = -1) -> _P:
        """Remove a point and return it."""
        return self._points.pop(index)

    def remove(self, value: _P) -> None:
        """Remove the first point that equals ``value``."""
        self._points.remove(value)

    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, index: int) -> _P: ...

    @overload
    def __getitem__(self, index: slice) -> list[_P]: ...

    def __getitem__(self, index: int | slice) -> _P | list[_P]:
        return self._points[index]

    def __delitem__(self, index: int | slice) -> None:
        del self._points[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._points == list(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return repr(self._points)


class _PointList(Generic[_P]):
    """A message whose one field is a list of points."""

    _kind: ClassVar[type[_Point]]

    def __init__(self, *, landmark: Iterable[_P] = ()) -> None:
        self._landmark: _Repeated[_P] = _Repeated(self._kind)  # type: ignore[arg-type]  # the subclass's _P
        self._landmark.extend(landmark)

    @property
    def landmark(self) -> _Repeated[_P]:
        """The points; fill it with ``add``, ``append`` or ``extend``."""
        return self._landmark

    def CopyFrom(self, other: Self) -> None:  # noqa: N802 - the original's name
        """Replace the points by copies of those of ``other``.

        Raises:
            TypeError: ``other`` is of another class.
        """
        _check_kind(other, type(self))
        points = tuple(other.landmark)
        self.Clear()
        self._landmark.extend(points)

    def Clear(self) -> None:  # noqa: N802 - the original's name
        """Remove all points."""
        del self._landmark[:]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _PointList) and type(other) is type(self) and other.landmark == self.landmark

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"{type(self).__name__}(landmark={self._landmark!r})"


class LandmarkList(_PointList[Landmark]):
    """Points in metres, in the order of a skeleton."""

    _kind = Landmark


class NormalizedLandmarkList(_PointList[NormalizedLandmark]):
    """Points in fractions of the image, in the order of a skeleton."""

    _kind = NormalizedLandmark


def _check_kind(value: object, kind: type) -> None:
    if type(value) is not kind:
        raise TypeError(f"expected a {kind.__name__}, got a {type(value).__name__}")
