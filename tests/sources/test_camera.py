"""Live streams: real connections on this machine, cut and closed in every way."""

from __future__ import annotations

import gc
import http.server
import itertools
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from functools import partial

import av
import pytest

from vitruvian import Frame, LiveSource, OptionError, SourceError


def _free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def address():
    return f"udp://127.0.0.1:{_free_port()}"


class _Sender(threading.Thread):
    """Sends a stream like a camera: 30 pictures a second, MPEG-TS over UDP, until it is stopped."""

    def __init__(self, address, picture):
        super().__init__(daemon=True)
        self._address, self._picture, self._stopped = address, picture, threading.Event()
        self.start()

    def run(self):
        with av.open(f"{self._address}?pkt_size=1316", "w", format="mpegts") as container:
            options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10"}
            stream = container.add_stream("libx264", rate=30, options=options)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            began = time.monotonic()
            for index in itertools.count():
                if self._stopped.wait(max(0, began + index / 30 - time.monotonic())):
                    return
                frame = av.VideoFrame.from_ndarray(self._picture(index), format="rgb24")
                container.mux(stream.encode(frame))

    def stop(self):
        self._stopped.set()
        self.join()


@pytest.fixture
def send(picture):
    """Return a function that starts a sender; all are stopped at the end."""
    senders = []

    def start(address):
        senders.append(_Sender(address, picture))
        return senders[-1]

    yield start
    for sender in senders:
        sender.stop()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, film):
    """The address of a web server that has ``film.ts`` of 60 frames."""
    film(tmp_path / "film.ts", range(60), g="10")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _check_stamps(items):
    assert [item.stamp.index for item in items] == list(range(len(items)))
    times = [item.stamp.time for item in items]
    assert times == sorted(times)
    assert all(item.stamp.captured is not None for item in items)


def test_a_stream_is_seen_as_it_happens(address, send):
    send(address)
    items, ages = [], []
    with LiveSource(address) as source:
        for item in source:
            items.append(item)
            if isinstance(item, Frame):
                ages.append(time.monotonic() - item.stamp.captured)
            if len(items) == 60:
                break
        assert (source.info.width, source.info.height, source.info.codec) == (64, 48, "h264")
        assert (source.name, source.live, source.reconnects) == (address, True, 0)
    _check_stamps(items)
    steps = [late.stamp.time - early.stamp.time for early, late in itertools.pairwise(items)]
    assert steps == pytest.approx([1 / 30] * len(steps), abs=0.002)
    assert sorted(ages)[len(ages) // 2] < 0.1


def test_a_stream_that_is_cut_and_restarted_goes_on(address, send, caplog):
    caplog.set_level(logging.WARNING, "vitruvian")
    first, again, items = send(address), None, []
    with LiveSource(address, silence=0.5) as source:
        for item in source:
            items.append(item)
            if len(items) == 20:
                first.stop()
                again = threading.Timer(1.0, send, [address])
                again.start()
            if source.reconnects and isinstance(item, Frame) and item.stamp.index > 60:
                break
        assert source.reconnects >= 1
    again.join()
    _check_stamps(items)
    pause = max(late.stamp.time - early.stamp.time for early, late in itertools.pairwise(items))
    assert 0.9 < pause < 8.0
    assert "connecting anew" in caplog.text


def test_a_slow_consumer_gets_the_newest_and_a_gap_for_each_other(address, send):
    send(address)
    items = []
    with LiveSource(address) as source:
        for item in source:
            items.append(item)
            if isinstance(item, Frame):
                assert time.monotonic() - item.stamp.captured < 0.25
                if sum(isinstance(item, Frame) for item in items) == 6:
                    break
                time.sleep(0.2)
        _check_stamps(items)
        dropped = [item for item in items if item.stamp.status == "dropped"]
        assert 6 <= len(dropped) <= source.dropped
        assert {item.stamp.status for item in items} <= {"ok", "dropped", "failed"}


def test_a_stream_that_ends_is_the_end_without_reconnecting(served):
    with LiveSource(f"{served}/film.ts", reconnect=False) as source:
        items = list(source)
        assert len(items) == 60
        assert source.dropped == sum(item.stamp.status == "dropped" for item in items)
        _check_stamps(items)
        assert items[-1].stamp.time == pytest.approx(59 / 30, abs=0.01)
        assert isinstance(items[-1], Frame)


def test_a_stream_that_ends_begins_again_with_reconnecting(served):
    items = []
    with LiveSource(f"{served}/film.ts") as source:
        for item in source:
            items.append(item)
            if len(items) == 70:
                break
        assert source.reconnects == 1
    _check_stamps(items)


def test_a_source_can_be_iterated_again_but_not_twice_at_once(served):
    with LiveSource(f"{served}/film.ts", reconnect=False) as source:
        assert len(list(source)) == len(list(source)) == 60
        first, second = iter(source), iter(source)
        next(first)
        with pytest.raises(SourceError, match="already being read"):
            next(second)
        next(first)


def test_what_is_not_there_is_told_at_once(served, tmp_path):
    (tmp_path / "page.html").write_text("<html>no film</html>")
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    for address, options in [
        (f"{served}/missing.ts", {}),
        (f"{served}/page.html", {"reconnect": False}),
        (closed, {"reconnect": False}),
    ]:
        began = time.monotonic()
        with LiveSource(address, **options) as source, pytest.raises(SourceError, match=r"127\.0\.0\.1"):
            next(iter(source))
        assert time.monotonic() - began < 5.0


def test_it_gives_up_in_the_end(address):
    began = time.monotonic()
    with (
        LiveSource(address, timeout=0.6) as source,
        pytest.raises(SourceError, match=r"no picture for 0\.6 s"),
    ):
        next(iter(source))
    assert time.monotonic() - began < 3.0


def test_a_playlist_cannot_name_a_local_file(served, tmp_path):
    film = f"file://{tmp_path}/film.ts"
    (tmp_path / "list.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{film}\n#EXT-X-ENDLIST\n"
    )
    source = LiveSource(f"{served}/list.m3u8", reconnect=False, timeout=4.0)
    with source, pytest.raises(SourceError):
        assert list(source) == []


@pytest.mark.parametrize("stream", [True, False])
def test_close_from_another_thread_ends_a_waiting_iteration(address, send, stream):
    if stream:
        send(address)
    source, items = LiveSource(address, timeout=60.0), []
    reader = threading.Thread(target=lambda: items.extend(source))
    reader.start()
    time.sleep(1.2)
    began = time.monotonic()
    source.close()
    reader.join(2.0)
    assert not reader.is_alive()
    assert time.monotonic() - began < 2.0
    assert bool(items) == stream
    source.close()
    with pytest.raises(SourceError, match="was closed"):
        iter(source)


@pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc lists")
def test_opening_and_closing_leaks_neither_threads_nor_files(served):
    def cycle(number):
        source = LiveSource(f"{served}/film.ts")
        for count, _ in enumerate(source):
            if count == number % 7:
                break
        source.close()

    def counts():
        gc.collect()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            # The server's own threads and connections end a little later.
            found = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
            if found <= before:
                break
            time.sleep(0.05)
        return found

    before = (0, 0)
    cycle(0)
    time.sleep(0.3)
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in range(50):
        cycle(number)
    assert counts() <= before


def test_a_program_may_end_while_it_reads(served):
    script = (
        f"import vitruvian; source = vitruvian.open_source('{served}/film.ts'); i = iter(source); next(i)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_there_is_no_camera_999():
    with LiveSource(999) as source, pytest.raises(SourceError, match="camera 999"):
        next(iter(source))


@pytest.mark.parametrize(
    ("where", "options", "named"),
    [
        ("udp://127.0.0.1:1", {"size": (640, 480)}, "size"),
        (0, {"size": (0, 480)}, "size"),
        (0, {"timeout": 0}, "timeout"),
        (0, {"silence": float("inf")}, "silence"),
        ("film.mp4", {}, "where"),
    ],
)
def test_options_out_of_range_are_named(where, options, named):
    with pytest.raises(OptionError, match=named):
        LiveSource(where, **options)
