"""Landmarks into pixels; pure: the picture that comes in stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vitruvian.arrays import check_array, copied
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
        middle: What belongs to neither side, such as the palm of a hand without its person.
        fingers: From the thumb to the little finger; told apart by the colour-blind too.
        outline: Around everything, so that it shows on bright ground as on dark.
        width: Of a limb, as a fraction of the picture's shorter side; who is small in the picture gets
            thinner limbs.
        thickness: Of a limb in pixels, in the place of ``width``; hands and faces get it at most.
        radius: Of a point in pixels; by default it goes with the limbs. Points of hands and faces get it at
            most, so that they stay apart.
        min_score: Points below it, and limbs that end in one, are drawn faintly. A point without a score is
            not.
        faint: How much of a faint limb shows, from 0 to 1.
        mask: How much of a mask's colour shows, from 0 to 1.

    Raises:
        OptionError: A fraction is outside 0 to 1, or something in pixels below 1.
    """

    left: Colour = (255, 138, 30)
    right: Colour = (40, 190, 255)
    middle: Colour = (245, 245, 245)
    fingers: tuple[Colour, Colour, Colour, Colour, Colour] = (
        (224, 36, 10),
        (255, 194, 4),
        (4, 200, 118),
        (116, 92, 236),
        (222, 77, 167),
    )
    outline: Colour = (20, 22, 28)
    width: float = 0.007
    thickness: float | None = None
    radius: float | None = None
    min_score: float = 0.5
    faint: float = 0.35
    mask: float = 0.4

    def __post_init__(self) -> None:
        """Refuse fractions that are none, and what is too small to be seen."""
        for name in ("width", "faint", "mask"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("min_score", self.min_score, 0)  # peaks of heat maps may be above 1
        for name in ("thickness", "radius"):
            if (pixels := getattr(self, name)) is not None:
                check_number(name, pixels, 1)


def draw_landmarks(
    pixels: NDArray[np.uint8], landmarks: Landmarks, style: Style | None = None
) -> NDArray[np.uint8]:
    """Draw everybody's skeleton, and mask and label where there are such, over a picture.

    In a stream the label is the ``track_id``, and the colour of label and mask stays with it. A hand's label
    begins with ``left`` or ``right``, the person's own.

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
    picture = copied(check_array("pixels (RGB)", pixels, ("H", "W", 3), np.uint8))
    numbers = range(len(landmarks)) if landmarks.track_id is None else landmarks.track_id.tolist()
    for number, mask in zip(numbers, landmarks.mask or (), strict=False):
        _tint(picture, mask, _COLOURS[number % len(_COLOURS)], style.mask)
    people = list(landmarks)
    if style.faint:
        _draw_faintly(picture, people, style)
    for person in people:
        _draw_person(picture, person, style, sure=True)
        _draw_label(picture, person, style)
    return picture


def _draw_faintly(picture: NDArray[np.uint8], people: list[Landmarks], style: Style) -> None:
    """Draw what is uncertain, first and as one layer, so that it does not cover, nor add up."""
    touched = _touched(picture, people, style)
    before = picture[touched].copy()
    for person in people:
        _draw_person(picture, person, style, sure=False)
    if before.size:
        picture[touched] = cv2.addWeighted(picture[touched], style.faint, before, 1 - style.faint, 0)


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
            rim = 2.5 * max(*_widths(picture, person, style), style.radius or 0) + 4
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


_DENSE_PARTS = frozenset({"head", "face", "left_hand", "right_hand"})
_CENTRED = "centre"  # how the convention of a skeleton begins whose pixels have their middle at whole numbers
_LEAST_RADIUS = 0.6  # pixels, of a point in a crowd
_APART = 3  # pixels: where the points of a crowd are closer, one of them stands for several
_STANDING_IN = "_fingers_of_body"
_FINGERS = ("thumb", "index_finger", "middle_finger", "ring_finger", "pinky")


@dataclass(frozen=True)
class _Plan:
    """What the parts of a skeleton mean for its looks.

    Attributes:
        sides: ``left``, ``right`` or nothing for each point.
        fingers: For each point its place in ``_FINGERS``, or ``None``.
        dense: Points that are close together.
        hands: The points of each hand that has fingers.
        joints: Points of hands that an arm ends in as well.
        crowds: The points of each part of a face.
        standing_in: Points of a body that stand in for a hand, and the points of that.
    """

    sides: tuple[str, ...]
    fingers: tuple[int | None, ...]
    dense: frozenset[int]
    hands: tuple[tuple[int, ...], ...]
    joints: frozenset[int]
    crowds: tuple[tuple[int, ...], ...]
    standing_in: tuple[tuple[list[int], list[int]], ...]

    def colour(self, start: int, end: int, style: Style) -> Colour:
        """Return the colour of a limb, or of a point, where a limb of no length ends."""
        finger = self.fingers[start]
        if finger is not None and finger == self.fingers[end]:
            return style.fingers[finger]
        side = self.sides[start]
        if side != self.sides[end]:
            return style.middle
        return {"left": style.left, "right": style.right}.get(side, style.middle)


@cache
def _plan(skeleton: Skeleton) -> _Plan:
    sides = [""] * len(skeleton)
    fingers: list[int | None] = [None] * len(skeleton)
    for part, points in skeleton.parts.items():
        side = part.split("_")[0]
        # A hand that is a part of somebody has parts such as left_hand_thumb.
        finger = next((i for i, name in enumerate(_FINGERS) if part.endswith(name)), None)
        for point in points:
            sides[point] = side if side in {"left", "right"} else sides[point]
            fingers[point] = fingers[point] if finger is None else finger
    parts = skeleton.parts
    groups = {part: parts[part] for part in _DENSE_PARTS & parts.keys()}
    hands = [points for points in groups.values() if any(fingers[point] is not None for point in points)]
    if not hands and any(finger is not None for finger in fingers):
        hands = [tuple(range(len(skeleton)))]
    # A part that lies in such a group, such as the palm or an eyebrow, leads nowhere else.
    inner = {name for name, points in parts.items() if any(set(points) <= {*g} for g in groups.values())}
    elsewhere = {point for part, points in parts.items() if part not in inner for point in points}
    faces = [points for points in groups.values() if points not in hands]
    dense = {*sum(faces, ())} - elsewhere
    crowds = [parts[name] for name in inner - groups.keys() if set(parts[name]) <= dense]
    joints = {*sum(groups.values(), ())} & elsewhere
    rough = {part: list(points) for part, points in parts.items() if part.endswith(_STANDING_IN)}
    instead = [(points, list(parts[f"{part.split('_')[0]}_hand"])) for part, points in rough.items()]
    dense.update(*rough.values())
    return _Plan(
        tuple(sides),
        tuple(fingers),
        frozenset(dense),
        tuple(hands),
        frozenset(joints),
        tuple(crowds),
        tuple(instead),
    )


def _draw_person(picture: NDArray[np.uint8], person: Landmarks, style: Style, *, sure: bool) -> None:
    known, confident = _known(person, style)
    if not (known if sure else known & ~confident).any():
        return
    plan, widths = _plan(person.skeleton), _widths(picture, person, style)
    # OpenCV draws with the middle of a pixel at whole numbers.
    shift = 0.0 if person.skeleton.convention.startswith(_CENTRED) else 0.5
    exact = np.nan_to_num(person.xy[0]).clip(-_FAR, _FAR) - shift
    points = np.rint(exact * (1 << _SHIFT)).astype(int).tolist()
    limbs = [
        (points[a], points[b], plan.colour(a, b, style), min(widths[a], widths[b]))
        for a, b in person.skeleton.edges
        if known[a] and known[b] and (confident[a] and confident[b]) == sure
    ]
    for start, end, _, width in limbs:
        _line(picture, start, end, style.outline, width + 2 * _rim(width))
    for start, end, colour, width in limbs:
        _line(picture, start, end, colour, width)
    radii, rims = _radii(person, widths, style)
    shown = _told_apart(person, np.flatnonzero(known & (confident == sure)).tolist())
    for i in shown:
        _disc(picture, points[i], style.outline, radii[i] + rims[i])
    for i in shown:
        _disc(picture, points[i], plan.colour(i, i, style), radii[i])


def _known(person: Landmarks, style: Style) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which points there are, and which of these are not to be drawn faintly."""
    known: NDArray[np.bool_] = np.isfinite(person.xy[0]).all(axis=1)
    for rough, hand in _plan(person.skeleton).standing_in:
        known[rough] &= not known[hand].any()
    return known, known if person.score is None else known & ~(person.score[0] < style.min_score)


def _draw_label(picture: NDArray[np.uint8], person: Landmarks, style: Style) -> None:
    """Write number and side, in a colour that the number keeps."""
    known = np.isfinite(person.xy[0]).all(axis=1)
    number = None if person.track_id is None else int(person.track_id[0])
    words = [*_side(person), *([] if number is None else [str(number)])]
    if not words or not known.any():
        return
    text, colour = " ".join(words), style.middle if number is None else _COLOURS[number % len(_COLOURS)]
    width = max(_widths(picture, person, style))
    size, thickness = 0.35 + 0.09 * width, max(1, round(0.4 * width))
    (across, high), _ = cv2.getTextSize(text, _FONT, size, thickness)
    place = _beside_hand if _side(person) else _over_head
    left, bottom = place(person, known, 8 * width, (across, high))
    rim = thickness + 2 * max(2, round(0.4 * width))
    if (person.box[0, 2:] >= 0).all() and (person.box[0, :2] <= picture.shape[1::-1]).all():
        # Inside the picture while the person is.
        left = min(max(left, rim), max(rim, picture.shape[1] - across - rim))
        bottom = min(max(bottom, high + rim), picture.shape[0] - rim)
    corner = (round(left), round(bottom))
    cv2.putText(picture, text, corner, _FONT, size, style.outline, rim, cv2.LINE_AA)
    cv2.putText(picture, text, corner, _FONT, size, colour, thickness, cv2.LINE_AA)


def _side(person: Landmarks) -> list[str]:
    if person.handedness is None or np.isnan(person.handedness[0]):
        return []
    return ["right" if person.handedness[0] > 0.5 else "left"]


def _over_head(
    person: Landmarks, known: NDArray[np.bool_], gap: float, text: tuple[int, int]
) -> tuple[float, float]:
    """Return the lower left corner of a text over the highest point."""
    points = person.xy[0][known].clip(-_FAR, _FAR)
    x, y = points[points[:, 1].argmin()].tolist()
    return x - text[0] / 2, y - gap


def _beside_hand(
    person: Landmarks, known: NDArray[np.bool_], gap: float, text: tuple[int, int]
) -> tuple[float, float]:
    """Return the lower left corner of a text behind the wrist, where the hand hides nothing of it."""
    points = person.xy[0].clip(-_FAR, _FAR)
    root = points[known][0]
    away = root - points[known].mean(axis=0)
    away /= max(1.0, float(np.hypot(*away)))
    # Far enough that the text's own half-axis in this direction fits in.
    reach = gap / 2 + abs(away[0]) * text[0] / 2 + abs(away[1]) * text[1] / 2
    x, y = (root + away * reach).tolist()
    return x - text[0] / 2, y + text[1] / 2


def _line(picture: NDArray[np.uint8], start: list[int], end: list[int], colour: Colour, width: float) -> None:
    cv2.line(picture, start, end, colour, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _disc(picture: NDArray[np.uint8], centre: list[int], colour: Colour, radius: float) -> None:
    cv2.circle(picture, centre, round(radius * (1 << _SHIFT)), colour, -1, cv2.LINE_AA, _SHIFT)


def _widths(picture: NDArray[np.uint8], person: Landmarks, style: Style) -> list[float]:
    """Return the limb width at each point: thin for who is small, and where points are dense."""
    plan = _plan(person.skeleton)
    most = style.thickness or min(picture.shape[:2]) * style.width
    width = style.thickness or max(1.0, min(most, 0.016 * _extent(person.box[0].reshape(2, 2))))
    widths = [0.5 * width if point in plan.dense else width for point in range(len(person.skeleton))]
    for hand in plan.hands:
        own = max(1.0, min(most, 0.02 * _extent(person.xy[0, list(hand)])))
        for point in set(hand) - plan.joints:
            widths[point] = own
    return widths


def _radii(person: Landmarks, widths: list[float], style: Style) -> tuple[list[float], list[float]]:
    """Return the radius of each point, and its rim: less where points are dense, and least in crowds."""
    share = 0.85 if style.radius is None else style.radius / max(widths)
    radii, rims = [max(1.0, share * width) for width in widths], [_rim(width) for width in widths]
    for crowd in _plan(person.skeleton).crowds:
        room = max(_LEAST_RADIUS, 0.25 * _spacing(person.xy[0, list(crowd)]))
        for point in crowd:
            radii[point] = min(radii[point], room)
            rims[point] = min(rims[point], 0.4 * room)
    return radii, rims


def _told_apart(person: Landmarks, points: list[int]) -> list[int]:
    """Return the points without those of crowds that lie on others: they would hide a small face."""
    crowds = {point: i for i, crowd in enumerate(_plan(person.skeleton).crowds) for point in crowd}
    cells = np.floor(np.nan_to_num(person.xy[0]).clip(-_FAR, _FAR) / _APART).astype(int).tolist()
    places = {(crowds.get(i, -i - 1), *cells[i]): i for i in reversed(points)}
    return sorted(places.values())


def _spacing(points: NDArray[np.float32]) -> float:
    """Return how far the next point is from most of those that are known; 0 if there are not two."""
    known = points[np.isfinite(points).all(axis=1)].clip(-_FAR, _FAR)
    if len(known) < 2:
        return 0.0
    distances = np.hypot(*(known[:, None] - known).T)
    np.fill_diagonal(distances, np.inf)
    return float(np.median(distances.min(axis=1)))


def _extent(points: NDArray[np.float32]) -> float:
    """Return the longer side of the bounds of the points that are known."""
    known = points[np.isfinite(points).all(axis=1)]
    return float((known.max(axis=0) - known.min(axis=0)).max()) if len(known) else 0.0


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
