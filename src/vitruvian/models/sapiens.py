"""Sapiens2: 308 points of a person, from the person's box.

Numbers and order of operations are those of the Sapiens specification; its sections are named where they are
used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import cv2
import numpy as np

from vitruvian.landmarks import Landmarks
from vitruvian.options import check_number
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.regions import Regions

    Look = Callable[[Sequence["View"]], tuple[NDArray[np.float32], NDArray[np.float32]]]

__all__ = ["CROP", "HEATMAP", "SapiensLandmarker", "SapiensSession", "SapiensSettings", "UdpCrop", "View"]

CROP = (768, 1024)
"""Width and height of what the network sees, in pixels."""
HEATMAP = (192, 256)
"""Width and height of its heat maps, in cells."""

_POINTS = 308
_PADDING = 1.25
_ASPECT = CROP[0] / CROP[1]


class SapiensSession(Protocol):
    """An open Sapiens2 network, with everything from pixels to points."""

    def run(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Read a batch.

        Args:
            crops: (N, 1024, 768, 3) uint8 RGB.

        Returns:
            (N, 308, 2) points x, y in cells of the heat map, (-1, -1) where there is none, and (N, 308)
            scores.
        """


@dataclass(frozen=True)
class SapiensSettings:
    """Options of the 308 points that are not about one picture.

    Attributes:
        num_poses: Most people in the result, the detector's best first; ``None``: everyone found.
        min_pose_detection_confidence: Probability that a person must exceed for the detector, 0 to 1.
        max_overlap: Intersection over union above which the less probable of two people is dropped, 0 to 1.
        batch: Most people that the network reads at once, of however many pictures.

    Raises:
        OptionError: A value is outside its range.
    """

    num_poses: int | None = None
    min_pose_detection_confidence: float = 0.3
    max_overlap: float = 0.3
    batch: int = 8

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        if self.num_poses is not None:
            check_number("num_poses", self.num_poses, 1, whole=True)
        check_number("min_pose_detection_confidence", self.min_pose_detection_confidence, 0, 1)
        check_number("max_overlap", self.max_overlap, 0, 1)
        check_number("batch", self.batch, 1, whole=True)


@dataclass(frozen=True)
class UdpCrop:
    """A box of an image as Sapiens2 sees it: corner pixels' centres lie on the box's corners (section 3.3).

    This is not ``vitruvian.crop``'s map: there the corners of the corner pixels lie on those of the box.

    Attributes:
        x: Middle of the padded box in image pixels; 0 is the centre of the first pixel.
        y: Middle of the padded box in image pixels.
        width: Of the padded box in image pixels, along its own turned axis; above 0.
        height: Of the padded box in image pixels, along its own turned axis.
        rotation: Radians, clockwise on the screen.
    """

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0

    @staticmethod
    def around(regions: Regions) -> list[UdpCrop]:
        """Make one crop for each region: 1.25 times as large, then as much wider or higher as 3 : 4 asks."""
        crops = []
        columns = np.column_stack([regions.centre, regions.size, regions.rotation])
        for x, y, across, down, turn in columns.tolist():
            width, height = _PADDING * across, _PADDING * down
            if width > _ASPECT * height:
                height = width / _ASPECT
            else:
                width = _ASPECT * height
            crops.append(UdpCrop(x, y, width, height, turn))
        return crops

    @property
    def enlarged(self) -> bool:
        """Whether the crop has more pixels than the image has there: then it is sampled bicubically."""
        return min((CROP[0] - 1) / self.width, (CROP[1] - 1) / self.height) >= 1

    @cached_property
    def to_image(self) -> NDArray[np.float64]:
        """(2, 3) affine map from crop pixels to image pixels."""
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        across, down = self.width / (CROP[0] - 1), self.height / (CROP[1] - 1)
        linear = np.array([[cos * across, -sin * down], [sin * across, cos * down]])
        offset = np.array([self.x, self.y]) - linear @ (np.array(CROP) - 1) / 2
        return np.column_stack([linear, offset])

    @cached_property
    def to_crop(self) -> NDArray[np.float64]:
        """(2, 3) affine map from image pixels to crop pixels: the inverse of ``to_image``."""
        linear = np.linalg.inv(self.to_image[:, :2])
        return np.column_stack([linear, -linear @ self.to_image[:, 2]])

    def warp(self, pixels: NDArray[np.uint8], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Cut the crop out of an image as the original does; what lies outside the image is black.

        A smaller crop is sampled bilinearly, not averaged: the original asks OpenCV for averages, which this
        function of OpenCV does not have.

        Args:
            pixels: (H, W, 3) uint8, the whole image.
            out: (1024, 768, 3) uint8 to write to; a new array by default.

        Returns:
            (1024, 768, 3) uint8.
        """
        return cv2.warpAffine(  # type: ignore[return-value]  # OpenCV's stubs know only arrays of any number
            pixels,
            self.to_crop.astype(np.float32),  # the original's precision
            CROP,
            dst=out,
            flags=cv2.INTER_CUBIC if self.enlarged else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )

    def points_to_image(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Carry (…, 2) points from cells of the heat map to image pixels (section 4.7)."""
        # The centres of the corner cells lie on the centres of the corner pixels.
        cell = (np.array(CROP) - 1) / (np.array(HEATMAP) - 1)
        carried: NDArray[np.float64] = (points * cell) @ self.to_image[:, :2].T + self.to_image[:, 2]
        return carried.astype(np.float32)


class View(NamedTuple):
    """What to read: a crop of a picture, (H, W, 3) uint8 RGB."""

    pixels: NDArray[np.uint8]
    crop: UdpCrop


class SapiensLandmarker:
    """Reads people: regions of pictures in, 308 landmarks of each person out.

    Args:
        session: An open network; its ``run`` reads crops that are cut here.
        settings: How many people are read at once.
        look: Reads up to ``settings.batch`` views instead of ``session``, for one that cuts the crops itself,
            on its device; takes views, and returns what ``SapiensSession.run`` does.
    """

    def __init__(
        self, session: SapiensSession, settings: SapiensSettings, *, look: Look | None = None
    ) -> None:
        self._session = session
        self._batch = settings.batch
        self._look = self._cut_and_run if look is None else look
        self._skeleton = Skeleton.named("sapiens308")
        self._nobody = replace(
            Landmarks.nobody(self._skeleton),
            score=np.empty((0, _POINTS), np.float32),
            region=np.empty(0, np.int64),
        )

    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        """Read the people in all regions of all frames, as few batches as the settings allow.

        Args:
            frames: Pictures.
            regions: For each of them, where the people are: their boxes, without any margin.

        Returns:
            For each frame the people in the order of the regions; a region without width or height, or with
            a number that is none, is left out. A point whose heat map is nowhere above 0 is NaN.

        Raises:
            SessionError: The network failed, or is closed.
        """
        real = [_real(each) for each in regions]
        crops = [UdpCrop.around(each[rows]) for each, rows in zip(regions, real, strict=True)]
        views = [View(frame.pixels, crop) for frame, some in zip(frames, crops, strict=True) for crop in some]
        if not views:
            return [self._nobody for _ in frames]
        batches = [self._look(views[i : i + self._batch]) for i in range(0, len(views), self._batch)]
        points, scores = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        ends = np.cumsum([len(some) for some in crops]).tolist()
        return [
            self._landmarks(points[end - len(some) : end], scores[end - len(some) : end], some, each, rows)
            for some, each, rows, end in zip(crops, regions, real, ends, strict=True)
        ]

    def _cut_and_run(self, views: Sequence[View]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        crops = np.empty((len(views), CROP[1], CROP[0], 3), np.uint8)
        for item, view in zip(crops, views, strict=True):
            view.crop.warp(view.pixels, out=item)
        return self._session.run(crops)

    def _landmarks(
        self,
        points: NDArray[np.float32],
        scores: NDArray[np.float32],
        crops: Sequence[UdpCrop],
        regions: Regions,
        rows: NDArray[np.intp],
    ) -> Landmarks:
        """Carry the points of one frame to its picture."""
        if not len(rows):
            return self._nobody
        people = regions[rows]
        xy = np.stack([crop.points_to_image(some) for crop, some in zip(crops, points, strict=True)])
        xy[~(scores > 0)] = np.nan
        return Landmarks(
            self._skeleton, xy=xy, box=_boxes(people), box_score=people.score, score=scores, region=rows
        )


def _real(regions: Regions) -> NDArray[np.intp]:
    """Return the rows that have a size, and numbers in every column."""
    numbers = np.column_stack([regions.centre, regions.size, regions.rotation])
    return np.flatnonzero(np.isfinite(numbers).all(axis=1) & (regions.size > 0).all(axis=1))


def _boxes(regions: Regions) -> NDArray[np.float32]:
    """Return (N, 4) x0, y0, x1, y1: the upright boxes around regions."""
    cos, sin = np.abs(np.cos(regions.rotation)), np.abs(np.sin(regions.rotation))
    width, height = regions.size.T
    half = np.stack([cos * width + sin * height, sin * width + cos * height], axis=1) / 2
    return np.concatenate([regions.centre - half, regions.centre + half], axis=1)
