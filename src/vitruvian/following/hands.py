"""Hands from frame to frame, and the loops of MediaPipe's Hand Landmarker and of its predecessor."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.following.stages import NOWHERE, joined, overlap, pushed, scaled
from vitruvian.frame import Frame
from vitruvian.landmarks import Landmarks
from vitruvian.models.blazehand import aim, enlarged, regions_of
from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.following.stages import Stages
    from vitruvian.frame import Gap, Stamp
    from vitruvian.models.blazehand import Square
    from vitruvian.regions import Regions

__all__ = ["CompatibleHands", "compatible_hands", "follow_hands"]

_WRIST, _INDEX, _MIDDLE, _RING = 0, 5, 9, 13
_ROOT = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)  # the hand without its finger ends
_LEGACY_OVERLAP = 0.5


def follow_hands(landmarks: Landmarks, stamp: Stamp) -> Regions:
    """Return the square around each hand, turned as the hand is (hand specification, section 4.8)."""
    del stamp  # the original calculates in fractions of the image, which come out the same
    # Numbers one by one: for a hand or two NumPy takes longer.
    squares = [_square_around(points) for points in landmarks.xy.tolist()]
    return regions_of(squares, landmarks.box_score)


def _square_around(points: Sequence[Sequence[float]]) -> Square:
    """Return the square around the 21 points of a hand."""
    wrist, middle = points[_WRIST], points[_MIDDLE]
    bases = [((points[_INDEX][axis] + points[_RING][axis]) / 2 + middle[axis]) / 2 for axis in (0, 1)]
    rotation = aim(wrist, bases)
    cos, sin = math.cos(rotation), math.sin(rotation)
    root = [points[point] for point in _ROOT]
    x0, y0, x1, y1 = _bounds(root)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    upright = [((px - x) * cos + (py - y) * sin, (py - y) * cos - (px - x) * sin) for px, py in root]
    left, top, right, bottom = _bounds(upright)
    across, down = (left + right) / 2, (top + bottom) / 2
    centre = x + cos * across - sin * down, y + sin * across + cos * down
    return enlarged(centre, (right - left, bottom - top), rotation, shift=-0.1, scale=2.0)


def _bounds(points: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class CompatibleHands:
    """Options of the original's loop.

    Attributes:
        num_hands: Most hands; the detector rests while that many are followed.
        min_tracking_confidence: Overlap (intersection over union) above which a detected hand is one that
            is followed.
        legacy: As ``solutions.hands`` of 0.10.21: of two regions that overlap by more than a half the later
            one stays, where those that are followed come last; and more than ``num_hands`` hands may come out
            (section 5).

    Raises:
        OptionError: A value is outside its range.
    """

    num_hands: int = 1
    min_tracking_confidence: float = 0.5
    legacy: bool = False

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        check_number("num_hands", self.num_hands, 1, whole=True)
        check_number("min_tracking_confidence", self.min_tracking_confidence, 0, 1)


def compatible_hands(
    frames: Iterable[Frame | Gap], stages: Stages, options: CompatibleHands
) -> Iterator[tuple[Frame | Gap, Landmarks]]:
    """Yield each frame with its hands exactly as the original's VIDEO mode gives them (section 4.9).

    Nothing is smoothed, times have no influence, and a hand that is lost costs a frame. All memory is in this
    generator.

    Args:
        frames: In order. A gap yields nobody and changes nothing.
        stages: Detector, landmark network, following.
        options: The original's.
    """
    nobody = Landmarks.nobody(stages.skeleton)
    previous: Regions = NOWHERE
    before: Stamp | None = None
    for frame in frames:
        if not isinstance(frame, Frame):
            yield frame, nobody
            continue
        stamp = frame.stamp
        known, found = scaled(previous, before or stamp, stamp), NOWHERE
        if len(known) < options.num_hands:
            found = stages.look([frame])[0]
        regions, followed = _associated(known, found, options)
        hands = stages.read([frame], [regions])[0]
        hands = replace(hands, followed=followed[hands.region])
        previous, before = stages.follow(hands, stamp), stamp
        yield frame, hands


def _associated(
    known: Regions, found: Regions, options: CompatibleHands
) -> tuple[Regions, NDArray[np.bool_]]:
    """Return the regions to read, and whether each was followed."""
    if options.legacy:
        found = found[: options.num_hands]
        regions, origin = pushed(found, known, _LEGACY_OVERLAP)
        return regions, origin >= len(found)
    most = options.min_tracking_confidence
    new = NOWHERE
    for row in range(len(found)):
        one = found[row : row + 1]
        if not (overlap(joined(known, new), one) > most).any():
            new = joined(new, one)
    regions = joined(known, new)[: options.num_hands]
    return regions, np.arange(len(regions)) < len(known)
