"""The loop of TensorFlow.js Handpose, for one hand or more."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from vitruvian.following.stages import joined
from vitruvian.frame import Frame
from vitruvian.landmarks import Landmarks, bounds
from vitruvian.models.handpose import palm_rotation, region_around_palms, square_around
from vitruvian.models.nms import overlaps
from vitruvian.options import check_number
from vitruvian.regions import Regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.following.stages import Read
    from vitruvian.frame import Gap
    from vitruvian.models.blazehand import Palms
    from vitruvian.skeleton import Skeleton

__all__ = [
    "CompatibleHandpose",
    "FindPalms",
    "HandposeStages",
    "Handposes",
    "compatible_handpose",
    "flipped",
]

_PALM = np.array([0, 5, 9, 13, 17, 1, 2])  # the landmarks that a palm detector finds, in its order
_STICKY = 0.8
_FAR = 1e6  # pixels
_DEPTH_SIDE = np.float32(256)


class FindPalms(Protocol):
    """A palm detector."""

    def __call__(self, frames: Sequence[Frame]) -> list[Palms]:
        """Return the palms of each frame, best first."""


@dataclass(frozen=True, eq=False)
class HandposeStages:
    """What the loop calls.

    Attributes:
        find: Finds palms.
        read: Reads hands.
        skeleton: Of the landmarks.
    """

    find: FindPalms
    read: Read
    skeleton: Skeleton


@dataclass(frozen=True)
class CompatibleHandpose:
    """Options of the original's loop, and what goes beyond it.

    Attributes:
        max_continuous_checks: In how many pictures in a row a hand is followed before the detector must find
            it anew; below 1: in none; infinite: until it is lost.
        max_hands: Most hands; the original has 1.
        iou_threshold: Overlap (intersection over union) of two palms above which they are one hand's. Of one
            hand it decides nothing.
        sticky: Whether a hand that hardly moves is looked for where it was, turned as it was, as in the
            original; if not, always where its landmarks are.

    Raises:
        OptionError: A value is outside its range.
    """

    max_continuous_checks: float = math.inf
    max_hands: int = 1
    iou_threshold: float = 0.3
    sticky: bool = True

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        check_number("max_continuous_checks", self.max_continuous_checks)
        check_number("max_hands", self.max_hands, 1, whole=True)
        check_number("iou_threshold", self.iou_threshold, 0, 1)


class Handposes(NamedTuple):
    """The hands in one picture as the original describes them.

    Attributes:
        hands: Their landmarks; ``box`` is the original's square around each of them (section 2.8).
        places: (N, 21, 3) float32: x and y in pixels of the picture, z in the original's unit: pixels of the
            crop of 256 that a hand is read from, whatever its size (section 2.7).
    """

    hands: Landmarks
    places: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Hand:
    """What is remembered of a hand: where it is looked for, and since when."""

    box: NDArray[np.float32]  # x0, y0, x1, y1
    palm: NDArray[np.float32]  # (7, 2)
    region: Regions
    checks: int = 0


def compatible_handpose(
    frames: Iterable[Frame | Gap], stages: HandposeStages, options: CompatibleHandpose
) -> Iterator[tuple[Frame | Gap, Handposes]]:
    """Yield each frame with its hands as the original's ``estimateHands`` gives them (sections 2.4 to 2.9).

    Times have no influence, and a hand that is lost, or that the detector must find anew and does not, costs
    a frame. With more than one hand each is followed for itself: the detector runs while fewer than
    ``max_hands`` are, and what it finds where a hand is followed already is that hand. All memory is in this
    generator.

    Args:
        frames: In order. A gap yields nobody and changes nothing.
        stages: Detector and landmark network.
        options: The original's.

    Yields:
        Followed hands come first, in their previous order, then new ones, best first.
    """
    nobody = Handposes(Landmarks.nobody(stages.skeleton), np.empty((0, len(stages.skeleton), 3), np.float32))
    known: list[_Hand] = []
    for frame in frames:
        if not isinstance(frame, Frame):
            yield frame, nobody
            continue
        known = [
            replace(hand, checks=hand.checks + 1)
            for hand in known
            if hand.checks < options.max_continuous_checks
        ]
        followed = len(known)
        if followed < options.max_hands:
            known = _with_new(known, stages.find([frame])[0], options)
        hands = stages.read([frame], [joined(*(hand.region for hand in known))])[0]
        hands, known = _each_once(hands, [known[row] for row in _rows(hands)], options.iou_threshold)
        if not known:
            yield frame, nobody
            continue
        yield frame, _described(hands, known, followed)
        moved = [_moved(hand, hands.xy[row], options) for row, hand in enumerate(known)]
        known = [hand for hand in moved if _readable(hand.region)[0]]


def flipped(found: Handposes, width: int) -> Handposes:
    """Return hands for a picture of this width that is shown mirrored (section 2.10).

    Each x becomes ``width - 1 - x``, those of the box too, which do not change places; metres change sign.
    Whether a hand is a left or a right one stays.
    """
    hands, places = found.hands, found.places.copy()
    places[..., 0] = width - 1 - places[..., 0]
    box = hands.box.copy()
    box[:, ::2] = width - 1 - box[:, ::2]
    world = None if hands.world is None else hands.world * np.array([-1, 1, 1], np.float32)
    return Handposes(replace(hands, xy=places[..., :2].copy(), box=box, world=world), places)


def _rows(hands: Landmarks) -> list[int]:
    return [] if hands.region is None else hands.region.tolist()


def _with_new(known: list[_Hand], palms: Palms, options: CompatibleHandpose) -> list[_Hand]:
    """Add the best palms that are none of the known hands'."""
    hands = list(known)
    regions = region_around_palms(palms)
    for row in np.flatnonzero(_readable(regions)).tolist():
        points = palms.points[row]
        others = np.array([hand.palm for hand in hands], np.float32).reshape(-1, *points.shape)
        shared = overlaps(bounds(points[None])[0], bounds(others))
        if len(hands) < options.max_hands and not (shared > options.iou_threshold).any():
            hands.append(_Hand(palms.box[row], points, regions[row : row + 1]))
    return hands


def _readable(regions: Regions) -> NDArray[np.bool_]:
    """Return which regions can be cut out of a picture: not points, not NaN, not beyond all bounds."""
    real = (regions.size > 0) & (regions.size < _FAR) & (np.abs(regions.centre) < _FAR)
    return np.asarray(real.all(axis=1))


def _each_once(hands: Landmarks, known: list[_Hand], iou_threshold: float) -> tuple[Landmarks, list[_Hand]]:
    """Drop the later of two hands that turn out to be one: two that were followed may meet."""
    palms = bounds(hands.xy[:, _PALM])
    kept: list[int] = []
    for row in range(len(hands)):
        if not (overlaps(palms[row], palms[kept]) > iou_threshold).any():
            kept.append(row)
    return hands[kept], [known[row] for row in kept]


def _described(hands: Landmarks, known: list[_Hand], followed: int) -> Handposes:
    regions = joined(*(hand.region for hand in known))
    hands = replace(hands, box=_boxes(hands.xy), followed=np.array(_rows(hands)) < followed)
    depth = np.zeros(hands.xy.shape[:2], np.float32) if hands.depth is None else hands.depth
    depth = depth * (_DEPTH_SIDE / regions.size[:, :1])
    return Handposes(hands, np.concatenate([hands.xy, depth[..., None]], axis=2))


def _boxes(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the square that the original draws around (N, 21, 2) hands and follows them with (2.8)."""
    centre, side = square_around(bounds(xy), shift=-0.1, scale=1.65)
    half = side[:, None] / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _moved(hand: _Hand, xy: NDArray[np.float32], options: CompatibleHandpose) -> _Hand:
    """Return where the hand is looked for in the next frame (section 2.9)."""
    box, palm = _boxes(xy[None])[0], xy[_PALM]
    if options.sticky and _hardly_moved(hand.box, box):
        box, palm = hand.box, hand.palm  # and so its rotation
    low, high = box[None, :2], box[None, 2:]
    region = Regions((low + high) / 2, high - low, palm_rotation(palm[None]), hand.region.score)
    return _Hand(box, palm, region, hand.checks)


def _hardly_moved(before: NDArray[np.float32], now: NDArray[np.float32]) -> bool:
    """Return whether two boxes overlap by more than 0.8, in the original's arithmetic.

    The intersection may be a product of two negative numbers, and the earlier box counts from the top of the
    later one.
    """
    low, high = np.maximum(before[:2], now[:2]), np.minimum(before[2:], now[2:])
    shared = (high - low).prod(dtype=np.float64)
    area = (now[2:] - now[:2]).prod(dtype=np.float64)
    area_before = float(before[2] - before[0]) * float(before[3] - now[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool(shared / (area + area_before - shared) > _STICKY)
