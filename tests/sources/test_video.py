"""Video files: real ones, whole and broken."""

from __future__ import annotations

import gc
import itertools
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from vitruvian import Frame, Gap, OptionError, SourceError, VideoInfo, VideoSource
from vitruvian.sources.source import VIDEO_SUFFIXES


def _items(path, **options):
    with VideoSource(path, **options) as source:
        return list(source)


def _times(items):
    return [item.stamp.time for item in items]


def _packets(path):
    """What the file holds: place, size and time of each packet, in the order of times."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        return sorted((float(packet.pts * stream.time_base), packet.pos, packet.size) for packet in packets)


@pytest.fixture(scope="module")
def hand(clips):
    return clips / "hand_open_palm.mp4"


@pytest.fixture(scope="session")
def clips(eval_photos):
    return eval_photos.parents[1] / "clips"


def test_a_real_film_comes_whole_and_in_time(hand):
    items = _items(hand)
    assert [item.stamp.index for item in items] == list(range(202))
    assert _times(items) == [index / 25 for index in range(202)]
    assert all(isinstance(item, Frame) and item.pixels.shape == (360, 640, 3) for item in items)


def test_info_says_what_is_known(hand):
    with VideoSource(str(hand)) as source:
        assert source.info == VideoInfo(640, 360, 202, 8.08, 25.0, 0, "h264", audio=True)
        assert (source.name, source.live) == (str(hand), False)


def test_pixels_are_those_of_opencv(hand):
    import cv2  # noqa: PLC0415

    capture = cv2.VideoCapture(str(hand))
    for item in _items(hand, end=1.0):
        np.testing.assert_array_equal(item.pixels[..., ::-1], capture.read()[1])
    capture.release()


def test_variable_frame_rate_is_kept_to_the_tick(film, number, tmp_path):
    stamps = [0, 17, 50, 51, 700, 733, 1999, 2000, 4000]
    path = film(tmp_path / "film.mkv", stamps, tick=Fraction(1, 1000))
    items = _items(path)
    assert _times(items) == [stamp / 1000 for stamp in stamps]
    assert [number(item.pixels) for item in items] == list(range(9))


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.avi", "a.ts", "a.flv"])
def test_every_container_begins_at_0_and_keeps_its_pace(film, number, tmp_path, name):
    items = _items(film(tmp_path / name))
    assert len(items) == 30
    assert _times(items) == pytest.approx([index / 30 for index in range(30)], abs=0.001)
    assert [number(item.pixels) for item in items] == list(range(30))


def test_a_file_without_times_counts_by_its_rate(film, number, tmp_path):
    items = _items(film(tmp_path / "film.h264"))
    assert [number(item.pixels) for item in items] == list(range(30))
    steps = np.diff(_times(items))
    assert (steps > 0).all()


def test_vp8_frames_that_are_never_shown_are_no_gaps(film, tmp_path):
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime", "b": "200k"}
    path = film(tmp_path / "film.webm", range(60), codec="libvpx", **options)
    assert [item.stamp.status for item in _items(path)] == ["ok"] * 60


def test_a_film_that_starts_after_its_sound_says_so(tmp_path, picture):
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", rate=30), container.add_stream("pcm_s16le", rate=8000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        sound.sample_rate, sound.pts = 8000, 0
        container.mux(audio.encode(sound))
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = 15 + index, Fraction(1, 30)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    assert _times(_items(path)) == pytest.approx([0.5 + index / 30 for index in range(5)], abs=0.001)


# The two by two part of a track's matrix, what it does to a picture, and the turn that it is said to be.
ORIENTATIONS = {
    "upright": ((1, 0, 0, 1), lambda stored: stored, 0),
    "quarter": ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1), 90),
    "half": ((-1, 0, 0, -1), lambda stored: np.rot90(stored, 2), 180),
    "three quarters": ((0, -1, 1, 0), np.rot90, 270),
    "mirrored": ((-1, 0, 0, 1), np.fliplr, 0),
    "upside down": ((1, 0, 0, -1), np.flipud, 180),
    "mirrored quarter": ((0, -1, -1, 0), lambda stored: np.rot90(np.fliplr(stored), -1), 90),
    "swapped": ((0, 1, 1, 0), lambda stored: np.rot90(np.fliplr(stored)), 270),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pictures_are_turned_upright(film, tmp_path, orientation):
    (a, b, c, d), upright, degrees = ORIENTATIONS[orientation]
    path = film(tmp_path / "film.mp4", range(3))
    stored = _items(path)[0].pixels
    content = bytearray(path.read_bytes())
    # Of the track header (version 0), the matrix follows 40 bytes behind the start of its fields.
    place = content.index(b"tkhd") + 4 + 40
    content[place : place + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    with VideoSource(path) as source:
        frame = next(iter(source))
        np.testing.assert_array_equal(frame.pixels, upright(stored))
        assert (source.info.height, source.info.width) == frame.pixels.shape[:2]
        assert source.info.rotation == degrees


@pytest.mark.parametrize(
    ("colorspace", "kr", "kb"), [(1, 0.2126, 0.0722), (5, 0.299, 0.114), (9, 0.2627, 0.0593)]
)
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_read_as_flagged(tmp_path, colorspace, kr, kb, full):
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, 2 if full else 1
        frame = av.VideoFrame(64, 48, "yuv420p")
        for plane, value in zip(frame.planes, (110, 90, 180), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.colorspace, frame.color_range = colorspace, 2 if full else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    luma, blue, red = (110 / 255, -38 / 255, 52 / 255) if full else (94 / 219, -38 / 224, 52 / 224)
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    wanted = 255 * np.array([r, (luma - kr * r - kb * b) / (1 - kr - kb), b])
    assert np.abs(_items(path)[0].pixels[24, 32] - wanted).max() <= 2.5


def test_start_and_end_cut_at_the_frame(film, number, tmp_path):
    path = film(tmp_path / "film.mp4", range(50), g="10")
    whole = _items(path)
    for start, end in [(0.0, None), (0.5, 1.0), (1 / 30, 2 / 30), (0.51, 0.52), (1.6, 9.0), (3.0, None)]:
        items = _items(path, start=start, end=end)
        wanted = [item for item in whole if start <= item.stamp.time < (end or 99)]
        assert _times(items) == _times(wanted)
        assert [number(item.pixels) for item in items] == [number(item.pixels) for item in wanted]
        assert [item.stamp.index for item in items] == list(range(len(items)))


@pytest.mark.parametrize("name", ["film.ts", "film.mkv", "film.avi", "film.h264"])
def test_start_is_found_in_containers_with_a_poor_index(film, number, tmp_path, name):
    path = film(tmp_path / name, range(50), g="25")
    whole = {item.stamp.time: number(item.pixels) for item in _items(path) if item.stamp.time >= 0.9}
    found = {item.stamp.time: number(item.pixels) for item in _items(path, start=0.9)}
    assert len(found) == len(whole)
    assert list(found.values()) == list(whole.values())


def test_fps_keeps_frames_by_their_time(film, tmp_path):
    stamps = [0, 33, 67, 100, 500, 533, 567, 600, 633]
    path = film(tmp_path / "film.mkv", stamps, tick=Fraction(1, 1000))
    items = _items(path, fps=10)
    assert _times(items) == [0.0, 0.1, 0.5, 0.6]
    assert [item.stamp.index for item in items] == [0, 3, 4, 7]


@pytest.mark.parametrize(
    "options",
    [{"start": -1}, {"end": 0}, {"start": 2, "end": 2}, {"fps": 0}, {"fps": float("nan")}, {"start": "1"}],
)
def test_options_out_of_range_are_named(film, tmp_path, options):
    with pytest.raises(OptionError, match=next(reversed(options))):
        VideoSource(film(tmp_path / "film.mp4"), **options)


def _with_zeros(source, path, *, packets):
    content = bytearray(source.read_bytes())
    for _, place, size in packets:
        content[place : place + size] = bytes(size)
    path.write_bytes(content)
    return path


def test_frames_that_are_destroyed_are_gaps_in_their_place(hand, tmp_path):
    packets = _packets(hand)
    path = _with_zeros(hand, tmp_path / "broken.mp4", packets=[packets[index] for index in (50, 51, 120)])
    items = _items(path)
    assert [item.stamp.index for item in items] == list(range(202))
    assert _times(items) == [index / 25 for index in range(202)]
    gaps = [item for item in items if isinstance(item, Gap)]
    assert [gap.stamp.index for gap in gaps] == [50, 51, 120]
    assert all(gap.stamp.status == "failed" and gap.reason for gap in gaps)
    assert {(gap.stamp.width, gap.stamp.height) for gap in gaps} == {(640, 360)}


def test_a_destroyed_first_frame_is_a_gap_too(hand, tmp_path):
    path = _with_zeros(hand, tmp_path / "broken.mp4", packets=_packets(hand)[:1])
    items = _items(path)
    assert len(items) == 202
    assert _times(items) == [index / 25 for index in range(202)]
    assert items[0].stamp.status == "failed"


@pytest.mark.parametrize("name", ["broken.mp4", "broken.mkv", "broken.ts", "broken.avi"])
@pytest.mark.parametrize("seed", range(3))
def test_flipped_bytes_end_nothing(film, tmp_path, name, seed):
    path = film(tmp_path / name, range(90), g="15")
    content = bytearray(path.read_bytes())
    rng = random.Random(seed)  # noqa: S311  # a seeded test
    for _ in range(40):
        content[rng.randrange(len(content) * 45 // 100, len(content) * 65 // 100)] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    items = _items(path)
    times = _times(items)
    assert all(early < late for early, late in itertools.pairwise(times))
    assert [item.stamp.index for item in items] == list(range(len(items)))
    # What a container loses itself cannot be counted; the frames beside the damage are all there.
    assert sum(isinstance(item, Frame) for item in items) >= 45
    if name == "broken.mp4":
        # Its index counts them; a decoder may take a broken packet for two pictures.
        assert 90 <= len(items) <= 95


def test_a_file_that_ends_early_gives_what_there_is(film, number, tmp_path):
    path = film(tmp_path / "film.mp4", range(50), container={"movflags": "faststart"}, g="10")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    items = _items(path)
    frames = [item for item in items if isinstance(item, Frame)]
    assert 10 < len(frames) < 50
    assert [number(frame.pixels) for frame in frames][:10] == list(range(10))


def _sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


NOT_FILMS = {
    "missing.mp4": (lambda _: None, "no such file"),
    "empty.mp4": (lambda path: path.write_bytes(b""), "is empty"),
    "text.mp4": (lambda path: path.write_text("not a film\n" * 500), "not a video in a known format"),
    "noise.mp4": (lambda path: path.write_bytes(random.Random(1).randbytes(9999)), "not a video"),  # noqa: S311
    "sound.mkv": (_sound, "no moving pictures in it .it holds: audio"),
    "folder.mp4": (lambda path: path.mkdir(), "is a folder"),
    "cut.mp4": (lambda path: path.write_bytes(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"), "not a video"),
}


@pytest.mark.parametrize("name", NOT_FILMS)
def test_what_is_no_film_is_a_source_error(tmp_path, name):
    make, message = NOT_FILMS[name]
    make(tmp_path / name)
    with pytest.raises(SourceError, match=message) as caught:
        VideoSource(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize("suffix", ["m3u8", "txt", "sdp", "mpd", "mp4"])
def test_a_file_that_names_an_address_connects_nowhere(tmp_path, suffix):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/film.ts"
        contents = {
            "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n",
            "txt": f"ffconcat version 1.0\nfile '{address}'\n",
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n",
            "mpd": f'<?xml version="1.0"?><MPD><Period><BaseURL>{address}</BaseURL></Period></MPD>',
        }
        path = tmp_path / f"list.{suffix}"
        path.write_text(contents.get(suffix, contents["m3u8"]))
        with pytest.raises(SourceError, match="not a video in a known format"):
            VideoSource(path)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_name_that_looks_like_an_address_is_a_file(film, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "film.mp4").rename("concat:a.mp4")
    assert len(_items("concat:a.mp4")) == 30


def test_pictures_that_are_too_large_are_refused(film, tmp_path):
    path = film(tmp_path / "film.mkv", range(1), codec="ffv1", size=(32_800, 16))
    with pytest.raises(SourceError, match="32800 x 16"):
        VideoSource(path)


def test_nothing_is_written_to_the_terminal(hand, tmp_path):
    path = _with_zeros(hand, tmp_path / "broken.mp4", packets=_packets(hand)[60:80])
    script = f"import vitruvian; print(len(list(vitruvian.open_source({str(path)!r}))))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("202\n", "")


def test_two_iterations_may_run_at_once(film, number, tmp_path):
    with VideoSource(film(tmp_path / "film.mp4")) as source:
        pairs = [(number(one.pixels), number(two.pixels)) for one, two in zip(source, source, strict=True)]
    assert pairs == [(index, index) for index in range(30)]


def test_frames_leave_memory_without_the_garbage_collector(film, tmp_path):
    with VideoSource(film(tmp_path / "film.mp4", range(60))) as source:
        list(source)
        gc.collect()
        gc.disable()
        try:
            list(source)
            assert gc.collect() < 20
        finally:
            gc.enable()


def _open_files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # counts


@pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc lists")
def test_closing_ends_a_waiting_iteration_and_frees_the_file(film, tmp_path):
    path = film(tmp_path / "film.mp4")
    before = _open_files()
    source = VideoSource(path)
    assert _open_files() == before
    running = iter(source)
    next(running)
    assert _open_files() > before
    source.close()
    assert _open_files() == before
    assert list(running) == []


def test_closing_from_another_thread_ends_the_iteration(hand):
    source = VideoSource(hand)
    closer = threading.Timer(0.05, source.close)
    closer.start()
    assert 0 < sum(1 for _ in itertools.chain.from_iterable(_again(source))) < 1_000_000
    closer.join()
    with pytest.raises(SourceError, match="was closed"):
        iter(source)


def _again(source):
    """Iterate a source over and over until it is closed."""
    while True:
        try:
            yield iter(source)
        except SourceError:
            return


def test_a_file_that_is_gone_later_is_a_source_error(film, tmp_path):
    path = film(tmp_path / "film.mp4")
    with VideoSource(path) as source:
        path.unlink()
        with pytest.raises(SourceError, match="no such file"):
            next(iter(source))


def test_reading_is_fast(film, tmp_path):
    path = film(tmp_path / "film.mp4", range(60), size=(1280, 720), preset="ultrafast")
    began = time.perf_counter()
    assert len(_items(path)) == 60
    assert time.perf_counter() - began < 6.0


def test_the_suffixes_are_known_without_opening_ffmpeg():
    script = "import sys; from vitruvian.sources.source import VIDEO_SUFFIXES; print('av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert {".mp4", ".mov", ".mkv", ".webm"} <= VIDEO_SUFFIXES


@pytest.mark.parametrize("start", [1.0, 2.5, 5.0, 7.3])
def test_a_part_of_a_transport_stream_has_all_its_frames(film, tmp_path, start):
    """Whose index leads to where a packet begins, and not to a key frame."""
    path = film(tmp_path / "film.ts", range(300), g="50")
    whole = [item.stamp.time for item in _items(path)]
    assert len(whole) == 300
    part = _items(path, start=start)
    assert [item.stamp.time for item in part] == [time for time in whole if time >= start]
    assert all(isinstance(item, Frame) for item in part)
