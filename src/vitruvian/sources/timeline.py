"""Order and time of the frames of a file: what is missing, what repeats, what is kept."""

from __future__ import annotations

from bisect import bisect_left, insort

__all__ = ["Missing", "Thinning", "Timeline"]


class Timeline:
    """Makes the times of a file rise.

    A time that is given and later than the last is passed on untouched: variable frame rates stay what they
    are. A missing one is the last plus the mean length of a frame. One that repeats or goes back a little is
    the last plus a millisecond, so that it soon falls in step again. One that goes back by more than a
    second, as where recordings were joined, goes on from the last, and so do all behind it.
    """

    REPEATED = 0.001
    JOINED = 1.0

    def __init__(self, fps: float | None) -> None:
        self._length = 1 / fps if fps else 1 / 30
        self._last: float | None = None
        self._shift = 0.0

    def at(self, time: float | None) -> float:
        """Return where the next frame stands, in seconds."""
        last = self._last
        if last is None:
            self._last = 0.0 if time is None else time
            return self._last
        if time is None:
            time = last + self._length - self._shift
        elif time + self._shift < last - self.JOINED:
            self._shift = last + self._length - time
        shown = time + self._shift
        self._last = shown if shown > last else last + self.REPEATED
        return self._last


class Missing:
    """Knows which packets gave no picture.

    Pictures come out of a decoder in the order of their times, some time after their packets went in, and
    those in another order. So a packet whose time is passed without a picture has failed, whether the decoder
    complained (which it does late, and not always) or not.
    """

    # More than this no decoder holds back: H.264 and HEVC reorder 16, threads delay some more.
    HELD = 128
    # Further back is no missing picture but a packet from behind a jump back in time.
    NEAR = 5.0

    def __init__(self) -> None:
        self._waiting: list[float] = []
        self._untimed = 0
        self._complaints = 0
        self._fields = False

    def packet(self, time: float | None) -> None:
        """A packet that should give a picture goes into the decoder."""
        if time is not None:
            insort(self._waiting, time)

    def complaint(self, time: float | None) -> None:
        """The decoder complains, while it is given a packet of this time, about that or an earlier one."""
        if time is None:
            self._untimed += 1
        else:
            self._complaints += 1

    def earliest(self) -> float | None:
        """Forget the earliest packet, and return its time."""
        return self._waiting.pop(0) if self._waiting else None

    def picture(self, time: float | None, *, fields: bool = False) -> list[float | None]:
        """A picture comes out: return the times of those that failed before it.

        Args:
            time: Of the picture; ``None`` if it has none.
            fields: It is interlaced: its halves may have been packets of their own, so that no more count as
                failed than the decoder complained about.
        """
        self._fields = fields
        if time is None:
            return self._failed([])
        first = bisect_left(self._waiting, time - self.NEAR)
        here = bisect_left(self._waiting, time)
        failed = self._waiting[first:here]
        found = self._waiting[here : here + 1] == [time]
        del self._waiting[first : here + found]
        return self._failed(failed)

    def overdue(self) -> list[float | None]:
        """Return the times of those that failed since the decoder holds no more than so many."""
        late = self._waiting[: -self.HELD]
        del self._waiting[: len(late)]
        return self._failed(late) if late else []

    def rest(self) -> list[float | None]:
        """The decoder is empty: return the times of all that are still missing."""
        late, self._waiting = self._waiting, []
        return self._failed(late)

    def _failed(self, timed: list[float]) -> list[float | None]:
        if self._fields:
            timed = timed[: self._complaints]
        self._complaints = max(0, self._complaints - len(timed))
        untimed, self._untimed = self._untimed, 0
        return [*[None] * untimed, *timed]


class Thinning:
    """Keeps at most so many frames a second, by their times.

    Kept is the first frame of each interval of ``1 / fps`` seconds, counted from the first frame; a frame
    that is early by a hundredth of a second is taken for the next, since containers round their times.
    """

    EARLY = 0.01

    def __init__(self, fps: float | None) -> None:
        self._interval = 1 / fps if fps else 0.0
        self._early = min(self.EARLY, self._interval / 4)
        self._due: float | None = None

    def due(self, time: float) -> bool:
        """Say whether a frame at this time is kept if it is a picture."""
        return self._due is None or time >= self._due - self._early

    def kept(self, time: float) -> None:
        """Remember a picture that was kept."""
        due = (time if self._due is None else self._due) + self._interval
        # After a pause the count starts anew, or the frames behind it would come too close.
        self._due = due if time < due else time + self._interval
