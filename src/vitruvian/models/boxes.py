"""Boxes from anywhere: those that somebody gives, and those of a stranger's detector."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vitruvian.errors import ArrayError, OptionError, shown
from vitruvian.models.detr import DetrDetector, whole_pictures
from vitruvian.models.tiles import Sight
from vitruvian.options import check_rotation
from vitruvian.regions import NOWHERE, Regions, joined

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import ArrayLike

    from vitruvian.frame import Frame
    from vitruvian.models.tiles import Tile

    Boxes: TypeAlias = Regions | ArrayLike
    Finder: TypeAlias = Callable[[Sequence[Frame]], Sequence[Boxes]]

__all__ = [
    "AskedDetector",
    "BodiesInBoxes",
    "GivenBoxes",
    "OrWholePictures",
    "asked",
    "best_first",
    "regions_of_boxes",
    "turned_boxes",
]

_FAR = 1e7  # pixels: no picture reaches that far, and float32 tells no pixels apart there
_ROUNDED = 1e-6  # what a sum of float32 probabilities may have too much


def regions_of_boxes(boxes: Boxes, name: str = "boxes") -> Regions:
    """Return boxes as upright regions, in their order.

    Args:
        boxes: (M, 4) x0, y0, x1, y1 in pixels, whose score is 1; or (M, 5) with a score from 0 to 1 behind
            them; or regions, which stay as they are. Nothing, such as ``[]``, is no box.
        name: What errors call them.

    Raises:
        ArrayError: They are something else, a score is outside its range, or a right or lower edge lies
            before a left or upper one.
    """
    if isinstance(boxes, Regions):
        if not all(np.isfinite(column).all() for column in (boxes.centre, boxes.size, boxes.rotation)):
            raise ArrayError(f"{name}: regions of finite numbers, got {boxes!r}")
        return boxes
    try:
        rows = np.asarray(boxes, np.float64)
    except (TypeError, ValueError, OverflowError) as problem:
        raise ArrayError(f"{name}: expected numbers of shape (M, 4) or (M, 5), got {boxes!r}") from problem
    if not rows.size:
        rows = rows.reshape(0, 4)
    if rows.ndim != 2 or rows.shape[1] not in (4, 5):
        raise ArrayError(f"{name}: expected shape (M, 4) or (M, 5), got {rows.shape}")
    low, high = rows[:, :2], rows[:, 2:4]
    if not (np.abs(rows) < _FAR).all() or (high < low).any():  # which NaN is not
        raise ArrayError(
            f"{name}: each is x0, y0, x1, y1 in pixels with x0 <= x1 and y0 <= y1, got {boxes!r}"
        )
    score = rows[:, 4] if rows.shape[1] == 5 else np.ones(len(rows))
    if (score < 0).any() or (score > 1 + _ROUNDED).any():
        raise ArrayError(f"{name}: the fifth number of each is a score from 0 to 1, got {score.tolist()!r}")
    return Regions(
        ((low + high) / 2).astype(np.float32),
        (high - low).astype(np.float32),
        np.zeros(len(rows), np.float32),
        score.astype(np.float32),
    )


def best_first(regions: Regions) -> Regions:
    """Return the same by falling score; equals stay in their order."""
    return regions[np.argsort(-regions.score, kind="stable")]


def turned_boxes(regions: Regions, rotation: int) -> Regions:
    """Return the same boxes of a picture, each as it is seen once the picture is upright.

    Args:
        regions: In the picture as it is; those that are turned already stay as they are.
        rotation: Degrees by which the picture must be turned clockwise to be upright: a multiple of 90.
    """
    if not rotation % 360:
        return regions
    straight = regions.rotation == 0
    size = np.where(straight[:, None], regions.size[:, :: -1 if rotation % 180 else 1], regions.size)
    turn = np.where(straight, np.float32(-math.radians(rotation % 360)), regions.rotation)
    return replace(regions, size=size, rotation=turn)


@dataclass(frozen=True, eq=False)
class GivenBoxes:
    """The detector that knows already where people are.

    Attributes:
        boxes: Those of every picture; or of each by its ``Stamp.source``, in full or the file name alone.
    """

    boxes: Boxes | Mapping[str, Boxes]

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Return the boxes of each picture, in its own pixels, best first.

        Raises:
            ArrayError: They are no boxes.
            OptionError: A picture is not in the mapping, or ``rotation`` is no multiple of 90.
        """
        check_rotation("rotation", rotation)
        boxes = [best_first(self._of(frame.stamp.source)) for frame in frames]
        return [turned_boxes(each, rotation) for each in boxes]

    def _of(self, source: str) -> Regions:
        if not isinstance(self.boxes, Mapping):
            return regions_of_boxes(self.boxes)
        for name in (source, PurePath(source).name):
            if name in self.boxes:
                return regions_of_boxes(self.boxes[name], f"boxes of {shown(name)}")
        raise OptionError(
            f"boxes: there are none for {shown(source)}; give an empty list for a picture without anybody"
        )


@dataclass(frozen=True, eq=False)
class AskedDetector:
    """A stranger's detector. It is asked once at a time, from whatever thread: it may not be made for more.

    Attributes:
        ask: Frames in; out come, for each, regions or boxes in its own pixels.
    """

    ask: Finder
    _turn: Lock = field(default_factory=Lock, init=False, repr=False)

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Return what the detector finds in each picture, best first.

        Raises:
            ArrayError: It returns something else, or not one answer for each picture.
            OptionError: ``rotation`` is no multiple of 90.
        """
        check_rotation("rotation", rotation)
        with self._turn:
            answers = self.ask(frames)
        if not isinstance(answers, Sequence | np.ndarray):
            raise ArrayError(f"detector: expected a list of answers, one a picture, got {answers!r}")
        if len(answers) != len(frames):
            raise ArrayError(f"detector: expected {len(frames)} answers, one a picture, got {len(answers)}")
        found = [best_first(regions_of_boxes(each, "the detector's boxes")) for each in answers]
        return [turned_boxes(each, rotation) for each in found]


def asked(detector: Finder) -> AskedDetector | DetrDetector:
    """Return what looks with somebody's detector: our own knows which way is up, and is no stranger."""
    return detector if isinstance(detector, DetrDetector) else AskedDetector(detector)


@dataclass(frozen=True, eq=False)
class OrWholePictures:
    """A detector for pictures that may be cut out already: with nobody found, somebody fills the picture.

    Attributes:
        find: Frames in, the boxes of each out.
    """

    find: _Find

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Return what is found in each picture, or else all of it."""
        whole = whole_pictures(frames, rotation)
        found = self.find(frames, rotation)
        return [some if len(some) else all_of_it for some, all_of_it in zip(found, whole, strict=True)]


_AROUND = 1.25  # of a box's longer side: a body's region
_QUARTER = math.pi / 2


@dataclass(frozen=True, eq=False)
class BodiesInBoxes:
    """A detector of boxes in the place of one that knows which way up people are.

    Attributes:
        find: Frames in, the boxes of each out.
    """

    find: _Find

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Return for each frame the squares around the boxes; everybody stands upright."""
        return [_squares(boxes) for boxes in self.find(frames, rotation)]

    def inspect(self, frame: Frame, tiles: Sequence[Tile], rotation: int = 0) -> Sight:
        """Return the squares of a picture in four turns, since a box does not say who lies or hangs."""
        del tiles
        upright = self([frame], rotation)[0]
        turns = (np.float32(turn * _QUARTER) for turn in range(4))
        return Sight(joined(*(replace(upright, rotation=upright.rotation + turn) for turn in turns)), NOWHERE)


class _Find(Protocol):
    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]: ...


def _squares(boxes: Regions) -> Regions:
    side = boxes.size.max(axis=1, keepdims=True) * np.float32(_AROUND)
    return replace(boxes, size=side.repeat(2, axis=1))
