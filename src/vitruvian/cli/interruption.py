"""Ctrl-C: the first one is a wish, which is granted where files are whole; the second one ends at once."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Interruption", "interruption"]


class Interruption:
    """Whether the user wants to stop.

    Attributes:
        asked: Becomes true with the first Ctrl-C.
    """

    asked = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Yield what remembers the first Ctrl-C; the second does what the first would have done before.

    Where Ctrl-C is ignored, or in a thread that hears no signals, nothing is changed.
    """
    wish = Interruption()
    before = signal.getsignal(signal.SIGINT)
    hears = threading.current_thread() is threading.main_thread()
    if not hears or before in (signal.SIG_IGN, None):
        yield wish
        return

    def remember(_number: int, _frame: FrameType | None) -> None:
        wish.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, remember)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, before)
