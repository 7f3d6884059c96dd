"""A real photo, and a task with the original's default options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vitruvian.mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def photo(eval_photos: Path) -> Path:
    return eval_photos / "coco_000000000785.jpg"


@pytest.fixture(scope="session")
def landmarker(lite_bundle: Path) -> Iterator[PoseLandmarker]:
    with PoseLandmarker.create_from_model_path(lite_bundle) as task:
        yield task
