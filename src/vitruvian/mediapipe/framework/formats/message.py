"""What the messages of MediaPipe 0.10.21 have in common, as plain Python classes.

As of the generated protocol-buffer classes, an unset field reads as its default and ``HasField`` tells the
difference, and a list stores copies. They do not serialise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from vitruvian.errors import OptionError

__all__ = ["ListMessage", "Message", "Repeated"]


class Message:
    """Fields of one value each. The instance's dictionary holds those that are set, the class the defaults.

    A subclass says in ``_fields`` which they are, and how a value is turned into what is kept.
    """

    _fields: ClassVar[Mapping[str, Callable[[Any], Any]]]

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self._fields:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        self.__dict__[name] = self._fields[name](value)

    def HasField(self, field_name: str) -> bool:  # noqa: N802 - the original's name
        """Return whether a field has been set.

        Raises:
            OptionError: There is no such field.
        """
        if field_name not in self._fields:
            raise OptionError(f"{type(self).__name__} has no field {field_name!r}")
        return field_name in self.__dict__

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

    def __repr__(self) -> str:
        values = (f"{name}={_shown(self.__dict__[name])}" for name in self._fields if name in self.__dict__)
        return f"{type(self).__name__}({', '.join(values)})"


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
        _check_kind(value, self._kind)
        copy = self._kind()
        copy.CopyFrom(value)
        self._values.append(copy)

    def extend(self, values: Iterable[_M]) -> None:
        """Append copies of ``values``; see ``append``."""
        for value in tuple(values):
            self.append(value)

    def pop(self, index: int = -1) -> _M:
        """Remove an entry and return it."""
        return self._values.pop(index)

    def remove(self, value: _M) -> None:
        """Remove the first entry that equals ``value``."""
        self._values.remove(value)

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


class ListMessage(Generic[_M]):
    """A message whose one field is a list. A subclass says in ``_field`` what it is called."""

    _field: ClassVar[str]

    def __init__(self, entries: Repeated[_M], values: Iterable[_M]) -> None:
        self._entries = entries
        entries.extend(values)

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
        del self._entries[:]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ListMessage) and type(other) is type(self) and other._entries == self._entries
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._field}={self._entries!r})"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _check_kind(value: object, kind: type) -> None:
    if type(value) is not kind:
        raise TypeError(f"expected a {kind.__name__}, got a {type(value).__name__}")
