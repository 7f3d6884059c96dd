"""What every sink must do; a new one joins ``STILLS`` or ``STREAMS`` and passes, or is none."""

from __future__ import annotations

import json
from pathlib import Path

import av
import ezc3d
import numpy as np
import pytest

import vitruvian
from vitruvian import (
    C3dSink,
    CocoSink,
    Crop,
    CsvSink,
    Frame,
    Gap,
    JsonLinesSink,
    JsonSink,
    Landmarks,
    Mask,
    MaskSink,
    NpzSink,
    OverlaySink,
    OverlayVideoSink,
    ParquetSink,
    Provenance,
    SinkError,
    Skeleton,
    Stamp,
    TrcSink,
    read_csv,
    read_jsonl,
    read_npz,
    read_parquet,
)
from vitruvian.wire import frame_status

F32 = np.float32
MODEL = Provenance("full", ("00", "11"), "openvino 1 cpu f32")


def _people(count: int, *, followed: bool = False, skeleton: str = "body33") -> Landmarks:
    """Make bodies with masks; hands that are left and right; or bodies of which hands are unknown."""
    rng, kind = np.random.default_rng(count), Skeleton.named(skeleton)
    xy = (rng.random((count, len(kind), 2)) * 80).astype(F32)
    world = rng.random((count, len(kind), 3)).astype(F32)
    masks = tuple(Mask(np.ones((8, 8), F32), Crop(50, 40, 30, 30, 0.1, (256, 256))) for _ in range(count))
    box = np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)
    for column in (xy, world):
        column[:, 33:54] = np.nan  # of the 75 points, the left hand
    return Landmarks(
        kind,
        xy,
        box,
        np.ones(count, F32),
        world=world,
        handedness=rng.random(count).astype(F32) if skeleton == "hand21" else None,
        mask=None if skeleton == "hand21" else masks,
        followed=np.full(count, followed),
        track_id=np.arange(count),
    )


SKELETONS = ("body33", "hand21", "body75")


STILLS = {
    "json": lambda folder: JsonSink(folder / "photo.json", MODEL),
    "overlay": lambda folder: OverlaySink(folder / "photo.jpg"),
    "mask": lambda folder: MaskSink(folder, "photo"),
}
STREAMS = {
    "video": lambda folder: OverlayVideoSink(folder / "clip.mp4"),
    "jsonl": lambda folder: JsonLinesSink(folder / "clip.jsonl", MODEL),
    "csv": lambda folder: CsvSink(folder / "clip.csv"),
    "parquet": lambda folder: ParquetSink(folder / "clip.parquet", MODEL),
    "npz": lambda folder: NpzSink(folder / "clip.npz", MODEL),
    "coco": lambda folder: CocoSink(folder / "clip.coco.json"),
    "trc": lambda folder: TrcSink(folder / "clip.trc"),
    "c3d": lambda folder: C3dSink(folder / "clip.c3d"),
}
SINKS = STILLS | STREAMS
# Written in its place, line by line: what was there is gone with the first line.
WHOLE = SINKS.keys() - {"jsonl"}


def _frames_of_video(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


# How many frames the file knows of, by a reader; gaps count where the format has a place for them.
LENGTHS = {
    "video": _frames_of_video,
    "jsonl": lambda path: len(read_jsonl(path)),
    "csv": lambda path: len(read_csv(path)),
    "parquet": lambda path: len(read_parquet(path)),
    "npz": lambda path: len(read_npz(path)),
    "coco": lambda path: len({one["image_id"] for one in json.loads(path.read_text())}),
    "trc": lambda path: len(path.read_text().splitlines()) - 6,
    "c3d": lambda path: ezc3d.c3d(str(path))["data"]["points"].shape[2],
}
TABLES = {"jsonl": read_jsonl, "csv": read_csv, "parquet": read_parquet, "npz": read_npz}


@pytest.fixture(params=SINKS)
def make(request):
    return SINKS[request.param]


@pytest.fixture
def frame():
    return _frame()


def _frame(index: int = 0) -> Frame:
    pixels = np.full((80, 100, 3), 90, np.uint8)
    return Frame(pixels, Stamp("photo.jpg", 100, 80, index=index, time=index / 25))


def _gap(index: int, status: str) -> Gap:
    return Gap(Stamp("photo.jpg", 100, 80, index=index, time=index / 25, status=status), f"was {status}")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "skeleton"),
    [(name, skeleton) for name in SINKS for skeleton in SKELETONS if (name, skeleton) != ("mask", "hand21")],
)
def test_what_is_written_is_there_at_the_end(name, skeleton, frame, tmp_path):
    with SINKS[name](tmp_path) as sink:
        sink.write(frame, _people(2, skeleton=skeleton))
    files = _files(tmp_path)
    assert files
    assert all(files.values())
    assert not any(name.endswith(".part") for name in files)


def test_nobody_is_written_without_complaint(make, frame, tmp_path):
    with make(tmp_path) as sink:
        sink.write(frame, _people(0))
    assert not any(name.endswith(".part") for name in _files(tmp_path))


def test_the_same_twice_gives_the_same_bytes(make, frame, tmp_path):
    written = []
    for _ in range(2):
        with make(tmp_path) as sink:
            sink.write(frame, _people(1))
        written.append(_files(tmp_path))
    assert written[0] == written[1]


def test_a_place_that_cannot_be_written_is_a_sink_error(make, frame, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(SinkError, match="cannot be written"), make(blocked / "folder") as sink:
        sink.write(frame, _people(1))
    assert _files(tmp_path) == {"file": b"in the way"}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_an_interruption_of_the_end_leaves_what_was_there(name, frame, tmp_path, monkeypatch):
    with SINKS[name](tmp_path) as sink:
        sink.write(frame, _people(1))
    before = _files(tmp_path)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt), SINKS[name](tmp_path) as sink:
        sink.write(frame, _people(2))
    assert _files(tmp_path) == before


@pytest.mark.parametrize("name", STILLS)
def test_a_still_that_failed_is_refused(name, tmp_path):
    with pytest.raises(SinkError, match="no picture"), STILLS[name](tmp_path) as sink:
        sink.write(_gap(0, "failed"), _people(0))
    assert not _files(tmp_path)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_without_frames_gives_no_file(name, tmp_path):
    with STREAMS[name](tmp_path):
        pass
    assert not _files(tmp_path)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("ending", [KeyboardInterrupt, ValueError])
def test_an_interrupted_stream_is_complete_up_to_there(name, ending, tmp_path):
    def stream() -> None:
        with STREAMS[name](tmp_path) as sink:
            for i in range(7):
                sink.write(_frame(i), _people(1 + i % 2))
            raise ending

    with pytest.raises(ending):
        stream()
    (path,) = tmp_path.iterdir()
    assert LENGTHS[name](path) == 7


@pytest.mark.parametrize("name", STREAMS)
def test_a_file_that_is_not_ours_stays(name, frame, tmp_path):
    with STREAMS[name](tmp_path) as sink:
        sink.write(frame, _people(1))
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"somebody's own work\n" * 100)
    before = _files(tmp_path)
    with pytest.raises(SinkError, match="no mark of ours"), STREAMS[name](tmp_path) as sink:
        sink.write(frame, _people(1))
    assert _files(tmp_path) == before


@pytest.mark.parametrize("name", STREAMS)
def test_gaps_at_either_end_and_in_between(name, tmp_path):
    with STREAMS[name](tmp_path) as sink:
        for i, status in enumerate(("failed", "ok", "dropped", "ok", "failed")):
            sink.write(_frame(i) if status == "ok" else _gap(i, status), _people(int(status == "ok")))
    (path,) = tmp_path.iterdir()
    assert LENGTHS[name](path) == (2 if name in {"video", "coco"} else 5)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_every_frame_has_a_status_and_reads_back(name, skeleton, tmp_path):
    stream = [
        (_frame(0), _people(2, skeleton=skeleton)),
        (_frame(1), _people(2, followed=True, skeleton=skeleton)),
        (_frame(2), _people(0, skeleton=skeleton)),
        (_gap(3, "dropped"), _people(0, skeleton=skeleton)),
        (_gap(4, "failed"), _people(0, skeleton=skeleton)),
        (_frame(5), _people(1, followed=True, skeleton=skeleton)),
    ]
    with STREAMS[name](tmp_path) as sink:
        for frame, people in stream:
            sink.write(frame, people)
    (path,) = tmp_path.iterdir()
    recording = TABLES[name](path)
    statuses = [frame_status(stamp, people) for stamp, people in recording]
    assert statuses == ["detected", "tracked", "empty", "dropped", "failed", "tracked"]
    assert recording.stamps == tuple(frame.stamp for frame, _ in stream)
    for (_, back), (_, people) in zip(recording, stream, strict=True):
        assert len(back) == len(people)
        assert back.track_id.tolist() == people.track_id.tolist()
        assert back.skeleton == people.skeleton
        for column, precision in (("xy", 1e-4), ("world", 1e-6), ("box", 1e-4), ("handedness", 1e-6)):
            before, after = getattr(people, column), getattr(back, column)
            assert (after is None) == (before is None) or not len(people)
            if before is not None and len(people):
                np.testing.assert_allclose(after, before, atol=precision, rtol=0)
        assert back.box_score.tolist() == people.box_score.tolist()
    assert recording.landmarks.score is None
    assert recording.landmarks.depth is None
    assert (recording.landmarks.handedness is not None) == (skeleton == "hand21")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("content", [b"", b"{}\n", b"a,b\n1,2\n", b"PK\x03\x04", b'{"frame": 0}\n', None])
def test_another_file_is_said_to_be_another(name, content, tmp_path):
    path = tmp_path / "other"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(vitruvian.SourceError, match=r"other: (not landmarks|cannot be read)"):
        TABLES[name](path)
