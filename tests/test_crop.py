"""The crop against the golden vectors of the pose specification (section 15.1), and its laws."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vitruvian
from vitruvian.crop import Crop, _corners, _fixed_point, _sampling_map
from vitruvian.kernels import native

WIDTH, HEIGHT = 64, 48


@pytest.fixture(scope="module", params=["kernel", "OpenCV"], autouse=True)
def way(request):
    """Both ways to the same bytes."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "OpenCV":
            patch.setattr("vitruvian.crop.native", None)
        elif native is None or not native.WARP_SUPPORTED:
            pytest.skip("no kernels")
        yield request.param


@pytest.fixture(scope="module")
def ramp():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grey = ((7 * x + 13 * y + x * y // 5) % 256).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def test_letterbox_is_exact_to_the_byte(ramp):
    crop = Crop.letterbox(WIDTH, HEIGHT, 16).warp(ramp, "black")
    assert crop[..., 0].sum() == 24522
    assert not crop[[0, 15]].any()
    assert crop[2, :, 0].tolist() == [0, 28, 56, 84, 112, 140, 168, 196, 224, 252, 24, 52, 80, 108, 136, 164]
    assert crop[3, :, 1].tolist() == [52, 83, 114, 145, 176, 208, 239, 14, 45, 76, 108, 139, 170, 201, 232, 8]
    assert crop[12, :, 2].tolist() == [8, 68, 128, 188, 248, 52, 112, 172, 232, 36, 96, 156, 216, 20, 80, 140]


def test_turned_crop_is_exact_to_the_byte(ramp):
    f32 = np.float32
    region = (f32(0.45) * f32(64), f32(0.6) * f32(48), f32(0.9) * f32(64), f32(1.2) * f32(48), f32(0.5))
    crop = Crop(*map(float, region), output=(16, 16)).warp(ramp, "replicate")[..., 0]
    assert crop.sum() == 33498
    assert crop[0].tolist() == [121, 144, 166, 188, 210, 232, 172, 58, 118, 181, 245, 56, 126, 196, 46, 72]
    assert crop[3].tolist() == [85, 122, 173, 227, 27, 84, 145, 207, 16, 83, 152, 223, 41, 115, 193, 18]
    assert crop[7].tolist() == [203, 114, 59, 118, 179, 236, 53, 121, 192, 58, 82, 159, 216, 63, 146, 232]
    assert crop[15].tolist() == [226, 249, 15, 52, 125, 200, 14, 65, 117, 169, 221, 16, 68, 120, 172, 224]


def test_crops_of_photos_are_exact_to_the_byte(golden_photo, golden, eval_photos):
    photo = golden_photo
    frame = vitruvian.read_image(eval_photos / f"{photo}.jpg")
    width, height = frame.stamp.width, frame.stamp.height
    letterbox = Crop.letterbox(width, height, 224).warp(frame.pixels, "black")
    assert (letterbox == golden[f"{photo}/detector_crop"]).all()

    x, y, w, h, rotation = golden[f"{photo}/roi"]
    size = np.array([width, height], np.float32)
    crop = Crop(
        *map(float, (x * size[0], y * size[1], w * size[0], h * size[1], rotation)), output=(256, 256)
    )
    assert (crop.warp(frame.pixels, "replicate") == golden[f"{photo}/landmark_crop"]).all()


def test_a_kept_sampling_map_gives_the_same_pixels(ramp):
    kept = Crop.letterbox(WIDTH, HEIGHT, 32)
    fresh = Crop(kept.x, kept.y, kept.width, kept.height, kept.rotation, kept.output)
    assert not fresh.shared
    for _ in range(2):
        assert (kept.warp(ramp, "black") == fresh.warp(ramp, "black")).all()


@pytest.mark.parametrize("turn", [0.0, 0.3, -1.2, math.pi / 2, math.pi, -1.5 * math.pi])
def test_the_fast_way_to_a_sampling_map_is_exact(turn):
    """Crops of either kind, with and without a perspective part, against the specification's arithmetic."""
    rng = np.random.default_rng(11)
    fast = 0
    for _ in range(60):
        x, y, side = rng.uniform([0, 0, 30], [1280, 720, 2000]).astype(np.float32).tolist()
        turned = turn if rng.random() < 0.3 else turn + rng.normal() * 0.1
        crop = Crop(x, y, side, side, float(np.float32(turned)), (256, 256))
        homography = _homography(crop)
        fast += np.abs(homography[2, :2]).min() > 1e-13
        expected = _fixed_point(homography, 256, 256)
        for actual, reference in zip(_sampling_map(crop), expected, strict=True):
            assert actual.dtype == reference.dtype
            assert (actual == reference).all()
    assert fast > 10


def _homography(crop: Crop) -> np.ndarray:
    columns, rows = crop.output
    target = np.array([(0, rows), (0, 0), (columns, 0), (columns, rows)], np.float32)
    return cv2.invert(cv2.getPerspectiveTransform(_corners(crop), target))[1]


def test_the_kernel_solves_for_the_map_as_opencv_does_to_the_last_bit():
    if native is None:
        pytest.skip("no kernels")
    numbers = np.random.default_rng(3)
    for _ in range(3000):
        x, y = numbers.uniform([-2000, -2000], [30000, 30000])
        width, height = np.exp(numbers.uniform(0, np.log(9000), 2))  # small ones as often as large ones
        turn = numbers.choice([0.0, math.pi / 2, -math.pi, numbers.uniform(-7, 7)])
        output = [(256, 256), (224, 224), (192, 192), (17, 5), (1, 1)][numbers.integers(5)]
        crop = Crop(*np.array([x, y, width, height, turn], np.float32).tolist(), output=output)
        solved = np.empty((3, 3))
        place = (crop.x, crop.y, crop.width, crop.height, crop.rotation)
        farthest = native.homography(*place, *output, solved)
        assert (solved == _homography(crop)).all()
        assert farthest == np.abs(_corners(crop)).max()


@pytest.mark.parametrize("place", [(5, 5, 0, 9, 0), (5, 5, 9, 9, math.nan), (math.inf, 5, 9, 9, 0)])
def test_a_crop_that_determines_no_map_has_none(place):
    if native is None:
        pytest.skip("no kernels")
    assert native.homography(*place, 8, 8, np.empty((3, 3))) == -1


@pytest.mark.parametrize("border", ["black", "replicate"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (31, 17), (480, 640), (1080, 1920)])
def test_the_kernel_and_opencv_agree_to_the_byte(size, border, monkeypatch):
    numbers = np.random.default_rng(sum(size))
    pixels = numbers.integers(0, 256, (*size, 3), np.uint8)
    crops = []
    for _ in range(40):
        x, y, side = numbers.uniform([-0.5, -0.5, 0.02], [1.5, 1.5, 2.5]) * [size[1], size[0], max(size)]
        turn = numbers.choice([0.0, math.pi / 2, -math.pi, numbers.uniform(-3, 3)])
        output = [(256, 256), (224, 224), (17, 5), (1, 1), (1030, 4)][numbers.integers(5)]
        values = np.array([x, y, side, side * numbers.uniform(0.5, 2), turn], np.float32).tolist()
        crops.append(Crop(*values, output=output, shared=bool(numbers.random() < 0.3)))
    ours = [crop.warp(pixels, border) for crop in crops]
    monkeypatch.setattr("vitruvian.crop.native", None)
    for crop, actual in zip(crops, ours, strict=True):
        assert (actual == crop.warp(pixels, border)).all()


def test_pictures_whose_rows_are_apart(ramp):
    """A picture cut out of another one, and a result that is part of a larger array."""
    crop, wide = Crop(30.0, 20.0, 40.0, 30.0, 0.4, (16, 24)), np.zeros((HEIGHT, 2 * WIDTH, 3), np.uint8)
    wide[:, 5 : 5 + WIDTH] = ramp
    expected, out = crop.warp(ramp, "replicate"), np.zeros((24, 40, 3), np.uint8)
    assert (crop.warp(wide[:, 5 : 5 + WIDTH], "replicate") == expected).all()
    crop.warp(ramp, "replicate", out=out[:, 3:19])
    assert (out[:, 3:19] == expected).all()
    assert not out[:, :3].any()
    assert not out[:, 19:].any()


def test_other_pictures_than_the_kernels(ramp):
    """Numbers, more channels, and results of another size are OpenCV's."""
    crop = Crop(30.0, 20.0, 40.0, 30.0, 0.4, (16, 24))
    expected = crop.warp(ramp, "replicate")
    assert np.abs(crop.warp(ramp.astype(np.float32), "replicate") - expected).max() <= 1
    assert (crop.warp(np.dstack([ramp, ramp[..., :1]]), "replicate")[..., :3] == expected).all()
    assert crop.warp(ramp, "replicate", out=np.zeros((30, 16, 3), np.uint8)).shape == (24, 16, 3)


def test_warp_writes_into_the_array_it_is_given(ramp):
    out = np.zeros((16, 16, 3), np.uint8)
    result = Crop.letterbox(WIDTH, HEIGHT, 16).warp(ramp, "black", out=out)
    assert out[..., 0].sum() == 24522
    assert (result == out).all()


crops = st.builds(
    Crop,
    x=st.floats(-500, 2000, width=32),
    y=st.floats(-500, 2000, width=32),
    width=st.floats(1, 3000, width=32),
    height=st.floats(1, 3000, width=32),
    rotation=st.floats(-3.140625, 3.140625, width=32),
    output=st.sampled_from([(256, 256), (224, 224), (192, 256)]),
)


@given(crops, st.tuples(st.floats(-1, 2), st.floats(-1, 2)))
def test_there_and_back_is_where_we_were(crop, point):
    start = np.array([point], np.float64) * crop.output
    there = crop.points_to_image(start)
    assert np.allclose(crop.points_to_crop(there), start, atol=0.2)
    both = np.vstack([crop.to_image, [0, 0, 1]]) @ np.vstack([crop.to_crop, [0, 0, 1]])
    assert np.allclose(both, np.eye(3), atol=1e-6)


@given(crops)
def test_the_middle_of_the_crop_is_the_middle_of_the_region(crop):
    middle = crop.points_to_image(np.array(crop.output) / 2)
    assert np.allclose(middle, [crop.x, crop.y], atol=1e-3)


@given(crops)
def test_directions_and_depths_keep_their_proportions(crop):
    turned = crop.directions_to_image(np.array([[1.0, 0.0, 5.0]], np.float32))[0]
    assert np.allclose(turned, [math.cos(crop.rotation), math.sin(crop.rotation), 5], atol=1e-5)
    across = crop.points_to_image(np.array([[0.0, 0.0], [1.0, 0.0]]))
    pixel = float(crop.depth_to_image(np.array([1.0]))[0])
    assert math.dist(*across.astype(float)) == pytest.approx(pixel, abs=2e-3)


def test_sampling_agrees_with_the_point_map():
    """The picture is a ramp, so its value says where a pixel was sampled."""
    y, x = np.mgrid[:200, :200]
    ramp = np.stack([x, y, x], axis=2).astype(np.uint8)
    crop = Crop(100.0, 90.0, 80.0, 60.0, 0.4, (64, 64))
    warped = crop.warp(ramp, "replicate")
    rows, columns = np.mgrid[:64, :64]
    expected = crop.points_to_image(np.stack([columns, rows], axis=2).reshape(-1, 2))
    assert np.abs(warped[..., :2].reshape(-1, 2) - expected).max() <= 0.5 + 1 / 32


@pytest.mark.parametrize("x", [100_000.0, 65_556.0, -65_516.0, 32_760.0])
def test_a_region_far_outside_shows_the_edge(x):
    """Positions must not wrap around in 16 bits: 65,556 is 20 then."""
    white = np.full((40, 40, 3), 255, np.uint8)
    far = Crop(x, 20.0, 37.0, 37.0, 1.0, (32, 32))
    assert (far.warp(white, "replicate") == 255).all()
    assert not far.warp(white, "black").any()


def test_quarter_turns_turn_the_picture(ramp):
    upright = Crop.letterbox(WIDTH, HEIGHT, 64).warp(ramp, "black").astype(int)
    turned = Crop.letterbox(HEIGHT, WIDTH, 64, rotation=-math.pi / 2)
    seen = turned.warp(np.ascontiguousarray(np.rot90(ramp)), "black").astype(int)
    # Corner convention: a turned crop is shifted by one pixel along one axis.
    assert (np.abs(seen[:, 1:] - upright[:, 1:]) <= 1).mean() > 0.95 or (
        np.abs(seen[:, 1:] - upright[:, :-1]) <= 1
    ).mean() > 0.95


def test_a_mask_comes_back_where_it_was_cut():
    crop = Crop(50.0, 40.0, 40.0, 40.0, 0.3, (256, 256))
    mask = crop.mask_to_image(np.ones((64, 64), np.float32), 100, 80)
    assert mask.shape == (80, 100)
    assert mask[40, 50] == 1
    assert mask[0, 0] == mask[-1, -1] == 0
    assert mask.sum() == pytest.approx(40 * 40, rel=0.03)


@given(crops, st.tuples(st.floats(-1, 2), st.floats(-1, 2)))
def test_a_mirrored_crop_has_its_left_and_right_exchanged(crop, point):
    mirrored = replace(crop, flipped=True)
    start = np.array([point], np.float64) * crop.output
    there = mirrored.points_to_image(start)
    assert there == pytest.approx(crop.points_to_image([crop.output[0], 0] + start * [-1, 1]), abs=2e-3)
    assert np.allclose(mirrored.points_to_crop(there), start, atol=0.2)
    both = np.vstack([mirrored.to_image, [0, 0, 1]]) @ np.vstack([mirrored.to_crop, [0, 0, 1]])
    assert np.allclose(both, np.eye(3), atol=1e-6)
    assert np.linalg.det(mirrored.to_image[:, :2]) < 0 < np.linalg.det(crop.to_image[:, :2])


@given(crops, st.tuples(st.floats(-1, 2), st.floats(-1, 2), st.floats(-1, 1)))
def test_places_and_depths_of_a_mirrored_crop(crop, place):
    mirrored, start = replace(crop, flipped=True), np.array([place], np.float64) * [*crop.output, 100]
    carried = mirrored.places_to_image(start)
    assert carried[:, :2] == pytest.approx(mirrored.points_to_image(start[:, :2]), abs=2e-3)
    assert carried[:, 2] == pytest.approx(crop.places_to_image(start)[:, 2])
    assert mirrored.depth_to_image(start[:, 2]) == pytest.approx(crop.depth_to_image(start[:, 2]))


@given(crops, st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)))
def test_directions_in_a_mirrored_crop_point_the_other_way(crop, vector):
    turned = replace(crop, flipped=True).directions_to_image(np.array([vector], np.float32))
    expected = crop.directions_to_image(np.array([vector], np.float32) * np.array([-1, 1, 1], np.float32))
    assert turned == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("border", ["black", "replicate"])
@pytest.mark.parametrize("shared", [False, True])
def test_a_mirrored_crop_is_the_mirrored_picture_of_the_crop(ramp, border, shared):
    for crop in (
        Crop(30.0, 20.0, 40.0, 30.0, 0.4, (16, 24), shared=shared),
        replace(Crop.letterbox(WIDTH, HEIGHT, 32), shared=shared),
    ):
        plain, out = crop.warp(ramp, border), np.zeros((*crop.output[::-1], 3), np.uint8)
        seen = replace(crop, flipped=True).warp(ramp, border, out=out)
        assert (seen == plain[:, ::-1]).all()
        assert (out == seen).all()
        assert (crop.warp(ramp, border) == plain).all()


def test_a_mirrored_crop_samples_where_its_point_map_says():
    """But for one pixel: its first pixel is the last of the plain crop, whose corner is its own right one."""
    y, x = np.mgrid[:200, :200]
    ramp = np.stack([x, y, x], axis=2).astype(np.uint8)
    crop = Crop(100.0, 90.0, 80.0, 60.0, 0.4, (64, 64), flipped=True)
    warped = crop.warp(ramp, "replicate")
    rows, columns = np.mgrid[:64, :64]
    expected = crop.points_to_image(np.stack([columns + 1, rows], axis=2).reshape(-1, 2))
    assert np.abs(warped[..., :2].reshape(-1, 2) - expected).max() <= 0.5 + 1 / 32


def test_crops_around_regions_are_mirrored_when_asked_for():
    one = np.ones(2, np.float32)
    regions = vitruvian.Regions(np.stack([9 * one, one]), np.stack([5 * one] * 2), 0.5 * one, one)
    plain, mirrored = Crop.around(regions, (16, 16)), Crop.around(regions, (16, 16), flipped=True)
    assert [crop.flipped for crop in plain] == [False, False]
    assert mirrored == [replace(crop, flipped=True) for crop in plain]


def test_a_mask_seen_in_a_mirror_comes_back_the_right_way_round():
    crop = Crop(50.0, 40.0, 40.0, 40.0, 0.3, (256, 256))
    half = np.zeros((64, 64), np.float32)
    half[:, :24] = 1
    plain = crop.mask_to_image(half, 100, 80)
    mirrored = replace(crop, flipped=True).mask_to_image(half[:, ::-1].copy(), 100, 80)
    assert mirrored.sum() == pytest.approx(plain.sum(), rel=0.1)
    assert np.minimum(plain, mirrored).sum() > 0.85 * plain.sum()


def test_both_ways_place_points_alike(monkeypatch):
    crop = Crop(333.25, 99.5, 410.0, 377.0, 0.7, (256, 192), flipped=True)
    points = np.random.default_rng(2).uniform(-50, 300, (40, 7, 2)).astype(np.float32)
    ours = crop.points_to_image(points)
    monkeypatch.setattr("vitruvian.crop.native", None)
    np.testing.assert_allclose(ours, crop.points_to_image(points), rtol=1e-6)
