"""BlazePalm and the hand landmark network: MediaPipe's 21-point hands, to the last rounding.

Numbers and order of operations are those of the hand specification; sections are named where they are used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitruvian.crop import Crop
from vitruvian.landmarks import Landmarks, bounds, sides_exchanged
from vitruvian.models.anchors import Anchors
from vitruvian.models.heatmap import surely_below
from vitruvian.models.network import Network
from vitruvian.models.nms import overlaps, weighted_nms
from vitruvian.models.tiles import HINT, Sight, crops_of, radians_of
from vitruvian.options import ACCURACIES, SEARCHES, check_choice, check_number
from vitruvian.regions import Regions, joined
from vitruvian.runtimes.session import PixelInput, Signature
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.models.tiles import Tile
    from vitruvian.runtimes.session import Session

__all__ = [
    "HAND_LANDMARKER",
    "PALM_DETECTOR",
    "BlazeHandLandmarker",
    "BlazePalmDetector",
    "HandSettings",
    "Palms",
    "Square",
    "aim",
    "aims",
    "enlarged",
    "regions_of",
]

_PALM_SIDE = 192
_HAND_SIDE = 224
_POINTS = 21
_PALM_POINTS = 7  # wrist, the four finger bases, and two of the thumb
_WRIST, _MIDDLE = 0, 2  # of the palm's points: from one to the other is up

_UPRIGHT = math.pi / 2
_ORIGINAL = 90.0
"""The original's number of degrees in a place for radians: 26.6 degrees too far (section 4.5)."""

PALM_DETECTOR = Signature(
    inputs={"image": PixelInput(_PALM_SIDE, _PALM_SIDE, low=0.0, high=1.0)},
    outputs={"boxes": (2016, 4 + 2 * _PALM_POINTS), "scores": (2016, 1)},
)
"""Section 4.1."""

HAND_LANDMARKER = Signature(
    inputs={"image": PixelInput(_HAND_SIDE, _HAND_SIDE, low=0.0, high=1.0)},
    # In the file's order; the names that the file's metadata gives them are permuted.
    outputs={
        "landmarks": (_POINTS * 3,),
        "presence": (1,),
        "handedness": (1,),
        "world": (_POINTS * 3,),
    },
)
"""Section 4.1."""


@dataclass(frozen=True)
class HandSettings:
    """Options of the hand landmarks that are not about one picture.

    Attributes:
        num_hands: Most hands in the result, the detector's best first; ``None``: every hand found.
        min_hand_detection_confidence: Least palm score, inclusive, 0 to 1.
        min_hand_presence_confidence: Presence that a hand must exceed, 0 to 1 (1 rejects everything).
        mirrored: Whether the pictures are mirrored, as a selfie view is: then left and right change places.
        upright: Whether the region around a palm is turned as the hand is; if not, 26.6 degrees further, as
            the original's is.
        distinct: Whether a hand that is there twice is dropped once (the legacy interface does not).
        looks: How often a hand in a still is read: again in the region that its own landmarks give, which
            makes them more exact; 1 is the original's.
        search: How stills are searched: ``"fast"``, with one look at the whole picture, as the original does;
            ``"thorough"``, closer and closer, and streams too, in the background; ``"auto"``: stills
            thoroughly, streams fast.
        accuracy: ``"high"``: every region is read in a mirror as well, and the answers are averaged.

    Raises:
        OptionError: A value is outside its range.
    """

    num_hands: int | None = None
    min_hand_detection_confidence: float = 0.5
    min_hand_presence_confidence: float = 0.5
    mirrored: bool = False
    upright: bool = True
    distinct: bool = True
    looks: int = 3
    search: str = "fast"
    accuracy: str = "normal"

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        if self.num_hands is not None:
            check_number("num_hands", self.num_hands, 1, whole=True)
        check_number("looks", self.looks, 1, whole=True)
        check_choice("search", self.search, SEARCHES)
        check_choice("accuracy", self.accuracy, ACCURACIES)
        for name in ("min_hand_detection_confidence", "min_hand_presence_confidence"):
            check_number(name, getattr(self, name), 0, 1)


class Palms(NamedTuple):
    """The palms in one picture, best first.

    Attributes:
        box: (N, 4) x0, y0, x1, y1 in image pixels.
        points: (N, 7, 2) image pixels: wrist, bases of the fingers from index finger to little finger, base
            and middle joint of the thumb.
        score: (N,) of the detector.
    """

    box: NDArray[np.float32]
    points: NDArray[np.float32]
    score: NDArray[np.float32]


class BlazePalmDetector:
    """Finds hands by their palms: pictures in, one turned square around each hand out.

    Args:
        session: An open detector network with the signature ``PALM_DETECTOR``.
        settings: Detection threshold, and which way is up.
    """

    def __init__(self, session: Session, settings: HandSettings) -> None:
        self._network = Network(session, border="black")
        self._least = settings.min_hand_detection_confidence
        self._up = _UPRIGHT if settings.upright else _ORIGINAL
        self._anchors = Anchors(_PALM_SIDE, strides=(8, 16, 16, 16), points=_PALM_POINTS)

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Find the hands in each frame, best first.

        Args:
            frames: Pictures.
            rotation: Degrees by which the pictures must be turned clockwise to be upright; a multiple of 90.
        """
        return [self._around(palms) for palms in self.palms(frames, rotation)]

    def inspect(self, frame: Frame, tiles: Sequence[Tile], rotation: int = 0) -> Sight:
        """Look at parts of a picture, as one batch; arguments as above."""
        crops = crops_of(tiles, frame, _PALM_SIDE, rotation)
        out = self._network.look([(frame.pixels, crop) for crop in crops])
        least = max(HINT, self._least)
        hands, hints, silent = [], [], surely_below(HINT)
        for boxes, logits, crop in zip(out["boxes"], out["scores"], crops, strict=True):
            if logits.max() > silent:
                values, scores = self._anchors.seen(boxes, logits, HINT)
                sure = scores >= least
                hands.append(self._around(_merged(values[sure], scores[sure], crop)))
                hints.append(self._around(_placed(values, scores, crop)))
        return Sight(joined(*hands), joined(*hints))

    def palms(self, frames: Sequence[Frame], rotation: int = 0) -> list[Palms]:
        """Find the palms themselves in each frame; arguments as above."""
        if not frames:
            return []
        turn = radians_of(rotation)
        crops = [Crop.letterbox(frame.stamp.width, frame.stamp.height, _PALM_SIDE, turn) for frame in frames]
        out = self._network.look([(frame.pixels, crop) for frame, crop in zip(frames, crops, strict=True)])
        return [
            _merged(*self._anchors.seen(boxes, logits, self._least), crop)
            for boxes, logits, crop in zip(out["boxes"], out["scores"], crops, strict=True)
        ]

    def _around(self, palms: Palms) -> Regions:
        """Return the square around the hand that each palm belongs to (section 4.5)."""
        squares = [
            enlarged(
                ((x0 + x1) / 2, (y0 + y1) / 2),
                (x1 - x0, y1 - y0),
                aim(points[_WRIST], points[_MIDDLE], self._up),
                shift=-0.5,
                scale=2.6,
            )
            for (x0, y0, x1, y1), points in zip(palms.box.tolist(), palms.points.tolist(), strict=True)
        ]
        regions = regions_of(squares, palms.score)
        return regions[np.flatnonzero(regions.size[:, 0] > 0)]  # which NaN is not


def _merged(values: NDArray[np.float32], scores: NDArray[np.float32], crop: Crop) -> Palms:
    """Return each palm once, of what anchors see of it (section 4.4), in the pixels of the picture (4.5)."""
    return _placed(*weighted_nms(values, scores, iou=0.3), crop)


def _placed(values: NDArray[np.float32], scores: NDArray[np.float32], crop: Crop) -> Palms:
    """Return palms that the detector saw in a crop, in the pixels of the picture."""
    # Turned by quarters, a box has its extremes in two opposite corners.
    places = crop.points_to_image(values.reshape(-1, 2 + _PALM_POINTS, 2) * np.float32(_PALM_SIDE))
    return Palms(bounds(places[:, :2]), places[:, 2:], scores)


class Square(NamedTuple):
    """A turned square in a picture.

    Attributes:
        x: Of its middle, in pixels.
        y: Of its middle, in pixels.
        side: In pixels.
        rotation: Radians, clockwise on the screen.
    """

    x: float
    y: float
    side: float
    rotation: float


def aim(start: Sequence[float], end: Sequence[float], up: float = math.pi / 2) -> float:
    """Return by how much the arrow from ``start`` to ``end`` is turned from ``up`` (section 1).

    Args:
        start: x, y in pixels.
        end: x, y in pixels.
        up: Radians, counterclockwise from the x axis: where an arrow that is not turned points.

    Returns:
        Radians from -π to π, clockwise on the screen.
    """
    angle = up - math.atan2(start[1] - end[1], end[0] - start[0])
    return (angle + math.pi) % (2 * math.pi) - math.pi


def aims(starts: NDArray[np.float32], ends: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the same of (N, 2) and (N, 2) points, from upright: (N,)."""
    arrows = zip(starts.tolist(), ends.tolist(), strict=True)
    return np.array([aim(start, end) for start, end in arrows], np.float32)


def enlarged(
    centre: tuple[float, float], size: tuple[float, float], rotation: float, *, shift: float, scale: float
) -> Square:
    """Shift a turned rectangle along its own y axis, and make a square of it (section 4.5).

    Args:
        centre: x, y in pixels.
        size: Width and height in pixels, along its turned sides.
        rotation: Radians.
        shift: In heights of the rectangle.
        scale: Side of the square in longer sides of the rectangle.
    """
    (x, y), along = centre, size[1] * shift
    return Square(x - math.sin(rotation) * along, y + math.cos(rotation) * along, max(size) * scale, rotation)


def regions_of(squares: Sequence[Square], scores: NDArray[np.float32]) -> Regions:
    """Return squares as regions; ``scores`` has one for each."""
    columns = np.array(squares, np.float32).reshape(-1, 4)
    return Regions(columns[:, :2], columns[:, [2, 2]], columns[:, 3], scores)


class BlazeHandLandmarker:
    """Reads hands: regions of pictures in, 21 landmarks of each hand out.

    Args:
        session: An open landmark network with the signature ``HAND_LANDMARKER``.
        settings: Presence threshold, mirroring, whether a hand that is there twice is dropped once.
        flipped: Whether the network sees the hands in a mirror. What comes out is that of the picture all the
            same.
    """

    def __init__(self, session: Session, settings: HandSettings, *, flipped: bool = False) -> None:
        self._network = Network(session, border="replicate")
        self._settings = settings
        self._flipped = flipped
        self._skeleton = Skeleton.named("hand21")
        nothing = np.empty((0, _POINTS, 3), np.float32)
        self._nobody = replace(
            Landmarks.nobody(self._skeleton),
            depth=nothing[..., 0],
            world=nothing,
            handedness=nothing[:, 0, 0],
            region=np.empty(0, np.int64),
        )

    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        """Read the hands in all regions of all frames as one batch.

        Args:
            frames: Pictures.
            regions: For each of them, where the hands are.

        Returns:
            For each frame the hands whose presence is above the threshold, in the order of the regions, each
            hand once.
        """
        hands = [
            self._landmarks(out, crops) if crops else self._nobody
            for out, crops in self._network.read(frames, regions, _HAND_SIDE, flipped=self._flipped)
        ]
        return [sides_exchanged(some) for some in hands] if self._flipped else hands

    def _landmarks(self, out: Mapping[str, NDArray[np.float32]], crops: Sequence[Crop]) -> Landmarks:
        """Decode the rows of one frame (sections 4.6 and 4.7)."""
        scores = out["presence"][:, 0]
        rows = [
            row
            for row, score in enumerate(scores.tolist())
            if score > self._settings.min_hand_presence_confidence
        ]
        if not rows:
            return self._nobody
        raw, world = (out[name].reshape(-1, _POINTS, 3) for name in ("landmarks", "world"))
        places = np.array([crops[row].places_to_image(raw[row] * _UNITS) for row in rows])
        right = out["handedness"][rows, 0]
        xy = places[..., :2]
        hands = Landmarks(
            self._skeleton,
            xy=xy,
            box=bounds(xy),
            box_score=scores[rows],
            depth=places[..., 2],
            world=np.array([crops[row].directions_to_image(world[row]) for row in rows]),
            handedness=1 - right if self._settings.mirrored else right,
            region=np.array(rows, np.int64),
        )
        return hands[_each_once(hands)] if self._settings.distinct and len(hands) > 1 else hands


_UNITS = np.array([1, 1, 1 / 0.4])  # the network's depths are in units of 0.4 pixels
_ALIKE = 10  # points that must be near each other
_NEAR = 0.2  # palms
_OVERLAP = 0.2
_PALM_SIDES = np.array([(0, 5), (5, 17), (17, 0)])


def _each_once(hands: Landmarks) -> NDArray[np.intp]:
    """Return the rows that are left when of two that show one hand the later goes (section 4.10)."""
    sides = hands.xy[:, _PALM_SIDES[:, 0]] - hands.xy[:, _PALM_SIDES[:, 1]]
    palms = np.sqrt((sides * sides).sum(axis=2)).max(axis=1)
    kept: list[int] = []
    for row in range(len(hands)):
        offset = np.hypot(*(hands.xy[kept] - hands.xy[row]).transpose(2, 0, 1))
        near = offset < _NEAR * np.maximum(palms[kept], palms[row])[:, None]
        alike = near.sum(axis=1) >= _ALIKE
        if not (alike & (overlaps(hands.box[row], hands.box[kept]) > _OVERLAP)).any():
            kept.append(row)
    return np.array(kept, np.intp)
