"""Connections to live pictures: an address through FFmpeg, or a webcam through OpenCV."""

from __future__ import annotations

import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from vitruvian.errors import SourceError
from vitruvian.sources.container import open_stream, reason
from vitruvian.sources.picture import RgbConverter, Turn, TurnReader, too_large
from vitruvian.sources.source import VideoInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from vitruvian.sources.container import Opened

__all__ = ["Shot", "address_without_password", "connect_address", "connect_camera"]


@dataclass(frozen=True, eq=False)
class Shot:
    """What a connection gives: a picture that can be had, or the reason why not.

    Attributes:
        arrived: In seconds of ``time.monotonic()``.
        shown: In seconds of the stream's clock; ``None`` if it does not tell.
        info: Upright size and format.
        pixels: Makes the (H, W, 3) uint8 RGB array; ``None`` if the picture failed.
        why: It failed.
    """

    arrived: float
    shown: float | None
    info: VideoInfo
    pixels: Callable[[], NDArray[np.uint8]] | None = None
    why: str = ""


def address_without_password(address: str) -> str:
    """Return an address as it may be shown and stored: a user's name and password are left out."""
    return re.sub(r"(?<=://)[^/?#]*@", "***@", address)


@contextmanager
def connect_address(address: str, name: str, patience: float, silence: float) -> Iterator[Iterator[Shot]]:
    """Connect to a stream.

    Raises:
        SourceError: It holds no pictures.
        av.FFmpegError: It cannot be reached.
    """
    opened = open_stream(address, name, patience=patience, silence=silence)
    try:
        yield _shots(opened)
    finally:
        opened.container.close()


def _shots(opened: Opened) -> Iterator[Shot]:
    convert, turn_of = RgbConverter(), TurnReader()
    info = VideoInfo(opened.stream.width, opened.stream.height)
    for packet in opened.container.demux(opened.stream):
        arrived = time.monotonic()
        shown = _seconds(packet.pts, opened)
        try:
            pictures = packet.decode()
        except (av.FFmpegError, ValueError) as error:
            yield Shot(arrived, shown, info, why=f"cannot be decoded: {reason(error)}")
            continue
        for picture in pictures:
            turn = turn_of(picture)
            info = _info(picture, turn, opened)
            if too_large(picture.width, picture.height):
                yield Shot(arrived, shown, info, why=f"refused: {picture.width} x {picture.height} pixels")
            else:
                yield Shot(arrived, _seconds(picture.pts, opened), info, partial(convert, picture, turn))


def _seconds(stamp: int | None, opened: Opened) -> float | None:
    return None if stamp is None else float(stamp * opened.tick)


def _info(picture: VideoFrame, turn: Turn, opened: Opened) -> VideoInfo:
    return VideoInfo(
        *turn.size(picture.width, picture.height),
        fps=opened.fps,
        rotation=turn.clockwise,
        codec=opened.stream.codec_context.name,
        audio=bool(opened.container.streams.audio),
    )


@contextmanager
def connect_camera(number: int, size: tuple[int, int] | None) -> Iterator[Iterator[Shot]]:
    """Open a webcam.

    Raises:
        SourceError: There is none of this number, or another program has it.
    """
    if sys.platform == "linux" and not Path(f"/dev/video{number}").exists():
        raise SourceError(f"there is no camera {number} (no /dev/video{number})")
    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise SourceError(f"camera {number} cannot be opened; is it in use, or not allowed?")
        if size is not None:
            camera.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        yield _camera_shots(camera)
    finally:
        camera.release()


def _camera_shots(camera: cv2.VideoCapture) -> Iterator[Shot]:
    while True:
        there, pixels = camera.read()
        arrived = time.monotonic()
        if not there:
            raise SourceError("the camera sends no more pictures")
        info = VideoInfo(pixels.shape[1], pixels.shape[0], fps=camera.get(cv2.CAP_PROP_FPS) or None)
        yield Shot(arrived, None, info, partial(_rgb, pixels))


def _rgb(pixels: cv2.typing.MatLike) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
