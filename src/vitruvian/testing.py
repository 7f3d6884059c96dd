"""Scenes whose truth is known: people cut out of photographs, moved along paths over a background.

For measuring what no labelled video shows: identities through crossings, steadiness of somebody who stands
still, the time until a newcomer is found. The people are real pixels; only their paths are made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vitruvian.arrays import check_array
from vitruvian.errors import OptionError
from vitruvian.frame import Frame, Stamp
from vitruvian.models.nms import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = ["Actor", "Appearance", "Scene", "cut_out", "identity_switches"]

Box = tuple[float, float, float, float]

_SHOWN = 0.9  # share of an actor that must be visible for their identity to be asked for
_HIT = 0.3  # least overlap of a box with the actor's
_CLOSE = 0.2  # overlap of two actors from which on their boxes cannot tell who is who


@dataclass(frozen=True, eq=False)
class Actor:
    """Somebody who moves through a scene.

    Attributes:
        looks: (h, w, 4) uint8 RGBA each, shown in turns; ``cut_out`` makes them.
        path: From a time in seconds to x and y of the actor's middle, and their height, in pixels.
        rate: Looks per second.
    """

    looks: Sequence[NDArray[np.uint8]]
    path: Callable[[float], tuple[float, float, float]]
    rate: float = 10.0


@dataclass(frozen=True)
class Appearance:
    """Where an actor is in a frame.

    Attributes:
        box: x0, y0, x1, y1 in pixels.
        visible: Share of the actor that nobody covers and that is inside the picture, 0 to 1.
    """

    box: Box
    visible: float


@dataclass(frozen=True, eq=False)
class Scene:
    """A background and the actors before it; later ones are nearer.

    Attributes:
        background: (H, W, 3) uint8 RGB.
        actors: From far to near.
        fps: Frames per second.
        noise: Standard deviation of the sensor's noise, in levels.
        seed: Of the noise.
    """

    background: NDArray[np.uint8]
    actors: Sequence[Actor]
    fps: float = 30.0
    noise: float = 2.0
    seed: int = 0

    def frames(self, count: int) -> Iterator[tuple[Frame, list[Appearance]]]:
        """Yield this many frames, each with where the actors are in it."""
        random = np.random.default_rng(self.seed)
        height, width = self.background.shape[:2]
        # One field of noise, shifted by chance: a fresh one would take longer than all the rest.
        noise = random.normal(0, self.noise, (2 * height, 2 * width, 3)).astype(np.float32)
        for index in range(count):
            picture, appearances = self._drawn(index / self.fps)
            down, across = random.integers((height, width)).tolist()
            picture += noise[down : down + height, across : across + width]
            pixels = np.rint(picture).clip(0, 255).astype(np.uint8)
            yield Frame(pixels, Stamp("scene", width, height, index, index / self.fps)), appearances

    def _drawn(self, time: float) -> tuple[NDArray[np.float32], list[Appearance]]:
        picture = self.background.astype(np.float32)
        shares: list[NDArray[np.float32]] = []
        boxes = []
        for actor in self.actors:
            look, place = actor.looks[int(time * actor.rate) % len(actor.looks)], actor.path(time)
            box, part, placed = _placed(look, place, picture.shape[1::-1])
            alpha = placed[..., 3] / 255
            picture[part] += (placed[..., :3] - picture[part]) * alpha[..., None]
            for share in shares:
                share[part] *= 1 - alpha
            shares.append(np.zeros(picture.shape[:2], np.float32))
            shares[-1][part] = alpha
            boxes.append((box, float(look[..., 3].mean()) / 255 * _area(box)))
        return picture, [
            Appearance(box, float(share.sum()) / max(full, 1e-9))
            for (box, full), share in zip(boxes, shares, strict=True)
        ]


def cut_out(frame: Frame, person: Landmarks) -> NDArray[np.uint8]:
    """Cut somebody out of a picture by their mask: (h, w, 4) uint8 RGBA.

    Raises:
        OptionError: It is not one person with a mask.
    """
    if len(person) != 1 or person.mask is None:
        raise OptionError("person: one person with a mask; make the pipeline with masks=True")
    mask = person.mask[0].image(frame.stamp.width, frame.stamp.height)
    rows, columns = np.nonzero(mask > 0.5)
    if not len(rows):
        raise OptionError("person: the mask is empty")
    part = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    return np.dstack([frame.pixels, np.rint(mask * 255).astype(np.uint8)])[part]


def identity_switches(
    frames: Iterable[tuple[Landmarks, Sequence[Appearance]]],
) -> tuple[int, int, int]:
    """Count how often an actor's identity changes.

    Boxes and actors are paired, the largest overlap (intersection over union) first, down to 0.3. An actor
    counts who is at least 90 % visible, and whose box no other actor's overlaps by more than a fifth: closer
    than that, boxes cannot tell who is who.

    Returns:
        Changes of identity; how often an actor who counts was found; how often there was one to find.

    Raises:
        ArrayError: Landmarks carry no identities.
    """
    identity: dict[int, int] = {}
    counts: Counter[str] = Counter()
    for people, appearances in frames:
        names = check_array("track_id", people.track_id, ("N",), np.int64).tolist()
        found = _paired(people.box.tolist(), [appearance.box for appearance in appearances])
        for actor, appearance in enumerate(appearances):
            others = [other.box for other in appearances if other is not appearance]
            if appearance.visible < _SHOWN or (_overlaps(appearance.box, others) > _CLOSE).any():
                continue
            counts["visible"] += 1
            if actor in found:
                name = names[found[actor]]
                counts["found"] += 1
                counts["switches"] += identity.setdefault(actor, name) != name
                identity[actor] = name
    return counts["switches"], counts["found"], counts["visible"]


def _paired(boxes: Sequence[Sequence[float]], actors: Sequence[Box]) -> dict[int, int]:
    """Return for each actor who has one their box."""
    pairs = sorted(
        (
            (shared, actor, row)
            for actor, theirs in enumerate(actors)
            for row, shared in enumerate(_overlaps(theirs, boxes).tolist())
        ),
        reverse=True,
    )
    found: dict[int, int] = {}
    for shared, actor, row in pairs:
        if shared >= _HIT and actor not in found and row not in found.values():
            found[actor] = row
    return found


def _placed(
    look: NDArray[np.uint8], place: tuple[float, float, float], size: tuple[int, int]
) -> tuple[Box, tuple[slice, slice], NDArray[np.float32]]:
    """Draw an actor at a place between pixels.

    Returns:
        The actor's box; the part of the picture in which they are; (h, w, 4) float32, how they look there.
    """
    x, y, tall = place
    scale = tall / look.shape[0]
    wide = look.shape[1] * scale
    box = x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2
    low = [min(max(int(edge) - 1, 0), most) for edge, most in zip(box[:2], size, strict=True)]
    high = [
        min(max(int(edge) + 2, least), most) for edge, least, most in zip(box[2:], low, size, strict=True)
    ]
    shift = np.array([[scale, 0, box[0] - low[0]], [0, scale, box[1] - low[1]]])
    source = look.astype(np.float32)
    if scale < 1:  # sampling alone would alias
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.4 / scale), np.float32)
    inside = high[0] - low[0], high[1] - low[1]
    drawn = np.zeros((inside[1], inside[0], 4), np.float32)
    if drawn.size:
        drawn = np.asarray(cv2.warpAffine(source, shift, inside, flags=cv2.INTER_LINEAR), np.float32)
    return box, (slice(low[1], high[1]), slice(low[0], high[0])), drawn


def _area(box: Sequence[float]) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _overlaps(box: Box, boxes: Sequence[Sequence[float]]) -> NDArray[np.floating]:
    return overlaps(np.array(box), np.array(boxes, np.float64).reshape(-1, 4))
