"""Order and time, without a file."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitruvian.sources.timeline import Missing, Thinning, Timeline


def _times(given_times, fps=10.0):
    timeline = Timeline(fps)
    return [timeline.at(time) for time in given_times]


def test_uneven_times_are_passed_on_untouched():
    assert _times([0.5, 0.51, 0.9, 7.25]) == [0.5, 0.51, 0.9, 7.25]


def test_a_missing_time_is_a_frame_later():
    assert _times([None, None, 0.3]) == pytest.approx([0.0, 0.1, 0.3])


def test_a_repeated_time_is_a_millisecond_later_and_the_next_is_itself():
    assert _times([1.0, 1.0, 0.95, 1.1]) == pytest.approx([1.0, 1.001, 1.002, 1.1])


def test_behind_a_jump_back_time_goes_on():
    assert _times([100.0, 0.0, 0.1, None, 0.3]) == pytest.approx([100.0, 100.1, 100.2, 100.3, 100.4])


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=50))
def test_times_always_rise(given_times):
    times = _times(given_times)
    assert all(early < late for early, late in itertools.pairwise(times))


def _missing(*packets):
    missing = Missing()
    for packet in packets:
        missing.packet(packet)
    return missing


def test_a_packet_that_is_passed_has_failed():
    missing = _missing(0.0, 0.3, 0.1, 0.2)
    assert missing.picture(0.0) == []
    assert missing.picture(0.2) == [0.1]
    assert missing.rest() == [0.3]
    assert missing.rest() == []


def test_packets_without_times_fail_as_often_as_the_decoder_complains():
    missing = _missing(None, None)
    missing.complaint(None)
    assert missing.picture(None) == [None]
    assert missing.picture(None) == []


def test_half_pictures_fail_only_with_a_complaint():
    missing = _missing(0.0, 0.02, 0.04, 0.06, 0.08)
    assert missing.picture(0.0, fields=True) == []
    assert missing.picture(0.04, fields=True) == []
    missing.complaint(0.06)
    assert missing.picture(0.08, fields=True) == [0.06]


def test_packets_from_behind_a_jump_back_have_not_failed():
    missing = _missing(100.0, 100.1, 0.0, 0.1)
    assert [missing.picture(time) for time in (100.0, 100.1, 0.0, 0.1)] == [[], [], [], []]
    assert missing.rest() == []


def test_what_no_decoder_holds_so_long_has_failed():
    missing = _missing(*(float(index) for index in range(Missing.HELD + 2)))
    assert missing.overdue() == [0.0, 1.0]
    assert missing.overdue() == []


def _kept(times, fps):
    thinning, kept = Thinning(fps), []
    for time in times:
        if thinning.due(time):
            thinning.kept(time)
            kept.append(time)
    return kept


@pytest.mark.parametrize(("rate", "fps", "count"), [(30, 10, 10), (30, 30, 30), (24, 20, 20), (5, 10, 5)])
def test_so_many_frames_a_second_are_kept(rate, fps, count):
    assert len(_kept([index / rate for index in range(rate)], fps)) == count


def test_times_in_whole_milliseconds_lose_no_frame():
    assert len(_kept([round(index / 30, 3) for index in range(30)], 30)) == 30


def test_after_a_pause_the_count_starts_anew():
    assert _kept([0.0, 5.0, 5.1, 5.5, 5.9, 6.0], 1.0) == [0.0, 5.0, 6.0]


@given(st.lists(st.floats(0, 0.5), max_size=200), st.floats(1, 60))
def test_never_more_than_the_rate(steps, fps):
    times = [sum(steps[: end + 1]) for end in range(len(steps))]
    kept = _kept(times, fps)
    if kept:
        assert len(kept) <= (kept[-1] - kept[0]) * fps + 2
