import threading

import pytest

from vitruvian.prefetch import prefetch


def test_items_come_in_order_with_their_results():
    assert [(item, future.result()) for item, future in prefetch(lambda x: x * x, range(10))] == [
        (x, x * x) for x in range(10)
    ]


def test_one_bad_item_ends_nothing():
    pairs = list(prefetch(lambda x: 1 // x, [1, 0, 1]))
    assert pairs[0][1].result() == pairs[2][1].result() == 1
    with pytest.raises(ZeroDivisionError):
        pairs[1][1].result()


def test_reads_ahead_but_not_too_far():
    started: list[int] = []
    gate = threading.Event()

    def read(item: int) -> int:
        started.append(item)
        gate.wait(5)
        return item

    stream = prefetch(read, range(100), ahead=2)
    gate.set()
    for _ in range(3):
        next(stream)[1].result()
    stream.close()
    assert len(started) <= 6
