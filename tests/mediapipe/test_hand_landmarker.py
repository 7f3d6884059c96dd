"""The task for hands: options, errors, modes, and the way from columns to objects."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vitruvian.mediapipe as mp
from vitruvian import weights
from vitruvian.errors import SessionError, VitruvianError
from vitruvian.mediapipe.tasks.python import vision
from vitruvian.mediapipe.tasks.python.components.containers.category import Category
from vitruvian.mediapipe.tasks.python.components.containers.rect import RectF

if TYPE_CHECKING:
    from vitruvian.frame import Frame
    from vitruvian.pipeline import Pipeline

BaseOptions = mp.tasks.BaseOptions
IMAGE, VIDEO, LIVE_STREAM = vision.RunningMode
WHITE = mp.Image(mp.ImageFormat.SRGB, np.full((50, 100, 3), 255, np.uint8))
BLACK = mp.Image(mp.ImageFormat.SRGB, np.zeros((50, 100, 3), np.uint8))
NOBODY = vision.HandLandmarkerResult([], [], [])


def task_on(pipeline: Pipeline, mode: vision.RunningMode = IMAGE, **options: Any) -> vision.HandLandmarker:
    return vision.HandLandmarker(
        pipeline, vision.HandLandmarkerOptions(BaseOptions(), running_mode=mode, **options)
    )


def test_what_a_result_is(made_hands) -> None:
    result = task_on(made_hands.pipeline()).detect(WHITE)
    assert result.handedness == [[Category(0, 0.875, "Right", "Right")]]
    assert [len(each) for each in (result.hand_landmarks[0], result.hand_world_landmarks[0])] == [21, 21]
    point, world = result.hand_landmarks[0][8], result.hand_world_landmarks[0][8]
    unset = {"visibility": None, "presence": None, "name": None}
    assert vars(point) == {"x": pytest.approx(0.1), "y": pytest.approx(0.2), "z": pytest.approx(0.1)} | unset
    assert vars(world) == {"x": 10, "y": 10, "z": 10} | unset
    assert {type(value) for value in (point.x, world.z, result.handedness[0][0].score)} == {float}


def test_the_likelier_hand_is_named(made_hands) -> None:
    kind = made_hands.kind
    made_hands.kind = lambda count: kind(2)[[0, 1]] if count else kind(0)
    result = task_on(made_hands.pipeline(), num_hands=2).detect(WHITE)
    assert [each[0].category_name for each in result.handedness] == ["Right", "Left"]
    assert [each[0].index for each in result.handedness] == [0, 1]
    assert [each[0].score for each in result.handedness] == [0.875, 0.75]


@pytest.mark.parametrize("shape", [(50, 100, 3), (1, 1, 3)])
def test_nobody(made_hands, shape: tuple[int, ...]) -> None:
    black = mp.Image(mp.ImageFormat.SRGB, np.zeros(shape, np.uint8))
    assert task_on(made_hands.pipeline()).detect(black) == NOBODY
    assert task_on(made_hands.pipeline(), VIDEO).detect_for_video(black, 0) == NOBODY


def test_nobody_with_real_networks(hand_bundle: Path) -> None:
    with vision.HandLandmarker.create_from_model_path(hand_bundle) as task:
        assert task.detect(BLACK) == NOBODY
        assert task.detect(mp.Image(mp.ImageFormat.SRGB, np.zeros((1, 1, 3), np.uint8))) == NOBODY


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        (np.zeros((5, 5), np.uint8), "GRAY8"),
        (np.zeros((5, 5), np.float32), "VEC32F1"),
        (np.zeros((5, 5, 3), np.uint16), "SRGB48"),
    ],
)
def test_pictures_that_the_original_cannot_take(made_hands, picture: Any, name: str) -> None:
    image = mp.Image(mp.ImageFormat[name], picture)
    task = task_on(made_hands.pipeline())
    with pytest.raises(ValueError, match=f"hands need SRGB or SRGBA, got {name}"):
        task.detect(image)
    alpha = mp.Image(mp.ImageFormat.SRGBA, np.full((50, 100, 4), 255, np.uint8))
    assert task.detect(alpha) == task.detect(WHITE)


def test_rotation_reaches_the_detector_alone(made_hands) -> None:
    task = task_on(made_hands.pipeline())
    upright = task.detect(WHITE)
    for degrees in (90, 360, -450):
        assert task.detect(WHITE, vision.ImageProcessingOptions(rotation_degrees=degrees)) == upright
    assert made_hands.rotations == [0, 90, 360, -450]
    with pytest.raises(ValueError, match="rotation_degrees: a multiple of 90 degrees, got 45"):
        task.detect(WHITE, vision.ImageProcessingOptions(rotation_degrees=45))
    with pytest.raises(ValueError, match="region_of_interest: a HandLandmarker takes none"):
        task.detect(WHITE, vision.ImageProcessingOptions(RectF(0, 0, 1, 1)))


@pytest.mark.parametrize("wrong", [None, np.zeros((5, 5, 3), np.uint8), "photo.jpg"])
def test_something_else_than_an_image(made_hands, wrong: Any) -> None:
    for error in (AttributeError, TypeError, VitruvianError):
        with pytest.raises(error, match="image: expected an Image"):
            task_on(made_hands.pipeline()).detect(wrong)


@pytest.mark.parametrize("mode", [IMAGE, VIDEO, LIVE_STREAM])
def test_calls_of_other_modes(made_hands, mode: vision.RunningMode) -> None:
    callback = (lambda *_: None) if mode is LIVE_STREAM else None
    with task_on(made_hands.pipeline(), mode, result_callback=callback) as task:
        calls = {
            IMAGE: lambda: task.detect(WHITE),
            VIDEO: lambda: task.detect_for_video(WHITE, 0),
            LIVE_STREAM: lambda: task.detect_async(WHITE, 0),
        }
        del calls[mode]
        for other, call in calls.items():
            words = f"for {other.name} mode; the task was created in {mode.name} mode"
            with pytest.raises(ValueError, match=words):
                call()


def test_timestamps_must_rise(made_hands) -> None:
    task = task_on(made_hands.pipeline(), VIDEO)
    for time in (-1, 0, np.int64(41)):
        task.detect_for_video(WHITE, time)
    for time in (41, 40, -6):
        with pytest.raises(ValueError, match=f"must rise from call to call, got {time} after 41"):
            task.detect_for_video(WHITE, time)
    with pytest.raises(TypeError, match=r"whole milliseconds are needed, got 42\.0"):
        task.detect_for_video(WHITE, 42.0)
    task.detect_for_video(WHITE, 42)
    assert made_hands.times == [-0.001, 0, 0.041, 0.042]


def test_the_detector_rests_while_enough_hands_are_followed(made_hands) -> None:
    one, two = task_on(made_hands.pipeline(), VIDEO), task_on(made_hands.pipeline(), VIDEO, num_hands=2)
    for time in range(3):
        assert len(one.detect_for_video(WHITE, time).handedness) == 1
    assert made_hands.rotations == [0]
    for time, degrees in enumerate([0, 90, -180]):
        two.detect_for_video(WHITE, time, vision.ImageProcessingOptions(rotation_degrees=degrees))
    assert made_hands.rotations == [0, 0, 90, -180]


def test_a_failed_network_leaves_the_task_usable(made_hands) -> None:
    def fail(frame: Frame) -> None:
        if frame.stamp.time == 0.001:
            raise SessionError("it broke")

    made_hands.before = fail
    task = task_on(made_hands.pipeline(), VIDEO)
    task.detect_for_video(WHITE, 0)
    with pytest.raises(RuntimeError, match="it broke") as caught:
        task.detect_for_video(WHITE, 1)
    assert isinstance(caught.value.__cause__, SessionError)
    assert len(task.detect_for_video(WHITE, 2).hand_landmarks) == 1
    assert len(made_hands.rotations) == 2  # the detector looks again


def test_what_the_callback_gets(made_hands) -> None:
    calls: list[tuple[Any, ...]] = []

    def callback(*call: object) -> None:
        calls.append((*call, threading.current_thread().name))

    with task_on(made_hands.pipeline(), LIVE_STREAM, result_callback=callback) as task:
        task.detect_async(BLACK, -3)
        task.detect_async(image=WHITE, timestamp_ms=4)
        with pytest.raises(ValueError, match="got 4 after 4"):
            task.detect_async(WHITE, 4)
    results, images, times, threads = zip(*calls, strict=True)
    assert [len(result.handedness) for result in results] == [0, 1]
    assert (images, times) == ((BLACK, WHITE), (-3, 4))
    assert set(threads) == {"vitruvian HandLandmarker"}


def test_one_in_work_and_the_newest_waits(made_hands) -> None:
    inside, go_on, times = threading.Event(), threading.Event(), []

    def wait(_: Frame) -> None:
        inside.set()
        assert go_on.wait(20)

    made_hands.before = wait
    live = {"result_callback": lambda _, __, time: times.append(time)}
    with task_on(made_hands.pipeline(), LIVE_STREAM, **live) as task:
        task.detect_async(WHITE, 0)
        assert inside.wait(10)
        for time in range(1, 6):
            task.detect_async(WHITE, time)
        go_on.set()
    assert times == [0, 5]


def test_an_exception_in_the_callback_is_raised_by_close(made_hands) -> None:
    failure = IndexError("list index out of range")

    def callback(*_: object) -> None:
        raise failure

    task = task_on(made_hands.pipeline(), LIVE_STREAM, result_callback=callback)
    task.detect_async(WHITE, 0)
    with pytest.raises(RuntimeError, match=r"1 frame\(s\) of the stream failed") as caught:
        task.close()
    assert caught.value.__cause__ is failure


@pytest.mark.parametrize("mode", [IMAGE, VIDEO, LIVE_STREAM])
def test_closing(made_hands, mode: vision.RunningMode) -> None:
    callback = (lambda *_: None) if mode is LIVE_STREAM else None
    with task_on(made_hands.pipeline(), mode, result_callback=callback) as task:
        pass
    task.close()
    assert made_hands.closed.is_set()
    call = {IMAGE: task.detect, VIDEO: task.detect_for_video, LIVE_STREAM: task.detect_async}[mode]
    for error in (RuntimeError, ValueError):
        with pytest.raises(error, match="this HandLandmarker is closed; create another one"):
            call(WHITE, *([] if mode is IMAGE else [0]))


def test_the_same_numbers_in_live_stream_as_in_video_mode(hand_bundle: Path, palm) -> None:
    results: list[vision.HandLandmarkerResult] = []
    called = threading.Semaphore(0)

    def callback(result: vision.HandLandmarkerResult, *_: object) -> None:
        results.append(result)
        called.release()

    def create(mode: vision.RunningMode, **options: Any) -> vision.HandLandmarker:
        return vision.HandLandmarker.create_from_options(
            vision.HandLandmarkerOptions(BaseOptions(hand_bundle), running_mode=mode, num_hands=2, **options)
        )

    images = [(mp.Image(mp.ImageFormat.SRGB, pixels), time) for pixels, time in palm[:10]]
    with create(LIVE_STREAM, result_callback=callback) as live:
        for image, time in images:
            live.detect_async(image, time)
            assert called.acquire(timeout=20)
    with create(VIDEO) as video:
        assert results == [video.detect_for_video(image, time) for image, time in images]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"running_mode": LIVE_STREAM}, ValueError, "result_callback: LIVE_STREAM mode"),
        ({"result_callback": print}, ValueError, "in IMAGE mode it must be None"),
        ({"running_mode": VIDEO, "result_callback": print}, ValueError, "in VIDEO mode it must be None"),
        (
            {"running_mode": LIVE_STREAM, "result_callback": "print"},
            ValueError,
            "result_callback: a function of three arguments, got 'print'",
        ),
        ({"num_hands": 0}, RuntimeError, "num_hands: at least 1, got 0"),
        ({"num_hands": -1}, ValueError, "num_hands: at least 1, got -1"),
        ({"num_hands": 1.5}, TypeError, "float"),
        (
            {"min_hand_detection_confidence": 1.5},
            ValueError,
            "min_hand_detection_confidence: a number from 0 to 1, got 1.5",
        ),
        (
            {"min_hand_presence_confidence": -0.1},
            ValueError,
            "min_hand_presence_confidence: a number from 0 to 1, got -0.1",
        ),
        ({"min_tracking_confidence": 1.1}, ValueError, "min_tracking_confidence: a number from 0 to 1"),
        (
            {"running_mode": VIDEO, "min_tracking_confidence": 0},
            ValueError,
            "min_tracking_confidence: a number above 0 and up to 1, got 0",
        ),
    ],
)
def test_options_outside_their_range(options: dict[str, Any], error: type[Exception], message: str) -> None:
    base_options = BaseOptions(model_asset_path="never looked at.task")
    with pytest.raises(error, match=message) as caught:
        vision.HandLandmarker.create_from_options(vision.HandLandmarkerOptions(base_options, **options))
    assert error is TypeError or isinstance(caught.value, VitruvianError)


def test_what_is_for_following_may_be_nothing_where_nothing_is_followed(hand_bundle: Path) -> None:
    options = vision.HandLandmarkerOptions(
        BaseOptions(model_asset_path=hand_bundle), min_tracking_confidence=0
    )
    with vision.HandLandmarker.create_from_options(options) as task:
        black = mp.Image(mp.ImageFormat.SRGB, np.zeros((64, 64, 3), np.uint8))
        assert not task.detect(black).hand_landmarks


@pytest.mark.parametrize(
    ("base_options", "error", "message"),
    [
        (BaseOptions(), ValueError, "give model_asset_path or model_asset_buffer"),
        (BaseOptions(model_asset_path="nowhere.task"), FileNotFoundError, "nowhere.task: there is no model"),
        (BaseOptions(model_asset_path="full"), FileNotFoundError, "vitruvian models pull hands-task"),
        (BaseOptions(model_asset_buffer=b"no bundle"), RuntimeError, "not a zip archive"),
        (BaseOptions("a.task", delegate=BaseOptions.Delegate.GPU), NotImplementedError, "use CPU"),
    ],
)
def test_models_that_cannot_be_used(base_options, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        vision.HandLandmarker.create_from_options(vision.HandLandmarkerOptions(base_options))
    assert isinstance(caught.value, VitruvianError)


def test_a_bundle_for_poses(lite_bundle: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"hand_detector\.tflite"):
        vision.HandLandmarker.create_from_model_path(lite_bundle)


def test_buffer_path_and_folder_of_files_are_models(
    hand_bundle: Path, hands_files, hand_photos: Path
) -> None:
    image = mp.Image.create_from_file(hand_photos / "four_06aa70cc.jpg")
    folder = weights.paths("hands-full")[0].parent
    models = [
        BaseOptions(model_asset_path=str(hand_bundle)),
        BaseOptions(model_asset_buffer=hand_bundle.read_bytes()),
        BaseOptions(model_asset_path=folder),
    ]
    results = []
    for base_options in models:
        options = vision.HandLandmarkerOptions(base_options)
        with vision.HandLandmarker.create_from_options(options) as task:
            results.append(task.detect(image))
    assert results[0] == results[1]
    assert [each[0].category_name for each in results[2].handedness] == ["Left"]
