"""What every source must do; a new one joins ``SOURCES`` and passes, or is none."""

from __future__ import annotations

import http.server
import threading
from functools import partial

import av
import numpy as np
import pytest
from PIL import Image

from vitruvian import Frame, Gap, ImageSource, LiveSource, SourceError, VideoSource

SIZE = (64, 48)
FRAMES = 30


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a film of 30 frames, the same with some damage, and a picture."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("film.ts", "broken.mp4"):
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream("libx264", rate=30, options={"g": "10"})
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuv420p"
            for index in range(FRAMES):
                pixels = np.full((SIZE[1], SIZE[0], 3), 8 * index, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
    with av.open(str(folder / "broken.mp4")) as container:
        packets = list(container.demux(video=0))
    content = bytearray((folder / "broken.mp4").read_bytes())
    for packet in packets[12:14]:
        content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    (folder / "broken.mp4").write_bytes(content)
    Image.new("RGB", SIZE, (9, 99, 200)).save(folder / "picture.png")
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


# How to open it, and how many items come out.
SOURCES = {
    "image": (lambda folder, _: ImageSource(folder / "picture.png"), 1),
    "video": (lambda folder, _: VideoSource(folder / "film.ts"), FRAMES),
    "range": (lambda folder, _: VideoSource(folder / "film.ts", start=0.5, end=0.9), 12),
    "thinned": (lambda folder, _: VideoSource(folder / "film.ts", fps=10), 10),
    "broken": (lambda folder, _: VideoSource(folder / "broken.mp4"), FRAMES),
    "live": (lambda _, address: LiveSource(f"{address}/film.ts", reconnect=False), FRAMES),
}


@pytest.fixture(params=SOURCES)
def opened(request, folder, address):
    make, count = SOURCES[request.param]
    with make(folder, address) as source:
        yield source, count


def _check(source, items, count):
    assert len(items) == count
    assert all(isinstance(item, Frame | Gap) for item in items)
    indices = [item.stamp.index for item in items]
    assert indices == sorted(set(indices))
    if count > 1:
        times = [item.stamp.time for item in items]
        assert times == sorted(times)
    for item in items:
        assert (item.stamp.width, item.stamp.height) == SIZE
        assert item.stamp.source == source.name
        assert (item.stamp.captured is not None) == source.live
    assert any(isinstance(item, Frame) for item in items)


def test_every_frame_has_an_item_in_order(opened):
    source, count = opened
    _check(source, list(source), count)


def test_it_is_iterated_again_from_the_beginning(opened):
    source, count = opened
    list(source)
    _check(source, list(source), count)


def test_an_iteration_left_early_is_in_nobodys_way(opened):
    source, count = opened
    for _ in source:
        break
    _check(source, list(source), count)


def test_info_is_the_upright_size(opened):
    source, _ = opened
    list(source)
    assert (source.info.width, source.info.height) == SIZE


def test_closing_twice_is_closing_once(opened):
    source, _ = opened
    source.close()
    source.close()
    with pytest.raises(SourceError, match="was closed"):
        iter(source)


def test_closing_ends_a_running_iteration(opened):
    source, count = opened
    running = iter(source)
    next(running)
    source.close()
    assert len(list(running)) < count


def test_an_exception_of_the_consumer_passes_and_closes(opened):
    source, _ = opened
    with pytest.raises(KeyboardInterrupt), source:
        _interrupted(source)
    with pytest.raises(SourceError, match="was closed"):
        iter(source)


def _interrupted(source):
    for _ in source:
        raise KeyboardInterrupt


def test_damage_is_told_in_its_place(folder):
    with VideoSource(folder / "broken.mp4") as source:
        gaps = [item for item in source if isinstance(item, Gap)]
    assert len(gaps) == 2
    assert all(gap.stamp.status == "failed" and gap.reason for gap in gaps)
