"""What a live page shows: the newest picture, drawn and encoded for those who watch."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from vitruvian.draw import draw_landmarks
from vitruvian.errors import SinkError

if TYPE_CHECKING:
    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks

__all__ = ["Screen"]

_INTERVAL = 1 / 25  # seconds between two pictures
_LONGEST = 1280  # pixels of a side; larger pictures are made smaller
_QUALITY = 80  # of JPEG, of 100


@dataclass(frozen=True, eq=False)
class _Shown:
    number: int
    frame: Frame
    people: Landmarks


class Screen:
    """Takes every frame, and gives the newest as JPEG to any number of viewers.

    Showing costs next to nothing: drawing and encoding happen in the thread of the first viewer who wants the
    picture, for all of them; not more than 25 times a second, and never if nobody watches.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: _Shown | None = None
        self._drawing = False
        self._number, self._picture = 0, b""
        self._drawn = -_INTERVAL  # when, in seconds of time.monotonic()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to come."""
        return self._closed

    def show(self, frame: Frame, people: Landmarks) -> None:
        """Take the next frame and everybody in it."""
        with self._changed:
            number = self._newest.number if self._newest else 0
            self._newest = _Shown(number + 1, frame, people)
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of everybody who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def picture(self, after: int, patience: float) -> tuple[int, bytes] | None:
        """Return the newest picture; wait for it.

        Args:
            after: Number of the picture that the viewer had last; 0 is none.
            patience: How long to wait, in seconds.

        Returns:
            Its number, which rises, and a JPEG file; ``None`` if there is none in time, or the screen was
            closed.
        """
        found = self._await(after, time.monotonic() + patience)
        if not isinstance(found, _Shown):
            return found
        picture = b""
        try:
            picture = _jpeg(found)
        finally:
            with self._changed:
                self._drawing = False
                if picture:
                    self._number, self._picture = found.number, picture
                self._changed.notify_all()
        return found.number, picture

    def _await(self, after: int, until: float) -> tuple[int, bytes] | _Shown | None:
        """Return a picture that is drawn, or a frame for this viewer to draw for all."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                fresh = self._newest is not None and self._newest.number > self._number
                drawable = fresh and not self._drawing
                if self._newest and drawable and now >= self._drawn + _INTERVAL:
                    self._drawing, self._drawn = True, now
                    return self._newest
                if self._number > after and not self._drawing:
                    return self._number, self._picture
                if now >= until:
                    return None
                self._changed.wait((min(until, self._drawn + _INTERVAL) if drawable else until) - now)
        return None


def _jpeg(shown: _Shown) -> bytes:
    picture = draw_landmarks(shown.frame.pixels, shown.people)
    height, width = picture.shape[:2]
    scale = _LONGEST / max(height, width)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise SinkError("the picture for the page cannot be encoded as JPEG")
    return data.tobytes()
