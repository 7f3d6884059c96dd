"""Live pictures: webcams and network streams."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import av

from vitruvian.errors import OptionError, SourceError
from vitruvian.frame import Frame, Gap, Stamp
from vitruvian.options import check_number
from vitruvian.sources.container import SCHEMES, reason
from vitruvian.sources.feed import address_without_password, connect_address, connect_camera
from vitruvian.sources.newest import Arrival, LiveClock, Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from vitruvian.sources.feed import Shot
    from vitruvian.sources.source import VideoInfo

__all__ = ["LiveSource"]

_LOG = logging.getLogger("vitruvian")
_LOG.addHandler(logging.NullHandler())

# Waits between attempts to connect, in seconds: the first, and the longest that doubling it leads to.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
# Longest time for connecting, and then for learning what is in the stream, in seconds.
_PATIENCE = 5.0
# close() waits no longer than this for the reading thread, in seconds.
_JOIN = 1.8


class LiveSource:
    """A webcam, or an ``rtsp``, ``http``, ``udp``, ``tcp``, ``rtmp`` or ``srt`` stream, as it happens.

    A thread reads all the time and keeps the newest picture. Every picture that came in has an item, in
    order: those that were overtaken while the consumer was busy come as gaps with status ``dropped`` before
    the newer frame, those that cannot be decoded as gaps with status ``failed``. (Of more than 10,000 gaps
    that wait, the oldest are forgotten; indices then jump.) ``Stamp.captured`` says when a picture came in;
    ``Stamp.time`` is seconds since the first one, by the stream's clock where that is plausible, and never
    falls.

    A connection that breaks, ends or is silent is opened anew, after waits of 0.5 s that double up to 5 s.
    The logger ``vitruvian`` tells.

    It connects when it is iterated, and disconnects when that iteration ends; it is iterated once at a time.

    Args:
        where: Number of a webcam, or an address.
        size: Width and height that a webcam is asked for; it may give another. A stream has its own.
        reconnect: Whether to connect anew. If not, the end of the stream is the end, and a broken connection
            an error.
        timeout: After so many seconds without a picture it gives up.
        silence: A connection that sends nothing for so many seconds counts as broken. A network read cannot
            be interrupted, so this is also how long the thread may outlive a ``close()`` while nothing is
            sent (and some seconds more while it connects); longer than the pause between two pictures of a
            slow camera.

    Raises:
        OptionError: An option is out of range, or the address has no known scheme.
        SourceError: While iterating: there was no picture for ``timeout`` seconds, there are none in the
            stream, it was closed, or it is already being read.
    """

    live = True

    def __init__(
        self,
        where: str | int,
        *,
        size: tuple[int, int] | None = None,
        reconnect: bool = True,
        timeout: float = 10.0,
        silence: float = 1.5,
    ) -> None:
        check_number("timeout", timeout, 0.1, 1e6)
        check_number("silence", silence, 0.1, 1e6)
        self._name = _checked(where, size)
        self._where, self._size, self._reconnect = where, size, reconnect
        self._timeout, self._silence = float(timeout), float(silence)
        self._info: VideoInfo | None = None
        self._reconnects = 0
        self._dropped = 0
        self._lock = threading.Lock()
        self._closed = False
        self._session: _Session | None = None

    @property
    def name(self) -> str:
        """The address without user and password, or ``camera 0``."""
        return self._name

    @property
    def info(self) -> VideoInfo | None:
        """Size and format of the latest picture; ``None`` before the first."""
        session = self._session
        return session.info if session and session.info else self._info

    @property
    def reconnects(self) -> int:
        """How many times a connection was opened after the first one of an iteration."""
        session = self._session
        return self._reconnects + (session.reconnects if session else 0)

    @property
    def dropped(self) -> int:
        """How many pictures were overtaken by newer ones."""
        session = self._session
        return self._dropped + (session.newest.dropped if session else 0)

    def __iter__(self) -> Iterator[Frame | Gap]:
        """Connect, and yield frames and gaps until the end.

        Raises:
            SourceError: As the class says.
        """
        with self._lock:
            if self._closed:
                raise SourceError("was closed; open it again", path=self._name)
        return self._items()

    def close(self) -> None:
        """End the iteration, whatever thread waits in it, and disconnect; from any thread, any time."""
        with self._lock:
            self._closed = True
            session = self._session
        if session is not None:
            session.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _items(self) -> Generator[Frame | Gap, None, None]:
        with self._lock:
            if self._closed:
                return
            if self._session is not None:
                raise SourceError(
                    "is already being read; a live source is read once at a time", path=self._name
                )
            session = self._session = _Session(self._name, self._connect, reconnect=self._reconnect)
        try:
            session.start()
            yield from session.items(self._timeout)
        finally:
            session.stop()
            with self._lock:
                self._info = session.info or self._info
                self._reconnects += session.reconnects
                self._dropped += session.newest.dropped
                self._session = None

    def _connect(self) -> AbstractContextManager[Iterator[Shot]]:
        if isinstance(self._where, int):
            return connect_camera(self._where, self._size)
        return connect_address(self._where, self._name, min(_PATIENCE, self._timeout), self._silence)


def _checked(where: str | int, size: tuple[int, int] | None) -> str:
    """Return the name of a source whose options are right."""
    if not isinstance(where, str):
        check_number("where", where, 0, 1000, whole=True)
        for side in size or ():
            check_number("size", side, 1, 32_766, whole=True)
        return f"camera {where}"
    if size is not None:
        raise OptionError("size: only a webcam can be asked for one; a stream has its own")
    scheme, colon, _ = where.partition("://")
    if not colon or scheme.lower() not in SCHEMES:
        schemes = ", ".join(sorted(SCHEMES))
        raise OptionError(f"where: a camera's number or an address ({schemes}://…), got {where!r}")
    return address_without_password(where)


class _Session:
    """One iteration of a live source: a thread that connects and reads, and what it hands over."""

    def __init__(
        self, name: str, connect: Callable[[], AbstractContextManager[Iterator[Shot]]], *, reconnect: bool
    ) -> None:
        self.newest = Newest()
        self.info: VideoInfo | None = None
        self.reconnects = 0
        self._name, self._connect, self._reconnect = name, connect, reconnect
        self._clock = LiveClock()
        self._stopped = threading.Event()
        self._trouble = "nothing was sent"
        self._connections = 0
        self._wait = _FIRST_WAIT
        # A daemon: a network read cannot be interrupted, and a program may end meanwhile.
        self._thread = threading.Thread(target=self._run, name=f"read {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self.newest.abandon()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN)

    def items(self, timeout: float) -> Iterator[Frame | Gap]:
        deadline = time.monotonic() + timeout
        while True:
            try:
                item = self.newest.take(deadline)
            except TimeoutError as error:
                message = f"no picture for {timeout:g} s, given up; last: {self._trouble}"
                raise SourceError(message, path=self._name) from error
            if item is None:
                return
            if isinstance(item, Arrival):
                deadline = (item.stamp.captured or deadline) + timeout
                yield _frame(item)
            else:
                yield item

    def _run(self) -> None:
        error: SourceError | None = None
        try:
            while not self._stopped.is_set() and error is None:
                error = self._connected()
                if not self._reconnect:
                    return
                if error is None and not self._stopped.is_set():
                    _LOG.warning("%s: %s; connecting anew in %.1f s", self._name, self._trouble, self._wait)
                    self._stopped.wait(self._wait)
                    self._wait = min(2 * self._wait, _LONGEST_WAIT)
        finally:
            self.newest.end(error)

    def _connected(self) -> SourceError | None:
        """Read as long as one connection lasts; return the error if it makes no sense to connect anew."""
        try:
            self._read()
        except (av.FFmpegError, SourceError, OSError, ValueError) as trouble:
            self._trouble = reason(trouble)
            if not self._reconnect or (not self._connections and isinstance(trouble, _HOPELESS)):
                if isinstance(trouble, SourceError):
                    return trouble
                return SourceError(f"cannot be read: {self._trouble}", path=self._name)
        else:
            self._trouble = "the stream ended"
        return None

    def _read(self) -> None:
        with self._connect() as shots:
            self._clock.connected()
            self._connections += 1
            self.reconnects = self._connections - 1
            for shot in shots:
                if self._stopped.is_set():
                    return
                self._hand_over(shot)

    def _hand_over(self, shot: Shot) -> None:
        index, shown = self._clock.tick(shot.arrived, shot.shown)
        stamp = Stamp(self._name, shot.info.width, shot.info.height, index, shown, captured=shot.arrived)
        if shot.pixels is None:
            self.newest.put(Gap(replace(stamp, status="failed"), shot.why))
            return
        self.info, self._wait = shot.info, _FIRST_WAIT
        self.newest.put(Arrival(stamp, shot.pixels))


# What is wrong from the start and does not pass: no pictures in it, no such page, no such protocol.
_HOPELESS = (SourceError, av.HTTPClientError, av.ProtocolNotFoundError)


def _frame(arrival: Arrival) -> Frame | Gap:
    try:
        return Frame(arrival.pixels(), arrival.stamp)
    except (av.FFmpegError, ValueError) as error:
        return Gap(replace(arrival.stamp, status="failed"), reason(error))
