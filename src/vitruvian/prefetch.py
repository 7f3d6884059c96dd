"""Reading ahead of the network, and writing behind it: three things at a time, with bounded queues."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

__all__ = ["ahead", "behind", "prefetch"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_END = object()


def prefetch(
    read: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = 2
) -> Generator[tuple[Item, Future[Result]], None, None]:
    """Yield each item with what ``read`` makes of it, while the next ones are read in a thread.

    Args:
        read: Must not depend on the order of its calls being seen by the consumer.
        items: What to read, in this order.
        ahead: How many results may wait; bounds the memory.

    Yields:
        The item and a future: its ``result()`` raises what ``read`` raised, so one bad item ends nothing.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(read, item)))
                if len(waiting) > ahead:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()


def ahead(items: Iterable[Item], *, depth: int = 3) -> Generator[Item, None, None]:
    """Yield the items, while the next ones are made in a thread.

    Closing this generator (``contextlib.closing``, or just the end of the loop) waits for the item that is
    being made, makes no other, and closes the iterator of ``items``.

    Args:
        items: Iterated in the thread; what it raises is raised here, behind the items before it.
        depth: How many items may wait; bounds the memory.
    """
    iterator = iter(items)
    futures = prefetch(lambda _: next(iterator, _END), repeat(None), ahead=depth)
    try:
        for _, future in futures:
            item = future.result()
            if item is _END:
                return
            yield item  # type: ignore[misc]  # the type of _END cannot be told
            del item, future  # or one more would stay in memory while the next is waited for
    finally:
        # First the thread ends: what is at work in it cannot be closed.
        futures.close()
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


@contextmanager
def behind(write: Callable[[Item], None], *, depth: int = 3) -> Iterator[Callable[[Item], None]]:
    """Yield a function that is to be called in the place of ``write``, which works in a thread, in order.

    A call returns at once while fewer than ``depth`` items wait. What ``write`` raises is raised by the next
    call, or on leaving; nothing is written after it. Leaving waits until everything is written, also when an
    error passes through; only an interruption (``KeyboardInterrupt``) drops what still waits.

    Args:
        write: Takes one item.
        depth: How many items may wait; bounds the memory.
    """
    waiting: deque[Future[None]] = deque()
    sound = True

    def one(item: Item) -> None:
        nonlocal sound
        if sound:
            sound = False
            write(item)
            sound = True

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="behind") as pool:

        def later(item: Item) -> None:
            while waiting and (len(waiting) > depth or waiting[0].done()):
                waiting.popleft().result()
            waiting.append(pool.submit(one, item))

        try:
            yield later
        except KeyboardInterrupt:
            waiting.clear()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            for future in waiting:
                future.result()
