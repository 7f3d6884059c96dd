"""Pictures of every kind, good and bad: each is a frame or a ``SourceError``, and nothing else."""

from __future__ import annotations

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from vitruvian import SourceError, read_image
from vitruvian.sources.image import MAX_PIXELS, SUFFIXES


def _gradient(width: int = 40, height: int = 30) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([x * 6, y * 8, (x + y) * 3], axis=2).astype(np.uint8))


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _png_header(width: int, height: int) -> bytes:
    """A PNG that promises a huge picture and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_come_as_they_are(kind):
    image = _gradient()
    frame = read_image(_encoded(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert (frame.pixels == np.asarray(image)).all()
    assert (frame.stamp.width, frame.stamp.height) == (40, 30)


def test_jpeg_decodes_as_opencv_does(eval_photos):
    """The peers' numbers were made from pixels that OpenCV decoded."""
    for name in ("coco_000000000785.jpg", "mpii_005808361.jpg", "ochuman_000817.jpg"):
        expected = cv2.cvtColor(cv2.imread(str(eval_photos / name)), cv2.COLOR_BGR2RGB)
        assert (read_image(eval_photos / name).pixels == expected).all()


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation, kind, tmp_path):
    image = _gradient()
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}[orientation]
    stored = image if turned is None else image.transpose(Image.Transpose(_inverse(turned)))
    path = tmp_path / f"photo.{kind}"
    stored.save(
        path, exif=exif, **({"quality": 100, "subsampling": 0} if kind == "jpg" else {"lossless": True})
    )
    difference = read_image(path).pixels.astype(int) - np.asarray(image)
    assert np.abs(difference).max() <= (8 if kind == "jpg" else 0)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own, about the metadata
def test_metadata_that_cannot_be_parsed_does_not_lose_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker"
    whole = _encoded(_gradient(), "JPEG", exif=exif)
    start = whole.index(b"Exif") + 6
    rng = np.random.default_rng(2)
    for _ in range(400):
        damaged = np.frombuffer(whole, np.uint8).copy()
        places = start + rng.integers(0, len(exif.tobytes()) - 6, 4)
        damaged[places] = rng.integers(0, 256, 4)
        assert sorted(read_image(damaged.tobytes()).pixels.shape) == [3, 30, 40]


def test_a_palette_with_transparency():
    data = _encoded(_gradient().convert("P"), "PNG", transparency=bytes(range(256)))
    assert read_image(data).pixels.shape == (30, 40, 3)


def test_floats_that_are_not_numbers_are_black():
    deep = np.full((30, 40), np.nan, np.float32)
    assert not read_image(_encoded(Image.fromarray(deep), "TIFF")).pixels.any()


def _inverse(operation: int) -> int:
    return {2: 4, 4: 2}.get(operation, operation)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "F"])
def test_every_colour_mode_becomes_rgb(mode):
    image = _gradient()
    if mode in ("I;16", "F"):
        grey = np.asarray(image.convert("L"))
        deep = grey.astype(np.uint16) * 257 if mode == "I;16" else grey.astype(np.float32) / 255
        data, expected = _encoded(Image.fromarray(deep), "TIFF"), np.repeat(grey[..., None], 3, axis=2)
    else:
        converted = image.convert(mode)
        data = _encoded(converted, "JPEG" if mode in ("CMYK", "YCbCr") else "PNG", **_best(mode))
        expected = np.asarray(converted.convert("RGB"))
    pixels = read_image(data).pixels
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - expected).max() <= (24 if mode in ("CMYK", "YCbCr") else 1)


def _best(mode: str) -> dict[str, int]:
    return {"quality": 100, "subsampling": 0} if mode in ("CMYK", "YCbCr") else {}


def test_a_16_bit_png_is_scaled_not_clipped():
    deep = np.linspace(0, 65535, 1200).reshape(30, 40).astype(np.uint16)
    pixels = read_image(_encoded(Image.fromarray(deep), "PNG")).pixels
    assert pixels[..., 0] == pytest.approx(deep / 257, abs=1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_picture_is_read(kind):
    first = Image.new("RGB", (20, 10), (255, 0, 0))
    second = Image.new("RGB", (20, 10), (0, 0, 255))
    data = _encoded(first, kind, save_all=True, append_images=[second], duration=100)
    red, _, blue = read_image(data).pixels[5, 5]
    assert red > 200
    assert blue < 50


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1)])
def test_odd_sizes_are_pictures_too(size):
    frame = read_image(_encoded(Image.new("RGB", size, "red"), "PNG"))
    assert (frame.stamp.width, frame.stamp.height) == size


@pytest.mark.parametrize(("width", "height"), [(40_000, 40_000), (32_767, 2), (20_000, 15_000)])
def test_huge_pictures_are_refused_on_their_header(width, height):
    with pytest.raises(SourceError, match=r"refused before decoding.*178,000,000"):
        read_image(_png_header(width, height), name="bomb.png")
    assert width * height > MAX_PIXELS or width > 32_766


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"PK\x03\x04" + b"\0" * 90]
)
def test_what_is_no_picture_is_said_to_be_none(content):
    with pytest.raises(SourceError, match=r"photo\.jpg: (not a picture|cannot be read)"):
        read_image(content, name="photo.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")  # Pillow's own, beside its error
def test_a_file_cut_anywhere_is_a_picture_or_a_source_error(kind):
    whole = _encoded(_gradient(), kind)
    refused = 0
    for end in range(0, len(whole), max(1, len(whole) // 64)):
        try:
            read_image(whole[:end])
        except SourceError:
            refused += 1
    assert refused >= 48


def test_a_truncated_jpeg_is_refused():
    whole = _encoded(_gradient(400, 300), "JPEG", quality=95)
    with pytest.raises(SourceError, match="truncated"):
        read_image(whole[: len(whole) // 2])


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own, about nonsense in the metadata
def test_damaged_bytes_are_a_picture_or_a_source_error():
    rng = np.random.default_rng(5)
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"):
        whole = np.frombuffer(_encoded(_gradient(), kind), np.uint8)
        for _ in range(150):
            damaged = whole.copy()
            places = rng.integers(0, len(whole), 6)
            damaged[places] = rng.integers(0, 256, 6)
            try:
                read_image(damaged.tobytes())
            except SourceError:
                continue


def test_a_missing_file(tmp_path):
    with pytest.raises(SourceError, match=r"none\.jpg: there is no such file") as caught:
        read_image(tmp_path / "none.jpg")
    assert caught.value.path == tmp_path / "none.jpg"


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(_encoded(_gradient(), "PNG"))
    path.chmod(0)
    with pytest.raises(SourceError, match="Permission denied"):
        read_image(path)


def test_suffixes_are_lower_case():
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_a_float_picture_reaches_to_one_or_to_255(tmp_path, top):
    grey = np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(grey).save(tmp_path / "grey.tiff")
    pixels = read_image(tmp_path / "grey.tiff").pixels
    np.testing.assert_allclose(pixels[..., 0], grey * (255 / top), atol=0.51)
