"""What TensorFlow.js Handpose does with a palm and a hand, on its own networks or MediaPipe's.

Numbers and order of operations are those of the hand specification; sections are named where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.crop import Crop
from vitruvian.landmarks import Landmarks, bounds
from vitruvian.models.anchors import anchor_centres
from vitruvian.models.blazehand import BlazePalmDetector, HandSettings, Palms, aims
from vitruvian.models.heatmap import sigmoid
from vitruvian.models.network import Network
from vitruvian.models.nms import overlaps
from vitruvian.options import check_number
from vitruvian.regions import Regions
from vitruvian.runtimes.session import PixelInput, Signature
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.runtimes.session import Session

__all__ = [
    "HANDPOSE_DETECTOR",
    "HANDPOSE_SKELETON",
    "HandposePalms",
    "HandposeReader",
    "HandposeSettings",
    "StrictPalms",
    "palm_rotation",
    "region_around_palms",
    "square_around",
]

_SIDE = 256
_POINTS = 21
_PALM_POINTS = 7
_WRIST, _MIDDLE = 0, 2  # of the palm's points

HANDPOSE_DETECTOR = Signature(
    inputs={"image": PixelInput(_SIDE, _SIDE, low=-1.0, high=1.0)}, outputs={"palms": (2944, 19)}
)
"""The original's palm detector (section 2.2)."""

HANDPOSE_SKELETON = Signature(
    inputs={"image": PixelInput(_SIDE, _SIDE, low=0.0, high=1.0)},
    outputs={"presence": (1,), "landmarks": (_POINTS * 3,)},
)
"""The original's landmark network (section 2.2)."""


@dataclass(frozen=True)
class HandposeSettings:
    """Thresholds of Handpose.

    Attributes:
        detection_confidence: Least presence of a hand, inclusive, 0 to 1.
        iou_threshold: Overlap (intersection over union) above which two palms are one, 0 to 1.
        score_threshold: Score that a palm must exceed, 0 to 1.
        mirrored: Whether the pictures are mirrored: then left and right change places.

    Raises:
        OptionError: A value is outside its range.
    """

    detection_confidence: float = 0.8
    iou_threshold: float = 0.3
    score_threshold: float = 0.75
    mirrored: bool = False

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        for name in ("detection_confidence", "iou_threshold", "score_threshold"):
            check_number(name, getattr(self, name), 0, 1)


class StrictPalms:
    """Finds palms with MediaPipe's detector (section 7.1): those whose score is above the threshold.

    Args:
        session: An open network with the signature ``PALM_DETECTOR``.
        settings: The threshold.
    """

    def __init__(self, session: Session, settings: HandposeSettings) -> None:
        self._least = np.float32(settings.score_threshold)
        # The detector's own threshold is inclusive, and what it lets in has a weight in the averages.
        above = min(float(np.nextafter(self._least, np.float32(2))), 1.0)
        self._detector = BlazePalmDetector(session, HandSettings(min_hand_detection_confidence=above))

    def __call__(self, frames: Sequence[Frame]) -> list[Palms]:
        """Find the palms in each frame, best first."""
        return [_chosen(palms, palms.score > self._least) for palms in self._detector.palms(frames)]


class HandposePalms:
    """Finds palms with the original's detector (section 2.3).

    Args:
        session: An open network with the signature ``HANDPOSE_DETECTOR``.
        settings: The threshold, and which palms are one.
    """

    def __init__(self, session: Session, settings: HandposeSettings) -> None:
        # Neighbours beyond the last row and column are these themselves.
        self._network = Network(session, border="replicate")
        self._settings = settings
        self._anchors = anchor_centres(_SIDE, strides=(8, 16, 32, 32, 32))

    def __call__(self, frames: Sequence[Frame]) -> list[Palms]:
        """Find the palms in each frame, best first."""
        if not frames:
            return []
        crops = [_stretched(frame) for frame in frames]
        views = [(frame.pixels, crop) for frame, crop in zip(frames, crops, strict=True)]
        out = self._network.look(views)["palms"]
        return [self._palms(rows, crop) for rows, crop in zip(out, crops, strict=True)]

    def _palms(self, rows: NDArray[np.float32], crop: Crop) -> Palms:
        scores = sigmoid(rows[:, 0])
        kept = np.flatnonzero(scores > self._settings.score_threshold)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        values = rows[kept, 1:] / np.float32(_SIDE)
        anchors = self._anchors[kept]
        centre, half = values[:, :2] + anchors, values[:, 2:4] / 2
        points = values[:, 4:].reshape(-1, _PALM_POINTS, 2) + anchors[:, None]
        corners = np.stack([centre - half, centre + half], axis=1)
        places = crop.points_to_image(np.concatenate([corners, points], axis=1) * np.float32(_SIDE))
        palms = Palms(places[:, :2].reshape(-1, 4), places[:, 2:], scores[kept])
        return _chosen(palms, _separate(palms.box, self._settings.iou_threshold))


def _stretched(frame: Frame) -> Crop:
    width, height = frame.stamp.width, frame.stamp.height
    return Crop(width / 2, height / 2, width, height, 0.0, (_SIDE, _SIDE), shared=True)


def _separate(boxes: NDArray[np.float32], iou: float) -> NDArray[np.intp]:
    """Return the rows that are left when each that overlaps an earlier one goes."""
    left, kept = np.arange(len(boxes)), []
    while len(left):
        kept.append(left[0])
        left = left[1:][overlaps(boxes[left[0]], boxes[left[1:]]) <= iou]
    return np.array(kept, np.intp)


def _chosen(palms: Palms, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Palms:
    return Palms(*(column[rows] for column in palms))


def palm_rotation(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much (N, 7, 2) palm points are turned from upright: (N,) radians (section 2.5)."""
    return aims(points[:, _WRIST], points[:, _MIDDLE])


def square_around(
    boxes: NDArray[np.float32], *, shift: float, scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift boxes along y, and make larger squares of them (section 2.5).

    Args:
        boxes: (N, 4) x0, y0, x1, y1.
        shift: In heights of the box.
        scale: Side of the square in longer sides of the box.

    Returns:
        (N, 2) centres and (N,) sides.
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    size = high - low
    centre = (low + high) / 2
    centre[:, 1] += size[:, 1] * np.float32(shift)
    side: NDArray[np.float32] = size.max(axis=1) * np.float32(scale)
    return centre.astype(np.float32), side


def region_around_palms(palms: Palms) -> Regions:
    """Return the square around the hand that each detected palm belongs to (section 2.5)."""
    rotation = palm_rotation(palms.points)
    cos, sin = np.cos(rotation), np.sin(rotation)
    turn = np.stack([np.stack([cos, -sin], axis=1), np.stack([sin, cos], axis=1)], axis=1)
    pivot = (palms.box[:, :2] + palms.box[:, 2:]) / 2
    upright = (palms.points - pivot[:, None]) @ turn  # the pivot in the middle, turned back
    centre, side = square_around(bounds(upright), shift=-0.4, scale=3.0)
    middle = pivot + np.einsum("nij,nj->ni", turn, centre)
    return Regions(middle, np.stack([side, side], axis=1), rotation, palms.score)


class HandposeReader:
    """Reads hands: regions of pictures in, 21 landmarks of each hand out (sections 2.6, 2.7 and 7.1).

    Each crop is one bilinear resampling with black beyond the picture. The original turns the whole picture,
    by nearest neighbours, and then cuts; its crops differ from these by less than a pixel.

    Args:
        session: An open network with the signature ``HAND_LANDMARKER`` or ``HANDPOSE_SKELETON``.
        signature: Which of them.
        settings: Least presence, and mirroring.
    """

    def __init__(self, session: Session, signature: Signature, settings: HandposeSettings) -> None:
        self._network = Network(session, border="black")
        self._side = signature.inputs["image"].width
        self._settings = settings
        self._skeleton = Skeleton.named("hand21")
        self._nobody = replace(Landmarks.nobody(self._skeleton), region=np.empty(0, np.int64))

    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        """Read the hands in all regions of all frames as one batch.

        Args:
            frames: Pictures.
            regions: For each of them, where the hands are.

        Returns:
            For each frame the hands that are present, in the order of the regions. Depths are in pixels of
            the picture, the wrist's near 0.
        """
        return [
            self._landmarks(out, crops) if crops else self._nobody
            for out, crops in self._network.read(frames, regions, self._side)
        ]

    def _landmarks(self, out: Mapping[str, NDArray[np.float32]], crops: Sequence[Crop]) -> Landmarks:
        raw = out["landmarks"].reshape(-1, _POINTS, 3)
        real = np.isfinite(raw).all(axis=(1, 2))
        present = np.flatnonzero(real & (out["presence"][:, 0] >= self._settings.detection_confidence))
        if not len(present):
            return self._nobody
        views = [(crops[row], raw[row]) for row in present.tolist()]
        xy = np.stack([crop.points_to_image(points[:, :2]) for crop, points in views])
        hands = Landmarks(
            self._skeleton,
            xy=xy,
            box=bounds(xy),
            box_score=out["presence"][present, 0],
            depth=np.stack([crop.depth_to_image(points[:, 2]) for crop, points in views]),
            region=present,
        )
        if "world" not in out:  # the original's network has neither
            return hands
        right = out["handedness"][present, 0]
        world = out["world"][present].reshape(-1, _POINTS, 3)
        return replace(
            hands,
            world=np.stack(
                [crop.directions_to_image(points) for (crop, _), points in zip(views, world, strict=True)]
            ),
            handedness=1 - right if self._settings.mirrored else right,
        )
