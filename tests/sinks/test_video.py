from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vitruvian import (
    Frame,
    Gap,
    Landmarks,
    OptionError,
    OverlayVideoSink,
    SinkError,
    Skeleton,
    Stamp,
    draw_landmarks,
)

F32 = np.float32
BODY = Skeleton.named("body33")
NOBODY = Landmarks(BODY, np.empty((0, 33, 2), F32), np.empty((0, 4), F32), np.empty(0, F32))


def _picture(width: int = 160, height: int = 120) -> np.ndarray:
    """Red, green, blue and white quarters: told apart however they are turned."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (200, 30, 30)
    picture[: height // 2, width // 2 :] = (30, 160, 30)
    picture[height // 2 :, : width // 2] = (30, 30, 200)
    picture[height // 2 :, width // 2 :] = (230, 230, 230)
    return picture


def _frame(time: float | None, picture: np.ndarray | None = None) -> Frame:
    pixels = _picture() if picture is None else picture
    return Frame(pixels, Stamp("clip", pixels.shape[1], pixels.shape[0], time=time))


def _written(path: Path, frames, people=NOBODY, **options) -> list[tuple[float, np.ndarray]]:
    with OverlayVideoSink(path, **options) as sink:
        for frame in frames:
            sink.write(frame, people)
    return _decoded(path)


def _decoded(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as file:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]


def _tone(path: Path, codec: str, form: str, *, late: float = 0.0) -> np.ndarray:
    """Write three seconds of pictures with a rising tone; return its 48,000 samples a second."""
    seconds = np.arange(3 * 48_000) / 48_000
    tone = (0.5 * np.sin(2 * np.pi * (200 + 300 * seconds) * seconds)).astype(F32)
    with av.open(str(path), "w", format=form) as file:
        pictures, sound = file.add_stream("libx264", rate=25), file.add_stream(codec, rate=48_000)
        pictures.width, pictures.height = 160, 120
        sound.codec_context.layout = "mono"
        for i in range(75):
            picture = av.VideoFrame.from_ndarray(_picture(), format="rgb24")
            picture.pts, picture.time_base = i + round(25 * late), Fraction(1, 25)
            file.mux(pictures.encode(picture))
        file.mux(pictures.encode(None))
        for start in range(0, len(tone), 960):
            piece = av.AudioFrame.from_ndarray(tone[None, start : start + 960], format="fltp", layout="mono")
            piece.pts, piece.sample_rate = start + round(48_000 * late), 48_000
            piece.time_base = Fraction(1, 48_000)
            file.mux(sound.encode(piece))
        file.mux(sound.encode(None))
    return tone


def _heard(path: Path) -> tuple[str, float, np.ndarray]:
    """Return the codec, the time of the first sample in seconds, and the samples."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=48_000)
    with av.open(str(path)) as file:
        name = file.streams.audio[0].codec_context.name
        heard = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
    return name, heard[0].time, np.concatenate([piece.to_ndarray()[0] for piece in heard])


def test_a_variable_frame_rate_stays_what_it_is(tmp_path):
    times = [0.0, 0.04, 0.08, 0.5, 0.533, 0.5333, 1.7, 1.75]
    decoded = _written(tmp_path / "a.mp4", map(_frame, times))
    assert [time for time, _ in decoded] == pytest.approx(times, abs=1e-3)


def test_a_stream_that_starts_late_keeps_its_times_or_starts_at_an_origin(tmp_path):
    times = [20.0, 20.04, 20.08]
    kept = _written(tmp_path / "a.mp4", map(_frame, times))
    moved = _written(tmp_path / "b.mp4", map(_frame, times), origin=20.0)
    assert [time for time, _ in kept] == pytest.approx(times, abs=1e-3)
    assert [time for time, _ in moved] == pytest.approx([0.0, 0.04, 0.08], abs=1e-3)


def test_colours_are_right_and_said_to_be_bt709(tmp_path):
    decoded = _written(tmp_path / "a.mp4", [_frame(i / 25) for i in range(5)])
    for _, picture in decoded:
        for y, x in ((30, 40), (30, 120), (90, 40), (90, 120)):
            assert picture[y, x] == pytest.approx(_picture()[y, x].astype(int), abs=6)
    with av.open(str(tmp_path / "a.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert context.name == "h264"
        assert context.pix_fmt == "yuv420p"
        assert [context.colorspace, context.color_primaries, context.color_trc] == [1, 1, 1]
        assert context.color_range == 1
        assert file.metadata["comment"] == "landmarks drawn by Vitruvian"


def test_the_landmarks_are_drawn(tmp_path):
    rng = np.random.default_rng(0)
    xy = (rng.random((1, 33, 2)) * [60, 60] + [50, 30]).astype(F32)
    people = Landmarks(BODY, xy, np.array([[50, 30, 110, 90]], F32), np.ones(1, F32))
    ((_, picture),) = _written(tmp_path / "a.mp4", [_frame(0.0)], people)
    expected = draw_landmarks(_picture(), people).astype(int)
    # Half of the colour's resolution is lost, and some to the encoder; limbs are thin.
    assert np.abs(picture - expected).mean() < 6
    assert np.abs(picture - _picture().astype(int)).mean() > 2 * np.abs(picture - expected).mean()


@pytest.mark.parametrize("size", [(161, 121), (1, 1), (160, 121), (33, 90)])
def test_odd_sides_are_made_even_by_repetition(size, tmp_path):
    ((_, picture),) = _written(tmp_path / "a.mp4", [_frame(0.0, np.full((*size[::-1], 3), 180, np.uint8))])
    assert picture.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert np.abs(picture.astype(int) - 180).max() <= 4


def test_another_size_is_fitted_between_bars(tmp_path):
    decoded = _written(tmp_path / "a.mp4", [_frame(0.0), _frame(0.04, _picture(60, 120))])
    (_, _), (_, second) = decoded
    assert second.shape == (120, 160, 3)
    assert second[:, :46].mean() < 8
    assert second[30, 60] == pytest.approx(_picture()[30, 40].astype(int), abs=8)
    assert second[90, 98] == pytest.approx(_picture()[90, 120].astype(int), abs=8)


def test_a_gap_writes_nothing(tmp_path):
    gap = Gap(Stamp("clip", 160, 120, time=0.04, status="failed"), "damaged")
    decoded = _written(tmp_path / "a.mp4", [gap, _frame(0.0), gap, _frame(0.08)])
    assert [time for time, _ in decoded] == pytest.approx([0.0, 0.08], abs=1e-3)


def test_two_frames_of_one_moment_are_two(tmp_path):
    decoded = _written(tmp_path / "a.mp4", map(_frame, [0.0, 0.04, 0.04, 0.08]))
    assert [time for time, _ in decoded] == pytest.approx([0.0, 0.04, 0.04, 0.08], abs=1e-3)


def test_time_that_falls_is_refused_and_what_came_before_kept(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(SinkError, match="time falls"):
        _written(path, map(_frame, [0.0, 0.04, 0.01]))
    assert len(_decoded(path)) == 2


def test_a_still_makes_no_video(tmp_path):
    with pytest.raises(SinkError, match="OverlaySink"):
        _written(tmp_path / "a.mp4", [_frame(None)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", [{"fps": 0}, {"fps": float("nan")}, {"origin": "x"}])
def test_options_are_checked(option, tmp_path):
    with pytest.raises(OptionError):
        OverlayVideoSink(tmp_path / "a.mp4", **option)


@pytest.mark.parametrize(
    ("codec", "form", "expected"),
    [
        ("aac", "mp4", "aac"),
        ("aac", "mpegts", "aac"),
        ("ac3", "matroska", "ac3"),
        ("pcm_s16le", "mov", "aac"),
        ("flac", "matroska", "aac"),
    ],
)
def test_sound_is_kept_in_its_place(codec, form, expected, tmp_path):
    tone = _tone(tmp_path / "in", codec, form, late=1.4 if form == "mpegts" else 0.0)
    with av.open(str(tmp_path / "in")) as file:
        # Players count from the container's start, which may be that of the sound.
        zero = file.start_time / av.time_base
        times = [frame.time - zero for frame in file.decode(video=0)]
    decoded = _written(tmp_path / "a.mp4", map(_frame, times), sound=tmp_path / "in")
    assert len(decoded) == 75
    name, start, heard = _heard(tmp_path / "a.mp4")
    assert name == expected
    # Of a tone that rises, only the right place agrees.
    assert _agreement(tone, heard, start - times[0]) > 0.98
    assert len(heard) == pytest.approx(len(tone), abs=4096)


@pytest.mark.parametrize(("codec", "form"), [("aac", "mp4"), ("pcm_s16le", "mov")])
def test_sound_is_cut_to_what_is_seen(codec, form, tmp_path):
    tone = _tone(tmp_path / "in", codec, form)
    part = [_frame(i / 25) for i in range(25, 50)]
    for origin in (0.0, 1.0):
        _written(tmp_path / "a.mp4", part, sound=tmp_path / "in", origin=origin)
        _, start, heard = _heard(tmp_path / "a.mp4")
        assert start == pytest.approx(1.0 - origin, abs=0.05)
        assert len(heard) == pytest.approx(48_000, abs=4096)
        assert _agreement(tone, heard, start + origin) > 0.98


def _agreement(tone: np.ndarray, heard: np.ndarray, start: float) -> float:
    """Correlate what is heard, from 0.1 s on, with the tone at the same time, give or take 6 ms.

    Some containers round to milliseconds, and AC-3 is 256 samples late by itself.
    """
    place, skipped = round(start * 48_000), 4800
    count = min(len(heard), len(tone) - place) - 2 * skipped
    at = [max(0, place + skipped + late) for late in range(-288, 289, 2)]
    piece = heard[skipped : skipped + count]
    return max(float(np.corrcoef(tone[i : i + count], piece)[0, 1]) for i in at)


def test_a_file_without_sound_gives_none(tmp_path):
    _written(tmp_path / "silent.mp4", [_frame(0.0), _frame(0.04)])
    _written(tmp_path / "a.mp4", [_frame(0.0), _frame(0.04)], sound=tmp_path / "silent.mp4")
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert not file.streams.audio


def test_sound_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "in").write_bytes(b"no sound at all")
    with pytest.raises(SinkError, match="in: its sound cannot be read"):
        _written(tmp_path / "a.mp4", [_frame(0.0)], sound=tmp_path / "in")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_sound_of_a_file_that_breaks_off_is_kept_up_to_there(tmp_path):
    _tone(tmp_path / "in", "ac3", "matroska")
    content = (tmp_path / "in").read_bytes()
    (tmp_path / "in").write_bytes(content[: len(content) // 2])
    decoded = _written(tmp_path / "a.mp4", [_frame(i / 25) for i in range(75)], sound=tmp_path / "in")
    assert len(decoded) == 75
    _, _, heard = _heard(tmp_path / "a.mp4")
    assert 20_000 < len(heard) < 120_000


def test_sound_of_recordings_that_were_put_together_goes_on(tmp_path):
    tone = _tone(tmp_path / "in", "aac", "mpegts")
    (tmp_path / "in").write_bytes((tmp_path / "in").read_bytes() * 2)
    decoded = _written(tmp_path / "a.mp4", [_frame(i / 25) for i in range(150)], sound=tmp_path / "in")
    assert len(decoded) == 150
    _, _, heard = _heard(tmp_path / "a.mp4")
    assert len(heard) == pytest.approx(2 * len(tone), abs=8192)


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_what_of_the_sound_is_damaged_is_left_out(codec, tmp_path):
    tone = _tone(tmp_path / "in", codec, "mpegts")
    content = (tmp_path / "in").read_bytes()
    packets = [content[i : i + 188] for i in range(0, len(content), 188)]
    lost = set(
        np.random.default_rng(0).choice(np.arange(20, len(packets)), len(packets) // 30, replace=False)
    )
    (tmp_path / "in").write_bytes(b"".join(packet for i, packet in enumerate(packets) if i not in lost))
    decoded = _written(tmp_path / "a.mp4", [_frame(i / 25) for i in range(75)], sound=tmp_path / "in")
    assert len(decoded) == 75
    with av.open(str(tmp_path / "a.mp4")) as file:
        packets = [packet for packet in file.demux(audio=0) if packet.pts is not None]
        seconds = sum(float(packet.duration * packet.time_base) for packet in packets)
    assert 1 < seconds < len(tone) / 48_000 + 0.1


def test_sound_of_a_kind_that_nobody_knows_is_none(tmp_path):
    _tone(tmp_path / "in", "pcm_s16le", "matroska")
    content = (tmp_path / "in").read_bytes()
    assert content.count(b"A_PCM/INT/LIT") == 1
    (tmp_path / "in").write_bytes(content.replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT"))
    assert len(_written(tmp_path / "a.mp4", [_frame(0.0), _frame(0.04)], sound=tmp_path / "in")) == 2
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert not file.streams.audio


def test_names_that_look_like_addresses_are_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _tone(tmp_path / "take:1", "aac", "mp4")
    (tmp_path / "run:1").mkdir()
    with OverlayVideoSink(Path("run:1") / "a.mp4", sound="take:1") as sink:
        for i in range(3):
            sink.write(_frame(i / 25), NOBODY)
    assert len(_decoded(tmp_path / "run:1" / "a.mp4")) == 3
