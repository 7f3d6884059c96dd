"""308 points in every kind of file."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from vitruvian import (
    C3dSink,
    CocoSink,
    CsvSink,
    JsonLinesSink,
    JsonSink,
    Landmarks,
    NpzSink,
    ParquetSink,
    Provenance,
    SinkError,
    Skeleton,
    TrcSink,
    read_csv,
    read_json,
    read_jsonl,
    read_npz,
    read_parquet,
)

F32 = np.float32
MANY = Skeleton.named("sapiens308")
MODEL = Provenance("sapiens2-0.4b", ("00", "11"), "torch cpu fp32")


@pytest.fixture
def crowd() -> Landmarks:
    """Two people, of whom one has a point that is nowhere."""
    rng = np.random.default_rng(4)
    xy = (rng.random((2, 308, 2)) * 400).astype(F32)
    box = np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)
    score = rng.random((2, 308)).astype(F32)
    xy[1, 200], score[1, 200] = np.nan, -1
    return Landmarks(
        MANY, xy, box, np.array([0.9, 0.5], F32), score=score, followed=np.ones(2, bool),
        track_id=np.array([3, 5], np.int64),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sink", "read", "ending"),
    [
        (partial(JsonLinesSink, model=MODEL), read_jsonl, "jsonl"),
        (CsvSink, read_csv, "csv"),
        (partial(ParquetSink, model=MODEL), read_parquet, "parquet"),
        (partial(NpzSink, model=MODEL), read_npz, "npz"),
    ],
)
def test_streams_come_back(sink, read, ending, crowd, frame_at, tmp_path):
    place = tmp_path / f"clip.{ending}"
    with sink(place) as opened:
        for index in range(3):
            opened.write(frame_at(index), crowd if index != 1 else crowd[:0])
    recording = read(place)
    assert recording.landmarks.skeleton is MANY
    assert len(recording.stamps) == 3
    assert recording.frame.tolist() == [0, 0, 2, 2]
    for column in ("xy", "box", "score"):
        expected = np.concatenate([getattr(crowd, column)] * 2)
        np.testing.assert_allclose(getattr(recording.landmarks, column), expected, atol=1e-4)
    assert recording.landmarks.track_id.tolist() == [3, 5, 3, 5]


def test_a_still_comes_back(crowd, frame_at, tmp_path):
    with JsonSink(tmp_path / "photo.json", MODEL) as sink:
        sink.write(frame_at(0), crowd)
    back = read_json(tmp_path / "photo.json")
    np.testing.assert_allclose(back.xy, crowd.xy, atol=1e-4)
    first, second = json.loads((tmp_path / "photo.json").read_text())["instances"]
    assert (len(first["keypoints"]), len(first["keypoint_scores"])) == (308, 308)
    assert second["keypoints"][200] == [None, None]


@pytest.mark.parametrize(
    ("skeleton", "count", "unknown"),
    [(None, 308, 0), ("coco133", 133, 18), ("coco17", 17, 0), ("body33", 33, 0)],
)
def test_coco_in_the_skeletons_that_others_know(skeleton, count, unknown, crowd, frame_at, tmp_path):
    with CocoSink(tmp_path / "clip.coco.json", skeleton=skeleton) as sink:
        sink.write(frame_at(0), crowd)
    first, _ = json.loads((tmp_path / "clip.coco.json").read_text())
    assert len(first["keypoints"]) == 3 * count
    assert first["keypoints"][2::3].count(0) == unknown


@pytest.mark.parametrize(("sink", "ending"), [(TrcSink, "trc"), (C3dSink, "c3d")])
def test_motion_capture_needs_metres_and_says_so(sink, ending, crowd, frame_at, tmp_path):
    with pytest.raises(SinkError, match="world"), sink(tmp_path / f"clip.{ending}") as opened:
        opened.write(frame_at(0), crowd)
