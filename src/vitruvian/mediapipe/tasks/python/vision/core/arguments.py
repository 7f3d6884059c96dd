"""What a call on pictures is given, checked: pixels, rotation, time."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex

from vitruvian.errors import OptionError
from vitruvian.frame import Frame, Stamp
from vitruvian.mediapipe.errors import NotAnImageError, NotATimestampError, TaskError
from vitruvian.mediapipe.tasks.python.vision.core.image import READABLE, Image, rgb_pixels
from vitruvian.options import check_rotation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.mediapipe.tasks.python.vision.core.image import ImageFormat
    from vitruvian.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions

__all__ = ["RisingTimestamps", "Taken", "milliseconds", "pixels_of", "rotation_of", "timed_frame"]

_FURTHEST = 2**53 // 1000
"""Milliseconds, 285 years: further out, the microseconds that the filters count in would blur."""


class Taken(NamedTuple):
    """Which pictures a task takes, and what its messages call them.

    Attributes:
        task: Name of its class.
        things: What it looks for.
        formats: Of its pictures.
    """

    task: str
    things: str
    formats: tuple[ImageFormat, ...] = READABLE


def pixels_of(image: Image, taken: Taken) -> NDArray[np.uint8]:
    """Return the pixels as the pipeline takes them: (H, W, 3) uint8 RGB.

    Raises:
        NotAnImageError: ``image`` is no ``Image``.
        TaskError: It has no pixels.
        OptionError: Its format is none that the task takes.
    """
    if not isinstance(image, Image):
        raise NotAnImageError(
            f"image: expected an Image, got {type(image).__name__}; "
            "wrap an array: Image(image_format=ImageFormat.SRGB, data=array)"
        )
    if image.is_empty():
        raise TaskError(f"image: has no pixels, {image.width} x {image.height}")
    return rgb_pixels(image, taken.things, taken.formats)


def rotation_of(options: ImageProcessingOptions | None, taken: Taken) -> int:
    """Return the degrees by which the picture must be turned clockwise.

    Raises:
        OptionError: They are no multiple of 90, or a region of interest is given.
    """
    if options is None:
        return 0
    if options.region_of_interest is not None:
        raise OptionError(f"region_of_interest: a {taken.task} takes none; cut the picture instead")
    check_rotation("rotation_degrees", options.rotation_degrees)
    return options.rotation_degrees


def milliseconds(timestamp_ms: SupportsIndex) -> int:
    """Return a timestamp as a Python integer; NumPy's integers are whole too.

    Raises:
        NotATimestampError: It is no whole number.
        OptionError: It is further than 285 years from 0.
    """
    try:
        time = operator.index(timestamp_ms)
    except TypeError as error:
        raise NotATimestampError(
            f"timestamp_ms: whole milliseconds are needed, got {timestamp_ms!r}; round them: int(...)"
        ) from error
    if abs(time) > _FURTHEST:
        raise OptionError(
            f"timestamp_ms: milliseconds within 285 years of 0, got {time}; are these microseconds?"
        )
    return time


def timed_frame(image: Image, time: int, taken: Taken) -> Frame:
    """Return the picture as a frame at ``time`` milliseconds.

    Raises:
        NotAnImageError, TaskError, OptionError: As ``pixels_of``.
        ArrayError: It is longer than 32,766 pixels on a side.
    """
    pixels = pixels_of(image, taken)
    return Frame(pixels, Stamp("stream", width=image.width, height=image.height, time=time / 1000))


class RisingTimestamps:
    """The times of one stream, of which each is later than the one before. Not for threads by itself."""

    def __init__(self) -> None:
        self._last: int | None = None

    def accept(self, time: int) -> None:
        """Take the time of the next frame, in milliseconds.

        Raises:
            OptionError: It is not later than the one before, which stays the last.
        """
        if self._last is not None and time <= self._last:
            raise OptionError(
                f"timestamp_ms: must rise from call to call, got {time} after {self._last} (milliseconds); "
                "a new video needs a new task"
            )
        self._last = time
