"""People who walk past each other, cut out of photos: whether a stream still knows who is who."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import cv2
import numpy as np
from photos import BUNDLE, DATA

from vitruvian import pose, read_image
from vitruvian.testing import Actor, Appearance, Scene, cut_out, identity_switches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian import Frame, Landmarks, Pipeline

    Seen = Sequence[tuple[Landmarks, list[Appearance]]]

__all__ = ["CUT_OUT", "Crossing", "crossings", "cut_outs", "enough", "ground", "print_crossings"]

CUT_OUT = {
    "skier": "coco_000000000785.jpg",
    "walker": "mpi_inf_3dhp_TS1_002001.jpg",
    "woman": "h36m_S1_Directions_1.54138969_000001.jpg",
    "player": "aic_ff945ae2e729f24eea992814639d59b3bdec8bd8.jpg",
}
"""Who walks."""

_SIZE = (1280, 720)
_FPS = 30
_SECONDS = 4
_TALL = ((400.0, 400.0), (450.0, 375.0), (375.0, 450.0))  # pixels; one a fifth larger than the other
_HIDDEN = 0.05  # share of a person that may be seen who is out of sight
_LEAST_HIDDEN = 10  # frames
_PILLAR = 260  # pixels

_CLEARED = 3  # scenes with a pillar that must come out without a switch


@dataclass(frozen=True)
class Crossing:
    """Two people who walk past each other.

    Attributes:
        names: Who walks to the right, who to the left.
        tall: Their heights in pixels.
        pillar: Whether they meet out of sight.
        hidden: Frames for which each of them cannot be seen, the smaller number.
        switches: How often somebody's identity changed.
        found: How often somebody was found who could be told from the other.
        visible: How often there was such a person.
        returned: Whether both were found in the first second and in the last one.
    """

    names: tuple[str, str]
    tall: tuple[float, float]
    pillar: bool
    hidden: int
    switches: int
    found: int
    visible: int
    returned: bool

    @property
    def cleared(self) -> bool:
        """Whether both were out of sight for long enough, came back, and were always told apart."""
        return self.hidden >= _LEAST_HIDDEN and self.returned and not self.switches


def crossings(bundle: Path = BUNDLE) -> list[Crossing]:
    """Let everybody walk past everybody, in both directions, in the open and behind a pillar."""
    looks = cut_outs(bundle)
    rows = []
    with pose(bundle) as pipeline:
        for index, pair in enumerate(combinations(CUT_OUT, 2)):
            for turn, names in enumerate((pair, pair[::-1])):
                tall = _TALL[(index + 2 * turn) % len(_TALL)]
                walkers = _walkers([looks[name] for name in names], tall)
                for pillar in (False, True):
                    seen = _seen(pipeline, [*walkers, _post()] if pillar else walkers)
                    rows.append(_crossing(names, tall, seen, pillar=pillar))
    return rows


def cut_outs(bundle: Path = BUNDLE) -> dict[str, NDArray[np.uint8]]:
    """Return who walks: (h, w, 4) uint8 RGBA each."""
    with pose(bundle, num_poses=1, masks=True, search="fast") as pipeline:
        photos = {name: read_image(DATA / "eval" / "images" / file) for name, file in CUT_OUT.items()}
        return {name: cut_out(photo, pipeline.estimate(photo)) for name, photo in photos.items()}


def ground(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a background of soft colours, in which nobody is: (height, width, 3) uint8 RGB."""
    coarse = np.random.default_rng(0).integers(60, 190, (9, 16, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def enough(rows: Sequence[Crossing]) -> bool:
    """Return whether enough pairs met behind the pillar and stayed who they were."""
    return sum(row.pillar and row.cleared for row in rows) >= _CLEARED


def print_crossings(rows: Sequence[Crossing]) -> None:
    """Print a line for each scene, and the sums of each kind."""
    print("\nidentities of people who walk past each other (MediaPipe returns none)")
    print(f"  {'to the right, to the left':25}  {'tall':>8}  hidden  switches  found of visible")
    for pillar, title in ((False, "in the open"), (True, "behind a pillar")):
        kind = [row for row in rows if row.pillar == pillar]
        print(title)
        for row in kind:
            print(
                f"  {', '.join(row.names):25}  {row.tall[0]:3.0f}, {row.tall[1]:3.0f}  {row.hidden:6}  "
                f"{row.switches:8}  {row.found:5} of {row.visible:3}{'' if row.returned else '  one lost'}"
            )
        switches, found, visible = (
            sum(getattr(row, name) for row in kind) for name in ("switches", "found", "visible")
        )
        print(
            f"  all {len(kind)}: {switches} switches, found {found} of {visible}, "
            f"without a switch {sum(not row.switches and row.returned for row in kind)}"
        )
    cleared = sum(row.pillar and row.cleared for row in rows)
    print(
        f"out of sight for {_LEAST_HIDDEN} frames or more and back without a switch: {cleared}; "
        f"mark {_CLEARED}: {'reached' if enough(rows) else 'MISSED'}"
    )


def _walkers(looks: Sequence[NDArray[np.uint8]], tall: tuple[float, float]) -> list[Actor]:
    """Return two people on their way from one side to the other; the second one is nearer."""
    left, right = 150, _SIZE[0] - 150
    speed = (right - left) / _SECONDS
    return [
        Actor([looks[0]], lambda t: (left + speed * t, 400 + 6 * math.sin(9 * t), tall[0])),
        Actor([looks[1]], lambda t: (right - speed * t, 410 + 6 * math.sin(8 * t), tall[1])),
    ]


def _post() -> Actor:
    stone = np.random.default_rng(1).integers(70, 110, (_SIZE[1], _PILLAR, 3)).astype(np.uint8)
    stone = np.asarray(cv2.GaussianBlur(stone, (0, 0), 3), np.uint8)
    look = np.dstack([stone, np.full(stone.shape[:2], 255, np.uint8)])
    return Actor([look], lambda _: (_SIZE[0] / 2, _SIZE[1] / 2, _SIZE[1]))


def _seen(pipeline: Pipeline, actors: Sequence[Actor]) -> Seen:
    """Return who is found in each frame, and where the two really are."""
    truth: list[list[Appearance]] = []

    def frames() -> Iterator[Frame]:
        for frame, appearances in Scene(ground(_SIZE), actors, _FPS).frames(_SECONDS * _FPS):
            truth.append(appearances[:2])
            yield frame

    return [(people, truth[-1]) for _, people in pipeline.stream(frames())]


def _crossing(names: tuple[str, str], tall: tuple[float, float], seen: Seen, *, pillar: bool) -> Crossing:
    switches, found, visible = identity_switches(seen)
    return Crossing(
        names,
        tall,
        pillar,
        hidden=min(sum(truth[actor].visible < _HIDDEN for _, truth in seen) for actor in (0, 1)),
        switches=switches,
        found=found,
        visible=visible,
        returned=all(
            identity_switches([(people, [truth[actor]]) for people, truth in part])[1]
            for part in (seen[:_FPS], seen[-_FPS:])
            for actor in (0, 1)
        ),
    )
