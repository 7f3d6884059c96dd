import os
import signal
import threading

import pytest

from vitruvian.cli.interruption import interruption

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are different there")


def test_the_first_is_remembered_and_the_second_ends():
    before = signal.getsignal(signal.SIGINT)
    with interruption() as wish:
        assert not wish.asked
        signal.raise_signal(signal.SIGINT)
        assert wish.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_to_be_told_to_end_is_the_same_wish():
    before = signal.getsignal(signal.SIGTERM)
    with interruption() as wish:
        signal.raise_signal(signal.SIGTERM)
        assert wish.asked
        assert signal.getsignal(signal.SIGTERM) is before  # a second one is not heard any more
    assert signal.getsignal(signal.SIGTERM) is before


def test_where_it_is_ignored_it_stays_so(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruption() as wish:
            signal.raise_signal(signal.SIGINT)
            assert not wish.asked
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_hears_nothing():
    asked = []

    def work():
        with interruption() as wish:
            asked.append(wish.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
