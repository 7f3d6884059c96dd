"""Which landmarks are connected."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Connection"]


@dataclass
class Connection:
    """A connection of two landmarks.

    Attributes:
        start: Index of the landmark at one end.
        end: Index of the landmark at the other end.
    """

    start: int
    end: int
