"""What the points are called and how they hang together; facts, no taste."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

from vitruvian.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.resources.abc import Traversable

__all__ = ["Skeleton"]


@dataclass(frozen=True)
class Skeleton:
    """The names and the topology of K landmarks.

    Attributes:
        name: Such as ``body33``; what files and JSON call it.
        landmarks: K names, the person's own left and right.
        edges: Pairs of indices that are drawn as limbs.
        mirror: For each landmark the index of its mirror image; its own inverse.
        parts: Part name → indices of its landmarks, from the root outwards.
        convention: Where the origin of pixel coordinates lies, in words.

    Raises:
        OptionError: The fields contradict each other.
    """

    name: str
    landmarks: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    mirror: tuple[int, ...]
    parts: Mapping[str, tuple[int, ...]]
    convention: str

    def __post_init__(self) -> None:
        """Check that names are unique, indices exist and the mirror is its own inverse."""
        count = len(self.landmarks)
        everyone = range(count)
        used = {*sum(self.edges, ()), *self.mirror, *sum(self.parts.values(), ())}
        if len(set(self.landmarks)) != count or not used <= set(everyone):
            raise OptionError(f"skeleton {self.name}: names must be unique and indices below {count}")
        if len(self.mirror) != count or any(self.mirror[self.mirror[i]] != i for i in everyone):
            raise OptionError(f"skeleton {self.name}: the mirror must be its own inverse over {count} points")

    def __len__(self) -> int:
        return len(self.landmarks)

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[Callable[..., Skeleton], tuple[object, ...]]:
        """Travel between processes as a name, or, where that is not ours, as plain values."""
        if self.name in _names() and Skeleton.named(self.name) == self:
            return Skeleton.named, (self.name,)
        values = (self.name, self.landmarks, self.edges, self.mirror, dict(self.parts), self.convention)
        return Skeleton, values

    @staticmethod
    @cache
    def named(name: str) -> Skeleton:
        """Return the skeleton that this package carries under ``name``.

        Raises:
            OptionError: There is none; the message lists those there are.
        """
        if name not in _names():
            raise OptionError(f"no skeleton is called {name!r}; there are: {', '.join(_names())}")
        data = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
        return Skeleton(
            name=data["name"],
            landmarks=tuple(data["landmarks"]),
            edges=tuple((a, b) for a, b in data["edges"]),
            mirror=tuple(data["mirror"]),
            parts=MappingProxyType({part: tuple(points) for part, points in data["parts"].items()}),
            convention=data["convention"],
        )


def _folder() -> Traversable:
    return resources.files("vitruvian") / "data" / "skeletons"


@cache
def _names() -> tuple[str, ...]:
    """Return the names of the skeletons that this package carries."""
    return tuple(sorted(entry.name.removesuffix(".json") for entry in _folder().iterdir()))
