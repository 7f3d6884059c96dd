"""A place in a JSON file that nobody has vouched for: what is taken from it is of the kind asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vitruvian.errors import WeightsError, shown

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Entry"]

T = TypeVar("T")

_KINDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number"}
_SHOWN = 60


@dataclass(frozen=True)
class Entry:
    """A value and where it stands.

    Attributes:
        value: As the JSON reader gave it.
        where: Such as ``weightsManifest[0].paths``; empty for the whole file.
        path: Of the file.
    """

    value: object
    where: str
    path: Path

    @staticmethod
    def parse(data: bytes, path: Path) -> Entry:
        """Return the whole of a JSON file.

        Raises:
            WeightsError: It is no JSON.
        """
        try:
            return Entry(json.loads(data), "", path)
        except (ValueError, RecursionError) as problem:
            raise WeightsError(f"this is no JSON ({problem})", path=path) from problem

    def is_a(self, kind: type[T]) -> T:
        """Return the value.

        Raises:
            WeightsError: It is of another kind.
        """
        if isinstance(self.value, kind) and not (isinstance(self.value, bool) and kind is not bool):
            return self.value
        raise self.error(f"expected {_KINDS.get(kind, kind.__name__)}, got {self._shown()}")

    def number(self) -> float:
        """Return the value, which is a number that can be counted with.

        Raises:
            WeightsError: It is not.
        """
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            number = float(self.value) if abs(self.value) < _LARGE else _LARGE
            if abs(number) < _LARGE:
                return number
        raise self.error(f"expected a number, got {self._shown()}")

    def at(self, key: str) -> Entry:
        """Return what an object has under ``key``.

        Raises:
            WeightsError: This is no object, or has no such key.
        """
        holder = self.is_a(dict)
        if key not in holder:
            raise self.error(f"has no {key!r}")
        return Entry(holder[key], f"{self.where}.{key}" if self.where else key, self.path)

    def maybe(self, key: str) -> Entry | None:
        """Return what an object has under ``key``, or ``None``.

        Raises:
            WeightsError: This is no object.
        """
        return self.at(key) if key in self.is_a(dict) else None

    def items(self) -> list[Entry]:
        """Return the items of a list.

        Raises:
            WeightsError: This is no list.
        """
        return [
            Entry(item, f"{self.where}[{place}]", self.path) for place, item in enumerate(self.is_a(list))
        ]

    def error(self, message: str) -> WeightsError:
        """Return an error about this place."""
        return WeightsError(f"{shown(self.where)}: {message}" if self.where else message, path=self.path)

    def _shown(self) -> str:
        text = shown(repr(self.value))
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_LARGE = 1e38
"""Beyond it nothing is a float32."""
