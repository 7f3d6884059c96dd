import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from vitruvian import Frame, Gap, JsonLinesSink, SinkError, SourceError, Stamp, read_jsonl

# Writes without end, and says where it is.
_ENDLESS = """
import sys, time
from pathlib import Path
import numpy as np
from vitruvian import Frame, JsonLinesSink, Landmarks, Provenance, Skeleton, Stamp
rng = np.random.default_rng(0)
xy = rng.random((5, 33, 2)).astype(np.float32)
people = Landmarks(Skeleton.named("body33"), xy, np.zeros((5, 4), np.float32), np.ones(5, np.float32))
pixels = np.zeros((4, 6, 3), np.uint8)
with JsonLinesSink(Path(sys.argv[1]), Provenance("full", (), "none")) as sink:
    for i in range(10**9):
        sink.write(Frame(pixels, Stamp("clip", 6, 4, index=i, time=i / 25)), people)
        print(i, flush=True)
"""


def test_a_line_says_what_it_is_about(people_of, frame_at, model, tmp_path):
    path = tmp_path / "a.jsonl"
    with JsonLinesSink(path, model) as sink:
        sink.write(frame_at(7), people_of(3, 5))
    (line,) = path.read_text().splitlines()
    data = json.loads(line)
    assert list(data) == [
        "frame", "time", "status", "skeleton", "source", "width", "height", "model", "instances",
    ]  # fmt: skip
    assert [data[name] for name in ("frame", "time", "status", "skeleton")] == [7, 0.28, "tracked", "body33"]
    assert data["model"] == {"name": "full", "files": ["00", "11"], "runtime": "openvino 1 cpu f32"}
    assert [one["track_id"] for one in data["instances"]] == [3, 5]


def test_each_line_is_there_at_once(people_of, frame_at, model, tmp_path):
    path = tmp_path / "a.jsonl"
    with JsonLinesSink(path, model) as sink:
        for i in range(3):
            sink.write(frame_at(i), people_of(0))
            assert len(path.read_text().splitlines()) == i + 1


def test_gaps_say_why_and_live_frames_how_old_they_are(people_of, model, tmp_path):
    path = tmp_path / "a.jsonl"
    captured = time.monotonic() - 0.5
    with JsonLinesSink(path, model) as sink:
        sink.write(Gap(Stamp("cam", 6, 4, time=0.0, status="failed"), "damaged packet"), people_of())
        live = Stamp("cam", 6, 4, index=1, time=0.1, captured=captured)
        sink.write(Frame(np.zeros((4, 6, 3), np.uint8), live), people_of())
    failed, empty = map(json.loads, path.read_text().splitlines())
    assert (failed["status"], failed["reason"], failed["instances"]) == ("failed", "damaged packet", [])
    assert (empty["status"], empty["instances"]) == ("empty", [])
    assert 0.5 <= empty["age"] < 5


def test_every_whole_line_outlives_a_kill(tmp_path):
    path = tmp_path / "a.jsonl"
    for _ in range(3):  # the second and third replace a killed run's result
        with subprocess.Popen([sys.executable, "-c", _ENDLESS, str(path)], stdout=subprocess.PIPE) as process:
            said = [int(process.stdout.readline()) for _ in range(100)]
            os.kill(process.pid, signal.SIGKILL)
            said += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
        assert process.returncode == -signal.SIGKILL
        recording = read_jsonl(path)
        assert len(recording) >= len(said) >= 100
        assert [stamp.index for stamp in recording.stamps] == list(range(len(recording)))
        assert len(recording.landmarks) == 5 * len(recording)


def test_a_torn_last_line_is_left_out_and_another_is_not(people_of, frame_at, model, tmp_path):
    path = tmp_path / "a.jsonl"
    with JsonLinesSink(path, model) as sink:
        for i in range(3):
            sink.write(frame_at(i), people_of(0))
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    assert len(read_jsonl(path)) == 2
    lines = content.splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:-40] + b"\n" + lines[2])
    with pytest.raises(SourceError, match="line 2"):
        read_jsonl(path)


def test_a_file_without_a_whole_line_is_no_recording(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"frame": 0, "ti')
    with pytest.raises(SourceError, match="line 1: "):
        read_jsonl(path)


def test_a_full_disk_leaves_whole_lines(people_of, frame_at, model, tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    quiet = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        with pytest.raises(SinkError, match="cannot be written"):
            _write_many(path, model, frame_at, people_of(0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, quiet)
    content = path.read_bytes()
    assert content.endswith(b"}\n")
    assert 2 < len(read_jsonl(path)) < 100


def _write_many(path, model, frame_at, people):
    with JsonLinesSink(path, model) as sink:
        for i in range(100):
            sink.write(frame_at(i), people)


def test_a_path_that_is_no_text(people_of, model, tmp_path):
    frame = Frame(np.zeros((4, 6, 3), np.uint8), Stamp("clip\udcff.mp4", 6, 4, time=0.0))
    with JsonLinesSink(tmp_path / "a.jsonl", model) as sink:
        sink.write(frame, people_of())
    assert read_jsonl(tmp_path / "a.jsonl").stamps[0].source == "clip\udcff.mp4"
