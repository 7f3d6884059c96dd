"""Landmarks into pixels; pure: the picture that comes in stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vitruvian.arrays import check_array
from vitruvian.options import check_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks, Mask
    from vitruvian.skeleton import Skeleton

__all__ = ["Style", "draw_landmarks"]

Colour = tuple[int, int, int]

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_FAR = 1 << 20  # pixels; what lies farther out cannot be seen, and would overflow OpenCV's integers


@dataclass(frozen=True)
class Style:
    """How landmarks look. Colours are RGB.

    Attributes:
        left: Limbs of the person's own left side.
        right: Limbs of the person's own right side.
        middle: What belongs to neither side.
        outline: Around everything, so that it shows on bright ground as on dark.
        width: Of a limb, as a fraction of the picture's shorter side; people who are small in the picture
            get thinner limbs.
        min_score: Points below it, and limbs that end in one, are drawn faintly.
        faint: How much of a faint limb shows, from 0 to 1.
        mask: How much of a mask's colour shows, from 0 to 1.

    Raises:
        OptionError: A fraction is outside 0 to 1.
    """

    left: Colour = (255, 138, 30)
    right: Colour = (40, 190, 255)
    middle: Colour = (245, 245, 245)
    outline: Colour = (20, 22, 28)
    width: float = 0.007
    min_score: float = 0.5
    faint: float = 0.35
    mask: float = 0.4

    def __post_init__(self) -> None:
        """Refuse fractions that are none."""
        for name in ("width", "min_score", "faint", "mask"):
            check_number(name, getattr(self, name), 0, 1)


def draw_landmarks(
    pixels: NDArray[np.uint8], landmarks: Landmarks, style: Style | None = None
) -> NDArray[np.uint8]:
    """Draw everybody's skeleton, and mask where there is one, over a picture.

    Args:
        pixels: (H, W, 3) uint8 RGB; not changed.
        landmarks: In the pixels of this picture.
        style: How it looks.

    Returns:
        (H, W, 3) uint8 RGB, a new picture.

    Raises:
        ArrayError: ``pixels`` is something else.
    """
    style = style or Style()
    picture = check_array("pixels (RGB)", pixels, ("H", "W", 3), np.uint8).copy()
    for i, mask in enumerate(landmarks.mask or ()):
        _tint(picture, mask, _MASK_COLOURS[i % len(_MASK_COLOURS)], style.mask)
    # Faint things first and as one layer, so that they do not cover, nor add up.
    for sure in (False, True):
        layer = picture if sure else picture.copy()
        for person in landmarks:
            _draw_person(layer, person, style, sure=sure)
        if not sure:
            cv2.addWeighted(layer, style.faint, picture, 1 - style.faint, 0, dst=picture)
    return picture


_MASK_COLOURS: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (213, 94, 0),
)
"""Told apart by the colour-blind too (Okabe and Ito, Color Universal Design)."""


_DENSE_PARTS = frozenset({"face", "left_hand", "right_hand"})


def _draw_person(picture: NDArray[np.uint8], person: Landmarks, style: Style, *, sure: bool) -> None:
    known = np.isfinite(person.xy[0]).all(axis=1)
    confident = known if person.score is None else known & (person.score[0] >= style.min_score)
    points = (
        np.rint((np.nan_to_num(person.xy[0]).clip(-_FAR, _FAR) - 0.5) * (1 << _SHIFT)).astype(int).tolist()
    )
    colours = _colours(person.skeleton, style)
    widths = _widths(person, min(picture.shape[:2]) * style.width)
    limbs = [
        (
            points[a],
            points[b],
            colours[a] if colours[a] == colours[b] else style.middle,
            min(widths[a], widths[b]),
        )
        for a, b in person.skeleton.edges
        if known[a] and known[b] and (confident[a] and confident[b]) == sure
    ]
    for start, end, _, width in limbs:
        _line(picture, start, end, style.outline, width + 2 * _rim(width))
    for start, end, colour, width in limbs:
        _line(picture, start, end, colour, width)
    for i in np.flatnonzero(known & (confident == sure)):
        radius = max(1.0, 0.85 * widths[i])
        _disc(picture, points[i], style.outline, radius + _rim(widths[i]))
        _disc(picture, points[i], colours[i], radius)


def _line(picture: NDArray[np.uint8], start: list[int], end: list[int], colour: Colour, width: float) -> None:
    cv2.line(picture, start, end, colour, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _disc(picture: NDArray[np.uint8], centre: list[int], colour: Colour, radius: float) -> None:
    cv2.circle(picture, centre, round(radius * (1 << _SHIFT)), colour, -1, cv2.LINE_AA, _SHIFT)


def _colours(skeleton: Skeleton, style: Style) -> list[Colour]:
    sides = {"left": style.left, "right": style.right}
    colours = [style.middle] * len(skeleton)
    for part, points in skeleton.parts.items():
        for point in points:
            colours[point] = sides.get(part.split("_")[0], colours[point])
    return colours


def _widths(person: Landmarks, most: float) -> list[float]:
    """Return the limb width at each point: thin for people who are small, and where points are dense."""
    x0, y0, x1, y1 = person.box[0].tolist()
    width = max(1.0, min(most, 0.016 * max(x1 - x0, y1 - y0)))
    dense = {point for part in _DENSE_PARTS for point in person.skeleton.parts.get(part, ())}
    dense -= {
        point
        for part, points in person.skeleton.parts.items()
        if part not in _DENSE_PARTS
        for point in points
    }
    return [0.5 * width if point in dense else width for point in range(len(person.skeleton))]


def _rim(width: float) -> float:
    return max(1.0, 0.3 * width)


def _tint(picture: NDArray[np.uint8], mask: Mask, colour: Colour, strength: float) -> None:
    height, width = picture.shape[:2]
    columns, rows = mask.crop.output
    corners = mask.crop.points_to_image(np.array([(0, 0), (columns, 0), (0, rows), (columns, rows)]))
    # A mask fades within one of its cells beyond the crop, which may be turned.
    rim = np.hypot(mask.crop.width, mask.crop.height) / min(mask.values.shape)
    x0, y0 = np.floor(corners.min(axis=0) - rim).astype(int).clip(0)
    x1, y1 = np.ceil(corners.max(axis=0) + rim).astype(int).clip(0)
    # Only where the crop is: a whole photo in floats takes many times its memory.
    part = picture[y0:y1, x0:x1]
    share = mask.image(width, height)[y0:y1, x0:x1, None] * np.float32(strength)
    part[:] = np.rint(part + (np.array(colour, np.float32) - part) * share)
