"""What every sink must do; a new one joins ``SINKS`` and passes, or is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vitruvian import (
    Crop,
    Frame,
    JsonSink,
    Landmarks,
    Mask,
    MaskSink,
    OverlaySink,
    Provenance,
    SinkError,
    Skeleton,
)

F32 = np.float32
MODEL = Provenance("full", ("00", "11"), "openvino 1 cpu f32")


def _people(count: int) -> Landmarks:
    rng = np.random.default_rng(count)
    xy = (rng.random((count, 33, 2)) * 80).astype(F32)
    masks = tuple(Mask(np.ones((8, 8), F32), Crop(50, 40, 30, 30, 0.1, (256, 256))) for _ in range(count))
    box = np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)
    return Landmarks(Skeleton.named("body33"), xy, box, np.ones(count, F32), mask=masks)


SINKS = {
    "json": lambda folder: JsonSink(folder / "photo.json", MODEL),
    "overlay": lambda folder: OverlaySink(folder / "photo.jpg"),
    "mask": lambda folder: MaskSink(folder, "photo"),
}


@pytest.fixture(params=SINKS)
def make(request):
    return SINKS[request.param]


@pytest.fixture
def frame():
    return Frame.of(np.full((80, 100, 3), 90, np.uint8), "photo.jpg")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_written_is_there_at_the_end(make, frame, tmp_path):
    with make(tmp_path) as sink:
        sink.write(frame, _people(2))
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


def test_an_interruption_leaves_what_was_there(make, frame, tmp_path, monkeypatch):
    with make(tmp_path) as sink:
        sink.write(frame, _people(1))
    before = _files(tmp_path)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt), make(tmp_path) as sink:
        sink.write(frame, _people(2))
    assert _files(tmp_path) == before
