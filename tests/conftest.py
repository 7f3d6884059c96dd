"""What tests share: the real bundle, the golden arrays and the labelled photos, where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

import vitruvian
from vitruvian import weights

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
    with vitruvian.pose(lite_bundle, num_poses=1) as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def full_files():
    """The default networks; fetched by pip at the first run."""
    return weights.load("full")


@pytest.fixture(scope="session")
def full(full_files):
    with vitruvian.pose(full_files) as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """A real photograph that every machine has: NASA, public domain, from the demo extra."""
    return Path(data.__file__).parent / "astronaut.png"


@pytest.fixture(scope="session")
def astronaut_people(full, astronaut):
    return full.estimate(vitruvian.read_image(astronaut))
