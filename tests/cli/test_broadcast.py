"""The work behind ``vitruvian live``, in this process."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from vitruvian import Frame, Gap, Landmarks, Skeleton, Stamp
from vitruvian.cli.broadcast import Tally, paced
from vitruvian.cli.noun import HANDS

NOBODY = Landmarks.nobody(Skeleton.named("body33"))


def _frame(index: int, shown: float, captured: float | None = None) -> Frame:
    stamp = Stamp("film", 8, 6, index, shown, captured=captured)
    return Frame(np.zeros((6, 8, 3), np.uint8), stamp)


def _gap(index: int, shown: float, status: str) -> Gap:
    return Gap(Stamp("film", 8, 6, index, shown, status=status), "broken")


def test_a_recording_is_played_at_its_own_pace():
    before = time.monotonic()
    items = list(paced([_frame(i, 3 + i / 20) for i in range(5)], threading.Event()))
    assert 0.2 <= time.monotonic() - before < 0.5
    assert [item.stamp.status for item in items] == ["ok"] * 5
    captured = [item.stamp.captured for item in items]
    assert np.allclose(np.diff(captured), 0.05, atol=1e-6)
    assert abs(captured[0] - before) < 0.1


def test_what_is_overtaken_while_one_looks_is_dropped():
    frames = [_frame(i, i / 20) for i in range(10)]
    frames[3] = _gap(3, 3 / 20, "failed")
    kept = []
    for item in paced(frames, threading.Event()):
        kept.append((item.stamp.index, item.stamp.status))
        if item.stamp.index == 0:
            time.sleep(0.27)
    expected = ["ok", "dropped", "dropped", "failed", "dropped", "ok", "ok", "ok", "ok", "ok"]
    assert kept == list(enumerate(expected))


def test_waiting_for_what_is_due_ends_when_stopped():
    stopped = threading.Event()
    threading.Timer(0.1, stopped.set).start()
    before = time.monotonic()
    assert [item.stamp.index for item in paced([_frame(0, 0), _frame(1, 60)], stopped)] == [0]
    assert time.monotonic() - before < 5


def test_a_tally_counts_and_tells():
    tally = Tally()
    assert (tally.frames, tally.seconds) == (0, 0)
    assert tally.status() == {
        "frames": 0,
        "dropped": 0,
        "failed": 0,
        "people": 0,
        "width": 0,
        "height": 0,
        "fps": 0.0,
        "age_ms": None,
        "silence_ms": None,
    }
    for index, age in enumerate([0.010, 0.030, 0.500]):
        tally.count(_frame(index, index / 10, captured=time.monotonic() - age), NOBODY)
    tally.count(_gap(3, 0.3, "dropped"), NOBODY)
    tally.count(_gap(4, 0.4, "failed"), NOBODY)
    status = tally.status()
    assert [status[name] for name in ("frames", "dropped", "failed", "width", "height")] == [3, 1, 1, 8, 6]
    assert status["age_ms"] == pytest.approx(500, abs=20)
    assert status["silence_ms"] < 1000
    assert tally.line().startswith("3 frames, 1 dropped, 1 failed, median age 3")


def test_a_tally_calls_hands_by_their_name():
    status = Tally(HANDS).status()
    assert status["hands"] == 0
    assert "people" not in status


def test_the_median_of_an_even_number_is_the_lower_middle():
    tally = Tally()
    now = time.monotonic()
    for age in (1.0, 2.0, 3.0, 4.0):
        tally.count(_frame(0, 0, captured=now - age), NOBODY)
    assert "median age 200" in tally.line()


def test_the_speed_is_that_of_the_last_two_seconds():
    tally = Tally()
    for index in range(6):
        tally.count(_frame(index, index / 20), NOBODY)
        time.sleep(0.05)
    assert 12 < tally.status()["fps"] <= 21
    time.sleep(2.0)
    assert tally.status()["fps"] == 0
