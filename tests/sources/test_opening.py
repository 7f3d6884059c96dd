"""From what is named to a source."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from vitruvian import ImageSource, LiveSource, OptionError, SourceError, VideoSource, open_source, read_image


def test_a_picture_is_a_source_of_one_frame(astronaut):
    with open_source(astronaut) as source:
        assert isinstance(source, ImageSource)
        (frame,) = list(source)
        assert len(list(source)) == 1
        assert (source.info.width, source.info.height, source.info.frames) == (512, 512, 1)
    np.testing.assert_array_equal(frame.pixels, read_image(astronaut).pixels)
    assert frame.stamp.time is None


def test_any_other_file_is_a_video(film, tmp_path):
    path = film(tmp_path / "film.mp4").rename(tmp_path / "film")
    with open_source(str(path), start=0.5, fps=10) as source:
        assert isinstance(source, VideoSource)
        assert len(list(source)) == 5


@pytest.mark.parametrize("where", [0, "rtsp://u:secret@host/x", "udp://127.0.0.1:1", "HTTPS://host/a.jpg"])
def test_numbers_and_addresses_are_live(where):
    with open_source(where) as source:
        assert isinstance(source, LiveSource)
        assert "secret" not in source.name


@pytest.mark.parametrize("where", ["gopher://host/x", "file:///etc/passwd", "concat://a", -1, True])
def test_unknown_addresses_and_numbers_are_refused(where):
    with pytest.raises(OptionError, match="where"):
        open_source(where)


def test_a_folder_is_a_source_error(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    for folder in (tmp_path, tmp_path / "a.jpg"):
        with pytest.raises(SourceError, match="is a folder"):
            open_source(folder)


@pytest.mark.parametrize("option", ["start", "end", "fps"])
def test_only_videos_have_a_range(astronaut, option):
    for where in (astronaut, 0):
        with pytest.raises(OptionError, match=option):
            open_source(where, **{option: 1.0})


def test_a_picture_opens_no_ffmpeg(astronaut):
    script = f"""
import sys, vitruvian
list(vitruvian.open_source({str(astronaut)!r}))
print([name for name in ("av", "cv2") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
