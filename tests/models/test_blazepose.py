"""Each hop against the golden arrays of the lite networks (pose specification, sections 15.4 and 15.5)."""

import math

import numpy as np
import pytest

import vitruvian
from vitruvian import Frame, OptionError, PoseSettings, Regions
from vitruvian.models import blazepose

F32 = np.float32


@pytest.fixture
def frame(golden_photo, eval_photos):
    return vitruvian.read_image(eval_photos / f"{golden_photo}.jpg")


@pytest.fixture
def size(frame):
    return np.array([frame.stamp.width, frame.stamp.height], F32)


def _golden_region(golden, photo, size) -> Regions:
    x, y, w, h, rotation = golden[f"{photo}/roi"]
    return Regions(
        np.array([[x, y]]) * size, np.array([[w, h]]) * size, np.array([rotation]), np.ones(1, F32)
    )


def test_region_from_golden_keypoints(golden, golden_photo, size):
    points = golden[f"{golden_photo}/detection_keypoints"].astype(F32)
    regions = blazepose.regions_around(points[:1], points[1:2], np.ones(1, F32), size)
    x, y, w, h, rotation = golden[f"{golden_photo}/roi"]
    assert regions.centre[0] / size == pytest.approx([x, y], abs=1e-6)
    assert regions.size[0] / size == pytest.approx([w, h], abs=1e-6)
    assert regions.rotation[0] == pytest.approx(rotation, abs=1e-6)


def test_detection_finds_the_golden_region(lite, golden, golden_photo, frame, size):
    regions = lite.detect([frame])[0]
    x, y, w, h, rotation = golden[f"{golden_photo}/roi"]
    assert regions.centre[0] / size == pytest.approx([x, y], abs=1e-6)
    assert regions.size[0] / size == pytest.approx([w, h], abs=1e-6)
    assert regions.rotation[0] == pytest.approx(rotation, abs=1e-6)
    assert regions.score[0] == pytest.approx(golden[f"{golden_photo}/detection_score"], abs=1e-5)


def test_landmarks_from_the_golden_region(lite, golden, golden_photo, frame, size):
    """Same crop, so all that differs is the inference library: 0.01 px at most, 0.002 px on average."""
    people = lite.landmark([frame], [_golden_region(golden, golden_photo, size)])[0]
    expected = golden[f"{golden_photo}/landmarks"]
    distance = np.hypot(*(people.xy[0] - expected[:, :2] * size).T)
    assert distance.max() <= 0.01
    assert distance.mean() <= 0.002
    assert np.abs(people.depth[0] / size[0] - expected[:, 2]).max() <= 1e-5
    assert np.abs(people.score[0] - expected[:, 3]).max() <= 1e-4
    assert np.abs(people.presence[0] - expected[:, 4]).max() <= 1e-4
    assert np.abs(people.world[0] - golden[f"{golden_photo}/world"]).max() <= 1e-4
    assert people.box_score[0] == pytest.approx(golden[f"{golden_photo}/net_presence"].item(), abs=1e-5)


def test_whole_way_on_the_documented_photo(lite, eval_photos):
    """MediaPipe 1.2.2's own numbers for COCO 785 (section 15.4)."""
    frame = vitruvian.read_image(eval_photos / "coco_000000000785.jpg")
    people = lite.estimate(frame)
    assert len(people) == 1
    expected = {
        0: (0.563140, 0.204690, -0.207924, 0.99999, -0.29451, -0.60045, -0.16752),
        15: (0.684724, 0.373256, -0.613215, 0.99193, 0.05295, -0.22531, -0.50497),
        16: (0.470710, 0.422487, 0.151612, 0.90844, -0.57092, -0.16905, 0.14596),
        28: (0.624566, 0.805559, 0.202257, 0.86801, -0.07154, 0.61415, 0.17934),
        32: (0.576828, 0.858069, 0.124552, 0.89438, -0.19387, 0.72495, 0.12978),
    }
    for point, (x, y, z, visibility, *world) in expected.items():
        assert people.xy[0, point] == pytest.approx([x * 640, y * 425], abs=0.05)
        assert people.depth[0, point] == pytest.approx(z * 640, abs=0.3)
        assert people.score[0, point] == pytest.approx(visibility, abs=1e-3)
        assert people.world[0, point] == pytest.approx(world, abs=1e-3)


def test_the_box_bounds_the_landmarks(lite, frame):
    people = lite.estimate(frame)
    assert people.box[0].tolist() == [*people.xy[0].min(axis=0), *people.xy[0].max(axis=0)]


@pytest.mark.parametrize("angle", [0, 30, 90, 179, -90, -150])
def test_a_circle_point_above_the_hip_gives_the_angle(angle):
    size = np.array([640, 480], F32)
    centre = np.array([[0.5, 0.5]], F32)
    turn = math.radians(angle)
    above = centre + np.array([[math.sin(turn) * 100 / 640, -math.cos(turn) * 100 / 480]], F32)
    regions = blazepose.regions_around(centre, above.astype(F32), np.ones(1, F32), size)
    assert regions.rotation[0] == pytest.approx(turn, abs=1e-5)
    assert regions.size[0] == pytest.approx([250, 250], abs=1e-2)


def test_presence_must_exceed_its_threshold(lite_bundle, astronaut):
    with vitruvian.pose(lite_bundle, min_pose_presence_confidence=1.0) as pipeline:
        assert len(pipeline.estimate(vitruvian.read_image(astronaut))) == 0


def test_numbers_of_any_kind_are_numbers():
    settings = PoseSettings(np.int64(2), np.float32(0.5), 0)
    assert settings.num_poses == 2


def test_without_masks_the_network_does_not_compute_them():
    assert "segmentation" not in blazepose.landmarker_outputs(PoseSettings())
    assert "segmentation" in blazepose.landmarker_outputs(PoseSettings(masks=True))


def test_the_mask_covers_the_person(lite_bundle, eval_photos):
    """Sum and share of section 15.4."""
    frame = vitruvian.read_image(eval_photos / "coco_000000000785.jpg")
    with vitruvian.pose(lite_bundle, num_poses=1, masks=True, search="fast") as pipeline:
        (mask,) = pipeline.estimate(frame).mask
    image = mask.image(640, 425)
    assert image.shape == (425, 640)
    assert image.sum() == pytest.approx(26561.9, rel=1e-3)
    assert (image > 0.5).mean() == pytest.approx(0.09771, abs=2e-4)


def test_nobody_has_every_column(lite_bundle):
    grey = Frame.of(np.full((100, 100, 3), 128, np.uint8))
    with vitruvian.pose(lite_bundle, masks=True) as pipeline:
        nobody = pipeline.estimate(grey)
    assert len(nobody) == 0
    assert nobody.world.shape == (0, 33, 3)
    assert nobody.mask == ()


@pytest.mark.parametrize(
    "option",
    [
        {"num_poses": 0},
        {"num_poses": 1.5},
        {"num_poses": "2"},
        {"min_pose_presence_confidence": None},
        {"min_pose_detection_confidence": 1.1},
        {"min_pose_presence_confidence": -0.1},
        {"min_pose_detection_confidence": float("nan")},
        {"nms_iou": 2},
        {"heatmap_kernel": 8},
    ],
)
def test_settings_outside_their_range_are_refused_by_name(option):
    with pytest.raises(OptionError, match=next(iter(option))):
        PoseSettings(**option)
