"""``vitruvian pose`` on videos: real processes, real films made from a real photograph."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import vitruvian
from vitruvian import read_csv, read_jsonl, read_npz, read_parquet, smooth_offline
from vitruvian.cli import app
from vitruvian.cli.journal import JOURNAL
from vitruvian.recording import Recording
from vitruvian.sources.video import VideoSource

SIDE, FPS = 192, 10
FAST = ("--search", "fast")  # what the search finds is told in test_search


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "vitruvian", "pose", *FAST, *map(str, arguments)]


def _run(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(_command(*arguments), capture_output=True, timeout=120, check=False)


def _invoke(*arguments: object):
    return CliRunner().invoke(app, ["pose", *FAST, *map(str, arguments)])


def _listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {JOURNAL}


def _film(
    path: Path, photo: Image.Image, frames: int, *, bad: int | None = None, sound: bool = False
) -> Path:
    """Write a film in which the camera moves slowly to the right; the bad frame cannot be decoded."""
    picture = np.asarray(photo)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264" if bad is None else "png", rate=FPS)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p" if bad is None else "rgb24"
        voice = file.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for index in range(frames):
            left = round(20 * (1 - np.cos(index / 8)))
            cut = np.ascontiguousarray(picture[:SIDE, left : left + SIDE])
            for packet in stream.encode(av.VideoFrame.from_ndarray(cut, format="rgb24")):
                if index == bad:
                    broken = av.Packet(b"nothing that is a picture")
                    broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                    broken.stream, broken.is_keyframe = stream, True
                    file.mux(broken)
                else:
                    file.mux(packet)
        file.mux(stream.encode(None))
        if voice is not None:
            samples = av.AudioFrame.from_ndarray(
                np.zeros((1, 48_000 * frames // FPS), np.float32), format="fltp", layout="mono"
            )
            samples.sample_rate, samples.pts, samples.time_base = 48_000, 0, Fraction(1, 48_000)
            file.mux([*voice.encode(samples), *voice.encode(None)])
    return path


def _times(path: Path) -> list[float]:
    """Return when the frames of a film are shown; decoding all of them shows that it is playable."""
    with av.open(str(path)) as file:
        return [frame.time for frame in file.decode(video=0)]


def _lines(path: Path) -> list[dict]:
    """Return what is in a file of whole lines."""
    content = path.read_bytes()
    assert content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


@pytest.fixture(scope="session")
def small(astronaut) -> Image.Image:
    return Image.open(astronaut).convert("RGB").resize((256, 256))


@pytest.fixture(scope="session")
def films(small, tmp_path_factory) -> Path:
    """A folder with films that no test changes."""
    folder = tmp_path_factory.mktemp("films")
    _film(folder / "walk.mp4", small, 24, sound=True)
    _film(folder / "flaw.mov", small, 12, bad=5)
    _film(folder / "long.mp4", small, 1500)
    return folder


def test_a_video_leaves_an_overlay_and_a_line_for_each_frame(full, films, tmp_path):
    done = _run(films / "walk.mp4", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert _listing(tmp_path) == {"walk.mp4", "walk.jsonl"}
    assert b"walk.mp4: 24 frames, 1 person, " in done.stdout
    assert b"1 of 1 videos done, 1 person found" in done.stdout
    recording = read_jsonl(tmp_path / "walk.jsonl")
    with VideoSource(films / "walk.mp4") as source:
        expected = Recording.of(full.stream(source))
    assert [stamp.time for stamp in recording.stamps] == [i / FPS for i in range(24)]
    assert np.abs(recording.landmarks.xy - expected.landmarks.xy).max() < 0.01
    assert set(recording.landmarks.track_id.tolist()) == {0}
    assert _times(tmp_path / "walk.mp4") == pytest.approx([i / FPS for i in range(24)], abs=1e-3)
    with av.open(str(tmp_path / "walk.mp4")) as file:
        assert len(file.streams.audio) == 1
        shown = next(file.decode(video=0)).to_ndarray(format="rgb24")
    with av.open(str(films / "walk.mp4")) as file:
        before = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert (np.abs(shown.astype(int) - before) > 60).any(axis=2).sum() > 500  # somebody drew there


def test_every_format(full_files, films, tmp_path):
    formats = ["--format", "jsonl,csv, Parquet", "--format", "npz,coco,trc", "--format", "c3d"]
    result = _invoke(films / "walk.mp4", "-o", tmp_path, "--no-overlay", *formats)
    assert result.exit_code == 0, result.output
    names = {
        "walk.jsonl",
        "walk.csv",
        "walk.parquet",
        "walk.npz",
        "walk.coco.json",
        "walk.0.trc",
        "walk.0.c3d",
    }
    assert _listing(tmp_path) == names
    (line,) = _lines(tmp_path / JOURNAL)
    assert set(line["results"]) == names
    expected = read_jsonl(tmp_path / "walk.jsonl").landmarks.xy
    for read, name in ((read_csv, "walk.csv"), (read_parquet, "walk.parquet"), (read_npz, "walk.npz")):
        assert np.abs(read(tmp_path / name).landmarks.xy - expected).max() < 0.01


def test_a_part_of_a_video(full_files, films, tmp_path):
    part = ["--start", 0.5, "--end", 1.7, "--fps", 5, "--smoothing", "off", "--keep", 1, "--redetect", 0.1]
    result = _invoke(films / "walk.mp4", "-o", tmp_path, *part)
    assert result.exit_code == 0, result.output
    lines = _lines(tmp_path / "walk.jsonl")
    assert [line["time"] for line in lines] == pytest.approx([0.5, 0.7, 0.9, 1.1, 1.3, 1.5])
    assert _times(tmp_path / "walk.mp4") == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0], abs=1e-3)
    result = _invoke(films / "walk.mp4", "-o", tmp_path / "none", "--start", 60)
    assert result.exit_code == 1
    assert "no frame from --start to --end" in result.stderr
    assert _listing(tmp_path / "none") == set()


def test_a_video_that_ends_long_before_its_end_is_said_to_be_cut(full_files, astronaut, tmp_path):
    with Image.open(astronaut) as photo:
        path = _film(tmp_path / "walk.mkv", photo.convert("RGB").resize((256, 256)), 120)
    assert "complete?" not in _invoke(path, "-o", tmp_path / "whole", "--no-overlay").stderr
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = _invoke(path, "-o", tmp_path / "half", "--no-overlay")
    assert result.exit_code == 0, result.output
    assert "s of 12.0 s; is the file complete?" in result.stderr
    assert 20 < len(_lines(tmp_path / "half" / "walk.jsonl")) < 100
    assert "complete?" not in _invoke(path, "-o", tmp_path / "part", "--no-overlay", "--end", 1).stderr


def test_offline_smoothing_takes_two_passes(full, films, tmp_path):
    result = _invoke(films / "walk.mp4", "-o", tmp_path, "--smoothing", "offline", "--json-summary")
    assert result.exit_code == 0, result.output
    with VideoSource(films / "walk.mp4") as source:
        expected = smooth_offline(Recording.of(full.stream(source, smoothing="off")))
    recording = read_jsonl(tmp_path / "walk.jsonl")
    assert np.abs(recording.landmarks.xy - expected.landmarks.xy).max() < 0.01
    assert len(_times(tmp_path / "walk.mp4")) == 24
    (clip,) = json.loads(result.stdout)["clips"]
    assert (clip["frames"], clip["people"], clip["interrupted"]) == (24, 1, False)


def test_masks_are_drawn_into_the_overlay(full_files, films, tmp_path):
    short = ["--end", 0.3, "--masks"]
    assert _invoke(films / "walk.mp4", "-o", tmp_path, *short).exit_code == 0
    assert _invoke(films / "walk.mp4", "-o", tmp_path / "plain", *short[:2]).exit_code == 0
    assert _listing(tmp_path) == {"walk.mp4", "walk.jsonl", "plain"}
    pictures = []
    for folder in (tmp_path, tmp_path / "plain"):
        with av.open(str(folder / "walk.mp4")) as file:
            pictures.append(next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int))
    assert (np.abs(pictures[0] - pictures[1]).max(axis=2) > 20).mean() > 0.1
    result = _invoke(films / "walk.mp4", "-o", tmp_path / "no", "--masks", "--smoothing", "offline")
    assert "masks are not kept that long" in str(result.exception)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("missing", "options", "advice"),
    [
        ("pyarrow", ["--format", "parquet"], b"pip install 'vitruvian[parquet]'"),
        ("ezc3d", ["--format", "c3d"], b"pip install 'vitruvian[c3d]'"),
        ("scipy", ["--smoothing", "offline"], b"pip install 'vitruvian[offline]'"),
    ],
)
def test_an_extra_that_is_missing_is_told_before_work_begins(films, tmp_path, missing, options, advice):
    script = f"""
import sys
sys.modules[{missing!r}] = None
from vitruvian.cli import main
main()
"""
    command = [sys.executable, "-c", script, "pose", films / "walk.mp4", "-o", tmp_path / "out", *options]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert advice in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--format", "avi"], "no format is called 'avi'"),
        (["--start", "3", "--end", "2"], "the end must come after the start"),
        (["--fps", "0"], "--fps"),
        (["--rotate", "45"], "a multiple of 90"),
        (["--smoothing", "very"], "--smoothing"),
    ],
)
def test_options_of_videos_outside_their_range_are_usage_errors(films, options, complaint):
    result = _invoke(films / "walk.mp4", *options)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.replace("│", " ").split())


def test_what_is_a_video_can_be_seen_from_what_is_in_it(full_files, films, tmp_path):
    """Where the ending says nothing: cameras and messengers name files as they like."""
    film = tmp_path / "in" / "walk.recording"
    film.parent.mkdir()
    film.write_bytes((films / "walk.mp4").read_bytes())
    result = _invoke(film, "-o", tmp_path / "out", "--end", 0.2)
    assert result.exit_code == 0, result.output
    assert _listing(tmp_path / "out") == {"walk.mp4", "walk.jsonl"}


def test_bad_files_and_bad_frames_end_nothing(full_files, films, small, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"no film at all")
    (folder / "flaw.mov").symlink_to(films / "flaw.mov")
    small.save(folder / "flaw.jpg")
    done = _run(folder, tmp_path / "nowhere.mov", "-o", tmp_path / "out", "--json-summary")
    assert done.returncode == 1
    assert _listing(tmp_path / "out") == {"flaw.jpg", "flaw.json", "flaw.mp4", "flaw.jsonl"}
    summary = json.loads(done.stdout)
    assert (summary["pictures"], summary["videos"], summary["done"], summary["people"]) == (1, 3, 2, 2)
    assert [Path(one["path"]).name for one in summary["failed"]] == ["nowhere.mov", "a.mp4"]
    (clip,) = summary["clips"]
    assert (clip["frames"], clip["failed_frames"], clip["people"]) == (12, 1, 1)
    assert clip["fps"] == pytest.approx(clip["frames"] / clip["seconds"], rel=0.01)
    assert b"flaw.mov: 1 of 12 frames cannot be read, the first at 0.50 s: " in done.stderr
    lines = _lines(tmp_path / "out" / "flaw.jsonl")
    assert [line["status"] for line in lines].count("failed") == 1
    assert lines[5]["status"] == "failed"


def test_results_beside_their_inputs(full_files, films, small, tmp_path):
    (tmp_path / "walk.mov").write_bytes((films / "walk.mp4").read_bytes())
    small.save(tmp_path / "ann.png")
    results = {"walk.mp4", "walk.jsonl", "ann.jpg", "ann.json"}
    for skipped in (b"", b"left out what an earlier run drew: 2 of the files found"):
        done = _run(tmp_path, "-o", tmp_path, "--end", 0.3)
        assert done.returncode == 0, done.stderr
        assert skipped in done.stderr
        assert b"2 of 2 files done, 2 people found" in done.stdout
        assert _listing(tmp_path) == {"walk.mov", "ann.png"} | results
    original = (films / "walk.mp4").read_bytes()
    mine = tmp_path / "mine.mp4"
    mine.write_bytes(original)
    done = _run(mine, "-o", tmp_path)
    assert b"is a video to work on, and a result would replace it" in done.stderr
    assert mine.read_bytes() == original


def test_pictures_and_videos_can_lie_on_their_side(full, small, tmp_path):
    lying = small.transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "side.png")
    _film(tmp_path / "side.mp4", lying, 1)
    inputs, flags = [tmp_path / "side.png", tmp_path / "side.mp4"], ["--rotate", 90]
    result = _invoke(*inputs, "-o", tmp_path / "out", *flags)
    assert result.exit_code == 0, result.output
    x, y = full.estimate(np.asarray(small)).xy[0, :13].T  # down to the shoulders: the rest is not in sight
    expected = np.stack([y, 256 - x], axis=1)
    assert np.abs(vitruvian.read_json(tmp_path / "out" / "side.json").xy[0, :13] - expected).max() < 3
    nose = read_jsonl(tmp_path / "out" / "side.jsonl").landmarks.xy[0, 0]
    assert nose == pytest.approx(expected[0], abs=10)


def _wait_for_lines(path: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
@pytest.mark.parametrize("smoothing", ["live", "offline"])
def test_an_interruption_leaves_valid_files_and_resume_begins_again(full_files, films, tmp_path, smoothing):
    command = _command(films / "walk.mp4", films / "long.mp4", "-o", tmp_path, "--smoothing", smoothing)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        _wait_for_lines(tmp_path / JOURNAL, 1, process)
        if smoothing == "live":
            _wait_for_lines(tmp_path / "long.jsonl", 20, process)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"1 of 2 videos done, 1 person found, interrupted with 1 left" in out
    assert not [name for name in _listing(tmp_path) if name.endswith(".part")]
    if smoothing == "offline":  # in the first pass
        assert _listing(tmp_path) == {"walk.mp4", "walk.jsonl"}
        return
    lines = _lines(tmp_path / "long.jsonl")
    assert [line["frame"] for line in lines] == list(range(len(lines)))
    assert 20 <= len(lines) < 1500
    assert len(_times(tmp_path / "long.mp4")) == len(lines)
    assert len(_lines(tmp_path / JOURNAL)) == 1


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_a_killed_run_leaves_whole_lines_and_is_resumed(full_files, films, small, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("1.mp4", "3.mp4"):
        _film(folder / name, small, 8)
    _film(folder / "2.mp4", small, 300)
    small.save(folder / "0.jpg")
    command = _command(folder, "-o", out, "--resume")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait_for_lines(out / "2.jsonl", 20, process)
        process.kill()
    recording = read_jsonl(out / "2.jsonl")
    assert 20 <= len(recording) < 300
    finished = {"0.jpg", "0.json", "1.mp4", "1.jsonl"}
    assert {name for name in _listing(out) if not name.startswith(".")} == finished | {"2.jsonl"}
    before = {name: (out / name).stat().st_mtime_ns for name in finished}
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert b"2 of 4 files done, 2 done before, 2 people found" in done.stdout
    assert {name: (out / name).stat().st_mtime_ns for name in finished} == before
    assert (len(_times(out / "2.mp4")), len(_lines(out / "2.jsonl"))) == (300, 300)
    assert (len(_times(out / "3.mp4")), len(_lines(out / "3.jsonl"))) == (8, 8)
    (out / "1.mp4").unlink()
    _film(folder / "3.mp4", small, 6)
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert b"2 of 4 files done, 2 done before" in done.stdout
    assert (len(_times(out / "1.mp4")), len(_lines(out / "3.jsonl"))) == (8, 6)
    done = _run(folder / "1.mp4", folder / "0.jpg", "-o", out, "--resume", "--smoothing", "off")
    assert b"1 of 2 files done, 1 done before" in done.stdout  # smoothing says nothing about pictures


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_a_terminal_shows_frames_per_second_and_time_left(full_files, films, tmp_path):
    import pty  # noqa: PLC0415  # not everywhere

    ours, theirs = pty.openpty()
    wide = os.environ | {"COLUMNS": "120", "TERM": "xterm"}
    command = _command(films / "long.mp4", films / "walk.mp4", "-o", tmp_path, "--end", 12)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=wide) as process:
        os.close(theirs)
        seen = b""
        with closing(os.fdopen(ours, "rb", buffering=0)) as screen:
            try:
                while chunk := screen.read(4096):
                    seen += chunk
            except OSError:  # the other side is gone
                pass
        out = process.stdout.read()
    assert process.returncode == 0
    assert b"/~120 frames" in seen
    assert b"frames/s" in seen
    assert b"1/2 files" in seen
    assert out.startswith(b"2 of 2 videos done, 2 people found")
    assert len(out.splitlines()) == 1
