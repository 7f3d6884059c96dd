"""The clips of the video benchmarks, decoded once, so that everybody who is compared sees the same pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from engines import HANDS, POSE
from photos import DATA

from vitruvian import Frame, open_source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "CLIPS",
    "PALM",
    "SQUATS",
    "encode",
    "forth_and_back",
    "frames",
    "padded",
    "save_clip",
    "side_by_side",
]

SQUATS = DATA / "clips" / "pose_squats.mp4"
PALM = DATA / "clips" / "hand_open_palm.mp4"
CLIPS = {POSE: SQUATS, HANDS: PALM}
"""Task → a clip of one person, or of one hand."""

_PANEL = (560, 720)  # width and height within which one of two beside each other is shown
_CANVAS = (1280, 720)


def frames(path: Path) -> list[NDArray[np.uint8]]:
    """Return the pictures of a clip."""
    with open_source(path) as source:
        return [frame.pixels for frame in source if isinstance(frame, Frame)]


def side_by_side(clip: list[NDArray[np.uint8]], seed: int = 0) -> list[NDArray[np.uint8]]:
    """Show a clip twice in each picture, half its length apart, each moving along a seeded smooth path.

    Of wide pictures the square in the middle is shown.
    """
    height, width = clip[0].shape[:2]
    side = max(0, width - height) // 2
    clip = [picture[:, side : width - side] for picture in clip]
    width -= 2 * side
    scale = min(_PANEL[0] / width, _PANEL[1] / height)
    wide, tall = round(width * scale), round(height * scale)
    small = [cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_AREA) for picture in clip]
    top = (_CANVAS[1] - tall) // 2
    random = np.random.default_rng(seed)
    paths = [_path(random, len(clip)) for _ in range(2)]
    composed = []
    for i in range(len(clip)):
        canvas = np.full((_CANVAS[1], _CANVAS[0], 3), 90, np.uint8)
        for middle, shift, picture in zip(
            (320, 960), paths, (small[i], small[(i + len(clip) // 2) % len(clip)]), strict=True
        ):
            left = middle - wide // 2 + round(float(shift[i]))
            canvas[top : top + tall, left : left + wide] = picture
        composed.append(canvas)
    return composed


def forth_and_back(count: int, length: int) -> list[int]:
    """Return which pictures of a clip make a film of any length without a cut."""
    period = [*range(length), *range(length - 2, 0, -1)]
    return [period[i % len(period)] for i in range(count)]


def padded(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Fit a picture into another size, with grey at its sides."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    wide, tall = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    canvas = np.full((height, width, 3), 90, np.uint8)
    left, top = (width - wide) // 2, (height - tall) // 2
    canvas[top : top + tall, left : left + wide] = cv2.resize(
        picture, (wide, tall), interpolation=cv2.INTER_AREA
    )
    return canvas


def encode(pictures: Iterable[NDArray[np.uint8]], path: Path, fps: int = 30) -> None:
    """Write a film as cameras and phones do: H.264 in MP4, of x264's own quality (crf 23)."""
    with av.open(str(path), "w") as container:
        stream = None
        for index, picture in enumerate(pictures):
            if stream is None:
                stream = container.add_stream("libx264", rate=fps, options={"crf": "23"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, fps)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())


def save_clip(pictures: list[NDArray[np.uint8]], path: Path) -> None:
    """Write the pictures as one array: (T, H, W, 3) uint8."""
    np.save(path, np.stack(pictures))


def _path(random: np.random.Generator, length: int) -> NDArray[np.float64]:
    """Return offsets in pixels, a sum of slow waves of seeded phase."""
    time = np.arange(length) / length
    waves = [20 / k * np.sin(2 * np.pi * (k * time + random.random())) for k in (1, 2, 3)]
    return np.asarray(sum(waves), np.float64)
