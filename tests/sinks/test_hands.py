"""Hands, and people with hands, in every kind of file."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import ezc3d
import numpy as np
import pyarrow.parquet as pq
import pytest

import vitruvian
from vitruvian import (
    C3dSink,
    CocoSink,
    CsvSink,
    JsonLinesSink,
    JsonSink,
    Landmarks,
    NpzSink,
    ParquetSink,
    Skeleton,
    TrcSink,
    read_json,
    read_jsonl,
)

F32 = np.float32
HAND, WHOLE = Skeleton.named("hand21"), Skeleton.named("body75")


@pytest.fixture(scope="session")
def frame(hand_photos):
    return vitruvian.read_image(hand_photos / "none_00c84257.jpg")


@pytest.fixture(scope="session")
def hands(hands_full, frame):
    """A left and a right hand of a photo."""
    return hands_full.estimate(frame)


@pytest.fixture
def some_hands():
    """Make hands of these identities that are right ones with these probabilities."""

    def make(ids: list[int], right: list[float]) -> Landmarks:
        count = len(ids)
        xy = np.random.default_rng(count).random((count, 21, 2)).astype(F32)
        return Landmarks(
            HAND,
            xy,
            np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1),
            np.ones(count, F32),
            world=np.zeros((count, 21, 3), F32),
            handedness=np.array(right, F32),
            track_id=np.array(ids, np.int64),
        )

    return make


@pytest.fixture
def whole():
    """A person whose left hand is unknown; the points of hands have no scores."""
    rng = np.random.default_rng(3)
    xy, world = rng.random((1, 75, 2)).astype(F32) * 100, rng.random((1, 75, 3)).astype(F32)
    score = np.full((1, 75), 0.9, F32)
    score[:, 33:] = np.nan
    box = np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)
    xy[:, 33:54] = world[:, 33:54] = np.nan
    depth = xy[..., 0].copy()
    identity = np.array([4], np.int64)
    return Landmarks(
        WHOLE, xy, box, np.ones(1, F32), score=score, depth=depth, world=world, track_id=identity
    )


def test_json_of_real_hands_reads_back(hands, frame, model, tmp_path):
    with JsonSink(tmp_path / "a.json", model) as sink:
        sink.write(frame, hands)
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["skeleton"] == "hand21"
    for one, right in zip(data["instances"], hands.handedness.tolist(), strict=True):
        assert one["handedness"] == ("right" if right > 0.5 else "left")
        assert one["handedness_score"] == pytest.approx(max(right, 1 - right), abs=1e-6)
        assert (one["keypoint_scores"], one["presence"]) == (None, None)
    back = read_json(tmp_path / "a.json")
    for column in ("xy", "box", "depth", "world", "handedness"):
        np.testing.assert_allclose(getattr(back, column), getattr(hands, column), atol=1e-4)


def test_tables_have_a_column_for_the_side(some_hands, frame_at, model, tmp_path):
    people = some_hands([0, 1], [0.96, 0.04])
    for sink in (
        CsvSink(tmp_path / "a.csv"),
        ParquetSink(tmp_path / "a.parquet", model),
        NpzSink(tmp_path / "a.npz", model),
    ):
        with sink:
            sink.write(frame_at(0), people)
            sink.write(frame_at(1), some_hands([], []))
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["right_hand"] for row in rows] == ["0.96", "0.04", ""]
    assert {row["skeleton"] for row in rows} == {"hand21"}
    assert "pinky_tip_world_z" in rows[0]
    column = pq.read_table(tmp_path / "a.parquet").column("right_hand").to_pylist()
    assert column == [pytest.approx(0.96), pytest.approx(0.04), None]
    with np.load(tmp_path / "a.npz") as file:
        assert file["handedness"].tolist() == people.handedness.tolist()
        assert json.loads(str(file["vitruvian"]))["landmarks"] == list(HAND.landmarks)


def test_coco_says_which_hand_it_is(some_hands, frame_at, tmp_path):
    with CocoSink(tmp_path / "a.json") as sink:
        sink.write(frame_at(0), some_hands([5, 6], [0.75, 0.25]))
    results = json.loads((tmp_path / "a.json").read_text())
    assert [(one["handedness"], one["handedness_score"], one["track_id"]) for one in results] == [
        ("right", 0.75, 5),
        ("left", 0.75, 6),
    ]
    assert all(len(one["keypoints"]) == 63 and one["keypoints"][2] == 2 for one in results)


def _markers(folder, kind, stream, frame_at):
    sinks = {"trc": TrcSink, "c3d": C3dSink}
    with sinks[kind](folder / f"a.{kind}", everyone=True) as sink:
        for i, people in enumerate(stream):
            sink.write(frame_at(i), people)
    names = {}
    for path in folder.glob(f"*.{kind}"):
        if kind == "trc":
            names[path.name] = [name for name in path.read_text().split("\n")[3].split("\t")[2:] if name]
        else:
            names[path.name] = ezc3d.c3d(str(path))["parameters"]["POINT"]["LABELS"]["value"]
    return names


@pytest.mark.parametrize("kind", ["trc", "c3d"])
def test_markers_of_a_hand_have_its_side(kind, some_hands, frame_at, tmp_path):
    # One frame says otherwise, and in another nobody knows.
    stream = [
        some_hands([0, 1], right) for right in ([0.9, 0.1], [0.9, 0.1], [0.2, 0.1], [0.9, float("nan")])
    ]
    names = _markers(tmp_path, kind, stream, frame_at)
    assert names == {
        f"a.0.{kind}": [f"right_{name}" for name in HAND.landmarks],
        f"a.1.{kind}": [f"left_{name}" for name in HAND.landmarks],
    }


@pytest.mark.parametrize("kind", ["trc", "c3d"])
def test_markers_of_a_hand_without_identity_or_side_have_plain_names(kind, some_hands, frame_at, tmp_path):
    for change in ({"track_id": None}, {"handedness": None}):
        names = _markers(tmp_path, kind, [replace(some_hands([0], [0.9]), **change)], frame_at)
        assert set(map(tuple, names.values())) == {HAND.landmarks}


def test_motion_of_real_hands_is_in_millimetres(hands, frame_at, tmp_path):
    one = replace(hands[:1], track_id=np.array([0], np.int64), followed=np.array([False]))
    with C3dSink(tmp_path / "a.c3d") as sink:
        for i in range(3):
            sink.write(frame_at(i), one)
    points = ezc3d.c3d(str(tmp_path / "a.c3d"))["data"]["points"][:3, :, 0].T
    np.testing.assert_allclose(points, one.world[0] * [1000, -1000, -1000], atol=1e-3)
    across = np.linalg.norm(points[:, None] - points[None], axis=2).max()
    assert 60 < across < 250  # as large as a hand is


def test_a_hand_that_is_unknown_is_null_and_reads_back(whole, frame_at, model, tmp_path):
    with JsonLinesSink(tmp_path / "a.jsonl", model) as sink:
        sink.write(frame_at(0), whole)
    (line,) = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    (person,) = line["instances"]
    assert (line["skeleton"], person["handedness"]) == ("body75", None)
    assert person["keypoints"][33] == [None, None]
    assert (person["keypoint_scores"][32], person["keypoint_scores"][60]) == (0.9, None)
    back = read_jsonl(tmp_path / "a.jsonl").landmarks
    for column in ("xy", "score", "depth", "world", "box"):
        np.testing.assert_allclose(getattr(back, column), getattr(whole, column), atol=1e-4)


def test_coco_of_a_hand_that_is_unknown(whole, frame_at, tmp_path):
    with CocoSink(tmp_path / "a.json") as sink:
        sink.write(frame_at(0), whole)
    (result,) = json.loads((tmp_path / "a.json").read_text())
    points = np.array(result["keypoints"]).reshape(75, 3)
    assert (points[33:54] == 0).all()
    assert set(points[:33, 2]) == set(points[54:, 2]) == {2}  # without a score, a known point is visible


@pytest.mark.parametrize("kind", ["trc", "c3d"])
def test_motion_of_a_person_with_one_hand(kind, whole, frame_at, tmp_path):
    names = _markers(tmp_path, kind, [whole] * 3, frame_at)
    assert names == {f"a.4.{kind}": list(WHOLE.landmarks)}
    if kind == "trc":
        cells = (tmp_path / "a.4.trc").read_text().split("\n")[6].split("\t")[2:]
        unknown = np.array([cell == "" for cell in cells]).reshape(75, 3).all(axis=1)
    else:
        residuals = ezc3d.c3d(str(tmp_path / "a.4.c3d"))["data"]["meta_points"]["residuals"][0, :, 0]
        unknown = residuals < 0
    assert unknown.tolist() == [33 <= i < 54 for i in range(75)]
