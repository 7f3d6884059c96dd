"""Rectangles in an image, whose origin is the top left corner."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NormalizedRect", "Rect", "RectF"]


@dataclass
class Rect:
    """A rectangle in pixels.

    Attributes:
        left: Its left edge.
        top: Its top edge.
        bottom: Its bottom edge.
        right: Its right edge.
    """

    left: int
    top: int
    bottom: int
    right: int


@dataclass
class RectF:
    """A rectangle in fractions of the image.

    Attributes:
        left: Its left edge.
        top: Its top edge.
        bottom: Its bottom edge.
        right: Its right edge.
    """

    left: float
    top: float
    bottom: float
    right: float


@dataclass
class NormalizedRect:
    """A turned rectangle in fractions of the image.

    Attributes:
        x_center: Of its centre, from the left edge.
        y_center: Of its centre, from the top edge.
        width: Along its own x axis.
        height: Along its own y axis.
        rotation: Clockwise, in radians.
        rect_id: Tells rectangles apart, if set.
    """

    x_center: float
    y_center: float
    width: float
    height: float
    rotation: float | None = 0.0
    rect_id: int | None = None
