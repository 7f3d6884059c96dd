"""Still pictures."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from vitruvian.errors import SourceError
from vitruvian.frame import MAX_SIDE, Frame, Stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_PIXELS", "SUFFIXES", "is_picture", "read_image"]

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""File endings of the formats that ``read_image`` reads, in lower case."""

MAX_PIXELS = 178_000_000
"""Largest picture in pixels, width times height: half a gigabyte of RGB."""


# What Pillow's decoders let through on damaged files, beside OSError.
_DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    KeyError,
    IndexError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


def read_image(source: str | Path | bytes, *, name: str | None = None) -> Frame:
    """Read a still picture, upright and in RGB.

    JPEG, PNG, WebP, BMP, TIFF and GIF. The EXIF orientation is applied; grey is replicated, alpha dropped,
    16 bits are scaled to 8 (deeper integers are taken for 16), CMYK and palettes are converted; of an
    animation the first picture is read. Limits are checked on the header, before anything is decoded.

    Args:
        source: A path, or the content of a picture file.
        name: What messages and results call it; by default the path.

    Raises:
        SourceError: There is no such file, or it is not a picture, damaged, or above ``MAX_PIXELS`` (or
            32,766 pixels on a side).
    """
    named = name if name is not None else str(source) if isinstance(source, str | Path) else "<bytes>"
    try:
        with Image.open(
            source if isinstance(source, str | Path) else io.BytesIO(source), formats=_FORMATS
        ) as image:
            _check_size(image.size, named)
            pixels = _decode(image)
    except FileNotFoundError as error:
        raise SourceError("there is no such file", path=named) from error
    except UnidentifiedImageError as error:
        raise SourceError(f"not a picture in a known format ({', '.join(_FORMATS)})", path=named) from error
    except Image.DecompressionBombError as error:
        # Pillow's limit is one for the whole process; somebody may have set it lower.
        most = min(MAX_PIXELS, 2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS))
        raise SourceError(f"refused before decoding: above {most:,} pixels", path=named) from error
    except Image.DecompressionBombWarning as error:  # where warnings are errors
        raise SourceError(f"refused before decoding: {error}", path=named) from error
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}", path=named) from error
    except _DAMAGED as error:
        raise SourceError(f"cannot be read: {error}", path=named) from error
    height, width = pixels.shape[:2]
    return Frame(pixels, Stamp(named, width=width, height=height))


def is_picture(path: str | Path) -> bool:
    """Return whether a file begins as pictures do that ``read_image`` reads, damaged or not."""
    try:
        with Image.open(path, formats=_FORMATS):
            return True
    except UnidentifiedImageError:
        return False
    except (OSError, Image.DecompressionBombError, Image.DecompressionBombWarning, *_DAMAGED):
        return True


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        message = (
            f"refused before decoding: {width} x {height} pixels; "
            f"at most {MAX_PIXELS:,} in all and {MAX_SIDE:,} on a side are read"
        )
        raise SourceError(message, path=name)


def _decode(image: Image.Image) -> NDArray[np.uint8]:
    image.load()  # which turns a TIFF upright by itself, and then says so
    orientation = _orientation(image)
    if image.mode.startswith(("I", "F")):
        return _upright(_scaled(image), orientation)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return _upright(np.asarray(image.convert("RGB")), orientation)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1, upright, where there is none to be had."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, *_DAMAGED):
        # Metadata that cannot be parsed says nothing about the picture; its pixels are another matter.
        return 1
    return orientation if orientation in range(1, 9) else 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation: 5 to 8 are stored transposed, and each is then flipped along some axes."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _scaled(image: Image.Image) -> NDArray[np.uint8]:
    """Scale one channel of 16 bits (or floats to 1 or 255) to 8, which Pillow's own conversion would clip."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    top = 65_535.0
    if image.mode == "F":
        top = 1.0 if values.max(initial=0) <= 1 else 255.0
    values = values.clip(0, top)
    grey = np.rint(values * (255 / top)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
