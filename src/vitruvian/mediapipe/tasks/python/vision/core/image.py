"""A picture as the tasks take and return it."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from vitruvian.arrays import copied
from vitruvian.errors import ArrayError, OptionError, SourceError
from vitruvian.mediapipe.errors import ImageMissingError, TaskError
from vitruvian.sources.image import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import NDArray

__all__ = ["READABLE", "Image", "ImageFormat", "rgb_pixels"]


class ImageFormat(enum.IntEnum):
    """What the channels of a picture are."""

    UNKNOWN = 0
    SRGB = 1
    SRGBA = 2
    GRAY8 = 3
    GRAY16 = 4
    SRGB48 = 7
    SRGBA64 = 8
    VEC32F1 = 9
    VEC32F2 = 12
    VEC32F4 = 13


_LAYOUTS = {
    ImageFormat.SRGB: (3, "uint8"),
    ImageFormat.SRGBA: (4, "uint8"),
    ImageFormat.GRAY8: (1, "uint8"),
    ImageFormat.GRAY16: (1, "uint16"),
    ImageFormat.SRGB48: (3, "uint16"),
    ImageFormat.SRGBA64: (4, "uint16"),
    ImageFormat.VEC32F1: (1, "float32"),
    ImageFormat.VEC32F2: (2, "float32"),
    ImageFormat.VEC32F4: (4, "float32"),
}
"""Number of channels and type of their values."""


_TO_RGB: dict[ImageFormat, int | None] = {
    ImageFormat.SRGB: None,
    ImageFormat.SRGBA: cv2.COLOR_RGBA2RGB,
    ImageFormat.GRAY8: cv2.COLOR_GRAY2RGB,
}
READABLE = tuple(_TO_RGB)
"""The formats that can be made into what the pipeline takes."""


class Image:
    """A picture whose pixels never change.

    Args:
        image_format: What the channels of ``data`` are.
        data: (H, W, channels), or (H, W) for one channel; copied, in whatever order it lies in memory.

    Raises:
        OptionError: ``image_format`` is ``UNKNOWN`` or no format at all.
        ArrayError: ``data`` is no array of the format's shape and type.
    """

    def __init__(self, image_format: ImageFormat, data: NDArray[Any]) -> None:
        if image_format not in _LAYOUTS:
            names = ", ".join(known.name for known in _LAYOUTS)
            raise OptionError(f"image_format: one of {names}, got {image_format!r}")
        self._format = ImageFormat(image_format)
        self._pixels = _copy(self._format, data)

    @classmethod
    def create_from_file(cls, file_name: str | PathLike[str]) -> Self:
        """Read a picture file into ``SRGB``: upright, alpha dropped, grey replicated.

        Raises:
            ImageMissingError: There is no such file.
            TaskError: The file is no picture, or damaged, or too large.
        """
        path = Path(file_name)
        if not str(file_name) or not path.exists():
            raise ImageMissingError("there is no such file", path=path)
        try:
            frame = read_image(path)
        except SourceError as error:
            raise TaskError(str(error)) from error
        return cls(ImageFormat.SRGB, frame.pixels)

    def numpy_view(self) -> NDArray[Any]:
        """Return the pixels, (H, W, channels) and read-only; to draw on them, copy them first."""
        return self._pixels

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self._pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self._pixels.shape[0])

    @property
    def channels(self) -> int:
        """How many values a pixel has."""
        return int(self._pixels.shape[2])

    @property
    def image_format(self) -> ImageFormat:
        """What the channels are."""
        return self._format

    @property
    def step(self) -> int:
        """Bytes from one row to the next; rows follow each other without a gap."""
        return self.width * self.channels * self._pixels.itemsize

    def is_contiguous(self) -> bool:
        """Return whether rows follow each other without a gap, which is always so."""
        return True

    def is_empty(self) -> bool:
        """Return whether there is no pixel."""
        return self._pixels.size == 0

    def is_aligned(self, alignment_boundary: int) -> bool:
        """Return whether every row starts at a multiple of this many bytes."""
        return self._pixels.ctypes.data % alignment_boundary == 0 and self.step % alignment_boundary == 0

    def uses_gpu(self) -> bool:
        """Return whether the pixels are on a GPU, which is never so."""
        return False

    def __getitem__(self, key: tuple[int, ...]) -> float:
        """Return one value: ``image[row, column, channel]``, or ``image[row, column]`` of one channel."""
        if len(key) == 2 and self.channels == 1:
            key = (*key, 0)
        if len(key) != 3:
            raise ArrayError(f"expected an index (row, column, channel), got {key}")
        value: float = self._pixels[key].item()
        return value

    def __repr__(self) -> str:
        return f"<Image {self._format.name} {self.width} x {self.height}>"


def rgb_pixels(
    image: Image, things: str = "poses", formats: Sequence[ImageFormat] = READABLE
) -> NDArray[np.uint8]:
    """Return the pixels as the pipeline takes them: (H, W, 3) uint8 RGB.

    Args:
        image: The picture.
        things: What is looked for in it, for the message.
        formats: What it may be; some of ``READABLE``.

    Raises:
        OptionError: The format is none of ``formats``.
    """
    if image.image_format not in formats:
        *names, last = (each.name for each in formats)
        raise OptionError(
            f"image_format: {things} need {', '.join(names)} or {last}, got {image.image_format.name}"
        )
    pixels, code = image.numpy_view(), _TO_RGB[image.image_format]
    return pixels if code is None else _converted(pixels, code)


def _converted(pixels: NDArray[np.uint8], code: int) -> NDArray[np.uint8]:
    rgb: NDArray[Any] = cv2.cvtColor(pixels, code)
    return rgb


def _copy(image_format: ImageFormat, data: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only (H, W, channels) copy of ``data``, which must have the format's layout."""
    channels, dtype = _LAYOUTS[image_format]
    shapes = f"(H, W, {channels})" + (" or (H, W)" if channels == 1 else "")
    expected = f"data: {image_format.name} needs {dtype} of shape {shapes}"
    if not isinstance(data, np.ndarray):
        raise ArrayError(f"{expected}, got {type(data).__name__}")
    shape = data.shape if data.ndim == 3 else (*data.shape, 1)
    if data.dtype != dtype or len(shape) != 3 or shape[2] != channels:
        raise ArrayError(f"{expected}, got {data.dtype} of shape {data.shape}")
    pixels = copied(data).reshape(shape)
    pixels.setflags(write=False)
    return pixels
