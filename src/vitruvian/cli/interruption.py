"""Ctrl-C and SIGTERM: the first is a wish, granted where files are whole; the second ends at once."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["Interruption", "hearing", "interruption"]


class Interruption:
    """Whether the user wants to stop.

    Attributes:
        asked: Becomes true with the first Ctrl-C or SIGTERM.
    """

    asked = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Yield what remembers the first Ctrl-C or SIGTERM; the second does what the first would have done.

    One that is ignored stays so; in a thread that hears no signals nothing is changed.
    """
    wish = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    def remember() -> None:
        wish.asked = True

    with hearing(remember):
        yield wish


@contextmanager
def hearing(tell: Callable[[], None], *, again: signal.Handlers | None = None) -> Iterator[None]:
    """Call ``tell`` at the first Ctrl-C or SIGTERM; one that is ignored stays so.

    Args:
        tell: Called in the main thread, between any two of its steps.
        again: What the second does; ``None``: what the first would have done.
    """
    now = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: action for number, action in now.items() if action not in (signal.SIG_IGN, None)}

    def first(_number: int, _frame: FrameType | None) -> None:
        for number, action in before.items():
            signal.signal(number, action if again is None else again)
        tell()

    for number in before:
        signal.signal(number, first)
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
