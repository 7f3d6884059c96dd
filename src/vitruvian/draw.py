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
_FONT = cv2.FONT_HERSHEY_SIMPLEX
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
    """Draw everybody's skeleton, and mask and number where there are such, over a picture.

    In a stream the number is the ``track_id``, and the colour of number and mask stays with it.

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
    numbers = range(len(landmarks)) if landmarks.track_id is None else landmarks.track_id.tolist()
    for number, mask in zip(numbers, landmarks.mask or (), strict=False):
        _tint(picture, mask, _COLOURS[number % len(_COLOURS)], style.mask)
    people = list(landmarks)
    # Faint things first and as one layer, so that they do not cover, nor add up.
    touched = _touched(picture, people, style)
    before = picture[touched].copy()
    for person in people:
        _draw_person(picture, person, style, sure=False)
    if before.size:
        picture[touched] = cv2.addWeighted(picture[touched], style.faint, before, 1 - style.faint, 0)
    for person in people:
        _draw_person(picture, person, style, sure=True)
        _draw_number(picture, person, style)
    return picture


def _touched(picture: NDArray[np.uint8], people: list[Landmarks], style: Style) -> tuple[slice, slice]:
    """Return the rows and columns that what is drawn faintly can touch."""
    corners = []
    for person in people:
        known, confident = _known(person, style)
        # A faint limb may end in a confident point.
        if (faint := known & ~confident).any():
            ends = {point for edge in person.skeleton.edges if faint[list(edge)].any() for point in edge}
            reached = [point for point in {*np.flatnonzero(faint).tolist(), *ends} if known[point]]
            # The thickest rim, and what anti-aliasing adds.
            rim = 2.5 * max(_widths(person, min(picture.shape[:2]) * style.width)) + 4
            points = np.clip(person.xy[0, reached], -_FAR, _FAR)
            corners += [points.min(axis=0) - rim, points.max(axis=0) + rim]
    if not corners:
        return slice(0), slice(0)
    x0, y0 = np.floor(np.min(corners, axis=0)).clip(0).astype(int).tolist()
    x1, y1 = np.ceil(np.max(corners, axis=0)).clip(0).astype(int).tolist()
    return slice(y0, y1), slice(x0, x1)


_COLOURS: tuple[Colour, ...] = (
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
    known, confident = _known(person, style)
    if not (known if sure else known & ~confident).any():
        return
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


def _known(person: Landmarks, style: Style) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which points there are, and which of these are not to be drawn faintly."""
    known: NDArray[np.bool_] = np.isfinite(person.xy[0]).all(axis=1)
    return known, known if person.score is None else known & (person.score[0] >= style.min_score)


def _draw_number(picture: NDArray[np.uint8], person: Landmarks, style: Style) -> None:
    """Write the person's number over the highest point, in a colour that the number keeps."""
    known = np.isfinite(person.xy[0]).all(axis=1)
    if person.track_id is None or not known.any():
        return
    number = int(person.track_id[0])
    points = person.xy[0][known].clip(-_FAR, _FAR)
    x, y = points[points[:, 1].argmin()].tolist()
    width = max(_widths(person, min(picture.shape[:2]) * style.width))
    size, thickness = 0.35 + 0.09 * width, max(1, round(0.4 * width))
    (across, _), _ = cv2.getTextSize(str(number), _FONT, size, thickness)
    # Above the head, and inside the picture while the person is.
    place = (round(x - across / 2), round(max(y - 8 * width, 26 * size) if y >= 0 else y))
    rim = thickness + 2 * max(2, round(0.4 * width))
    cv2.putText(picture, str(number), place, _FONT, size, style.outline, rim, cv2.LINE_AA)
    colour = _COLOURS[number % len(_COLOURS)]
    cv2.putText(picture, str(number), place, _FONT, size, colour, thickness, cv2.LINE_AA)


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
