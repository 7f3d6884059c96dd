"""People whom a detector's box leads to: from frame to frame by their sure points (Sapiens2, section 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitruvian.landmarks import sure_points
from vitruvian.models.boxes import turned_boxes
from vitruvian.regions import Regions
from vitruvian.tracking import FEW

if TYPE_CHECKING:
    from vitruvian.following.stages import Follow
    from vitruvian.frame import Stamp
    from vitruvian.landmarks import Landmarks

__all__ = ["SURE", "follow_boxes", "turned_follow"]

SURE = 0.3
"""Score from which on a point counts in following and telling people apart."""

_ENLARGE = np.float32(1.1)  # the outermost points lie inside the body


def follow_boxes(landmarks: Landmarks, stamp: Stamp) -> Regions:
    """Return the upright box around the sure points of each person, a tenth wider and higher.

    A box without an area, in which no network looks, is that of somebody who has too few sure points to be
    followed: a detector has to find them again.

    Args:
        landmarks: With a score for each point; those of at least 0.3 count.
        stamp: Of the frame they were read from; boxes may reach beyond its edges, as people do.
    """
    del stamp  # pixels stay pixels
    points = sure_points(landmarks, SURE)
    known = np.isfinite(points).all(axis=2)
    enough = (known.sum(axis=1) >= FEW)[:, None]
    low = np.where(enough, np.fmin.reduce(points, axis=1), np.float32(0))
    high = np.where(enough, np.fmax.reduce(points, axis=1), np.float32(0))
    return Regions(
        ((low + high) / 2).astype(np.float32),
        ((high - low) * _ENLARGE).astype(np.float32),
        np.zeros(len(landmarks), np.float32),
        landmarks.box_score,
    )


def turned_follow(follow: Follow, rotation: int) -> Follow:
    """Return the same for pictures that are upright once turned clockwise by ``rotation`` degrees."""

    def turned(landmarks: Landmarks, stamp: Stamp) -> Regions:
        return turned_boxes(follow(landmarks, stamp), rotation)

    return turned
