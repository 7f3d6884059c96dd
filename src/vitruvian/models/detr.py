"""DETR as a person detector: what it says of its 100 guesses into the boxes of people.

Numbers and order of operations are those of the Sapiens specification, section 3.2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from vitruvian.options import check_number, check_rotation
from vitruvian.regions import Regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Frame

__all__ = ["DetrDetector", "DetrSession", "distinct", "person_boxes", "whole_pictures"]

_PERSON = 1  # COCO's number


class DetrSession(Protocol):
    """An open DETR network."""

    def run(
        self, frames: Sequence[NDArray[np.uint8]]
    ) -> Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Run pictures of any sizes.

        Args:
            frames: (H, W, 3) uint8 RGB each.

        Returns:
            For each picture (Q, C + 1) logits of Q guesses, the last of which is "nothing", and (Q, 4) boxes
            x, y of the middle, width and height as fractions of the picture.
        """

    def close(self) -> None:
        """Release the network; closing twice is fine."""


class DetrDetector:
    """Finds people: pictures in, one upright box around each person out.

    Args:
        session: An open DETR network.
        threshold: Probability that a person must exceed, 0 to 1.
        iou: Overlap above which the less probable of two people is dropped, 0 to 1.
        batch: Most pictures in one call of the network.

    Raises:
        OptionError: An option is outside its range.
    """

    def __init__(
        self,
        session: DetrSession,
        *,
        threshold: float = 0.3,
        iou: float = 0.3,
        batch: int = 8,
    ) -> None:
        check_number("threshold", threshold, 0, 1)
        check_number("iou", iou, 0, 1)
        check_number("batch", batch, 1, whole=True)
        self._session = session
        self._threshold = threshold
        self._iou = iou
        self._batch = batch

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Find the people in each frame, best first.

        Args:
            frames: Pictures.
            rotation: Degrees by which the pictures must be turned clockwise to be upright; a multiple of 90.

        Raises:
            OptionError: ``rotation`` is no multiple of 90.
            SessionError: The network failed, or is closed.
        """
        check_rotation("rotation", rotation)
        found: list[Regions] = []
        for start in range(0, len(frames), self._batch):
            some = frames[start : start + self._batch]
            views = [_upright(frame.pixels, rotation) for frame in some]
            found += [
                self._regions(logits, boxes, frame, rotation)
                for (logits, boxes), frame in zip(self._session.run(views), some, strict=True)
            ]
        return found

    def close(self) -> None:
        """Release the network; closing twice is fine."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _regions(
        self, logits: NDArray[np.float32], boxes: NDArray[np.float32], frame: Frame, rotation: int
    ) -> Regions:
        width, height = _turned_size(frame, rotation)
        people, scores = person_boxes(logits, boxes, width, height, threshold=self._threshold, iou=self._iou)
        return _turned_back(people, scores, frame, rotation)


def whole_pictures(frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
    """Take each picture for one person that fills it: the detector for pictures that are cut out already.

    Args:
        frames: Pictures.
        rotation: Degrees by which the pictures must be turned clockwise to be upright; a multiple of 90.

    Returns:
        For each frame one region, from the centre of its first pixel to that of its last; its score is 1.

    Raises:
        OptionError: ``rotation`` is no multiple of 90.
    """
    check_rotation("rotation", rotation)
    regions = []
    for frame in frames:
        width, height = _turned_size(frame, rotation)
        box = np.array([[0, 0, width - 1, height - 1]], np.float32)
        regions.append(_turned_back(box, np.ones(1, np.float32), frame, rotation))
    return regions


def person_boxes(
    logits: NDArray[np.floating],
    boxes: NDArray[np.floating],
    width: int,
    height: int,
    *,
    threshold: float = 0.3,
    iou: float = 0.3,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Choose the people among DETR's guesses (section 3.2).

    Args:
        logits: (Q, C + 1): of COCO's numbers, the last is "nothing".
        boxes: (Q, 4) x, y of the middle, width and height as fractions of the picture.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        threshold: A guess counts if "person" is its most probable kind, and more probable than this.
        iou: Of two guesses that overlap by more than this, the less probable one is dropped.

    Returns:
        (M, 4) x0, y0, x1, y1 in pixels, which may lie beyond the edges, and (M,) probabilities, best first. A
        box without width or height is none.
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
    middle, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = np.concatenate([middle - half, middle + half], axis=1)
    corners = (corners * np.array([width, height] * 2, boxes.dtype)).astype(np.float32)
    people = (odds.argmax(axis=1) == _PERSON) & (odds[:, _PERSON] > threshold)
    people &= (corners[:, 2:] > corners[:, :2]).all(axis=1)  # which NaN is not
    corners, scores = corners[people], odds[people, _PERSON].astype(np.float32)
    kept = distinct(corners, scores, iou)
    return corners[kept], scores[kept]


def distinct(boxes: NDArray[np.float32], scores: NDArray[np.float32], iou: float) -> NDArray[np.intp]:
    """Return the rows that are left when a box goes that overlaps a better one by more than ``iou``.

    A box from pixel a to pixel b is b - a + 1 pixels wide here, as in the original.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 in pixels.
        scores: (N,).
        iou: Intersection over union.

    Returns:
        (M,) rows, best first; the first of equals is better.
    """
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1)
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = (high - low + 1).clip(min=0).prod(axis=1)
        order = rest[shared / (areas[best] + areas[rest] - shared) <= iou]
    return np.array(kept, np.intp)


def _turned_size(frame: Frame, rotation: int) -> tuple[int, int]:
    """Return the width and the height of a picture once it is upright."""
    width, height = frame.stamp.width, frame.stamp.height
    return (height, width) if rotation % 180 else (width, height)


def _upright(pixels: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """Turn a picture clockwise by ``rotation`` degrees, a multiple of 90."""
    return np.ascontiguousarray(np.rot90(pixels, -(rotation // 90) % 4))


def _turned_back(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], frame: Frame, rotation: int
) -> Regions:
    """Return boxes of the upright picture as regions of the picture as it is.

    Turned about the centres of pixels: what is read in the region is then, pixel for pixel, what is read in
    the upright picture.
    """
    width, height = _turned_size(frame, rotation)
    turn = -math.radians(rotation % 360)
    cos, sin = round(math.cos(turn)), round(math.sin(turn))
    there = np.array([width - 1, height - 1], np.float32) / 2
    here = np.array([frame.stamp.width - 1, frame.stamp.height - 1], np.float32) / 2
    x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2 - there).T
    centre = np.stack([cos * x - sin * y, sin * x + cos * y], axis=1) + here
    return Regions(
        centre=centre.astype(np.float32),
        size=boxes[:, 2:] - boxes[:, :2],
        rotation=np.full(len(boxes), turn, np.float32),
        score=scores,
    )
