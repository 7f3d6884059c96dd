"""Work on the newest of what is handed over, in a thread of its own."""

from __future__ import annotations

import atexit
import logging
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from vitruvian.mediapipe.errors import ClosedError, TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LiveWorker"]

_LOG = logging.getLogger("vitruvian.mediapipe")

_T = TypeVar("_T")


class LiveWorker(Generic[_T]):
    """A thread that works on one item at a time while at most one other waits: always the newest.

    What the work raises is logged at once, as an error with its traceback, to the logger
    ``vitruvian.mediapipe``, and ends nothing; ``raise_failure`` raises the first of it once more.

    Args:
        work: Is called with each item that is not overtaken, in order, in the thread.
        release: Is called once in the thread, at its end.
        name: Of the thread.
    """

    patience: ClassVar[float] = 10.0
    """Seconds that ``close`` waits at most, which is only used up if the work never returns."""

    def __init__(self, work: Callable[[_T], None], release: Callable[[], None], name: str) -> None:
        self._work, self._release = work, release
        self._state = threading.Condition()
        self._line: list[_T] = []  # the item in work, and the one that waits
        self._closed = False
        self._first_failure: BaseException | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        _RUNNING.add(self)
        self._thread.start()

    def submit(self, item: _T) -> None:
        """Hand over an item and return at once. An older one that still waits is dropped.

        Raises:
            ClosedError: After ``stop`` or ``close``.
        """
        with self._state:
            if self._closed:
                raise ClosedError("this task is closed; create another one")
            del self._line[1:]
            self._line.append(item)
            self._state.notify()

    def stop(self) -> None:
        """Take no more items, and end the thread when the work on those that it has is done."""
        with self._state:
            self._closed = True
            self._state.notify()

    def close(self) -> bool:
        """Stop, and wait until the work is done; no work begins after this has returned.

        From within the work this drops the item that waits, and returns at once. If the work does not return
        for ``patience`` seconds, that is logged as a warning, and this goes on without it.

        Returns:
            Whether the work is done.
        """
        self.stop()
        if threading.current_thread() is not self._thread:
            self._thread.join(self.patience)
            if not self._thread.is_alive():
                return True
            _LOG.warning(
                "%s is still at work, perhaps in a callback that waits for the thread that closes the task; "
                "closed without waiting longer",
                self._thread.name,
            )
        with self._state:
            del self._line[1:]
        return False

    def raise_failure(self) -> None:
        """Raise the first failure of the work, but only once.

        Raises:
            TaskError: The work has failed; the cause is what it raised.
        """
        with self._state:
            failure, self._first_failure = self._first_failure, None
        if failure is not None:
            raise TaskError(
                f"{self._failures} frame(s) of the stream failed, the first with {failure!r}; "
                "the log of vitruvian.mediapipe has them all"
            ) from failure

    def _run(self) -> None:
        try:
            while self._serve():
                pass
        finally:
            self._release()
            _RUNNING.discard(self)

    def _serve(self) -> bool:
        """Work on the next item; return whether there was one."""
        with self._state:
            self._state.wait_for(lambda: self._line or self._closed)
            if not self._line:
                return False
            item = self._line[0]
        try:
            self._work(item)
        except BaseException as error:  # noqa: BLE001 - the outermost edge of a thread, where nobody else catches
            self._report(error)
        with self._state:
            del self._line[0]
        return True

    def _report(self, error: BaseException) -> None:
        _LOG.error("a frame of a stream failed; the stream goes on", exc_info=error)
        with self._state:
            self._failures += 1
            if self._first_failure is None:
                self._first_failure = error


_RUNNING: set[LiveWorker[Any]] = set()


@atexit.register
def _close_all() -> None:
    # A thread that is inside a network when the interpreter goes takes the process down with it.
    for worker in tuple(_RUNNING):
        worker.close()
