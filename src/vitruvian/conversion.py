"""From one skeleton to another."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from vitruvian.errors import OptionError
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from vitruvian.landmarks import Landmarks

__all__ = ["convert"]

_POINT_COLUMNS = ("xy", "score", "presence", "depth", "world")


def convert(landmarks: Landmarks, skeleton: str) -> Landmarks:
    """Return the same people with the points of another skeleton.

    Each point of the new skeleton is one of the old, with its numbers as they are: pixels keep the convention
    of the skeleton that they come from, and boxes stay what they were.

    Args:
        landmarks: (N, K) points.
        skeleton: Name of the new one; that of ``landmarks`` itself returns these. ``body33`` becomes
            ``coco17``: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; ``body75`` becomes
            both, without its hands.

    Raises:
        OptionError: No way leads there; the message lists those there are.
    """
    if skeleton == landmarks.skeleton.name:
        return landmarks
    known = _correspondences().get(landmarks.skeleton.name, {})
    if skeleton not in known:
        ways = ", ".join(sorted(known)) or "nothing else"
        raise OptionError(f"{landmarks.skeleton.name} becomes {ways}; got {skeleton!r}")
    points = np.array(known[skeleton], np.intp)
    # Typed loosely, since a table of names cannot tell which column is which.
    columns: dict[str, Any] = {
        name: np.ascontiguousarray(column[:, points])
        for name in _POINT_COLUMNS
        if (column := getattr(landmarks, name)) is not None
    }
    return replace(landmarks, skeleton=Skeleton.named(skeleton), **columns)


@cache
def _correspondences() -> dict[str, dict[str, list[int]]]:
    """Return for each skeleton and each that it can become: the old point that each new one is."""
    place = resources.files("vitruvian") / "data" / "correspondences.json"
    ways: dict[str, dict[str, list[int]]] = json.loads(place.read_text(encoding="utf-8"))
    return ways
