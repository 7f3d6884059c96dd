"""What is counted: people or hands."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HANDS", "PEOPLE", "Noun"]


@dataclass(frozen=True)
class Noun:
    """The word for what a command finds.

    Attributes:
        one: Of it.
        many: Of it; also what its count is called in JSON.
    """

    one: str
    many: str

    def count(self, number: int) -> str:
        """Return such as ``1 person``, ``2 people``."""
        return f"{number} {self.one if number == 1 else self.many}"


PEOPLE = Noun("person", "people")
HANDS = Noun("hand", "hands")
