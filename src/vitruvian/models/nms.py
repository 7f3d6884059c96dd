"""Weighted non-maximum suppression: detections of one thing are averaged, not dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["overlaps", "weighted_nms"]


def weighted_nms(
    boxes: NDArray[np.float32], values: NDArray[np.float32], scores: NDArray[np.float32], iou: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Merge overlapping detections (pose specification, section 6.4).

    The best remaining detection absorbs all whose overlap with it is above ``iou``; the merged detection has
    their score-weighted mean values, and the best one's score.

    Args:
        boxes: (N, 4) x0, y0, x1, y1.
        values: (N, V) what is averaged.
        scores: (N,) above 0.
        iou: Overlap (intersection over union) above which two detections are one.

    Returns:
        (M, V) means and (M,) scores, best first.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, values, scores = boxes[order], values[order], scores[order]
    merged, kept = [], []
    while len(scores):
        together = overlaps(boxes[0], boxes) > iou
        if not together.any():  # a degenerate box does not even overlap itself
            break
        weights = scores[together]
        merged.append((values[together] * weights[:, None]).sum(axis=0) / weights.sum())
        kept.append(scores[0])
        if together.all():
            break
        boxes, values, scores = boxes[~together], values[~together], scores[~together]
    return np.array(merged, np.float32).reshape(-1, values.shape[1]), np.array(kept, np.float32)


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
