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
    from collections.abc import Mapping

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

    @staticmethod
    @cache
    def named(name: str) -> Skeleton:
        """Return the skeleton that this package carries under ``name``.

        Raises:
            OptionError: There is none; the message lists those there are.
        """
        folder = resources.files("vitruvian") / "data" / "skeletons"
        known = sorted(entry.name.removesuffix(".json") for entry in folder.iterdir())
        if name not in known:
            raise OptionError(f"no skeleton is called {name!r}; there are: {', '.join(known)}")
        data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return Skeleton(
            name=data["name"],
            landmarks=tuple(data["landmarks"]),
            edges=tuple((a, b) for a, b in data["edges"]),
            mirror=tuple(data["mirror"]),
            parts=MappingProxyType({part: tuple(points) for part, points in data["parts"].items()}),
            convention=data["convention"],
        )
