"""``vitruvian live`` as a person uses it: real processes, a real stream, a real browser if there is one."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vitruvian import (
    JsonLinesSink,
    LiveSource,
    OverlayVideoSink,
    SinkError,
    SourceError,
    VideoSource,
    VitruvianError,
    read_csv,
    read_jsonl,
)
from vitruvian.cli import app
from vitruvian.cli.broadcast import Broadcast
from vitruvian.cli.page import Page
from vitruvian.cli.screen import Screen

FPS, SECONDS = 15, 2


@pytest.fixture(scope="session")
def clip(astronaut, tmp_path_factory) -> Path:
    """Two seconds of the astronaut, who moves a little; as a transport stream, which can begin anywhere."""
    path = tmp_path_factory.mktemp("clip") / "ann.ts"
    photo = Image.open(astronaut).convert("RGB").resize((320, 320))
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = 320
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(FPS)}
        for index in range(FPS * SECONDS):
            moved = np.roll(np.asarray(photo), round(6 * np.sin(index / FPS * np.pi)), axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def stream(clip) -> str:
    """Address of a server that sends the clip again and again, at its own pace, to whoever connects."""
    content = clip.read_bytes()
    size = 188 * max(1, round(len(content) / (188 * FPS * SECONDS)))
    over = threading.Event()

    class Sender(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                self.request.sendall(content)  # at once, so that one learns soon what is in it
                while not over.is_set():
                    for start in range(0, len(content), size):
                        self.request.sendall(content[start : start + size])
                        time.sleep(1 / FPS)
            except OSError:
                pass  # the other end has enough

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sender) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        over.set()
        server.shutdown()


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "vitruvian", "live", *map(str, arguments)]


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def _live(*arguments: object):
    with subprocess.Popen(
        _command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline().removeprefix("page: ").strip()


def _open(address: str):
    return urllib.request.urlopen(address, timeout=10)  # noqa: S310  # our own page


def _get(address: str) -> bytes:
    with _open(address) as answer:
        return answer.read()


def _wait_for(condition, seconds: float = 20.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)
    return found


def _frames(address: str, least: int) -> dict:
    def enough():
        status = json.loads(_get(address + "status"))
        return status if status["frames"] >= least else None

    return _wait_for(enough)


def _pictures(address: str, count: int) -> list[np.ndarray]:
    pictures = []
    with _open(address + "stream") as answer:
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        while len(pictures) < count:
            head = b"".join(iter(answer.readline, b"\r\n"))
            size = int(re.search(rb"Content-Length: (\d+)", head)[1])
            pictures.append(np.asarray(Image.open(io.BytesIO(answer.read(size)))))
            answer.readline()
    return pictures


def test_a_stream_is_shown_and_written_until_ctrl_c(full_files, stream, tmp_path):
    out = tmp_path / "out"
    with _live("--url", stream, "-o", out, "--record", "--format", "jsonl,csv") as process:
        address = _address(process)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32,}/", address)
        assert b"<!doctype html>" in _get(address)
        status = _frames(address, 10)
        assert (status["people"], status["width"], status["height"]) == (1, 320, 320)
        assert status["counted"] == "people"
        assert (status["source"], status["recording"]) == (stream, True)
        assert 0 < status["age_ms"] < 2000
        for picture in _pictures(address, 3):
            assert picture.shape == (320, 320, 3)
            assert picture.std() > 20
        with pytest.raises(urllib.error.HTTPError, match="404"):
            _get(address.rsplit("/", 2)[0] + "/wrong/stream")
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=20)
    assert process.returncode == 0, complaints
    assert re.match(
        r"\d+ frames, \d+ dropped, (\d+ failed, )?median age \d+ ms, [\d.]+ frames/s; results in ", said
    )
    assert "Traceback" not in complaints
    _check_results(out, int(said.split()[0]))


def _check_results(out: Path, frames: int) -> None:
    assert [path.suffix for path in sorted(out.iterdir())] == [".csv", ".jsonl", ".mp4"]
    csv, jsonl, film = sorted(out.iterdir())
    lines = [json.loads(line) for line in jsonl.read_bytes().splitlines()]
    seen = [line for line in lines if line["status"] in ("detected", "tracked", "empty")]
    assert len(seen) == frames
    assert all(0 <= line["age"] < 5 for line in lines)
    assert sum(len(line["instances"]) for line in seen) > frames / 2
    assert len(read_jsonl(jsonl)) == len(read_csv(csv)) == len(lines)
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames


def test_hands_are_shown_and_written(hands_files, hand_clip, tmp_path):
    with _live("--hands", "--mirrored", "--url", hand_clip, "-o", tmp_path) as process:
        address = _address(process)
        status = _wait_for(lambda: (now := json.loads(_get(address + "status")))["hands"] and now)
        assert (status["counted"], status["hands"]) == ("hands", 1)
        assert "people" not in status
        assert _pictures(address, 1)[0].shape == (360, 640, 3)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0, complaints
    (path,) = tmp_path.iterdir()
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert {line["skeleton"] for line in lines} == {"hand21"}
    # A right hand, if the picture were not said to be mirrored.
    assert {one["handedness"] for line in lines for one in line["instances"]} == {"left"}


def test_sigterm_finishes_the_files_too(full_files, stream, tmp_path):
    with _live("--url", stream, "-o", tmp_path, "--record", "--no-page") as process:
        _wait_for(lambda: any(path.suffix == ".jsonl" and path.stat().st_size for path in tmp_path.iterdir()))
        process.terminate()
        said, complaints = process.communicate(timeout=20)
    assert process.returncode == 0, complaints
    assert "page:" not in said
    assert {path.suffix for path in tmp_path.iterdir()} == {".jsonl", ".mp4"}


def test_a_film_is_played_as_if_a_camera_sent_it(full_files, clip, tmp_path):
    for _ in range(2):
        done = _run("--url", clip, "-o", tmp_path, "--no-page", "--seconds", "0.7")
        assert done.returncode == 0, done.stderr
        assert "median age" in done.stdout
    files = list(tmp_path.iterdir())
    assert len(files) == 2  # what was seen live is never replaced
    assert 1 <= len(read_jsonl(files[0])) <= FPS * 1.3


@pytest.mark.skipif(Path("/dev/video0").exists(), reason="this machine has a camera")
def test_no_camera_is_one_line_that_says_what_to_try(full_files, tmp_path):
    done = _run("--no-page", "-o", tmp_path)
    assert done.returncode == 1
    assert "/dev/video0" in done.stderr
    assert "--url" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_nobody_at_the_address_is_said(full_files):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = _run("--url", f"tcp://127.0.0.1:{port}", "--timeout", "1")
    assert done.returncode == 1
    assert f"error: tcp://127.0.0.1:{port}: no picture for 1 s" in done.stderr
    assert "try the address in a player" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--no-page"], "give -o FOLDER"),
        (["--no-page", "--open", "-o", "x"], "cannot be opened"),
        (["--record"], "give -o FOLDER"),
        (["--format", "csv"], "give -o FOLDER"),
        (["--camera", "0", "--url", "udp://127.0.0.1:9"], "one of them"),
        (["--smoothing", "strong"], "smoothing"),
        (["--mirrored"], "add --hands"),
        (["--num-hands", "1"], "add --hands"),
        (["--hands", "--num-poses", "1"], "use --num-hands"),
        (["--url", "gopher://127.0.0.1"], "gopher"),
        (["--url", "nowhere.mp4"], "nowhere.mp4"),
    ],
)
def test_what_cannot_be_is_said_before_work_begins(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["live", *arguments])
    assert isinstance(result.exception, VitruvianError)
    assert words in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_a_format_that_is_none_is_said_with_those_that_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["live", "-o", "x", "--format", "jsonl,xls"])
    assert result.exit_code == 2
    assert "xls" in result.output
    assert "parquet" in result.output
    assert not list(tmp_path.iterdir())


def test_a_result_that_cannot_be_written_ends_it(full, clip, tmp_path):
    foreign = tmp_path / "mine.mp4"
    foreign.write_bytes(b"a film of the user's")
    source = VideoSource(clip)
    with pytest.raises(SinkError, match="no mark of ours"):
        Broadcast(source, full, recorder=OverlayVideoSink(foreign)).run()
    with pytest.raises(SourceError, match="closed"):
        next(iter(source))
    with pytest.raises(SinkError):
        Broadcast(VideoSource(clip), full, sinks=[JsonLinesSink(tmp_path, full.model)]).run()
    assert list(tmp_path.iterdir()) == [foreign]


def test_fifty_times_open_and_close_leave_nothing_behind(full, stream):
    _cycle(full, stream)
    files, threads_before = _open_files(), threading.active_count()
    troubles = []

    def cycles():
        try:
            for _ in range(10):
                _cycle(full, stream)
        except BaseException as trouble:
            troubles.append(trouble)
            raise

    threads = [threading.Thread(target=cycles) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not troubles
    _wait_for(lambda: _open_files() <= files and threading.active_count() <= threads_before, 5)


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def _cycle(pipeline, stream: str) -> None:
    screen = Screen()
    work = Broadcast(LiveSource(stream), pipeline, screen=screen)
    with Page(screen, work.tally.status) as page:
        runner = threading.Thread(target=work.run)
        runner.start()
        port, path = page.address.removeprefix("http://127.0.0.1:").split("/", 1)
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as viewer:
            viewer.sendall(f"GET /{path}stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            _wait_for(lambda: work.tally.frames)
            assert viewer.recv(1 << 16).startswith(b"HTTP/1.0 200 ")
            work.stop()
            runner.join(10)
            assert not runner.is_alive()


def test_stopping_before_it_runs_is_fine(full, stream):
    work = Broadcast(LiveSource(stream), full)
    work.stop()
    work.run()
    assert work.tally.frames == 0


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_shows_it(full_files, stream, tmp_path):
    shot = tmp_path / "shot.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--window-size=800,600", "--virtual-time-budget=2000", "--timeout=8000"]
    with _live("--url", stream) as process:
        address = _address(process)
        _frames(address, 3)
        subprocess.run(
            ["chromium", *flags, f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", address],
            capture_output=True,
            timeout=60,
            check=True,
        )
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    assert pixels[:8].max() < 60  # dark
    middle = pixels[100:450, 250:550]
    assert middle.std() > 30
    assert middle.mean() > 60
