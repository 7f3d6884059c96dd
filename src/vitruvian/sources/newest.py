"""Between the thread that reads and the consumer: the newest picture, and a gap for every other."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vitruvian.frame import Gap, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.errors import SourceError

__all__ = ["Arrival", "LiveClock", "Newest"]


@dataclass(frozen=True, eq=False)
class Arrival:
    """A picture that came in.

    Attributes:
        stamp: Says when; its size is that of the upright picture.
        pixels: Makes the (H, W, 3) uint8 RGB array; what is overtaken is never asked.
    """

    stamp: Stamp
    pixels: Callable[[], NDArray[np.uint8]]


class Newest:
    """Keeps the newest picture and, in order, a gap for each that it overtook or that failed.

    At most ``WAITING`` gaps wait on each side of the picture; of more, the oldest are forgotten, and indices
    jump.
    """

    WAITING = 10_000

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._before: deque[Gap] = deque(maxlen=self.WAITING)
        self._picture: Arrival | None = None
        self._behind: deque[Gap] = deque(maxlen=self.WAITING)
        self._ended = False
        self._error: SourceError | None = None
        self.dropped = 0

    def put(self, item: Arrival | Gap) -> None:
        """Take in what came next."""
        with self._changed:
            if isinstance(item, Gap):
                (self._before if self._picture is None else self._behind).append(item)
            else:
                self._overtake()
                self._picture = item
            self._changed.notify_all()

    def _overtake(self) -> None:
        if self._picture is not None:
            self.dropped += 1
            self._before.append(Gap(replace(self._picture.stamp, status="dropped"), "a newer picture came"))
        self._before.extend(self._behind)
        self._behind.clear()

    def end(self, error: SourceError | None = None) -> None:
        """Nothing more comes: what waits can still be taken, then the error is raised, if there is one."""
        with self._changed:
            self._ended, self._error = True, self._error or error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nobody wants the rest: whoever waits is let go at once."""
        with self._changed:
            self._before.clear()
            self._behind.clear()
            self._picture = None
            self._ended, self._error = True, None
            self._changed.notify_all()

    def take(self, until: float) -> Arrival | Gap | None:
        """Return what is next; wait for it until a moment of ``time.monotonic()``.

        Returns:
            The item, or ``None`` at the end.

        Raises:
            TimeoutError: Nothing came.
            SourceError: That which ``end`` was given.
        """
        with self._changed:
            while True:
                if self._before:
                    return self._before.popleft()
                if self._picture is not None:
                    picture, self._picture = self._picture, None
                    self._before, self._behind = self._behind, self._before
                    return picture
                if self._ended:
                    if self._error is not None:
                        raise self._error
                    return None
                if not self._changed.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
                    raise TimeoutError


class LiveClock:
    """Gives pictures of a live stream their index and time, across connections.

    Time is seconds since the first picture. A step of the stream's own clock is believed if it is forward and
    not more than ``AHEAD`` longer than the wait for the picture was; else, and for the first picture of a
    connection, the time that passed here counts. So it never falls, and is as even as the stream's clock.
    """

    AHEAD = 1.0

    def __init__(self) -> None:
        self.index = -1
        self._time = 0.0
        self._arrived: float | None = None
        self._shown: float | None = None

    def connected(self) -> None:
        """Forget the stream's clock: that of another connection starts anywhere."""
        self._shown = None

    def tick(self, arrived: float, shown: float | None) -> tuple[int, float]:
        """Return index and time of what arrived now.

        Args:
            arrived: In seconds of ``time.monotonic()``.
            shown: In seconds of the stream's clock, if it tells.
        """
        self.index += 1
        waited = 0.0 if self._arrived is None else max(0.0, arrived - self._arrived)
        step = None if shown is None or self._shown is None else shown - self._shown
        self._time += step if step is not None and 0 < step <= waited + self.AHEAD else waited
        self._arrived, self._shown = arrived, shown
        return self.index, self._time
