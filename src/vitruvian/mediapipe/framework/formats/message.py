"""What the messages of MediaPipe 0.10.21 have in common, as plain Python classes.

As of the generated protocol-buffer classes, an unset field reads as its default and ``HasField`` tells the
difference, a list stores copies, and ``google.protobuf.json_format`` makes JSON of them. They can be written
as bytes, and not be read from them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ctypes import c_float
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from vitruvian.errors import OptionError
from vitruvian.mediapipe.framework.formats.descriptor import (
    Descriptor,
    FieldDescriptor,
    FileDescriptor,
    encoded,
    shown,
)

__all__ = ["ListMessage", "Message", "Repeated", "described", "list_described"]


def described(name: str, file: str, types: Mapping[str, int]) -> Descriptor:
    """Return the descriptor of a message whose fields, by their names, have one value each of these types."""
    fields = (FieldDescriptor(field, number, kind) for number, (field, kind) in enumerate(types.items(), 1))
    return Descriptor(name, tuple(fields), FileDescriptor(file))


def list_described(name: str, field: str, entries: Descriptor) -> Descriptor:
    """Return the descriptor of a message whose one field is a list of such entries."""
    return Descriptor(name, (FieldDescriptor(field, 1, FieldDescriptor.TYPE_MESSAGE, entries),), entries.file)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}")
    return value


_KEPT: Mapping[int, Callable[[Any], Any]] = {
    FieldDescriptor.TYPE_FLOAT: lambda value: c_float(value).value,
    FieldDescriptor.TYPE_INT32: operator.index,
    FieldDescriptor.TYPE_STRING: _text,
}
"""How a value is turned into what is kept."""


class _Described:
    """What can be told of any message from its fields."""

    DESCRIPTOR: ClassVar[Descriptor]

    def ListFields(self) -> list[tuple[FieldDescriptor, Any]]:  # noqa: N802 - the original's name
        """Return the fields that are set, with their values."""
        raise NotImplementedError

    def SerializeToString(self) -> bytes:  # noqa: N802 - the original's name
        """Return the message as bytes."""
        return b"".join(
            encoded(field, each.SerializeToString() if field.is_repeated else each)
            for field, each in self._values()
        )

    def ByteSize(self) -> int:  # noqa: N802 - the original's name
        """Return how many bytes that are."""
        return len(self.SerializeToString())

    def IsInitialized(self) -> bool:  # noqa: N802 - the original's name
        """Return whether all fields are set that must be; none must."""
        return True

    def __repr__(self) -> str:
        return "".join(
            f"{field.name} {{\n{_indented(repr(each))}}}\n" if field.is_repeated else _line(field, each)
            for field, each in self._values()
        )

    def _field(self, name: str) -> FieldDescriptor:
        field = self.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            raise OptionError(f"{type(self).__name__} has no field {name!r}")
        return field

    def _values(self) -> Iterator[tuple[FieldDescriptor, Any]]:
        """Yield all values that are set, each entry of a list by itself."""
        for field, value in self.ListFields():
            for each in value if field.is_repeated else [value]:
                yield field, each


def _line(field: FieldDescriptor, value: float | str) -> str:
    return f"{field.name}: {shown(value)}\n"


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


class Message(_Described):
    """Fields of one value each: the instance's dictionary holds those set, the class the defaults."""

    def __setattr__(self, name: str, value: object) -> None:
        field = self.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        self.__dict__[name] = _KEPT[field.type](value)

    def HasField(self, field_name: str) -> bool:  # noqa: N802 - the original's name
        """Return whether a field has been set.

        Raises:
            OptionError: There is no such field.
        """
        return self._field(field_name).name in self.__dict__

    def ClearField(self, field_name: str) -> None:  # noqa: N802 - the original's name
        """Unset a field.

        Raises:
            OptionError: There is no such field.
        """
        self.__dict__.pop(self._field(field_name).name, None)

    def ListFields(self) -> list[tuple[FieldDescriptor, Any]]:  # noqa: N802 - the original's name
        """Return the fields that are set, with their values."""
        values = self.__dict__
        return [(field, values[field.name]) for field in self.DESCRIPTOR.fields if field.name in values]

    def MergeFrom(self, other: Self) -> None:  # noqa: N802 - the original's name
        """Set what is set in ``other``, too.

        Raises:
            TypeError: ``other`` is of another class.
        """
        _check_kind(other, type(self))
        self.__dict__.update(other.__dict__)

    def CopyFrom(self, other: Self) -> None:  # noqa: N802 - the original's name
        """Make this message equal to ``other``, unset fields included.

        Raises:
            TypeError: ``other`` is of another class.
        """
        _check_kind(other, type(self))
        values = dict(other.__dict__)
        self.Clear()
        self.__dict__.update(values)

    def Clear(self) -> None:  # noqa: N802 - the original's name
        """Unset all fields."""
        self.__dict__.clear()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]  # mutable


_M = TypeVar("_M", bound=Message)


class Repeated(Sequence[_M]):
    """The entries of a list message, all of one class; what goes in is copied."""

    def __init__(self, kind: type[_M]) -> None:
        self._kind = kind
        self._values: list[_M] = []

    def append(self, value: _M) -> None:
        """Append a copy of ``value``.

        Raises:
            TypeError: ``value`` is of another class than the entries of this list.
        """
        self._values.append(self._copied(value))

    def insert(self, index: int, value: _M) -> None:
        """Insert a copy of ``value`` before an entry; see ``append``."""
        self._values.insert(index, self._copied(value))

    def extend(self, values: Iterable[_M]) -> None:
        """Append copies of ``values``; see ``append``."""
        for value in tuple(values):
            self.append(value)

    MergeFrom = extend

    def fill(self, values: Iterable[_M | Mapping[str, Any]]) -> None:
        """Append copies of ``values``, of which some may be told by their fields."""
        for value in values:
            if isinstance(value, Mapping):
                self._added(self._kind(**value))
            else:
                self.append(value)

    def pop(self, index: int = -1) -> _M:
        """Remove an entry and return it."""
        return self._values.pop(index)

    def remove(self, value: _M) -> None:
        """Remove the first entry that equals ``value``."""
        self._values.remove(value)

    def clear(self) -> None:
        """Remove all entries."""
        self._values.clear()

    def sort(self, *, key: Callable[[_M], Any], reverse: bool = False) -> None:
        """Order the entries by what ``key`` makes of them."""
        self._values.sort(key=key, reverse=reverse)

    def reverse(self) -> None:
        """Turn the order of the entries round."""
        self._values.reverse()

    def _copied(self, value: _M) -> _M:
        _check_kind(value, self._kind)
        copy = self._kind()
        copy.CopyFrom(value)
        return copy

    def _added(self, value: _M) -> _M:
        """Append ``value`` itself, which is nobody else's, and return it."""
        self._values.append(value)
        return value

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> _M: ...

    @overload
    def __getitem__(self, index: slice) -> list[_M]: ...

    def __getitem__(self, index: int | slice) -> _M | list[_M]:
        return self._values[index]

    def __delitem__(self, index: int | slice) -> None:
        del self._values[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._values == list(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return repr(self._values)


class ListMessage(_Described, Generic[_M]):
    """A message whose one field is a list."""

    _entries: Repeated[_M]

    def __init__(self, entries: Repeated[_M], values: Iterable[_M | Mapping[str, Any]]) -> None:
        self.__dict__["_entries"] = entries
        entries.fill(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be assigned to; fill the list")

    def ListFields(self) -> list[tuple[FieldDescriptor, Any]]:  # noqa: N802 - the original's name
        """Return the list with its field, if there is something in it."""
        return [(self.DESCRIPTOR.fields[0], self._entries)] if self._entries else []

    def ClearField(self, field_name: str) -> None:  # noqa: N802 - the original's name
        """Remove all entries.

        Raises:
            OptionError: There is no such field.
        """
        self._field(field_name)
        self.Clear()

    def MergeFrom(self, other: Self) -> None:  # noqa: N802 - the original's name
        """Append copies of the entries of ``other``.

        Raises:
            TypeError: ``other`` is of another class.
        """
        _check_kind(other, type(self))
        self._entries.extend(other._entries)

    def CopyFrom(self, other: Self) -> None:  # noqa: N802 - the original's name
        """Replace the entries by copies of those of ``other``.

        Raises:
            TypeError: ``other`` is of another class.
        """
        _check_kind(other, type(self))
        values = tuple(other._entries)
        self.Clear()
        self._entries.extend(values)

    def Clear(self) -> None:  # noqa: N802 - the original's name
        """Remove all entries."""
        self._entries.clear()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ListMessage) and type(other) is type(self) and other._entries == self._entries
        )

    __hash__ = None  # type: ignore[assignment]  # mutable


def _check_kind(value: object, kind: type) -> None:
    if type(value) is not kind:
        raise TypeError(f"expected a {kind.__name__}, got a {type(value).__name__}")
