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
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = ["convert"]

_Points = list[int | list[int] | None]
_Ways = dict[str, _Points | dict[str, _Points]]

_POSITIONS = ("xy", "depth", "world")
_PROBABILITIES = ("score", "presence")
_SIDES = {"left": 0.0, "right": 1.0}


def convert(landmarks: Landmarks, skeleton: str, *, part: str | None = None) -> Landmarks:
    """Return the same people with the points of another skeleton.

    Each point of the new skeleton is one of the old, with its numbers as they are: pixels keep the convention
    of the skeleton that they come from, and boxes stay what they were. A few points are the mean of several
    (the middle of the hips), with the least of their probabilities. Where the old skeleton has no such point,
    the new one is NaN in every column.

    ========== ====================================================================================
    from       to
    ========== ====================================================================================
    body33     coco17
    body75     body33, coco17, hand21
    sapiens308 coco17, coco133 (COCO-WholeBody), body25 (OpenPose), body33, body75, hand21
    ========== ====================================================================================

    From ``sapiens308``, ``coco17`` is exact, and so are 53 points of ``coco133``; the first joints of fingers
    and the points around eyes, nose and mouth are the nearest there are; 16 of the jaw and 2 of the bridge of
    the nose are NaN. In ``body33`` and ``body75`` corners of eyes and mouth, knuckles and toes are the
    nearest there are; depths and world points stay absent.

    Args:
        landmarks: (N, K) points.
        skeleton: Name of the new one; that of ``landmarks`` itself returns these.
        part: Which of several parts to take: ``"left_hand"`` or ``"right_hand"`` for ``hand21``. The result
            has one instance for each person of whose hand a point is known, the hand's own box, and the
            side in ``handedness``; ``track_id`` and score are the person's.

    Raises:
        OptionError: No way leads there, or to that part; the message lists those there are.
    """
    if skeleton == landmarks.skeleton.name and part is None:
        return landmarks
    sources = _sources(landmarks.skeleton.name, skeleton, part)
    # Typed loosely, since a table of names cannot tell which column is which.
    columns: dict[str, Any] = {
        name: _taken(column, sources, least=name in _PROBABILITIES)
        for name in _POSITIONS + _PROBABILITIES
        if (column := getattr(landmarks, name)) is not None
    }
    converted = replace(landmarks, skeleton=Skeleton.named(skeleton), **columns)
    return converted if part is None else _parts(converted, _SIDES[part.split("_")[0]])


def _parts(hands: Landmarks, right: float) -> Landmarks:
    """Return the hands that are there, each with its own box and the probability of a right hand."""
    seen: NDArray[np.bool_] = np.any(np.isfinite(hands.xy), axis=(1, 2))
    hands = hands[seen]
    boxes = np.concatenate([np.nanmin(hands.xy, axis=1), np.nanmax(hands.xy, axis=1)], axis=1)
    return replace(hands, box=boxes, handedness=np.full(len(hands), right, np.float32))


def _sources(old: str, new: str, part: str | None) -> _Points:
    """Return for each new point the old one, or several, or ``None``."""
    known = _correspondences().get(old, {})
    if new not in known:
        ways = ", ".join(sorted(known)) or "nothing else"
        raise OptionError(f"{old} becomes {ways}; got {new!r}")
    way = known[new]
    if isinstance(way, list):
        if part is not None:
            raise OptionError(f"part: {old} becomes {new} as a whole; got {part!r}")
        return way
    if part not in way:
        raise OptionError(f"part: {old} becomes {new} in parts, {' or '.join(way)}; got {part!r}")
    return way[part]


def _taken(column: NDArray[np.float32], sources: _Points, *, least: bool) -> NDArray[np.float32]:
    """Return (N, K') or (N, K', D) of (N, K) or (N, K, D): one old point each, or several as one, or NaN."""
    single = np.array([source if isinstance(source, int) else -1 for source in sources], np.intp)
    taken = np.ascontiguousarray(column[:, single])
    taken[:, single < 0] = np.nan
    for i, source in enumerate(sources):
        if isinstance(source, list):
            several = column[:, source]
            taken[:, i] = several.min(axis=1) if least else several.mean(axis=1)
    return taken


@cache
def _correspondences() -> dict[str, _Ways]:
    """Return for each skeleton and each that it can become: the old point that each new one is."""
    place = resources.files("vitruvian") / "data" / "correspondences.json"
    ways: dict[str, _Ways] = json.loads(place.read_text(encoding="utf-8"))
    return ways
