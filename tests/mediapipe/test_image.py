from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Pillow

import vitruvian.mediapipe as mp
from vitruvian.errors import VitruvianError
from vitruvian.mediapipe.tasks.python.vision.core.image import rgb_pixels

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = mp.ImageFormat


def picture(channels: int = 3, dtype: str = "uint8") -> np.ndarray[Any, Any]:
    return np.arange(5 * 7 * channels, dtype=dtype).reshape(5, 7, channels)


def test_facts_of_an_image() -> None:
    image = mp.Image(image_format=FORMATS.SRGB, data=picture())
    facts = (image.width, image.height, image.channels, image.step, image.image_format)
    assert facts == (7, 5, 3, 21, FORMATS.SRGB)
    assert image.is_contiguous()
    assert not image.is_empty()
    assert not image.uses_gpu()
    assert image.is_aligned(1)
    assert not image.is_aligned(2)
    assert repr(image) == "<Image SRGB 7 x 5>"


def test_pixels_are_a_copy_and_read_only() -> None:
    data = picture()
    image = mp.Image(FORMATS.SRGB, data)
    data[:] = 0
    view = image.numpy_view()
    assert np.array_equal(view, picture())
    assert not view.flags.writeable


@pytest.mark.parametrize("cut", [np.s_[::2, ::-1], np.s_[:, :, ::-1], np.s_[1:4, 2:5]])
def test_any_order_in_memory(cut: tuple[slice, ...]) -> None:
    image = mp.Image(FORMATS.SRGB, picture()[cut])
    assert np.array_equal(image.numpy_view(), picture()[cut])
    assert image.numpy_view().flags.c_contiguous


def test_one_value() -> None:
    colour = mp.Image(FORMATS.SRGB, picture())
    assert colour[1, 2, 0] == 27
    grey = mp.Image(FORMATS.GRAY8, picture(1)[:, :, 0])
    assert grey[1, 2] == grey[1, 2, 0] == 9
    with pytest.raises(ValueError, match=r"\(row, column, channel\)"):
        colour[1, 2]
    with pytest.raises(IndexError):
        colour[9, 2, 0]


@pytest.mark.parametrize(
    ("image_format", "channels", "dtype"),
    [
        (FORMATS.SRGB, 3, "uint8"),
        (FORMATS.SRGBA, 4, "uint8"),
        (FORMATS.GRAY8, 1, "uint8"),
        (FORMATS.GRAY16, 1, "uint16"),
        (FORMATS.SRGB48, 3, "uint16"),
        (FORMATS.SRGBA64, 4, "uint16"),
        (FORMATS.VEC32F1, 1, "float32"),
        (FORMATS.VEC32F2, 2, "float32"),
        (FORMATS.VEC32F4, 4, "float32"),
    ],
)
def test_layout_of_each_format(image_format: mp.ImageFormat, channels: int, dtype: str) -> None:
    data = picture(channels, dtype)
    assert np.array_equal(mp.Image(image_format, data).numpy_view(), data)
    with pytest.raises(ValueError, match=rf"data: {image_format.name} needs {dtype} of shape \(H, W,"):
        mp.Image(image_format, data.astype("float64"))
    with pytest.raises(ValueError, match=image_format.name):
        mp.Image(image_format, np.concatenate([data, data], axis=2))


@pytest.mark.parametrize("data", [None, [[1]], np.zeros(5, np.uint8), np.zeros((1, 2, 3, 4), np.uint8)])
def test_no_picture(data: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ValueError, match="SRGB needs uint8 of shape"):
        mp.Image(FORMATS.SRGB, data)


@pytest.mark.parametrize("image_format", [FORMATS.UNKNOWN, 77, None])
def test_no_format(image_format: mp.ImageFormat) -> None:
    with pytest.raises(ValueError, match="image_format: one of SRGB, SRGBA"):
        mp.Image(image_format, picture())


def test_pixels_for_the_pipeline() -> None:
    assert np.array_equal(rgb_pixels(mp.Image(FORMATS.SRGB, picture())), picture())
    assert np.array_equal(rgb_pixels(mp.Image(FORMATS.SRGBA, picture(4))), picture(4)[..., :3])
    assert np.array_equal(rgb_pixels(mp.Image(FORMATS.GRAY8, picture(1))), picture(1).repeat(3, axis=2))
    with pytest.raises(ValueError, match="poses need SRGB, SRGBA or GRAY8, got GRAY16"):
        rgb_pixels(mp.Image(FORMATS.GRAY16, picture(1, "uint16")))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_files_are_read_as_rgb(mode: str, tmp_path: Path) -> None:
    saved = Pillow.new(mode, (7, 5), "white")
    saved.save(tmp_path / "a.png")
    image = mp.Image.create_from_file(str(tmp_path / "a.png"))
    assert image.image_format == FORMATS.SRGB
    assert np.array_equal(image.numpy_view(), np.full((5, 7, 3), 255))


def test_files_are_read_upright(tmp_path: Path) -> None:
    saved = Pillow.fromarray(picture())
    exif = saved.getexif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    saved.save(tmp_path / "a.png", exif=exif)
    image = mp.Image.create_from_file(tmp_path / "a.png")
    assert np.array_equal(image.numpy_view(), np.rot90(picture(), -1))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no such file") as caught:
        mp.Image.create_from_file(str(tmp_path / "a.png"))
    assert isinstance(caught.value, VitruvianError)


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_broken_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(RuntimeError, match="not a picture"):
        mp.Image.create_from_file(str(tmp_path / "a.png"))
