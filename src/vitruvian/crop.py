"""The one map that bends space: from the image into a network's input, and back.

Two things here look odd and are not. Crop space has its origin at the *corner* of the first pixel, and
output pixel ``i`` samples the image at ``i · scale`` without half-pixel centres. And pixels are sampled at
1/32-pixel positions with integer weights and an 8-bit result. Both are what the networks were calibrated
with: a float bilinear warp moves landmarks by 3 px on average (pose specification, sections 5 and 13.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import cv2
import numpy as np

from vitruvian.kernels import native

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.regions import Regions

__all__ = ["Border", "Crop"]

Border = Literal["black", "replicate"]
_CV_BORDER = {"black": cv2.BORDER_CONSTANT, "replicate": cv2.BORDER_REPLICATE}

_CACHE_LINE = 64  # bytes
_MOST_THREADS = 4  # for one crop: it takes a quarter of a millisecond

_BITS = 5  # positions are rounded to 1/32 of a pixel
_STEPS = 1 << _BITS
_INT16, _INT32 = np.iinfo(np.int16), np.iinfo(np.int32)


@dataclass(frozen=True)
class Crop:
    """A turned rectangle of an image, as one network sees it.

    Attributes:
        x: Centre in image pixels (a float32 value, as are the next four).
        y: Centre in image pixels.
        width: Of the rectangle in image pixels, along its own turned axis.
        height: Of the rectangle in image pixels, along its own turned axis.
        rotation: Radians, clockwise on the screen.
        output: Width and height of the network's input in pixels.
        shared: Whether other images get exactly this crop, so that its sampling map is worth keeping.
        flipped: Whether the network sees it in a mirror, its left and right exchanged.
        exact: Whether its pixels are the original's to the byte; if not, they are off by 2 of 255 at most and
            cost a fifth.
    """

    x: float
    y: float
    width: float
    height: float
    rotation: float
    output: tuple[int, int]
    shared: bool = False
    flipped: bool = False
    exact: bool = True

    @staticmethod
    def around(regions: Regions, output: tuple[int, int], *, flipped: bool = False) -> list[Crop]:
        """Make one crop for each region."""
        columns = np.column_stack([regions.centre, regions.size, regions.rotation]).tolist()
        return [
            Crop(x, y, width, height, turn, output, flipped=flipped) for x, y, width, height, turn in columns
        ]

    @staticmethod
    def letterbox(width: int, height: int, output: int, rotation: float = 0.0) -> Crop:
        """Return the smallest centred square that holds a whole image of this size, turned by ``rotation``.

        ``rotation`` is a multiple of a quarter turn: the square is the same for all of them.
        """
        side = float(max(width, height))
        return Crop(width / 2, height / 2, side, side, rotation, (output, output), shared=True)

    @cached_property
    def to_image(self) -> NDArray[np.float64]:
        """(2, 3) affine map from crop pixels to image pixels."""
        return np.array(self._to_image)

    @cached_property
    def _to_image(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        # Numbers one by one: NumPy takes ten times as long for so few.
        columns, rows = self.output
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        across, down = self.width / columns, self.height / rows
        a, b, c, d = cos * across, -sin * down, sin * across, cos * down
        x, y = self.x - (a * columns + b * rows) / 2, self.y - (c * columns + d * rows) / 2
        if self.flipped:
            x, y, a, c = x + a * columns, y + c * columns, -a, -c
        return (a, b, x), (c, d, y)

    @cached_property
    def to_crop(self) -> NDArray[np.float64]:
        """(2, 3) affine map from image pixels to crop pixels: the inverse of ``to_image``."""
        linear = np.linalg.inv(self.to_image[:, :2])
        return np.column_stack([linear, -linear @ self.to_image[:, 2]])

    def warp(
        self, pixels: NDArray[np.uint8], border: Border, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Cut the crop out of an image, to the byte as the original does.

        Args:
            pixels: (H, W, 3) uint8, the whole image.
            border: What lies outside the image: black, or the edge pixels repeated.
            out: (output height, output width, 3) uint8 to write to; a new array by default.

        Returns:
            (output height, output width, 3) uint8.
        """
        if not self.exact:
            sampling = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            return cv2.warpAffine(  # type: ignore[return-value]  # as below
                pixels, self.to_image, self.output, dst=out, flags=sampling, borderMode=_CV_BORDER[border]
            )
        if self.flipped:
            return cv2.flip(replace(self, flipped=False).warp(pixels, border), 1, dst=out)  # type: ignore[return-value]
        if self._is_for_kernel(pixels, out):
            homography = _homography(self)
            if homography.farthest <= _INT16.max:
                return self._warp_by_kernel(pixels, border, out, homography.to_image)
        whole, fraction = _kept_sampling_map(self) if self.shared else _sampling_map(self)
        if not self.shared:
            self._fetch(pixels)
        return cv2.remap(  # type: ignore[return-value]  # OpenCV's stubs know only arrays of any number
            pixels, whole, fraction, cv2.INTER_LINEAR, dst=out, borderMode=_CV_BORDER[border], borderValue=0
        )

    def _is_for_kernel(self, pixels: NDArray[np.uint8], out: NDArray[np.uint8] | None) -> bool:
        """Return whether there is a kernel, and the pictures are of a kind and size for it."""
        return (
            native is not None
            and bool(native.WARP_SUPPORTED)
            and _is_picture(pixels)
            and (out is None or (_is_picture(out) and out.shape[:2] == self.output[::-1]))
            and 0 < pixels.size <= _INT32.max
            and min(pixels.shape[:2]) >= 2
            and max(pixels.shape) <= _INT16.max
            and self.output[0] <= native.WARP_MOST_COLUMNS
        )

    def _warp_by_kernel(
        self,
        pixels: NDArray[np.uint8],
        border: Border,
        out: NDArray[np.uint8] | None,
        to_image: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        assert native is not None  # noqa: S101  # which is asked first
        columns, rows = self.output
        if out is None:
            out = np.empty((rows, columns, 3), np.uint8)
        fetched = (0, 0, 0, 0) if self.shared else self._extent(pixels)
        threads = min(cv2.getNumThreads(), _MOST_THREADS)
        native.warp(pixels, to_image, out, pixels.shape[1], columns, border == "replicate", fetched, threads)
        return out

    def _extent(self, pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
        """Return which part of a picture the crop needs: first and last row, first and last byte of them."""
        cos, sin = abs(math.cos(self.rotation)), abs(math.sin(self.rotation))
        across, down = cos * self.width + sin * self.height, sin * self.width + cos * self.height
        left, top = int(max(self.x - across / 2, 0)), int(max(self.y - down / 2, 0))
        right, bottom = int(max(self.x + across / 2, 0)) + 2, int(max(self.y + down / 2, 0)) + 2
        height, width, depth = pixels.shape
        return (
            *(min(top, height), min(bottom, height)),
            *(min(left, width) * depth, min(right, width) * depth),
        )

    def _fetch(self, pixels: NDArray[np.uint8]) -> None:
        """Read one byte of each cache line that the crop needs, in the order in which they lie in memory.

        The warp reads them in its own order, which no prefetcher foresees: of a picture that is not in the
        cache, this and the warp take half the time of the warp alone.
        """
        top, bottom, left, right = self._extent(pixels)
        pixels.reshape(len(pixels), -1)[top:bottom, left:right:_CACHE_LINE].max(initial=0)

    def points_to_image(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Carry (…, 2) points from crop pixels to image pixels."""
        if native is not None and points.dtype == np.float32 and points.flags.c_contiguous:
            placed = np.empty(points.shape, np.float32)
            native.place(points, (*self._to_image[0], *self._to_image[1]), placed)
            return placed
        return _apply(self.to_image, points)

    def points_to_crop(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Carry (…, 2) points from image pixels to crop pixels."""
        return _apply(self.to_crop, points)

    def places_to_image(self, places: NDArray[np.floating]) -> NDArray[np.float32]:
        """Carry (…, 3) points, x and y in crop pixels and a depth in widths of one, to image pixels."""
        (a, b, x), (c, d, y) = self._to_image
        matrix = np.array([[a, c, 0.0], [b, d, 0.0], [0.0, 0.0, self._scale]])
        carried: NDArray[np.float64] = places @ matrix + np.array([x, y, 0.0])
        return carried.astype(np.float32)

    @property
    def to_image_numbers(self) -> tuple[float, ...]:
        """What carries points, (2, 3), directions, (2, 2), and depths to the image, one behind the other."""
        return (*self._to_image[0], *self._to_image[1], *self._turn[0], *self._turn[1], self._scale)

    def depth_to_image(self, depth: NDArray[np.floating]) -> NDArray[np.float32]:
        """Carry depths, in units of a crop pixel's width, to image pixels."""
        return (depth * self._scale).astype(np.float32)

    def directions_to_image(self, vectors: NDArray[np.floating]) -> NDArray[np.float32]:
        """Turn (…, 3) metric vectors from the crop's axes to the image's; the third axis stays."""
        (a, b), (c, d) = self._turn
        turned: NDArray[np.float64] = vectors @ np.array([[a, c, 0.0], [b, d, 0.0], [0.0, 0.0, 1.0]])
        return turned.astype(np.float32)

    @property
    def _turn(self) -> tuple[tuple[float, float], tuple[float, float]]:
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        right = -1.0 if self.flipped else 1.0
        return (right * cos, -sin), (right * sin, cos)

    @property
    def _scale(self) -> float:
        """Image pixels in a crop pixel's width."""
        return self.width / self.output[0]

    def mask_to_image(self, mask: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
        """Spread a mask that covers this crop over the whole image; 0 outside the crop.

        Args:
            mask: (h, w) float32 in any resolution.
            width: Of the image.
            height: Of the image.

        Returns:
            (height, width) float32.
        """
        scale = np.array(mask.shape[::-1]) / self.output
        sampling = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = self.to_crop * scale[:, None]
        return cv2.warpAffine(mask, matrix, (width, height), flags=sampling)  # type: ignore[return-value]


def _apply(matrix: NDArray[np.float64], points: NDArray[np.floating]) -> NDArray[np.float32]:
    carried: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return carried.astype(np.float32)


class _Homography(NamedTuple):
    """The map from a crop to its image."""

    to_image: NDArray[np.float64]
    """(3, 3)."""
    farthest: float
    """Of the corners' coordinates in the image, their signs aside."""


def _homography(crop: Crop) -> _Homography:
    """Return the map of section 5, steps 3 and 4.

    As OpenCV solves and inverts it, to the last bit, since others round some ties differently.
    """
    if native is not None and min(crop.width, crop.height) >= _SOLVED:
        to_image = np.empty((3, 3))
        place = (crop.x, crop.y, crop.width, crop.height, crop.rotation)
        farthest = native.homography(*place, *crop.output, to_image)
        if farthest >= 0:
            return _Homography(to_image, farthest)
    to_image = np.asarray(cv2.invert(_to_output(crop))[1], np.float64)
    return _Homography(to_image, float(np.abs(_corners(crop)).max()))


def _to_output(crop: Crop) -> NDArray[np.float64]:
    """Return the (3, 3) map from the image to the crop."""
    columns, rows = crop.output
    target = np.array([(0, rows), (0, 0), (columns, 0), (columns, rows)], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(_corners(crop), target), np.float64)


def _sampling_map(crop: Crop) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Return for each output pixel the image pixel it samples, and the fraction beyond it.

    Steps 3 to 5 of section 5: a homography in doubles, of which rounding leaves a perspective part of
    about 1e-10 that decides ties, so it is carried along.

    Returns:
        (h, w, 2) int16 whole positions x, y, and (h, w) uint16 with 32 · (fraction of y) + fraction of x,
        in 1/32 pixel: OpenCV's fixed-point maps.
    """
    to_image, farthest = _homography(crop)
    columns, rows = crop.output
    if np.abs(to_image[2, :2]).min() < _PERSPECTIVE or farthest > _INT16.max:
        # Along an axis without a perspective part some positions are ties to the last bit, and the order of
        # operations counts; far outside, positions must be clipped.
        return _fixed_point(to_image, columns, rows)
    # A camera that does nothing but look along this homography: the same positions, three times as fast.
    # It inverts the matrix itself, the same way.
    whole, fraction = cv2.initUndistortRectifyMap(
        _NO_CAMERA, None, _to_output(crop), _NO_CAMERA, crop.output, cv2.CV_16SC2
    )
    return np.asarray(whole, np.int16), np.asarray(fraction, np.uint16)


def _is_picture(pixels: NDArray[np.uint8]) -> bool:
    """Return whether it is one with its pixels one after the other, as the kernel takes them."""
    return pixels.dtype == np.uint8 and pixels.shape[2:] == (3,) and pixels.flags.c_contiguous


_NO_CAMERA = np.eye(3)
_SOLVED = 1  # least side of a crop in pixels; of smaller ones OpenCV finds another solution
_PERSPECTIVE = 1e-13  # the part is either below 1e-15 or above 1e-12


def _fixed_point(
    to_image: NDArray[np.float64], columns: int, rows: int
) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Return the sampling map of a homography, in the order of operations of section 5, step 5."""
    i, j = np.arange(columns, dtype=np.float64), np.arange(rows, dtype=np.float64)[:, None]
    steps = _STEPS / (to_image[2, 0] * i + to_image[2, 1] * j + to_image[2, 2])
    position = np.empty((rows, columns, 2), np.int32)
    for axis in (0, 1):
        along = to_image[axis, 0] * i + to_image[axis, 1] * j + to_image[axis, 2]
        along *= steps
        position[..., axis] = np.rint(along, out=along)
    whole = (position >> _BITS).clip(_INT16.min, _INT16.max).astype(np.int16)
    position &= _STEPS - 1
    fraction = position[..., 1] * _STEPS + position[..., 0]
    return whole, fraction.astype(np.uint16)


# Letterboxes of the image sizes lately seen: 0.3 MB each.
_kept_sampling_map = lru_cache(maxsize=32)(_sampling_map)


def _corners(crop: Crop) -> NDArray[np.float32]:
    """Return the corners bottom left, top left, top right, bottom right, in float32 arithmetic throughout."""
    f32 = np.float32
    x, y, width, height, rotation = map(f32, (crop.x, crop.y, crop.width, crop.height, crop.rotation))
    # Through degrees and back, as the original's rectangle type does.
    degrees = f32(float(rotation * f32(180)) / math.pi)
    angle = float(degrees) * math.pi / 180
    cos, sin = f32(math.cos(angle)) * f32(0.5), f32(math.sin(angle)) * f32(0.5)
    bottom_left = (x - sin * height - cos * width, y + cos * height - sin * width)
    top_left = (x + sin * height - cos * width, y - cos * height - sin * width)
    top_right = (f32(2) * x - bottom_left[0], f32(2) * y - bottom_left[1])
    bottom_right = (f32(2) * x - top_left[0], f32(2) * y - top_left[1])
    return np.array([bottom_left, top_left, top_right, bottom_right], np.float32)
