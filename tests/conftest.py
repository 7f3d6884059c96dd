"""What tests share: the real bundle, the golden arrays and the labelled photos, where they are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import vitruvian
from vitruvian import Landmarks, Regions, Skeleton, weights
from vitruvian.following import Stages, follow_bodies

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {path}, which only the project's own machines have")
    return path


@pytest.fixture(scope="session")
def lite_bundle() -> Path:
    return _shared("models", "pose_landmarker_lite.task")


@pytest.fixture(scope="session")
def eval_photos() -> Path:
    return _shared("data", "eval", "images")


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    with np.load(_shared("specs", "golden_pose_lite.npz")) as file:
        return dict(file)


@pytest.fixture(
    params=["coco_000000000785", "h36m_S1_Directions_1.54138969_000001", "mhp_10084", "mpii_005808361"]
)
def golden_photo(request) -> str:
    """Name of a photo that has golden arrays for every stage."""
    return request.param


@pytest.fixture(scope="session")
def lite(lite_bundle):
    """The pipeline of the original's defaults: one person, lite networks."""
    with vitruvian.pose(lite_bundle, num_poses=1, search="fast") as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def full_files():
    """The default networks; fetched by pip at the first run."""
    return weights.load("full")


@pytest.fixture(scope="session")
def full(full_files):
    with vitruvian.pose(full_files, search="fast") as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def hand_photos() -> Path:
    return _shared("data", "hands")


@pytest.fixture(scope="session")
def hand_clip() -> Path:
    return _shared("data", "clips", "hand_open_palm.mp4")


@pytest.fixture(scope="session")
def hand_bundle() -> Path:
    return _shared("models", "hand_landmarker.task")


@pytest.fixture(scope="session")
def hands_files():
    """The default hand networks; fetched by pip at the first run."""
    return weights.load("full", task="hands")


@pytest.fixture(scope="session")
def hands_full(hands_files):
    with vitruvian.hands(hands_files, search="fast") as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """A real photograph that every machine has: NASA, public domain, from the demo extra."""
    return Path(data.__file__).parent / "astronaut.png"


@pytest.fixture(scope="session")
def astronaut_people(full, astronaut):
    return full.estimate(vitruvian.read_image(astronaut))


class World:
    """People at known places.

    The detector finds them, or what ``detected`` says; the network reads whoever is near a region's middle.
    """

    skeleton = Skeleton.named("body33")

    def __init__(self):
        self.people: list[tuple[float, float]] = []
        self.detected: list[tuple[float, float]] | None = None
        self.looks = 0
        self.reads: list[int] = []

    def look(self, frames):
        self.looks += 1
        return [_square_regions(*(self.people if self.detected is None else self.detected)) for _ in frames]

    def read(self, _, regions):
        self.reads += [len(each) for each in regions]
        return [self._landmarks(each) for each in regions]

    def _landmarks(self, regions):
        near = [self._nearest(x, y) for x, y in regions.centre.tolist()]
        rows = [i for i, person in enumerate(near) if person is not None]
        spread = np.linspace(-15, 15, 33, dtype=np.float32)
        xy = np.array(
            [np.stack([near[i][0] + spread / 2, near[i][1] + spread], axis=1) for i in rows], np.float32
        )
        xy = xy.reshape(-1, 33, 2)
        middle = xy.mean(axis=1)
        above = middle - np.array([0, 16], np.float32)
        box = np.concatenate([xy.min(axis=1, initial=1e9), xy.max(axis=1, initial=-1e9)], axis=1)
        ones = np.ones((len(rows), 33), np.float32)
        return Landmarks(
            self.skeleton,
            xy,
            box,
            regions.score if len(rows) == len(regions) else regions.score[rows],  # handed on, as Sapiens does
            score=ones,
            depth=0 * ones,
            world=np.zeros((len(rows), 33, 3), np.float32),
            auxiliary=np.stack([middle, above], axis=1),
            region=np.array(rows, np.int64),
        )

    def _nearest(self, x, y):
        best = min(self.people, key=lambda p: np.hypot(p[0] - x, p[1] - y), default=None)
        return best if best is not None and np.hypot(best[0] - x, best[1] - y) < 15 else None

    @property
    def stages(self):
        return Stages(self.look, self.read, follow_bodies, self.skeleton)


def _square_regions(*centres):
    count = len(centres)
    return Regions(
        np.array(centres, np.float32).reshape(count, 2),
        np.full((count, 2), 40, np.float32),
        np.zeros(count, np.float32),
        np.ones(count, np.float32),
    )


@pytest.fixture
def world():
    return World()


@pytest.fixture
def spoilt():
    """Note down the identities and places of a result, and overwrite all its columns."""

    def spoil(people):
        seen = people.track_id.tolist(), people.xy.copy()
        for field in fields(people):
            if isinstance(column := getattr(people, field.name), np.ndarray):
                column[...] = -7
        return seen

    return spoil
