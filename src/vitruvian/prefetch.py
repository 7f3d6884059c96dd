"""Reading ahead while the network works."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["prefetch"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(
    read: Callable[[Item], Result], items: Iterable[Item], *, ahead: int = 2
) -> Iterator[tuple[Item, Future[Result]]]:
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
