"""Each hop against the golden arrays of the lite networks (pose specification, sections 15.4 and 15.5)."""

import math

import numpy as np
import pytest

import vitruvian
from vitruvian import Frame, OptionError, PoseSettings, Regions
from vitruvian.crop import Crop
from vitruvian.kernels import native
from vitruvian.kernels.dense import supported
from vitruvian.models import blazepose
from vitruvian.models.blazepose import LANDMARKER, BlazePoseLandmarker
from vitruvian.models.tiles import HINT, Tile, tiles_of
from vitruvian.runtimes.openvino import OpenVINO

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
    regions = blazepose.regions_around(points[None, :2] * size, np.ones(1, F32), *size)
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
    centre, turn = np.array([320.0, 240.0]), math.radians(angle)
    above = centre + np.array([math.sin(turn), -math.cos(turn)]) * 100
    points = np.array([[centre, above]], F32)
    regions = blazepose.regions_around(points, np.ones(1, F32), 640, 480)
    assert regions.rotation[0] == pytest.approx(turn, abs=1e-5)
    assert regions.size[0] == pytest.approx([250, 250], abs=1e-2)


def test_the_kernel_surrounds_bodies_as_numpy_does(monkeypatch):
    numbers = np.random.default_rng(8)
    points = numbers.uniform([-200, -200], [2000, 1500], (4000, 2, 2)).astype(F32)
    points[7, 1], points[8, 0, 0] = points[7, 0], np.nan
    points[9, 1, 0] = points[9, 0, 0]
    ours = blazepose.regions_around(points, np.ones(4000, F32), 1281, 719)
    monkeypatch.setattr("vitruvian.models.blazepose.native", None)
    theirs = blazepose.regions_around(points, np.ones(4000, F32), 1281, 719)
    np.testing.assert_array_equal(ours.centre, theirs.centre)
    np.testing.assert_array_equal(ours.size, theirs.size)
    # NumPy's arctangents are of another library on some processors.
    np.testing.assert_allclose(ours.rotation, theirs.rotation, rtol=0, atol=5e-7)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_kernel_reads_bodies_as_numpy_does(count, flipped):
    if native is None:
        pytest.skip("no kernels")
    numbers = np.random.default_rng(count)
    out = {
        name: numbers.normal(0, 4, (count, *shape)).astype(np.float32)
        for name, shape in LANDMARKER.outputs.items()
    }
    raw = out["landmarks"].reshape(count, -1, 5)
    raw[..., :2] = numbers.uniform(-20, 280, raw[..., :2].shape)
    raw[0, 3, 2:] = np.nan
    places = numbers.uniform([0, 0, 50, 50, -4], [2000, 1000, 900, 900, 4], (count, 5)).astype(np.float32)
    crops = [Crop(*place, output=(256, 256), flipped=flipped) for place in places.tolist()]
    landmarker = BlazePoseLandmarker(None, PoseSettings(heatmap_kernel=9))
    ours, theirs = landmarker._by_kernel(out, crops), landmarker._decoded(out, crops)
    assert ours.keys() == theirs.keys()
    for name, column in theirs.items():
        assert ours[name].dtype == column.dtype
        np.testing.assert_allclose(ours[name], column, rtol=0, atol=2e-7 * np.nanmax(np.abs(column)))


def test_presence_must_exceed_its_threshold(lite_bundle, astronaut):
    with vitruvian.pose(lite_bundle, min_pose_presence_confidence=1.0) as pipeline:
        assert len(pipeline.estimate(vitruvian.read_image(astronaut))) == 0


def test_numbers_of_any_kind_are_numbers():
    settings = PoseSettings(np.int64(2), np.float32(0.5), 0)
    assert settings.num_poses == 2


def test_without_masks_the_network_does_not_compute_them():
    assert "segmentation" not in blazepose.landmarker_outputs(PoseSettings())
    assert "segmentation" in blazepose.landmarker_outputs(PoseSettings(masks=True))


@pytest.mark.parametrize("kernel", [1, 7, 9])
def test_heat_maps_are_calculated_where_they_are_read(full_files, full, astronaut, kernel, monkeypatch):
    """Landmarks do not know the difference, whatever is in memory elsewhere."""
    empty = np.empty

    def spoilt(*args, **options):
        array = empty(*args, **options)
        if array.dtype == F32:
            array.fill(np.nan)
        return array

    monkeypatch.setattr(np, "empty", spoilt)
    settings, runtime = PoseSettings(heatmap_kernel=kernel), OpenVINO()
    frame = vitruvian.read_image(astronaut)
    regions = full.detect([frame])
    outputs, people = blazepose.landmarker_outputs(settings), []
    for signature in (LANDMARKER, blazepose.landmarker_signature(settings)):
        session = runtime.open(full_files["landmarker"], signature, outputs=outputs)
        people += BlazePoseLandmarker(session, settings)([frame], regions)
        crop = np.zeros((1, 256, 256, 3), np.uint8)
        missing = np.isnan(session.run({"image": crop})["heatmap"]).mean()
        assert (missing > 0.5) == (supported() and signature is not LANDMARKER)
        if supported():
            layers = session._kernels._layers
            assert layers["stem"].any()
            assert (layers["listed"] >= 0).sum() == (0 if signature is LANDMARKER else 3)
    for name in ("xy", "score", "presence", "depth", "world", "auxiliary", "box"):
        whole, windows = (getattr(some, name) for some in people)
        assert len(whole) == 1
        assert (whole == windows).all()


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


@pytest.mark.parametrize("rotation", [0, 90, 180, 270, -90])
def test_one_tile_that_is_the_letterbox_shows_what_a_look_does(full, full_files, astronaut, rotation):
    """But for .85 of the least score."""
    upright = vitruvian.read_image(astronaut).pixels[:, 40:440]
    frame = Frame.of(np.rot90(upright, rotation // 90).copy())
    settings = {"min_pose_detection_confidence": 0.425, "search": "fast"}
    with vitruvian.pose(full_files, **settings) as lenient:
        (looked,) = lenient.detect([frame], rotation)
    sight = full.detect.inspect(frame, tiles_of(frame.stamp.width, frame.stamp.height, 1.0), rotation)
    assert len(looked)
    for column in ("centre", "size", "rotation", "score"):
        np.testing.assert_array_equal(getattr(sight.found, column), getattr(looked, column))
    assert (sight.found.score >= 0.425).all()
    assert (sight.hints.score >= F32(HINT)).all()
    assert len(sight.hints) > len(sight.found)


def test_tiles_are_looked_at_one_by_one_in_the_pixels_of_the_picture(lite, frame):
    """Each shows what it shows alone; and one beyond the picture's edges, the person where they are."""
    side = float(max(frame.stamp.width, frame.stamp.height))
    tiles = tiles_of(frame.stamp.width, frame.stamp.height, 2 / 3)
    together = lite.detect.inspect(frame, tiles)
    alone = [lite.detect.inspect(frame, [tile]) for tile in tiles]
    assert together.found.score.tolist() == [score for one in alone for score in one.found.score.tolist()]
    np.testing.assert_array_equal(together.hints.centre, np.concatenate([one.hints.centre for one in alone]))
    (whole,) = lite.detect([frame])
    wider = Tile(frame.stamp.width / 2, frame.stamp.height / 2, 1.1 * side)
    seen = lite.detect.inspect(frame, [wider]).found
    assert np.abs(seen.centre[0] - whole.centre[0]).max() < 0.1 * whole.size[0, 0]
    assert seen.size[0] == pytest.approx(whole.size[0], rel=0.2)


@pytest.fixture(scope="module")
def in_a_mirror(full):
    return BlazePoseLandmarker(full.landmark._network.session, PoseSettings(), flipped=True)


def _reread(pipeline, frame, reader, looks=2):
    """Return regions in which people are read steadily, and what a reader makes of them."""
    (regions,) = pipeline.detect([frame])
    for _ in range(looks):
        regions = pipeline.follow(pipeline.landmark([frame], [regions])[0], frame.stamp)
    return pipeline.landmark([frame], [regions])[0], reader([frame], [regions])[0]


@pytest.mark.parametrize("photo", ["coco_000000000785", "h36m_S1_Directions_1.54138969_000001"])
def test_a_body_seen_in_a_mirror_is_the_same_body(full, in_a_mirror, eval_photos, photo):
    frame = vitruvian.read_image(eval_photos / f"{photo}.jpg")
    straight, mirrored = _reread(full, frame, in_a_mirror)
    assert len(straight) == len(mirrored) == 1
    assert mirrored.region.tolist() == [0]
    seen = straight.score[0] > 0.8
    apart = np.hypot(*(mirrored.xy[0] - straight.xy[0])[seen].T)
    assert np.median(apart) < 5
    mirror = list(straight.skeleton.mirror)
    paired = seen & (np.array(mirror) != np.arange(33))
    swapped = np.hypot(*(mirrored.xy[0, mirror] - straight.xy[0])[paired].T)
    assert np.median(swapped) > 3 * np.median(apart)
    assert np.abs(mirrored.world[0] - straight.world[0])[seen].mean() < 0.06
    assert np.abs(mirrored.world[0, mirror] - straight.world[0])[paired].mean() > 0.08
    assert np.abs(mirrored.depth[0] - straight.depth[0])[seen].mean() < 0.1 * np.ptp(straight.xy)
    assert np.abs(mirrored.auxiliary - straight.auxiliary).max() < 0.1 * np.ptp(straight.xy)
    assert mirrored.score[0, seen].min() > 0.5


def test_the_mirror_shows_what_a_mirrored_photo_shows(full, in_a_mirror, astronaut):
    """To the byte, and so the answer is the same; the mirrored grid of crop pixels begins a pixel further."""
    frame = vitruvian.read_image(astronaut)
    other = Frame.of(frame.pixels[:, ::-1].copy())
    mirrored = in_a_mirror([frame], [_square(240, 300)])[0]
    plain = full.landmark([other], [_square(512 - 240 + 1, 300)])[0]
    mirror = list(plain.skeleton.mirror)
    assert mirrored.xy[0] == pytest.approx(plain.xy[0, mirror] * [-1, 1] + [513, 0], abs=0.01)
    assert mirrored.world[0] == pytest.approx(plain.world[0, mirror] * [-1, 1, 1], abs=1e-4)
    assert mirrored.depth[0] == pytest.approx(plain.depth[0, mirror], abs=0.01)
    assert mirrored.score[0] == pytest.approx(plain.score[0, mirror], abs=1e-4)
    assert mirrored.presence[0] == pytest.approx(plain.presence[0, mirror], abs=1e-4)
    assert mirrored.box_score == pytest.approx(plain.box_score, abs=1e-4)
    assert mirrored.box[0].tolist() == [*mirrored.xy[0].min(axis=0), *mirrored.xy[0].max(axis=0)]


def _square(x, y):
    centre, size = np.array([[x, y]], F32), np.array([[512, 512]], F32)
    return Regions(centre, size, np.zeros(1, F32), np.ones(1, F32))


def test_a_mirror_shows_nobody_where_nobody_is(in_a_mirror, full):
    grey = Frame.of(np.full((100, 100, 3), 128, np.uint8))
    nowhere = Regions(np.empty((0, 2), F32), np.empty((0, 2), F32), np.empty(0, F32), np.empty(0, F32))
    (nobody,) = in_a_mirror([grey], [nowhere])
    assert nobody.world.shape == (0, 33, 3)
    assert nobody.region.shape == (0,)


@pytest.mark.parametrize("option", [{"search": "slow"}, {"accuracy": "best"}, {"search": None}])
def test_searches_and_accuracies_are_words_of_a_list(option):
    (name,) = option
    with pytest.raises(OptionError, match=rf"{name}: '(auto', 'fast', 'thorough|normal', 'high)', got"):
        PoseSettings(**option)
