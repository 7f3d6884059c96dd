"""The original's arithmetic in plain numbers, hands at known places, and the real networks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from vitruvian import Frame, Landmarks, Skeleton, handpose
from vitruvian.following import HandposeStages
from vitruvian.landmarks import bounds
from vitruvian.models.blazehand import Palms

PALM = [0, 5, 9, 13, 17, 1, 2]

# A left hand, upright, in hundredths of its length: wrist, thumb, index finger, ..., little finger.
SHAPE = np.array(
    [
        *((0, 50), (18, 40), (30, 25), (38, 12), (44, 0)),
        *((14, -2), (16, -22), (17, -34), (18, -44)),
        *((2, -5), (2, -27), (2, -40), (2, -50)),
        *((-9, -3), (-10, -22), (-11, -34), (-12, -43)),
        *((-19, 3), (-21, -11), (-22, -20), (-23, -28)),
    ],
    np.float32,
)


@pytest.fixture
def model(hands_files):
    with handpose.load(hands_files) as model:
        yield model


@pytest.fixture
def open_hand(hand_photos) -> Path:
    return hand_photos / "none_0a0ef3d2.jpg"


class Original:
    """Sections 2.5 to 2.10 in plain numbers."""

    @staticmethod
    def rotation(palm):
        (x0, y0), (x1, y1) = palm[0], palm[2]
        angle = math.pi / 2 - math.atan2(-(y1 - y0), x1 - x0)
        return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))

    @staticmethod
    def square(points, shift, scale):
        """Return centre and side of the shifted, squared, enlarged bounds."""
        xs, ys = [float(p[0]) for p in points], [float(p[1]) for p in points]
        width, height = max(xs) - min(xs), max(ys) - min(ys)
        centre = ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2 + shift * height)
        return centre, max(width, height) * scale

    def fresh(self, box, palm):
        """Return centre, side and rotation of the region around a detected palm."""
        a = self.rotation(palm)
        px, py = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        upright = [self._turned(x - px, y - py, -a, px, py) for x, y in palm]
        (cx, cy), side = self.square(upright, -0.4, 3.0)
        return self._turned(cx - px, cy - py, a, px, py), side, a

    def box(self, points):
        """Return x0, y0, x1, y1 of the square around the landmarks."""
        (cx, cy), side = self.square(points, -0.1, 1.65)
        return (cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2)

    def decoded(self, raw, centre, side, a, pixels):
        """Return the landmarks (x, y) in the picture."""
        return [
            self._turned((x - pixels / 2) * side / pixels, (y - pixels / 2) * side / pixels, a, *centre)
            for x, y in raw
        ]

    @staticmethod
    def overlap(before, now):
        """Return the overlap of section 2.9, slips included."""
        shared = (min(before[2], now[2]) - max(before[0], now[0])) * (
            min(before[3], now[3]) - max(before[1], now[1])
        )
        area = (now[2] - now[0]) * (now[3] - now[1])
        area_before = (before[2] - before[0]) * (before[3] - now[1])
        return shared / (area + area_before - shared)

    @staticmethod
    def _turned(x, y, a, px, py):
        return (px + math.cos(a) * x - math.sin(a) * y, py + math.sin(a) * x + math.cos(a) * y)


@pytest.fixture(scope="session")
def original():
    return Original()


@dataclass
class Stage:
    """Hands at known places; the detector finds them, the network reads whoever is near a region's middle.

    Attributes:
        hands: x, y, size and rotation in radians of each, the detector's best first.
    """

    hands: list[tuple[float, float, float, float]] = field(default_factory=list)
    detected: bool = True
    presence: float = 1.0
    looks: int = 0
    regions: list = field(default_factory=list)

    def points(self, x, y, size, turn):
        back = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        return (SHAPE * size / 100 @ back + (x, y)).astype(np.float32)

    def find(self, frames):
        self.looks += 1
        hands = self.hands if self.detected else []
        points = np.array([self.points(*hand)[PALM] for hand in hands], np.float32).reshape(-1, 7, 2)
        palms = Palms(bounds(points), points, np.linspace(0.99, 0.9, len(hands), dtype=np.float32))
        return [palms for _ in frames]

    def read(self, _, regions):
        self.regions.append(regions[0])
        return [self._read(each) for each in regions]

    def _read(self, regions):
        rows, found = [], []
        for row, (x, y) in enumerate(regions.centre.tolist()):
            near = min(self.hands, key=lambda hand: math.hypot(hand[0] - x, hand[1] - y), default=None)
            if near is not None and math.hypot(near[0] - x, near[1] - y) < near[2]:
                rows.append(row)
                found.append(self.points(*near))
        xy = np.array(found, np.float32).reshape(-1, 21, 2)
        return Landmarks(
            Skeleton.named("hand21"),
            xy,
            box=np.zeros((len(rows), 4), np.float32),
            box_score=np.full(len(rows), self.presence, np.float32),
            depth=np.ones(xy.shape[:2], np.float32),
            region=np.array(rows, np.int64),
        )

    @property
    def stages(self):
        return HandposeStages(self.find, self.read, Skeleton.named("hand21"))


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def picture():
    return Frame.of(np.zeros((480, 640, 3), np.uint8))
