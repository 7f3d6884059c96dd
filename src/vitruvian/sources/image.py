"""Still pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vitruvian.errors import SourceError
from vitruvian.frame import MAX_SIDE, Frame, Stamp

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MAX_PIXELS", "SUFFIXES", "read_image"]

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""File endings of the formats that ``read_image`` reads, in lower case."""

MAX_PIXELS = 178_000_000
"""Largest picture in pixels, width times height: half a gigabyte of RGB."""


def read_image(source: str | Path | bytes, *, name: str | None = None) -> Frame:
    """Read a still picture, upright and in RGB.

    JPEG, PNG, WebP, BMP, TIFF and GIF. The EXIF orientation is applied; grey is replicated, alpha dropped,
    16 bits are scaled to 8, CMYK and palettes are converted; of an animation the first picture is read.
    Limits are checked on the header, before anything is decoded.

    Args:
        source: A path, or the content of a picture file.
        name: What messages and results call it; by default the path.

    Raises:
        SourceError: There is no such file, or it is not a picture, damaged, or above ``MAX_PIXELS`` (or
            32,766 pixels on a side).
    """
    named = name if name is not None else "<bytes>" if isinstance(source, bytes) else str(source)
    try:
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS
        ) as image:
            _check_size(image.size, named)
            pixels = _decode(image)
    except FileNotFoundError as error:
        raise SourceError("there is no such file", path=named) from error
    except UnidentifiedImageError as error:
        raise SourceError(f"not a picture in a known format ({', '.join(_FORMATS)})", path=named) from error
    except Image.DecompressionBombError as error:
        raise SourceError(f"refused before decoding: above {MAX_PIXELS:,} pixels", path=named) from error
    # Pillow raises a medley of errors on damaged files; these are the ones its decoders let through.
    except (OSError, SyntaxError, ValueError, EOFError, ArithmeticError, KeyError, IndexError) as error:
        raise SourceError(f"cannot be read: {error}", path=named) from error
    height, width = pixels.shape[:2]
    return Frame(pixels, Stamp(named, width=width, height=height))


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        message = (
            f"refused before decoding: {width} x {height} pixels; "
            f"at most {MAX_PIXELS:,} in all and {MAX_SIDE:,} on a side are read"
        )
        raise SourceError(message, path=name)


def _decode(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        return _decode_deep(image)
    upright = ImageOps.exif_transpose(image)
    return np.asarray(upright.convert("RGB"))


def _decode_deep(image: Image.Image) -> NDArray[np.uint8]:
    """Scale one channel of 16 bits (or floats from 0 to 1) to 8, which Pillow's own conversion would clip."""
    values = np.asarray(ImageOps.exif_transpose(image)).astype(np.float64)
    top = 1.0 if image.mode == "F" else 65_535.0
    grey = np.rint(values.clip(0, top) * (255 / top)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
