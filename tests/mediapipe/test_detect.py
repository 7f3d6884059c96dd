"""The task on a real photo with the real networks, against the numbers of MediaPipe 1.2.2."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import vitruvian.mediapipe as mp
from vitruvian.mediapipe.tasks.python import vision

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 425
PIXELS = "1433c58c81eabef72c45eb03229268a3499551feefe591b03ccba900cd44c59b"

# landmark: x, y, z, visibility, and metres
GOLDEN = {
    0: (0.563140, 0.204690, -0.207924, 0.99999, -0.29451, -0.60045, -0.16752),
    7: (0.589320, 0.185619, -0.194980, 0.99997, -0.16872, -0.63087, -0.16754),
    8: (0.570051, 0.190804, -0.051116, 0.99997, -0.24327, -0.64059, -0.05644),
    11: (0.625906, 0.268363, -0.225371, 0.99998, -0.04581, -0.45818, -0.20007),
    12: (0.579180, 0.277997, 0.092928, 0.99995, -0.23031, -0.47966, 0.05978),
    13: (0.683239, 0.367156, -0.406803, 0.99694, 0.04569, -0.28713, -0.34175),
    14: (0.530940, 0.370551, 0.208070, 0.83940, -0.39512, -0.29345, 0.17741),
    15: (0.684724, 0.373256, -0.613215, 0.99193, 0.05295, -0.22531, -0.50497),
    16: (0.470710, 0.422487, 0.151612, 0.90844, -0.57092, -0.16905, 0.14596),
    23: (0.672802, 0.512752, -0.109216, 0.99997, 0.06449, 0.00461, -0.09401),
    24: (0.639994, 0.519103, 0.109446, 0.99990, -0.06504, -0.00443, 0.09418),
    25: (0.677959, 0.688369, -0.241210, 0.98329, 0.09783, 0.30386, -0.18652),
    26: (0.578520, 0.643305, 0.073314, 0.80774, -0.20848, 0.28597, 0.06574),
    27: (0.734275, 0.857056, -0.178054, 0.98818, 0.24938, 0.67656, -0.15235),
    28: (0.624566, 0.805559, 0.202257, 0.86801, -0.07154, 0.61415, 0.17934),
    31: (0.713802, 0.927638, -0.306080, 0.98350, 0.19724, 0.78545, -0.25522),
    32: (0.576828, 0.858069, 0.124552, 0.89438, -0.19387, 0.72495, 0.12978),
}


@pytest.fixture(scope="module")
def rgb(photo: Path) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
    if hashlib.sha256(pixels.tobytes()).hexdigest() != PIXELS:
        pytest.skip("this OpenCV decodes the photo to other pixels")
    return pixels


def srgb(pixels: NDArray[np.uint8]) -> mp.Image:
    return mp.Image(image_format=mp.ImageFormat.SRGB, data=pixels)


def points(result: vision.PoseLandmarkerResult) -> NDArray[np.float64]:
    return np.array([(point.x, point.y) for point in result.pose_landmarks[0]])


def test_golden_numbers(landmarker: vision.PoseLandmarker, rgb: NDArray[np.uint8]) -> None:
    result = landmarker.detect(srgb(rgb))
    assert len(result.pose_landmarks) == len(result.pose_world_landmarks) == 1
    assert result.segmentation_masks is None
    for index, (x, y, z, visibility, *world) in GOLDEN.items():
        point, metres = result.pose_landmarks[0][index], result.pose_world_landmarks[0][index]
        assert (point.x * WIDTH, point.y * HEIGHT) == pytest.approx((x * WIDTH, y * HEIGHT), abs=0.1)
        assert point.z == pytest.approx(z, abs=0.0005)
        assert point.visibility == pytest.approx(visibility, abs=0.001)
        assert (metres.x, metres.y, metres.z) == pytest.approx(tuple(world), abs=0.0005)


def test_golden_mask(lite_bundle: Path, rgb: NDArray[np.uint8]) -> None:
    options = vision.PoseLandmarkerOptions(
        mp.tasks.BaseOptions(model_asset_path=str(lite_bundle)), output_segmentation_masks=True
    )
    with vision.PoseLandmarker.create_from_options(options) as task:
        masks = task.detect(srgb(rgb)).segmentation_masks
        empty = task.detect(srgb(np.zeros_like(rgb)))
    assert masks is not None
    mask = masks[0].numpy_view()
    assert mask.shape == (HEIGHT, WIDTH, 1)
    assert mask.sum() == pytest.approx(26561.9, rel=0.001)
    assert (mask > 0.5).mean() == pytest.approx(0.09771, abs=0.0005)
    assert empty == vision.PoseLandmarkerResult([], [], None)


def test_buffer_path_and_alpha_give_the_same(
    landmarker: vision.PoseLandmarker, lite_bundle: Path, rgb: NDArray[np.uint8]
) -> None:
    expected = landmarker.detect(srgb(rgb))
    alpha = np.dstack([rgb, rgb[:, :, 0]])
    assert landmarker.detect(mp.Image(mp.ImageFormat.SRGBA, alpha)) == expected
    base_options = mp.tasks.BaseOptions(model_asset_buffer=lite_bundle.read_bytes())
    with vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(base_options)) as task:
        assert task.detect(srgb(rgb)) == expected


def test_grey_pictures(landmarker: vision.PoseLandmarker, rgb: NDArray[np.uint8]) -> None:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    found = landmarker.detect(mp.Image(mp.ImageFormat.GRAY8, grey))
    assert found == landmarker.detect(srgb(np.dstack([grey, grey, grey])))
    assert len(found.pose_landmarks) == 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_pictures(landmarker: vision.PoseLandmarker, rgb: NDArray[np.uint8], turns: int) -> None:
    upright = points(landmarker.detect(srgb(rgb)))
    options = vision.ImageProcessingOptions(rotation_degrees=90 * turns)
    x, y = points(landmarker.detect(srgb(np.rot90(rgb, turns)), options)).T
    back = {1: (1 - y, x), 2: (1 - x, 1 - y), 3: (y, 1 - x)}[turns]
    assert np.abs((np.stack(back, axis=1) - upright) * (WIDTH, HEIGHT)).mean() < 5


def test_rotation_that_is_no_quarter_turn(landmarker: vision.PoseLandmarker, rgb: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="a multiple of 90"):
        landmarker.detect(srgb(rgb), vision.ImageProcessingOptions(rotation_degrees=45))


def test_one_pixel(landmarker: vision.PoseLandmarker) -> None:
    assert landmarker.detect(srgb(np.zeros((1, 1, 3), np.uint8))).pose_landmarks == []
