"""LIVE_STREAM mode: what is dropped, what calls back, what fails, what ends."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vitruvian.mediapipe as mp
from vitruvian.errors import SessionError, VitruvianError
from vitruvian.mediapipe.tasks.python import vision
from vitruvian.mediapipe.tasks.python.vision.core.live_worker import LiveWorker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.pipeline import Pipeline

WHITE = mp.Image(mp.ImageFormat.SRGB, np.full((100, 100, 3), 255, np.uint8))
BLACK = mp.Image(mp.ImageFormat.SRGB, np.zeros((100, 100, 3), np.uint8))


def task_on(pipeline: Pipeline, callback: Callable[..., None]) -> vision.PoseLandmarker:
    return vision.PoseLandmarker(pipeline, live_options(mp.tasks.BaseOptions(), callback))


def live_options(
    base_options: mp.tasks.BaseOptions, callback: Callable[..., None]
) -> vision.PoseLandmarkerOptions:
    return vision.PoseLandmarkerOptions(
        base_options, running_mode=vision.RunningMode.LIVE_STREAM, result_callback=callback
    )


def nothing(*_: object) -> None:
    pass


class Gate:
    """Holds up who passes until it is opened."""

    def __init__(self) -> None:
        self.reached, self._open = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        self.reached.set()
        assert self._open.wait(20)

    def open(self) -> None:
        self._open.set()


def test_what_the_callback_gets(made) -> None:
    calls: list[tuple[Any, ...]] = []
    with task_on(made.pipeline(), lambda *call: calls.append((*call, threading.current_thread()))) as task:
        assert task.detect_async(WHITE, -3) is None
        task.detect_async(image=BLACK, timestamp_ms=4)
    results, images, times, threads = zip(*calls, strict=True)
    assert [len(result.pose_landmarks) for result in results] == [1, 1]  # followed into the black picture
    assert images == (WHITE, BLACK)
    assert times == (-3, 4)
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
    assert not threads[0].is_alive()


def test_nobody_calls_back_as_well(made) -> None:
    results: list[vision.PoseLandmarkerResult] = []
    with task_on(made.pipeline(), lambda result, *_: results.append(result)) as task:
        task.detect_async(BLACK, 0)
    assert results == [vision.PoseLandmarkerResult([], [], None)]


def test_one_in_work_and_the_newest_waits(made) -> None:
    gate, times = Gate(), []
    made.before = gate
    with task_on(made.pipeline(), lambda _, __, time: times.append(time)) as task:
        for time_ms in range(6):
            task.detect_async(WHITE, time_ms)  # returns, although nothing gets through the gate
        assert gate.reached.wait(10)
        with pytest.raises(ValueError, match="got 5 after 5"):  # also of frames that will be dropped
            task.detect_async(WHITE, 5)
        assert times == []
        gate.open()
    assert times == [0, 5]


def test_two_frames_in_a_row_are_never_dropped(made) -> None:
    for _ in range(50):
        times: list[int] = []
        with task_on(made.pipeline(), lambda _, __, time, times=times: times.append(time)) as task:
            task.detect_async(WHITE, 1)
            task.detect_async(WHITE, 2)
        assert times == [1, 2]
        made.closed.clear()


def test_rotation_is_that_of_each_picture(made) -> None:
    with task_on(made.pipeline(), nothing) as task:
        task.detect_async(BLACK, 0, vision.ImageProcessingOptions(rotation_degrees=90))
        task.detect_async(BLACK, 1)
    assert made.rotations == [90, 0]


def test_refused_calls(made) -> None:
    with task_on(made.pipeline(), nothing) as task:
        for wrong in (
            (None, 0),
            (WHITE, 0.5),
            (WHITE, 0, vision.ImageProcessingOptions(rotation_degrees=1)),
            (mp.Image(mp.ImageFormat.SRGB48, np.zeros((5, 5, 3), np.uint16)), 0),
        ):
            with pytest.raises(VitruvianError):
                task.detect_async(*wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="for VIDEO mode; the task was created in LIVE_STREAM mode"):
            task.detect_for_video(WHITE, 0)
        task.detect_async(WHITE, 0)
    assert made.times == [0]
    with pytest.raises(RuntimeError, match="is closed; create another one"):
        task.detect_async(WHITE, 1)


@pytest.mark.parametrize("failure", [IndexError("list index out of range"), SystemExit(3)])
def test_an_exception_in_the_callback_is_logged_and_raised_by_close(
    made, caplog: pytest.LogCaptureFixture, failure: BaseException
) -> None:
    called, times = threading.Semaphore(0), []

    def callback(_: object, __: object, time_ms: int) -> None:
        times.append(time_ms)
        called.release()
        if time_ms < 2:
            raise failure

    task = task_on(made.pipeline(), callback)
    for time_ms in range(4):
        task.detect_async(WHITE, time_ms)
        assert called.acquire(timeout=10)
    with pytest.raises(RuntimeError, match=r"2 frame\(s\) of the stream failed") as caught:
        task.close()
    assert caught.value.__cause__ is failure
    assert times == [0, 1, 2, 3]
    records = [record for record in caplog.records if record.name == "vitruvian.mediapipe"]
    assert [record.levelno for record in records] == [logging.ERROR] * 2
    assert records[0].exc_info is not None
    assert records[0].exc_info[1] is failure
    assert made.closed.is_set()
    task.close()


def test_an_exception_under_way_is_not_replaced(made) -> None:
    def callback(*_: object) -> None:
        raise IndexError

    def run() -> None:
        with task_on(made.pipeline(), callback) as task:
            task.detect_async(WHITE, 0)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run()


def test_a_failed_network_skips_the_callback_and_the_stream_goes_on(made) -> None:
    def fail(frame: Frame) -> None:
        if frame.stamp.time == 0:
            raise SessionError("it broke")

    made.before, times = fail, []
    task = task_on(made.pipeline(), lambda _, __, time_ms: times.append(time_ms))
    task.detect_async(WHITE, 0)
    task.detect_async(WHITE, 1)
    with pytest.raises(RuntimeError, match="it broke"):
        task.close()
    assert times == [1]


def test_closing_from_within_the_callback(made) -> None:
    times: list[int] = []
    waits = threading.Event()

    def callback(_: object, __: object, time_ms: int) -> None:
        assert waits.wait(10)
        task.close()
        times.append(time_ms)

    task = task_on(made.pipeline(), callback)
    task.detect_async(WHITE, 0)
    task.detect_async(WHITE, 1)
    waits.set()
    assert made.closed.wait(10)
    task.close()
    assert times == [0]  # what waited is dropped


def test_closing_from_many_threads_at_once(made) -> None:
    gate = Gate()
    task = task_on(made.pipeline(), gate)
    task.detect_async(WHITE, 0)
    with ThreadPoolExecutor(8) as pool:
        closing = [pool.submit(task.close) for _ in range(8)]
        gate.open()
        for each in closing:
            each.result(10)
    assert made.closed.is_set()


def test_a_callback_that_never_returns_does_not_hang_close(
    made, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveWorker, "patience", 0.2)
    gate, times = Gate(), []

    def callback(_: object, __: object, time_ms: int) -> None:
        times.append(time_ms)
        gate()

    task = task_on(made.pipeline(), callback)
    task.detect_async(WHITE, 0)
    task.detect_async(WHITE, 1)
    started = time.monotonic()
    task.close()
    assert time.monotonic() - started < 5
    assert "closed without waiting longer" in caplog.text
    gate.open()
    assert made.closed.wait(10)
    assert times == [0]


def test_a_dropped_task_leaves_no_thread(made) -> None:
    before = threading.active_count()
    task = task_on(made.pipeline(), nothing)
    task.detect_async(WHITE, 0)
    del task
    gc.collect()
    assert made.closed.wait(10)
    wait_for_threads(before)


def wait_for_threads(count: int) -> None:
    deadline = time.monotonic() + 10
    while threading.active_count() > count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == count


def descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_fifty_cycles_in_threads_leak_nothing(lite_bundle: Path, squats) -> None:
    base_options = mp.tasks.BaseOptions(model_asset_buffer=lite_bundle.read_bytes())
    images = [mp.Image(mp.ImageFormat.SRGB, pixels) for pixels in squats[:4]]

    def cycle(index: int) -> list[int]:
        times: list[int] = []
        options = live_options(base_options, lambda _, __, time_ms: times.append(time_ms))
        with vision.PoseLandmarker.create_from_options(options) as task:
            for time_ms, image in enumerate(images[: index % 4 + 1]):
                task.detect_async(image, time_ms)
        return times

    cycle(0)
    threads, files = threading.active_count(), descriptors()
    with ThreadPoolExecutor(5) as pool:
        runs = list(pool.map(cycle, range(50)))
    assert threading.active_count() == threads
    assert descriptors() <= files + 2
    assert all(times[0] == 0 and times[-1] == index % 4 for index, times in enumerate(runs))


EXIT = """
import sys, numpy
import vitruvian.mediapipe as mp
vision = mp.tasks.vision
task = vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(
    mp.tasks.BaseOptions(sys.argv[1]), running_mode=vision.RunningMode.LIVE_STREAM,
    result_callback=lambda result, image, time: print("called back", time, flush=True)))
for time in range(3):
    task.detect_async(mp.Image(mp.ImageFormat.SRGB, numpy.zeros((720, 1280, 3), numpy.uint8)), time)
"""


def test_a_script_that_forgets_to_close_ends_well(lite_bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXIT, lite_bundle], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "called back 2"


def test_the_same_numbers_as_in_video_mode(lite_bundle: Path, squats: list[NDArray[np.uint8]]) -> None:
    images = [mp.Image(mp.ImageFormat.SRGB, pixels) for pixels in squats]
    base_options = mp.tasks.BaseOptions(lite_bundle)
    results: list[vision.PoseLandmarkerResult] = []
    called = threading.Semaphore(0)

    def callback(result: vision.PoseLandmarkerResult, *_: object) -> None:
        results.append(result)
        called.release()

    with vision.PoseLandmarker.create_from_options(live_options(base_options, callback)) as live:
        for index, image in enumerate(images):
            live.detect_async(image, 200 * index)
            assert called.acquire(timeout=20)
    options = vision.PoseLandmarkerOptions(base_options, running_mode=vision.RunningMode.VIDEO)
    with vision.PoseLandmarker.create_from_options(options) as video:
        expected = [video.detect_for_video(image, 200 * index) for index, image in enumerate(images)]
    assert results == expected
