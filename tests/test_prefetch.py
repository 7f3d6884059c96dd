import threading
from contextlib import closing

import pytest

from vitruvian.prefetch import ahead, behind, prefetch

PATIENCE = 10


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(("prefetch", "behind"))}


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert not _threads()


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


class Numbers:
    """An iterator of which the making of each number can be watched."""

    def __init__(self, count: int, *, bad: int | None = None):
        self.made = 0
        self.closed_in = None
        self._count, self._bad = count, bad
        self._changed = threading.Condition()

    def __iter__(self):
        return self

    def __next__(self):
        with self._changed:
            if self.made == self._count:
                raise StopIteration
            self.made += 1
            self._changed.notify_all()
            if self.made - 1 == self._bad:
                raise ZeroDivisionError
            return self.made - 1

    def close(self):
        self.closed_in = threading.current_thread()

    def wait_for(self, made: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.made >= made, PATIENCE)


def test_all_items_come_ahead_in_order():
    numbers = Numbers(50)
    assert list(ahead(numbers)) == list(range(50))
    assert numbers.closed_in is threading.main_thread()
    assert list(ahead([])) == []


def test_the_next_items_are_made_while_one_is_worked_on():
    numbers = Numbers(100)
    with closing(ahead(numbers, depth=3)) as items:
        assert next(items) == 0
        assert numbers.wait_for(4)
        assert numbers.made == 4
        assert next(items) == 1
        assert numbers.wait_for(5)
        assert numbers.made == 5


def test_an_error_comes_behind_the_items_before_it():
    items = ahead(Numbers(9, bad=2))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)
    assert list(items) == []


def test_stopping_early_makes_nothing_more_and_closes_the_source():
    closed = threading.Event()

    def source():
        try:
            yield from range(1000)
        finally:
            closed.set()

    for item in ahead(source(), depth=2):
        if item == 3:
            break
    assert closed.wait(PATIENCE)
    assert not _threads()


def test_stopping_waits_for_the_item_that_is_being_made():
    entered, gate, left = (threading.Event() for _ in range(3))

    def source():
        try:
            yield 0
            entered.set()
            gate.wait(PATIENCE)
            yield 1
            pytest.fail("made another item after the stop")
        finally:
            left.set()

    items = ahead(source(), depth=1)
    assert next(items) == 0
    assert entered.wait(PATIENCE)
    timer = threading.Timer(0.05, gate.set)
    timer.start()
    items.close()
    assert gate.is_set()
    assert left.is_set()
    timer.join()


def test_what_waits_is_bounded():
    written, started, gate = [], threading.Event(), threading.Event()

    def write(item):
        started.set()
        gate.wait(PATIENCE)
        written.append(item)

    blocked = threading.Event()
    with behind(write, depth=2) as later:
        for item in range(3):
            later(item)  # one is being written, two wait
        assert started.wait(PATIENCE)
        assert written == []

        def release():
            blocked.wait(PATIENCE)
            gate.set()

        threading.Thread(target=release).start()
        blocked.set()
        later(3)
        assert 0 in written
    assert written == [0, 1, 2, 3]


def test_what_writing_raises_is_raised_at_the_next_call_and_nothing_is_written_after_it():
    written, failed = [], threading.Event()

    def write(item):
        if item == 1:
            failed.set()
            raise ZeroDivisionError
        written.append(item)

    def feed(later):
        for item in range(1000):
            later(item)
            if item == 2:
                assert failed.wait(PATIENCE)

    with pytest.raises(ZeroDivisionError), behind(write, depth=3) as later:
        feed(later)
    assert written == [0]


def test_what_the_last_write_raises_is_raised_on_leaving():
    with pytest.raises(ZeroDivisionError), behind(lambda item: 1 // item) as later:
        later(0)


def test_an_error_of_the_caller_does_not_lose_what_waits():
    written = []

    def fail(later):
        for item in range(3):
            later(item)
        raise KeyError

    with pytest.raises(KeyError), behind(written.append, depth=5) as later:
        fail(later)
    assert written == [0, 1, 2]


def test_both_errors_are_told():
    def fail(later):
        later(0)
        raise KeyError

    with pytest.raises(ZeroDivisionError) as caught, behind(lambda item: 1 // item) as later:
        fail(later)
    assert isinstance(caught.value.__context__, KeyError)


def test_an_interruption_drops_what_waits():
    written, started, gate = [], threading.Event(), threading.Event()

    def write(item):
        started.set()
        gate.wait(PATIENCE)
        written.append(item)

    def interrupt(later):
        for item in range(3):
            later(item)
        assert started.wait(PATIENCE)
        threading.Timer(0.05, gate.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), behind(write, depth=5) as later:
        interrupt(later)
    assert written == [0]
