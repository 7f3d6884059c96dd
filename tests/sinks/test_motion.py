from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import c3d
import numpy as np
import pytest

from vitruvian import (
    C3dSink,
    Frame,
    Gap,
    Landmarks,
    OptionError,
    Recording,
    SinkError,
    Skeleton,
    Stamp,
    TrcSink,
    write_c3d,
    write_trc,
)

F32 = np.float32
BODY = Skeleton.named("body33")
WRITERS = {"trc": (TrcSink, write_trc), "c3d": (C3dSink, write_c3d)}


def _read_trc(path: Path) -> tuple[list[str], float, np.ndarray, np.ndarray]:
    """Return names, rate, (F,) times and (F, K, 3) positions, reading what the format says and no more."""
    lines = path.read_text().split("\n")
    assert lines[0].startswith("PathFileType\t4\t(X/Y/Z)\t")
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert head["Units"] == "mm"
    assert head["DataRate"] == head["CameraRate"] == head["OrigDataRate"]
    names = [name for name in lines[3].split("\t")[2:] if name]
    count = int(head["NumMarkers"])
    assert lines[3].split("\t")[:2] == ["Frame#", "Time"]
    axes = [f"{axis}{i}" for i in range(1, count + 1) for axis in "XYZ"]
    assert lines[4].split("\t") == ["", "", *axes]
    assert lines[5] == lines[-1] == ""
    rows = [line.split("\t") for line in lines[6:-1]]
    assert [int(row[0]) for row in rows] == list(range(1, int(head["NumFrames"]) + 1))
    values = np.array([[float(cell or "nan") for cell in row[1:]] for row in rows])
    return names, float(head["DataRate"]), values[:, 0], values[:, 1:].reshape(-1, count, 3)


def _read_c3d(path: Path) -> tuple[list[str], float, np.ndarray, np.ndarray]:
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.filterwarnings("ignore", "No analog data")
        reader = c3d.Reader(file)
        assert reader.get("POINT:UNITS").string_value.strip() == "mm"
        frames = np.stack([points.copy() for _, points, _ in reader.read_frames()])
        names = [name.strip() for name in reader.point_labels]
        rate = reader.point_rate
    # The fourth column is the residual: -1 is no measurement.
    positions = np.where(frames[..., 3:4] < 0, np.nan, frames[..., :3])
    return names, rate, np.arange(len(frames)) / rate, positions.astype(float)


READERS = {"trc": _read_trc, "c3d": _read_c3d}


def _people(*ids: int, at: float = 0.0) -> Landmarks:
    """People whose points move with time: the nose one metre a second, each person a metre farther right."""
    count = len(ids)
    world = np.tile(np.arange(33, dtype=F32)[None, :, None] / 100, (count, 1, 3))
    world[..., 0] += np.array(ids, F32).reshape(-1, 1) + F32(at)
    zeros = np.zeros((count, 33, 2), F32)
    return Landmarks(
        BODY, zeros, np.zeros((count, 4), F32), np.ones(count, F32), world=world, track_id=np.array(ids, int)
    )


def _stream(times, seen=lambda _: True):
    for i, time in enumerate(times):
        frame = Frame(np.zeros((4, 6, 3), np.uint8), Stamp("clip", 6, 4, index=i, time=float(time)))
        yield frame, _people(0, at=time) if seen(time) else _people()


@pytest.fixture(params=WRITERS)
def kind(request):
    return request.param


def _written(kind: str, folder: Path, stream, **options):
    path = folder / f"clip.{kind}"
    with WRITERS[kind][0](path, **options) as sink:
        for frame, people in stream:
            sink.write(frame, people)
    return READERS[kind](path)


def test_another_reader_reads_names_rate_and_axes(kind, tmp_path):
    names, rate, _, points = _written(kind, tmp_path, _stream(np.arange(50) / 25))
    assert names == list(BODY.landmarks)
    assert rate == 25
    assert points.shape == (50, 33, 3)
    world = np.stack([_people(0, at=i / 25).world[0] for i in range(50)])
    # Millimetres; y up and z to the viewer, where ours go down and away.
    np.testing.assert_allclose(points, world * [1000, -1000, -1000], atol=6e-4)


def test_a_variable_rate_becomes_the_typical_one(kind, tmp_path):
    times = np.sort(np.concatenate([np.arange(60) / 30, [0.51, 0.52, 1.21]]))
    times = np.delete(times, [20, 21, 40])
    _, rate, _, points = _written(kind, tmp_path, _stream(times))
    assert rate == 30
    assert len(points) == 60
    # The nose moves evenly, so it does after any interpolation that knows the time.
    np.testing.assert_allclose(points[:, 0, 0], np.arange(60) / 30 * 1000, atol=0.01)


def test_times_rounded_to_milliseconds_give_the_rate(kind, tmp_path):
    times = np.round(np.arange(301) * 1001 / 30_000, 3)
    _, rate, _, points = _written(kind, tmp_path, _stream(times))
    assert rate == pytest.approx(29.97, abs=0.01)
    assert len(points) == 301
    assert np.isfinite(points).all()


def test_short_gaps_are_bridged_and_long_ones_stay_empty(kind, tmp_path):
    def seen(time: float) -> bool:
        return not (0.99 < time < 1.15 or 2.01 < time < 2.5)

    _, _, _, points = _written(kind, tmp_path, _stream(np.arange(76) / 25, seen))
    known = np.isfinite(points).all(axis=(1, 2))
    assert known.tolist() == [not 2.01 < i / 25 < 2.5 for i in range(76)]
    np.testing.assert_allclose(points[known, 0, 0], np.flatnonzero(known) / 25 * 1000, atol=0.01)


def test_slow_streams_have_no_gaps_between_their_frames(kind, tmp_path):
    _, rate, _, points = _written(kind, tmp_path, _stream(np.arange(10) / 2))
    assert rate == 2
    assert np.isfinite(points).all()


def test_an_unknown_point_is_unknown_alone(kind, tmp_path):
    stream = list(_stream(np.arange(10) / 25))
    stream[4][1].world[0, 7] = np.nan
    _, _, _, points = _written(kind, tmp_path, stream)
    unknown = np.isnan(points).any(axis=2)
    assert unknown[4, 7]
    assert unknown.sum() == 1


def test_nobody_at_all_has_no_position(kind, tmp_path):
    _, _, _, points = _written(kind, tmp_path, _stream(np.arange(10) / 25, seen=lambda _: False))
    assert points.shape == (10, 33, 3)
    assert np.isnan(points).all()


def _two(frames: int = 20):
    """Person 5 is there all the time, person 2 comes later; gaps among them."""
    for i in range(frames):
        stamp = Stamp("clip", 6, 4, index=i, time=i / 25)
        if i % 7 == 3:
            yield Gap(replace(stamp, status="dropped")), _people()
        else:
            ids = (2, 5) if i > frames // 2 else (5,)
            yield Frame(np.zeros((4, 6, 3), np.uint8), stamp), _people(*ids)


@pytest.mark.parametrize(("options", "first"), [({}, 5), ({"track_id": 2}, 2), ({"track_id": 5}, 5)])
def test_one_person_is_chosen(kind, options, first, tmp_path):
    _, _, _, points = _written(kind, tmp_path, _two(), **options)
    assert points[-1, 0, 0] == pytest.approx(first * 1000)
    assert np.isnan(points[0]).all() == (first == 2)


def test_everyone_gets_a_file(kind, tmp_path):
    with WRITERS[kind][0](tmp_path / f"clip.{kind}", everyone=True) as sink:
        for frame, people in _two():
            sink.write(frame, people)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"clip.2.{kind}", f"clip.5.{kind}"]
    for number in (2, 5):
        _, _, _, points = READERS[kind](tmp_path / f"clip.{number}.{kind}")
        assert points.shape == (20, 33, 3)
        assert points[-1, 0, 0] == pytest.approx(number * 1000)


def test_everyone_where_nobody_came_is_a_file_without_positions(kind, tmp_path):
    with WRITERS[kind][0](tmp_path / f"clip.{kind}", everyone=True) as sink:
        for frame, people in _stream(np.arange(10) / 25, seen=lambda _: False):
            sink.write(frame, people)
    assert [path.name for path in tmp_path.iterdir()] == [f"clip.{kind}"]
    assert np.isnan(READERS[kind](tmp_path / f"clip.{kind}")[3]).all()


def test_files_of_an_earlier_run_that_found_others_are_removed_and_no_other_files(kind, tmp_path):
    def write(stream):
        with WRITERS[kind][0](tmp_path / f"clip.{kind}", everyone=True) as sink:
            for frame, people in stream:
                sink.write(frame, people)
        return sorted(path.name for path in tmp_path.iterdir())

    mine = tmp_path / f"clip.7.{kind}"
    mine.write_bytes(b"not written by us")
    (tmp_path / f"clip.b.{kind}").write_bytes(b"nor this")
    others = [mine.name, f"clip.b.{kind}"]
    assert write(_two()) == [f"clip.2.{kind}", f"clip.5.{kind}", *others]
    assert write(_stream(np.arange(10) / 25)) == [f"clip.0.{kind}", *others]
    assert write(_stream(np.arange(10) / 25, seen=lambda _: False)) == [*others, f"clip.{kind}"]


def test_a_recording_gives_the_same_file(kind, tmp_path):
    _written(kind, tmp_path, _two())
    expected = (tmp_path / f"clip.{kind}").read_bytes()
    WRITERS[kind][1](Recording.of(_two()), tmp_path / f"clip.{kind}")
    assert (tmp_path / f"clip.{kind}").read_bytes() == expected


def test_without_identities_it_is_the_first_of_each_frame(kind, tmp_path):
    stream = [(frame, replace(people, track_id=None)) for frame, people in _two()]
    _, _, _, points = _written(kind, tmp_path, stream)
    assert points[-1, 0, 0] == pytest.approx(2000)


def test_somebody_who_never_came_is_refused(kind, tmp_path):
    with pytest.raises(SinkError, match="nobody has the track id 9; there is 5, 2"):
        _written(kind, tmp_path, _two(), track_id=9)
    assert not list(tmp_path.iterdir())


def test_one_or_everyone(kind, tmp_path):
    with pytest.raises(OptionError, match="track_id"):
        WRITERS[kind][0](tmp_path / "a", track_id=1, everyone=True)


def test_without_world_landmarks_or_time_there_is_no_motion(kind, tmp_path):
    flat = [(frame, replace(people, world=None)) for frame, people in _two()]
    with pytest.raises(SinkError, match="no world landmarks"):
        _written(kind, tmp_path, flat)
    still = Frame.of(np.zeros((4, 6, 3), np.uint8)), _people(1)
    with pytest.raises(SinkError, match="has no time"):
        _written(kind, tmp_path, [still])
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def test_c3d_counts_no_further_than_it_can(tmp_path):
    stamps = [Stamp("clip", 6, 4, index=i, time=i / 25) for i in (0, 1, 70_000)]
    recording = Recording.from_rows(stamps, [_people(1)] * 3)
    with pytest.raises(SinkError, match="65,535 frames"):
        write_c3d(recording, tmp_path / "a.c3d")
    assert not list(tmp_path.iterdir())


def test_an_extra_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    with pytest.raises(SinkError, match=r"pip install 'vitruvian\[c3d\]'"):
        C3dSink(tmp_path / "a.c3d")
