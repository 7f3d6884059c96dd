import numpy as np
import pytest

from vitruvian import ArrayError, Frame, Gap, OptionError, Stamp
from vitruvian.frame import MAX_SIDE


def test_an_array_becomes_a_frame():
    frame = Frame.of(np.zeros((4, 6, 3), np.uint8))
    assert (frame.stamp.width, frame.stamp.height, frame.stamp.time) == (6, 4, None)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.full((4, 6, 3), np.nan),
        np.zeros((4, 6, 3), np.uint16),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((1, MAX_SIDE + 1, 3), np.uint8),
        [[1, 2, 3]],
        None,
    ],
    ids=["grey", "alpha", "float", "nan", "16 bit", "empty", "long", "list", "none"],
)
def test_anything_but_rgb_pixels_is_refused(pixels):
    with pytest.raises(ArrayError, match="pixels"):
        Frame.of(pixels)


def test_a_stamp_of_another_size_is_refused():
    with pytest.raises(ArrayError, match="the stamp says 10 x 2000"):
        Frame(np.zeros((4, 6, 3), np.uint8), Stamp("x", width=10, height=2000))


def test_a_flipped_view_is_taken_as_it_looks():
    bgr = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    frame = Frame.of(bgr[..., ::-1])
    assert (frame.pixels == bgr[..., ::-1]).all()
    assert frame.pixels.flags.c_contiguous


def test_a_gap_says_why_there_is_no_picture():
    assert Gap(Stamp("x", 4, 4, status="failed"), "damaged").reason == "damaged"
    with pytest.raises(OptionError, match="a gap is 'failed' or 'dropped'"):
        Gap(Stamp("x", 4, 4))


def test_a_failed_frame_has_no_pixels():
    with pytest.raises(OptionError, match="a frame with pixels is 'ok', got 'failed'"):
        Frame(np.zeros((4, 6, 3), np.uint8), Stamp("x", width=6, height=4, status="failed"))
