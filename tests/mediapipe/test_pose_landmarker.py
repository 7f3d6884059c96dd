"""The task: options, errors, and the way from columns to objects on a pipeline made up for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

import vitruvian.mediapipe as mp
from vitruvian.errors import SessionError, VitruvianError
from vitruvian.landmarks import Landmarks
from vitruvian.mediapipe.tasks.python import vision
from vitruvian.mediapipe.tasks.python.components.containers.rect import RectF
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BaseOptions = mp.tasks.BaseOptions
PICTURE = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.zeros((50, 100, 3), np.uint8))


class Pipeline:
    """Finds ``count`` people whose numbers are easily recognised."""

    def __init__(self, count: int = 2, *, masks: bool = False, error: Exception | None = None) -> None:
        self.seen: list[tuple[NDArray[np.uint8], int]] = []
        self.closed = 0
        self._count, self._masks, self._error = count, masks, error

    def estimate(self, frames: NDArray[np.uint8], *, rotation: int = 0) -> Landmarks:
        self.seen.append((frames, rotation))
        if self._error is not None:
            raise self._error
        shape = (self._count, 33)
        ramp = np.arange(self._count * 33, dtype=np.float32).reshape(shape)
        return Landmarks(
            Skeleton.named("body33"),
            xy=np.stack([ramp, ramp + 1], axis=2),
            box=np.zeros((self._count, 4), np.float32),
            box_score=np.ones(self._count, np.float32),
            score=ramp / 100,
            presence=ramp / 200,
            depth=-ramp,
            world=np.stack([ramp / 10, ramp / 20, ramp / 40], axis=2),
            mask=(SimpleNamespace(image=mask_image),) * self._count if self._masks else None,  # type: ignore[arg-type]
        )

    def close(self) -> None:
        self.closed += 1


def mask_image(width: int, height: int) -> NDArray[np.float32]:
    return np.full((height, width), 0.25, np.float32)


def task_on(pipeline: Pipeline) -> vision.PoseLandmarker:
    return vision.PoseLandmarker(cast("Any", pipeline), vision.PoseLandmarkerOptions(BaseOptions()))


def test_units_and_order_of_a_result() -> None:
    result = task_on(Pipeline()).detect(PICTURE)
    assert [len(pose) for pose in result.pose_landmarks] == [33, 33]
    point = result.pose_landmarks[1][17]  # the 50th: 50, 51 pixels of 100 x 50, depth -50 pixels
    assert vars(point) == {
        "x": pytest.approx(0.5),
        "y": pytest.approx(1.02),
        "z": pytest.approx(-0.5),
        "visibility": pytest.approx(0.5),
        "presence": pytest.approx(0.25),
        "name": None,
    }
    world = result.pose_world_landmarks[1][17]
    assert (world.x, world.y, world.z) == pytest.approx((5, 2.5, 1.25))
    assert (world.visibility, world.presence) == (point.visibility, point.presence)
    assert {type(value) for value in (point.x, point.visibility, world.z)} == {float}
    assert result.segmentation_masks is None


def test_masks_are_pictures() -> None:
    masks = task_on(Pipeline(masks=True)).detect(PICTURE).segmentation_masks
    assert masks is not None
    assert [mask.image_format for mask in masks] == [mp.ImageFormat.VEC32F1] * 2
    view = masks[0].numpy_view()
    assert (view.shape, view.dtype, view[0, 0, 0], view.flags.writeable) == (
        (50, 100, 1),
        np.float32,
        0.25,
        False,
    )


@pytest.mark.parametrize("masks", [False, True])
def test_nobody(*, masks: bool) -> None:
    result = task_on(Pipeline(0, masks=masks)).detect(PICTURE)
    assert result == vision.PoseLandmarkerResult([], [], None)


def test_rotation_and_pixels_reach_the_pipeline() -> None:
    pipeline = Pipeline()
    task = task_on(pipeline)
    task.detect(PICTURE)
    task.detect(PICTURE, vision.ImageProcessingOptions(rotation_degrees=-90))
    rgba = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    task.detect(mp.Image(mp.ImageFormat.SRGBA, rgba), image_processing_options=None)
    assert [rotation for _, rotation in pipeline.seen] == [0, -90, 0]
    assert np.array_equal(pipeline.seen[2][0], rgba[..., :3])


def test_region_of_interest_is_refused() -> None:
    options = vision.ImageProcessingOptions(region_of_interest=RectF(left=0, top=0, right=1, bottom=1))
    with pytest.raises(ValueError, match="region_of_interest: a PoseLandmarker takes none"):
        task_on(Pipeline()).detect(PICTURE, options)


@pytest.mark.parametrize("wrong", [None, np.zeros((5, 5, 3), np.uint8), "photo.jpg"])
@pytest.mark.parametrize("error", [AttributeError, TypeError, VitruvianError])
def test_something_else_than_an_image(wrong: mp.Image, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"wrap an array: Image\(image_format=ImageFormat.SRGB, data=array\)"):
        task_on(Pipeline()).detect(wrong)


def test_picture_formats_that_are_refused_leave_the_task_usable() -> None:
    task = task_on(Pipeline())
    with pytest.raises(ValueError, match="got VEC32F1"):
        task.detect(mp.Image(mp.ImageFormat.VEC32F1, np.zeros((5, 5), np.float32)))
    with pytest.raises(RuntimeError, match="has no pixels, 0 x 0"):
        task.detect(mp.Image(mp.ImageFormat.SRGB, np.zeros((0, 0, 3), np.uint8)))
    assert len(task.detect(PICTURE).pose_landmarks) == 2


def test_failed_network() -> None:
    with pytest.raises(RuntimeError, match="it broke") as caught:
        task_on(Pipeline(error=SessionError("it broke"))).detect(PICTURE)
    assert isinstance(caught.value.__cause__, SessionError)


def test_calls_of_other_modes() -> None:
    task = task_on(Pipeline())
    with pytest.raises(ValueError, match="for VIDEO mode; the task was created in IMAGE mode"):
        task.detect_for_video(PICTURE, 0)
    with pytest.raises(ValueError, match="for LIVE_STREAM mode; the task was created in IMAGE mode"):
        task.detect_async(image=PICTURE, timestamp_ms=0)


def test_closing() -> None:
    pipeline = Pipeline()
    with task_on(pipeline) as task:
        task.detect(PICTURE)
    task.close()
    assert pipeline.closed == 1
    with pytest.raises(RuntimeError, match="is closed; create another one"):
        task.detect(PICTURE)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"running_mode": vision.RunningMode.LIVE_STREAM}, ValueError, "result_callback: LIVE_STREAM mode"),
        ({"result_callback": print}, ValueError, "in IMAGE mode it must be None"),
        (
            {"running_mode": vision.RunningMode.LIVE_STREAM, "result_callback": "print"},
            ValueError,
            "result_callback: a function of three arguments, got 'print'",
        ),
        ({"running_mode": vision.RunningMode.VIDEO, "result_callback": print}, ValueError, "in VIDEO mode"),
        (
            {"running_mode": vision.RunningMode.VIDEO, "min_tracking_confidence": -0.1},
            ValueError,
            "min_tracking_confidence: a number from 0 to 1, got -0.1",
        ),
        ({"num_poses": 0}, RuntimeError, "num_poses: at least 1, got 0"),
        ({"num_poses": 0}, ValueError, "num_poses: at least 1, got 0"),
        ({"num_poses": 1.5}, TypeError, "float"),
        (
            {"min_pose_detection_confidence": 1.1},
            ValueError,
            "min_pose_detection_confidence: a number from 0 to 1, got 1.1",
        ),
        (
            {"min_pose_presence_confidence": -0.1},
            ValueError,
            "min_pose_presence_confidence: a number from 0 to 1",
        ),
        (
            {"min_tracking_confidence": float("nan")},
            ValueError,
            "min_tracking_confidence: a number from 0 to 1, got nan",
        ),
    ],
)
def test_options_outside_their_range(options: dict[str, Any], error: type[Exception], message: str) -> None:
    base_options = BaseOptions(model_asset_path="never looked at.task")
    with pytest.raises(error, match=message):
        vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(base_options, **options))


@pytest.mark.parametrize(
    ("base_options", "error", "message"),
    [
        (BaseOptions(), ValueError, "give model_asset_path or model_asset_buffer"),
        (BaseOptions(model_asset_path="", model_asset_buffer=b""), ValueError, "neither of them empty"),
        (BaseOptions(model_asset_path="nowhere.task"), FileNotFoundError, "nowhere.task: there is no model"),
        (BaseOptions(model_asset_path="full"), FileNotFoundError, "vitruvian models pull"),
        (BaseOptions(model_asset_buffer=b"no bundle"), RuntimeError, "not a zip archive"),
        (BaseOptions("nowhere.task", b"no bundle"), RuntimeError, "not a zip archive"),
        (BaseOptions("a.task", delegate=BaseOptions.Delegate.GPU), NotImplementedError, "use CPU"),
        (BaseOptions("a.task", delegate=BaseOptions.Delegate.GPU), RuntimeError, "use CPU"),
    ],
)
def test_models_that_cannot_be_used(
    base_options: mp.tasks.BaseOptions, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(base_options))
    assert isinstance(caught.value, VitruvianError)


def test_folder_without_networks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file for the detector"):
        vision.PoseLandmarker.create_from_model_path(tmp_path)


def test_model_that_is_no_network(tmp_path: Path) -> None:
    for name in ("pose_detector.tflite", "pose_landmarks_detector.tflite"):
        (tmp_path / name).write_bytes(b"\x1c\0\0\0TFL3" + bytes(64))
    with pytest.raises(RuntimeError, match=r"pose_detector\.tflite") as caught:
        vision.PoseLandmarker.create_from_model_path(str(tmp_path))
    assert isinstance(caught.value.__cause__, SessionError)
