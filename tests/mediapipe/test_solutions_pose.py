"""``solutions.pose.Pose``: against the numbers of MediaPipe 0.10.21, its options, its errors."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

import vitruvian.mediapipe as mp
from vitruvian import weights
from vitruvian.errors import SessionError, VitruvianError
from vitruvian.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from vitruvian.mediapipe.python.solutions import pose as module
from vitruvian.mediapipe.python.solutions.pose import Pose

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.mediapipe.python.solutions.pose import SolutionOutputs

WHITE = np.full((100, 100, 3), 255, np.uint8)
BLACK = np.zeros((100, 100, 3), np.uint8)


@pytest.fixture
def rgb(photo: Path) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
    return pixels


@pytest.fixture
def pose_on_made(made, monkeypatch: pytest.MonkeyPatch):
    """A Pose on functions instead of networks, which need not be there then."""
    monkeypatch.setattr(module, "_pipeline", lambda *_: made.pipeline())
    return Pose


def numbers(outputs: SolutionOutputs) -> NDArray[np.float64]:
    assert outputs.pose_landmarks is not None
    return np.array([(point.x, point.y, point.z) for point in outputs.pose_landmarks.landmark])


def test_photos_against_the_original(eval_photos: Path, full_files) -> None:
    folder = eval_photos.parent
    entries = json.loads((folder / "peers" / "pose_legacy_0.10.21_full.json").read_text(encoding="utf-8"))
    means, visibilities = [], []
    with Pose(static_image_mode=True) as pose:
        for name, people in entries.items():
            if name.startswith("_"):
                continue
            pixels = cv2.cvtColor(cv2.imread(str(folder / name)), cv2.COLOR_BGR2RGB)
            message = pose.process(pixels).pose_landmarks
            assert (message is None) == (not people), name
            if message is not None:
                height, width = pixels.shape[:2]
                ours = np.array([(p.x * width, p.y * height, p.visibility) for p in message.landmark])
                difference = np.abs(ours - np.array(people[0]["keypoints"]))
                means.append(np.hypot(*difference[:, :2].T).mean())
                visibilities.append(difference[:, 2].max())
    assert len(means) >= 18
    assert np.mean(means) < 0.04  # 0.020; of which the two decimals of the stored numbers are 0.004
    assert max(means) < 0.5
    assert max(visibilities) < 0.01


def test_what_a_result_is(rgb: NDArray[np.uint8], full_files) -> None:
    with Pose(static_image_mode=True, enable_segmentation=True) as pose:
        found, nobody = pose.process(rgb), pose.process(np.zeros_like(rgb))
    assert type(found.pose_landmarks) is NormalizedLandmarkList
    assert type(found.pose_world_landmarks) is LandmarkList
    assert found.segmentation_mask is not None
    assert (found.segmentation_mask.shape, found.segmentation_mask.dtype) == ((425, 640), np.float32)
    assert (found.segmentation_mask > 0.5).mean() == pytest.approx(0.098, abs=0.005)
    for message in (found.pose_landmarks, found.pose_world_landmarks):
        assert len(message.landmark) == 33
        for point in message.landmark:
            assert [point.HasField(name) for name in ("x", "y", "z", "visibility", "presence")] == [
                True,
                True,
                True,
                True,
                False,
            ]
    image, world = found.pose_landmarks.landmark, found.pose_world_landmarks.landmark
    assert [point.visibility for point in image] == [point.visibility for point in world]
    nose = mp.solutions.pose.PoseLandmark.NOSE
    assert (image[nose].x, image[nose].y) == pytest.approx((0.5631, 0.2047), abs=0.01)
    assert abs(world[23].y + world[24].y) < 0.05
    assert nobody == (None, None, None)


def test_pictures_stand_for_themselves_or_follow_each_other(squats, full_files) -> None:
    with Pose(static_image_mode=True) as still, Pose() as video, Pose(smooth_landmarks=False) as raw:
        alone = [numbers(still.process(pixels)) for pixels in squats[:5]]
        again = [numbers(still.process(pixels)) for pixels in squats[:5]]
        smooth = [numbers(video.process(pixels)) for pixels in squats[:5]]
        rough = [numbers(raw.process(pixels)) for pixels in squats[:5]]
    assert np.array_equal(alone, again)
    assert np.array_equal(smooth[0], alone[0])
    assert np.array_equal(rough[0], alone[0])
    assert not np.array_equal(rough[4], alone[4])
    lag = [np.abs(each - rough[4])[:, :2].mean() for each in (smooth[4], smooth[3])]
    assert 0 < lag[0] < lag[1]


def test_segmentation_smoothing_has_no_effect(squats, full_files) -> None:
    masks = []
    for smooth in (True, False):
        with Pose(enable_segmentation=True, smooth_segmentation=smooth) as pose:
            masks.append([pose.process(pixels).segmentation_mask for pixels in squats[:3]])
    assert np.array_equal(*masks)


def test_reset_begins_anew(squats, full_files) -> None:
    with Pose() as pose:
        first = numbers(pose.process(squats[0]))
        moved = numbers(pose.process(squats[4]))
        pose.reset()
        again = numbers(pose.process(squats[0]))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, moved)


def test_named_models(
    lite_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rgb: NDArray[np.uint8]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    weights.pull("pose-lite", source=lite_bundle)
    with Pose(True, 0) as pose:  # noqa: FBT003 - positional, as the original allows
        points = numbers(pose.process(rgb))
    assert points[0, :2] == pytest.approx((0.5631, 0.2047), abs=0.01)


def test_time_is_simulated(pose_on_made, made) -> None:
    with pose_on_made() as pose:
        for _ in range(3):
            pose.process(WHITE)
    assert made.times == [0.033333, 0.066666, 0.099999]
    assert made.rotations == [0]  # followed, once found


def test_static_pictures_ask_the_detector_each_time(pose_on_made, made) -> None:
    with pose_on_made(static_image_mode=True) as pose:
        for _ in range(3):
            pose.process(WHITE)
        pose.reset()
    assert made.rotations == [0, 0, 0]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((5, 5, 4), np.uint8), ValueError, "Input image must contain three channel rgb data"),
        (np.zeros((5, 5), np.uint8), ValueError, "Input image must contain three channel rgb data"),
        (np.zeros((5, 5, 3), np.float32), ValueError, "expected uint8"),
        (np.zeros((0, 5, 3), np.uint8), ValueError, "sides from 1"),
        (None, AttributeError, "was it read"),
        (None, TypeError, "expected an RGB array, got NoneType"),
    ],
)
def test_what_is_no_picture(pose_on_made, made, image: Any, error: type[Exception], message: str) -> None:
    with pose_on_made() as pose:
        with pytest.raises(error, match=message) as caught:
            pose.process(image)
        assert pose.process(WHITE).pose_landmarks is not None
    assert isinstance(caught.value, VitruvianError)
    assert made.times == [0.033333]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_complexity": 3}, "model_complexity: 0, 1 or 2, got 3"),
        ({"model_complexity": "full"}, "model_complexity: 0, 1 or 2, got 'full'"),
        ({"min_detection_confidence": 1.5}, "min_detection_confidence: a number from 0 to 1, got 1.5"),
        ({"min_tracking_confidence": -1}, "min_tracking_confidence: a number from 0 to 1, got -1"),
    ],
)
def test_options_outside_their_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pose(**options)


def test_a_failed_network_leaves_it_usable(pose_on_made, made) -> None:
    def fail(frame: Frame) -> None:
        if frame.stamp.time == 0.033333:
            raise SessionError("it broke")

    made.before = fail
    with pose_on_made() as pose:
        with pytest.raises(RuntimeError, match="it broke"):
            pose.process(WHITE)
        assert pose.process(WHITE).pose_landmarks is not None


def test_closing(pose_on_made, made) -> None:
    with pose_on_made() as pose:
        assert pose.process(BLACK) == (None, None, None)
    pose.close()
    pose.reset()
    assert made.closed.is_set()
    for error in (ValueError, RuntimeError):
        with pytest.raises(error, match="is closed; create another one"):
            pose.process(WHITE)


def test_shared_by_threads(pose_on_made, made) -> None:
    with pose_on_made() as pose, ThreadPoolExecutor(8) as pool:
        list(pool.map(pose.process, itertools.repeat(WHITE, 200)))
    assert len(made.times) == 200
    assert made.times == sorted(made.times)
