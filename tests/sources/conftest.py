"""Real films, made here: what frame it is can be read off its grey level."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest


def _picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Grey, brighter with every frame (up to 50), with a red corner top left and a blue one top right."""
    pixels = np.full((height, width, 3), 4 * (number % 50) + 20, np.uint8)
    pixels[: height // 4, : width // 4] = (250, 0, 0)
    pixels[: height // 4, -width // 4 :] = (0, 0, 250)
    return pixels


def _number(pixels: np.ndarray) -> int:
    """Which frame a picture is."""
    height, width = pixels.shape[:2]
    return round(
        (float(pixels[height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4].mean()) - 20) / 4
    )


@pytest.fixture(scope="session")
def picture():
    return _picture


@pytest.fixture(scope="session")
def number():
    return _number


@pytest.fixture(scope="session")
def film():
    """Return a function that writes a film and returns its path."""

    def write(path, stamps=range(30), *, tick=Fraction(1, 30), codec="libx264", size=(64, 48), **options):
        with av.open(str(path), "w", options=options.pop("container", {})) as container:
            stream = container.add_stream(codec, rate=options.pop("rate", 30))
            stream.width, stream.height = size
            stream.pix_fmt = options.pop("pix_fmt", "yuv420p")
            stream.time_base = stream.codec_context.time_base = tick
            stream.options = {"qp": "10"} | options if codec == "libx264" else options
            for index, stamp in enumerate(stamps):
                frame = av.VideoFrame.from_ndarray(_picture(index, *size), format="rgb24")
                frame.pts, frame.time_base = stamp, tick
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write
