"""What waits between the thread that reads and the consumer."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitruvian import Gap, SourceError, Stamp
from vitruvian.sources.newest import Arrival, LiveClock, Newest


def _arrival(index):
    return Arrival(Stamp("x", 4, 4, index, index / 10), lambda: np.zeros((4, 4, 3), np.uint8))


def _failed(index):
    return Gap(Stamp("x", 4, 4, index, index / 10, status="failed"), "broken")


def _take_all(newest):
    newest.end()
    taken = []
    while (item := newest.take(time.monotonic() + 1)) is not None:
        taken.append((item.stamp.index, item.stamp.status))
    return taken


def test_overtaken_pictures_are_gaps_before_the_newest():
    newest = Newest()
    for index in range(4):
        newest.put(_arrival(index))
    assert newest.dropped == 3
    assert _take_all(newest) == [(0, "dropped"), (1, "dropped"), (2, "dropped"), (3, "ok")]


def test_failed_pictures_keep_their_place():
    newest = Newest()
    for item in (_failed(0), _arrival(1), _failed(2), _arrival(3), _failed(4)):
        newest.put(item)
    assert _take_all(newest) == [(0, "failed"), (1, "dropped"), (2, "failed"), (3, "ok"), (4, "failed")]


@given(st.lists(st.sampled_from(["picture", "failed", "take"]), max_size=80))
def test_every_item_comes_out_once_and_in_order(steps):
    newest, count, taken = Newest(), 0, []
    for step in steps:
        if step != "take":
            newest.put(_arrival(count) if step == "picture" else _failed(count))
            count += 1
        elif len(taken) < count:
            taken.append(newest.take(time.monotonic() + 1).stamp.index)
    taken += [index for index, _ in _take_all(newest)]
    assert taken == list(range(count))


def test_of_too_many_the_oldest_are_forgotten():
    newest = Newest()
    for index in range(Newest.WAITING + 6):
        newest.put(_arrival(index))
    taken = _take_all(newest)
    assert len(taken) == Newest.WAITING + 1
    assert taken[0] == (5, "dropped")
    assert newest.dropped == Newest.WAITING + 5


def test_an_error_comes_behind_what_waits():
    newest = Newest()
    newest.put(_arrival(0))
    newest.end(SourceError("over"))
    assert newest.take(0).stamp.index == 0
    with pytest.raises(SourceError, match="over"):
        newest.take(0)


def test_waiting_ends_at_the_deadline():
    with pytest.raises(TimeoutError):
        Newest().take(time.monotonic() + 0.05)


def test_abandoning_lets_a_waiting_consumer_go():
    newest = Newest()
    newest.put(_arrival(0))
    assert newest.take(0) is not None
    threading.Timer(0.05, newest.abandon).start()
    assert newest.take(time.monotonic() + 5) is None


def test_a_plausible_clock_is_believed():
    clock = LiveClock()
    stamps = [clock.tick(10.0, 500.0), clock.tick(10.05, 500.04), clock.tick(10.06, 500.08)]
    assert [index for index, _ in stamps] == [0, 1, 2]
    assert [shown for _, shown in stamps] == pytest.approx([0.0, 0.04, 0.08])


def test_a_clock_that_jumps_or_says_nothing_is_not():
    clock = LiveClock()
    arrived_shown = [(1.0, 5.0), (1.1, 9000.0), (1.2, 4.0), (1.3, 4.0), (1.4, None), (1.5, 4.0)]
    times = [clock.tick(arrived, shown)[1] for arrived, shown in arrived_shown]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_another_connection_goes_on_by_the_time_that_passed():
    clock = LiveClock()
    clock.tick(1.0, 70.0)
    clock.connected()
    assert clock.tick(4.0, 70.5) == (1, pytest.approx(3.0))


@given(st.lists(st.tuples(st.floats(0, 10), st.none() | st.floats(-1e5, 1e5)), max_size=50))
def test_live_time_never_falls(steps):
    clock, arrived, times = LiveClock(), 0.0, []
    for wait, shown in steps:
        arrived += wait
        times.append(clock.tick(arrived, shown)[1])
    assert times == sorted(times)
