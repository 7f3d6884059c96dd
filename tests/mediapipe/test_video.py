"""VIDEO mode: timestamps, state, errors, threads."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from ctypes import ArgumentError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vitruvian.mediapipe as mp
from vitruvian.errors import SessionError, VitruvianError
from vitruvian.mediapipe.tasks.python import vision
from vitruvian.mediapipe.tasks.python.components.containers.rect import RectF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.pipeline import Pipeline

WHITE = mp.Image(mp.ImageFormat.SRGB, np.full((100, 100, 3), 255, np.uint8))


def task_on(pipeline: Pipeline, **options: Any) -> vision.PoseLandmarker:
    options = {"running_mode": vision.RunningMode.VIDEO} | options
    return vision.PoseLandmarker(pipeline, vision.PoseLandmarkerOptions(mp.tasks.BaseOptions(), **options))


def open_lite(bundle: Path, **options: Any) -> vision.PoseLandmarker:
    return vision.PoseLandmarker.create_from_options(
        vision.PoseLandmarkerOptions(
            mp.tasks.BaseOptions(model_asset_path=bundle), running_mode=vision.RunningMode.VIDEO, **options
        )
    )


def srgb(pixels: NDArray[np.uint8]) -> mp.Image:
    return mp.Image(mp.ImageFormat.SRGB, pixels)


def test_timestamps_must_rise_and_both_are_named(made) -> None:
    task = task_on(made.pipeline())
    for time in (-5, 0, 40, np.int64(41)):
        task.detect_for_video(WHITE, time)
    for time in (41, 40, -6):
        with pytest.raises(
            ValueError, match=f"timestamp_ms: must rise from call to call, got {time} after 41"
        ):
            task.detect_for_video(WHITE, time)
    task.detect_for_video(WHITE, 42)
    assert made.times == [-0.005, 0, 0.04, 0.041, 0.042]


@pytest.mark.parametrize("time", [1.0, "1", None, np.float32(1)])
@pytest.mark.parametrize("error", [TypeError, ArgumentError, VitruvianError])
def test_timestamps_are_whole(made, time: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="timestamp_ms: whole milliseconds are needed, got"):
        task_on(made.pipeline()).detect_for_video(WHITE, time)


def test_timestamps_that_are_surely_in_another_unit(made) -> None:
    with pytest.raises(ValueError, match="are these microseconds"):
        task_on(made.pipeline()).detect_for_video(WHITE, 10**18)


def test_calls_of_other_modes(made) -> None:
    task = task_on(made.pipeline())
    with pytest.raises(ValueError, match="for IMAGE mode; the task was created in VIDEO mode"):
        task.detect(WHITE)
    with pytest.raises(ValueError, match="for LIVE_STREAM mode; the task was created in VIDEO mode"):
        task.detect_async(WHITE, 0)


def test_a_refused_call_changes_nothing(lite_bundle: Path, squats) -> None:
    wrong: list[tuple[Any, Any, Any]] = [
        (np.zeros(3), 10**6, None),
        (mp.Image(mp.ImageFormat.VEC32F1, np.zeros((5, 5), np.float32)), 10**6, None),
        (srgb(np.zeros((0, 0, 3), np.uint8)), 10**6, None),
        (srgb(np.zeros((1, 40_000, 3), np.uint8)), 10**6, None),
        (WHITE, 0, None),
        (WHITE, 1e6, None),
        (WHITE, 10**6, vision.ImageProcessingOptions(rotation_degrees=45)),
        (WHITE, 10**6, vision.ImageProcessingOptions(RectF(0, 0, 1, 1))),
    ]
    with open_lite(lite_bundle) as plain, open_lite(lite_bundle) as teased:
        for index, pixels in enumerate(squats[: len(wrong)]):
            expected = plain.detect_for_video(srgb(pixels), 200 * index)
            assert teased.detect_for_video(srgb(pixels), 200 * index) == expected
            with pytest.raises(VitruvianError):
                teased.detect_for_video(*wrong[index])


def test_following_rests_the_detector_and_options_are_taken(made) -> None:
    one, several = task_on(made.pipeline()), task_on(made.pipeline(), num_poses=2)
    turned = vision.ImageProcessingOptions(rotation_degrees=90)
    for time in range(3):
        assert len(one.detect_for_video(WHITE, time, turned).pose_landmarks) == 1
    assert made.rotations == [90]
    for time, degrees in enumerate([0, 90, -180]):
        several.detect_for_video(WHITE, time, vision.ImageProcessingOptions(rotation_degrees=degrees))
    assert made.rotations == [90, 0, 90, -180]


def test_nobody(made) -> None:
    black = srgb(np.zeros((100, 100, 3), np.uint8))
    result = task_on(made.pipeline()).detect_for_video(black, 0)
    assert result == vision.PoseLandmarkerResult([], [], None)


def test_pixels_may_change_size_and_format(made) -> None:
    task = task_on(made.pipeline())
    task.detect_for_video(WHITE, 0)
    grey = mp.Image(mp.ImageFormat.GRAY8, np.full((50, 200), 255, np.uint8))
    point = task.detect_for_video(grey, 1).pose_landmarks[0][0]
    assert (point.x, point.y) == pytest.approx((10 / 200, 10 / 50))


def test_a_failed_network_leaves_the_task_usable(made) -> None:
    def fail(frame: Frame) -> None:
        if frame.stamp.time == 0.001:
            raise SessionError("it broke")

    made.before = fail
    task = task_on(made.pipeline())
    task.detect_for_video(WHITE, 0)
    with pytest.raises(RuntimeError, match="it broke") as caught:
        task.detect_for_video(WHITE, 1)
    assert isinstance(caught.value.__cause__, SessionError)
    assert len(task.detect_for_video(WHITE, 2).pose_landmarks) == 1
    assert len(made.rotations) == 2  # the detector looks again


def test_masks_of_a_video(lite_bundle: Path, squats) -> None:
    with open_lite(lite_bundle, output_segmentation_masks=True) as task:
        results = [task.detect_for_video(srgb(pixels), i) for i, pixels in enumerate(squats[:2])]
    for result in results:
        assert result.segmentation_masks is not None
        mask = result.segmentation_masks[0].numpy_view()
        assert (mask.shape, mask.dtype) == ((1280, 720, 1), np.float32)
        assert 0.05 < (mask > 0.5).mean() < 0.4


def test_closing(made) -> None:
    with task_on(made.pipeline()) as task:
        task.detect_for_video(WHITE, 0)
    task.close()
    assert made.closed.is_set()
    for error in (RuntimeError, ValueError):
        with pytest.raises(error, match="is closed; create another one"):
            task.detect_for_video(WHITE, 1)


def test_closing_waits_for_the_call_under_way(made) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait(_: Frame) -> None:
        inside.set()
        assert go_on.wait(10)

    made.before = wait
    task = task_on(made.pipeline())
    with ThreadPoolExecutor(3) as pool:
        under_way = pool.submit(task.detect_for_video, WHITE, 0)
        assert inside.wait(10)
        waiting = pool.submit(task.detect_for_video, WHITE, 1)
        closing = pool.submit(task.close)
        assert not closing.done()
        go_on.set()
        assert len(under_way.result(10).pose_landmarks) == 1
        closing.result(10)
        assert waiting.exception(10) is None or "is closed" in str(waiting.exception())


def test_one_task_shared_by_threads(made) -> None:
    task, ticks = task_on(made.pipeline()), itertools.count()

    def call(_: int) -> bool:
        try:
            return len(task.detect_for_video(WHITE, next(ticks)).pose_landmarks) == 1
        except ValueError:  # another thread was faster with a later timestamp
            return False

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(call, range(400)))
    assert made.times == sorted(set(made.times))
    assert len(made.times) == accepted > 0


def test_many_threads_with_a_task_each(lite_bundle: Path, squats) -> None:
    def run(_: int) -> list[vision.PoseLandmarkerResult]:
        with open_lite(lite_bundle) as task:
            return [task.detect_for_video(srgb(pixels), 200 * i) for i, pixels in enumerate(squats)]

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(run, range(4)))
    assert all(len(result.pose_landmarks) == 1 for result in runs[0])
    assert all(each == runs[0] for each in runs)
