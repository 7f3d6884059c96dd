"""Weighted non-maximum suppression: detections of one thing are averaged, not dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitruvian.kernels import native

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["overlaps", "weighted_nms"]


def weighted_nms(
    values: NDArray[np.float32], scores: NDArray[np.float32], iou: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Merge overlapping detections (pose specification, section 6.4).

    The best remaining detection absorbs all whose overlap with it is above ``iou``; the merged detection has
    their score-weighted mean values, and the best one's score.

    Args:
        values: (N, V) what is averaged, first the corners x0, y0, x1, y1 of a box.
        scores: (N,) above 0.
        iou: Overlap (intersection over union) above which two detections are one.

    Returns:
        (M, V) means and (M,) scores, best first.
    """
    if native is not None:
        means, kept = np.empty_like(values), np.empty_like(scores)
        room = np.empty(len(scores), np.int32)
        count = native.merge(values, scores, values.shape[1], iou, room, means, kept)
        return means[:count], kept[:count]
    order = np.argsort(-scores, kind="stable")
    values, scores = values[order], scores[order]
    merged, best = [], []
    while len(scores):
        together = overlaps(values[0, :4], values[:, :4]) > iou
        if not together.any():  # a degenerate box does not even overlap itself
            break
        weights = scores[together]
        merged.append((values[together] * weights[:, None]).sum(axis=0) / weights.sum())
        best.append(scores[0])
        if together.all():
            break
        values, scores = values[~together], scores[~together]
    return np.array(merged, np.float32).reshape(-1, values.shape[1]), np.array(best, np.float32)


def overlaps(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the intersection over union of one box with each of (N, 4) boxes; 0 where both are empty."""
    # Column by column: NumPy's reductions of rows of two take several times as long.
    x0, y0, x1, y1 = boxes.T
    left, top, right, bottom = box
    across = (np.minimum(x1, right) - np.maximum(x0, left)).clip(min=0)
    shared: NDArray[np.floating] = across * (np.minimum(y1, bottom) - np.maximum(y0, top)).clip(min=0)
    union = (right - left) * (bottom - top) + (x1 - x0) * (y1 - y0) - shared
    ratio = np.zeros_like(shared)
    np.divide(shared, union, out=ratio, where=union > 0)
    return ratio
