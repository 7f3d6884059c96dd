import csv
import json
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from vitruvian import (
    CsvSink,
    Gap,
    NpzSink,
    ParquetSink,
    SinkError,
    SourceError,
    Stamp,
    convert,
    read_csv,
    read_npz,
    read_parquet,
)

COLUMNS = ("xy", "box", "box_score", "score", "presence", "depth", "world", "followed", "track_id")


@pytest.fixture(params=["csv", "parquet", "npz"])
def table(request, model, tmp_path):
    """A sink's maker, and the reader of what it writes."""
    path = tmp_path / f"clip.{request.param}"
    makers = {
        "csv": (lambda: CsvSink(path), lambda: read_csv(path)),
        "parquet": (lambda: ParquetSink(path, model), lambda: read_parquet(path)),
        "npz": (lambda: NpzSink(path, model), lambda: read_npz(path)),
    }
    return makers[request.param]


def test_every_column_reads_back(table, people_of, frame_at):
    make, read = table
    stream = [people_of(4, 9, seed=1), people_of(), people_of(9, seed=2)]
    # A point that is not known is not known afterwards.
    stream[0].xy[0, 5] = np.nan
    with make() as sink:
        for i, people in enumerate(stream):
            sink.write(frame_at(i), people)
    for (stamp, back), (i, people) in zip(read(), enumerate(stream), strict=True):
        assert stamp == frame_at(i).stamp
        for name in COLUMNS:
            before, after = getattr(people, name), getattr(back, name)
            assert before.dtype == after.dtype
            np.testing.assert_allclose(after, before, atol=6e-5)


def test_more_frames_than_wait_in_memory(table, people_of, frame_at):
    make, read = table
    people = people_of(1, 2)
    with make() as sink:
        for i in range(2500):
            sink.write(frame_at(i), people[: i % 3])
    recording = read()
    assert [len(back) for _, back in recording] == [i % 3 for i in range(2500)]
    assert [stamp.index for stamp in recording.stamps] == list(range(2500))


def test_another_skeleton_in_the_middle_is_refused(table, people_of, frame_at):
    make, read = table
    with make() as sink:
        sink.write(frame_at(0), people_of(1))
        with pytest.raises(SinkError, match="began with body33"):
            sink.write(frame_at(1), convert(people_of(1), "coco17"))
    assert len(read()) == 1


def test_the_17_points_of_coco_are_a_table_as_well(table, people_of, frame_at):
    make, read = table
    with make() as sink:
        sink.write(frame_at(0), convert(people_of(1), "coco17"))
    assert read().landmarks.skeleton.name == "coco17"


def test_a_path_that_is_no_text(table, people_of):
    make, read = table
    with make() as sink:
        sink.write(Gap(Stamp("clip\udcff.mp4", 6, 4, status="failed"), "no \udcff"), people_of())
    assert read().stamps[0].source in {"clip\udcff.mp4", r"clip\udcff.mp4"}


def test_csv_is_plain(people_of, frame_at, tmp_path):
    with CsvSink(tmp_path / "a.csv") as sink:
        sink.write(frame_at(0), people_of(4))
        sink.write(Gap(Stamp("clip.mp4", 6, 4, index=1, status="failed"), 'a "bad", packet'), people_of())
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        person, gap = csv.DictReader(file)
    assert list(person)[:10] == [
        "frame", "time", "status", "reason", "source", "width", "height", "skeleton", "track_id", "followed",
    ]  # fmt: skip
    assert len(person) == 8 + 8 + 33 * 8
    assert (person["frame"], person["status"], person["track_id"], person["followed"]) == (
        "0", "tracked", "4", "1",
    )  # fmt: skip
    assert float(person["left_wrist_x"]) == pytest.approx(people_of(4).xy[0, 15, 0], abs=1e-4)
    assert float(person["left_wrist_world_y"]) == pytest.approx(people_of(4).world[0, 15, 1], abs=1e-6)
    assert (gap["status"], gap["reason"], gap["time"]) == ("failed", 'a "bad", packet', "")
    assert not any(list(gap.values())[8:])


def test_absent_columns_are_empty_cells(people_of, frame_at, tmp_path):
    plain = replace(people_of(4), world=None, score=None, track_id=None)
    with CsvSink(tmp_path / "a.csv") as sink:
        sink.write(frame_at(0), plain)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        (person,) = csv.DictReader(file)
    assert {person["track_id"], person["nose_score"], person["nose_world_x"]} == {""}
    back = read_csv(tmp_path / "a.csv").landmarks
    assert [back.world, back.score, back.track_id] == [None, None, None]
    assert back.presence is not None


def test_parquet_is_typed_and_says_what_made_it(people_of, frame_at, model, tmp_path):
    with ParquetSink(tmp_path / "a.parquet", model) as sink:
        sink.write(frame_at(0), people_of(4))
        sink.write(frame_at(1), people_of())
    schema = pq.read_schema(tmp_path / "a.parquet")
    names = ("frame", "time", "status", "track_id", "followed", "nose_x")
    types = ["int64", "double", "string", "int64", "bool", "float"]
    assert [str(schema.field(name).type) for name in names] == types
    assert json.loads(schema.metadata[b"vitruvian"])["model"]["runtime"] == "openvino 1 cpu f32"
    columns = pq.read_table(tmp_path / "a.parquet", columns=["status", "track_id", "nose_x"]).to_pydict()
    assert columns["status"] == ["tracked", "empty"]
    assert columns["track_id"] == [4, None]
    assert columns["nose_x"] == [pytest.approx(people_of(4).xy[0, 0, 0], abs=1e-4), None]


def test_parquet_keeps_memory_flat(people_of, frame_at, model, tmp_path):
    people, frame = people_of(1, 2), frame_at(0)
    with ParquetSink(tmp_path / "a.parquet", model) as sink:
        for _ in range(2100):
            sink.write(frame, people)
        tracemalloc.start()
        for _ in range(4 * 2048):
            sink.write(frame, people)
        left, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert left < 12_000_000


@pytest.mark.parametrize(("package", "extra"), [("pyarrow", "parquet")])
def test_an_extra_that_is_missing_is_named(package, extra, model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SinkError, match=rf"pip install 'vitruvian\[{extra}\]'"):
        ParquetSink(tmp_path / "a.parquet", model)
    with pytest.raises(SourceError, match=rf"pip install 'vitruvian\[{extra}\]'"):
        read_parquet(tmp_path / "a.parquet")


def test_npz_needs_no_more_than_numpy(people_of, frame_at, model, tmp_path):
    with NpzSink(tmp_path / "a.npz", model) as sink:
        sink.write(frame_at(0), people_of(4, 7))
        sink.write(Gap(Stamp("clip.mp4", 6, 4, index=1, time=0.04, status="dropped")), people_of())
    with np.load(tmp_path / "a.npz") as file:
        assert file["status"].tolist() == ["tracked", "dropped"]
        assert file["frame"].tolist() == [0, 0]
        assert file["stamp_time"].tolist() == [0.0, 0.04]
        assert (file["xy"] == people_of(4, 7).xy).all()
        assert json.loads(str(file["vitruvian"]))["landmarks"][0] == "nose"
