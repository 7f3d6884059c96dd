"""Pixels with a stamp: what every source yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from vitruvian.arrays import check_array
from vitruvian.errors import ArrayError, OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_SIDE", "Frame", "Gap", "Stamp"]

MAX_SIDE = 32_766
"""Longest side of a picture in pixels: crops address pixels (and their neighbours) with 16-bit integers."""


@dataclass(frozen=True)
class Stamp:
    """Where a frame comes from.

    Attributes:
        source: Path or name of the picture or stream, as the user gave it.
        index: Position in the stream, from 0; a still is 0.
        time: Presentation time in seconds, from the container or the clock; ``None`` for a still.
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        captured: When a live picture reached this machine, in seconds of ``time.monotonic()``, so that its
            age can be told at any later moment; ``None`` if it is not live.
        status: ``ok``; or why there is no picture: ``failed``, it cannot be decoded; ``dropped``, a live
            source went on to a newer one.
    """

    source: str
    width: int
    height: int
    index: int = 0
    time: float | None = None
    captured: float | None = None
    status: Literal["ok", "failed", "dropped"] = "ok"


@dataclass(frozen=True)
class Gap:
    """A place in a stream that has no picture: a frame that failed or was dropped.

    Attributes:
        stamp: Where it is; its status is ``failed`` or ``dropped``, its size that of the stream.
        reason: What went wrong, for a person; empty if nothing did.

    Raises:
        OptionError: The stamp's status is ``ok``.
    """

    stamp: Stamp
    reason: str = ""

    def __post_init__(self) -> None:
        """A gap says why it is one."""
        if self.stamp.status == "ok":
            raise OptionError("status: a gap is 'failed' or 'dropped', got 'ok'")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        stamp: Where it comes from.

    Raises:
        ArrayError: The pixels are something else, empty, longer than 32,766 on a side, or of another size
            than the stamp says.
        OptionError: The stamp's status is not ``ok``.
    """

    pixels: NDArray[np.uint8]
    stamp: Stamp

    def __post_init__(self) -> None:
        """Check the pixels once; nothing behind this checks again."""
        pixels = check_array("pixels (RGB)", self.pixels, ("H", "W", 3), np.uint8)
        if not 0 < min(pixels.shape) <= max(pixels.shape) <= MAX_SIDE:
            raise ArrayError(f"pixels: sides from 1 to {MAX_SIDE} are possible, got shape {pixels.shape}")
        if (self.stamp.width, self.stamp.height) != pixels.shape[1::-1]:
            raise ArrayError(
                f"pixels: the stamp says {self.stamp.width} x {self.stamp.height}, got {pixels.shape}"
            )
        if self.stamp.status != "ok":
            raise OptionError(f"status: a frame with pixels is 'ok', got {self.stamp.status!r}")
        object.__setattr__(self, "pixels", pixels)

    @staticmethod
    def of(pixels: NDArray[np.uint8], source: str = "array") -> Frame:
        """Wrap an RGB array that has no history.

        Args:
            pixels: (H, W, 3) uint8, RGB.
            source: What messages and files call it.

        Raises:
            ArrayError: As the constructor.
        """
        # Kept, since checking a strided view (a picture turned from BGR) copies it.
        checked = check_array("pixels (RGB)", pixels, ("H", "W", 3), np.uint8)
        return Frame(checked, Stamp(source, width=checked.shape[1], height=checked.shape[0]))
