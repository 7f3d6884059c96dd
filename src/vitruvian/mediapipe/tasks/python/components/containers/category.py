"""One class that something may belong to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Category"]


@dataclass
class Category:
    """One class that something may belong to.

    Attributes:
        index: Its place in the model's list of classes.
        score: Its probability.
        display_name: Its name as it is shown to people.
        category_name: Its name.
    """

    index: int | None = None
    score: float | None = None
    display_name: str | None = None
    category_name: str | None = None
