"""People that tests of sinks write."""

from __future__ import annotations

import numpy as np
import pytest

from vitruvian import Frame, Landmarks, Provenance, Skeleton, Stamp

F32 = np.float32


@pytest.fixture
def model() -> Provenance:
    return Provenance("full", ("00", "11"), "openvino 1 cpu f32")


@pytest.fixture
def people_of():
    """Make seeded people with these track ids, every column there."""

    def make(*ids: int, seed: int = 0) -> Landmarks:
        rng = np.random.default_rng(seed)
        count = len(ids)
        xy = (rng.random((count, 33, 2)) * 400).astype(F32)
        box = np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)
        score, presence, depth = rng.random((3, count, 33)).astype(F32)
        return Landmarks(
            Skeleton.named("body33"),
            xy,
            box,
            rng.random(count).astype(F32),
            score=score,
            presence=presence,
            depth=depth,
            world=rng.normal(size=(count, 33, 3)).astype(F32),
            followed=np.ones(count, bool),
            track_id=np.array(ids, np.int64),
        )

    return make


@pytest.fixture
def frame_at():
    """Make the frame of an index, 25 a second or at a time."""

    def make(index: int, time: float | None = None) -> Frame:
        time = index / 25 if time is None else time
        return Frame(np.zeros((4, 6, 3), np.uint8), Stamp("clip.mp4", 6, 4, index=index, time=time))

    return make
