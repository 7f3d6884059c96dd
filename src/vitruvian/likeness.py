"""How much two instances look alike: the object keypoint similarity, and who is there twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = ["FALLOFF", "agreement", "distinct", "known_bounds", "similarity", "sizes"]

FALLOFF = 0.12
"""Of a size: how far a point may be off between two readings of one body."""

_LEAST = 1e-9  # weight
_SAME = 0.5  # similarity above which two instances of a frame are one
_ENOUGH = 1 / 3  # of the points, as many as a face has of a body's: fewer in the picture are no evidence


def similarity(
    xy: NDArray[np.floating],
    others: NDArray[np.floating],
    width: float,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Return the object keypoint similarity (COCO's OKS, one width for all points) of one body to others.

    Args:
        xy: (K, 2) pixels.
        others: (N, K, 2) pixels; what is NaN in one of two bodies does not count between them.
        width: Distance in pixels at which a point counts exp(-1/2).
        weights: (N, K) what each point counts, 0 or more; by default all count the same.

    Returns:
        (N,), from 0 to 1.
    """
    squared = ((xy.astype(np.float64) - others) ** 2).sum(axis=2)
    alike: NDArray[np.float64] = np.exp(-squared / (2 * width * width))
    known = np.isfinite(alike)
    if weights is not None:
        counts = np.where(known, np.nan_to_num(weights), 0.0)
        return np.asarray((np.nan_to_num(alike) * counts).sum(axis=1) / counts.sum(axis=1).clip(_LEAST))
    if known.all():
        return np.asarray(alike.sum(axis=1) / alike.shape[1])  # half the price of a mean
    return np.asarray(np.where(known, alike, 0).sum(axis=1) / known.sum(axis=1).clip(1))


def agreement(
    one: Landmarks, other: Landmarks, falloff: float, *, moving: bool = False
) -> NDArray[np.float64]:
    """Return how similar two readings of the same instances are, row by row: (N,), from 0 to 1.

    Each point counts as much as both readings find it inside the picture: what lies outside is guessed anew
    every time. Where less than a third of the points are inside, they agree on little, however well.

    Args:
        one: N instances.
        other: The same N.
        falloff: Distance in sizes at which a point counts exp(-1/2).
        moving: Whether they are of different frames: then only the posture counts, not the place.
    """
    if moving:
        offset = np.nan_to_num(np.nanmean(one.xy - other.xy, axis=1, keepdims=True))
        other = replace(other, xy=other.xy + offset)
    widths = (falloff * np.maximum(sizes(one.xy), sizes(other.xy))).tolist()
    rows = range(len(one))
    return np.array([_alike(one[row], other[row], widths[row]) for row in rows], np.float64)


def _alike(one: Landmarks, other: Landmarks, width: float) -> float:
    """Return how similar two single instances are inside the picture."""
    if one.presence is None or other.presence is None:
        return float(similarity(one.xy[0], other.xy, width)[0])
    inside = one.presence * other.presence
    evidence = min(1.0, float(np.nansum(inside) / (_ENOUGH * inside.size)))
    return evidence * float(similarity(one.xy[0], other.xy, width, inside)[0])


def sizes(xy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the square root of the area of each instance's bounds: (N,) pixels, at least 1."""
    box = known_bounds(xy)
    extent = (box[:, 2:] - box[:, :2]).astype(np.float64)
    side: NDArray[np.float64] = np.sqrt(extent.prod(axis=1)).clip(1)
    return side


def known_bounds(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the box around the known points of each of (N, K, 2) bodies: (N, 4) x0, y0, x1, y1."""
    return np.concatenate([np.fmin.reduce(xy, axis=1), np.fmax.reduce(xy, axis=1)], axis=1)


def distinct(
    people: Landmarks, worth: Sequence[float], same: float = _SAME, *, guesses: bool = True
) -> NDArray[np.intp]:
    """Return the rows that are left, in order, when of two that show one body that of less worth goes.

    Args:
        people: N instances.
        worth: Of each.
        same: Similarity above which two show one body.
        guesses: Whether points that are not seen count like the others; if not, each counts as much as it is
            seen in both. (Of two readings of one body, those who see the head agree where it is.)
    """
    if len(people) < 2:
        return np.arange(len(people))
    kept: list[int] = []
    extent = sizes(people.xy).tolist()
    seen = None if guesses else people.score
    for row in np.argsort(-np.asarray(worth), kind="stable").tolist():
        for other in kept:
            width = FALLOFF * max(extent[row], extent[other])
            weights = None if seen is None else seen[[row]] * seen[[other]]
            if similarity(people.xy[row], people.xy[[other]], width, weights)[0] > same:
                break
        else:
            kept.append(row)
    return np.array(sorted(kept), np.intp)
