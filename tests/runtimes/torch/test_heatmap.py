"""Heat maps into points (Sapiens specification, section 4), against float64 arithmetic one map at a time."""

import math

import numpy as np
import pytest

from vitruvian import ArrayError

torch = pytest.importorskip("torch", reason="needs the extra: pip install 'vitruvian[sapiens]'")

from vitruvian.runtimes.torch.heatmap import decode  # noqa: E402  # needs torch

H, W = 256, 192
EPSILON = 1.19e-7


def _blurred(heat):
    """Blur by summing shifted maps, zeros beyond the edge."""
    weights = np.exp(-(np.arange(-5, 6.0) ** 2) / 8)
    weights /= weights.sum()
    for axis in (0, 1):
        padded = np.pad(heat, [(5, 5) if a == axis else (0, 0) for a in (0, 1)])
        length = heat.shape[axis]
        heat = sum(w * padded.take(np.arange(i, i + length), axis) for i, w in enumerate(weights))
    return heat


def _reference(heat):
    """Return x, y and the score of one map by the letter of section 4, in float64."""
    score = heat.max()
    y, x = divmod(int(heat.argmax()), heat.shape[1])
    if score <= 0:
        return -1.0, -1.0, score
    blurred = _blurred(heat.astype(np.float64))
    logs = np.pad(np.log(np.clip(blurred * (float(score) / blurred.max()), 1e-3, 50)), 1, mode="edge")
    (p, u, _), (left, c, r), (_, d, q) = logs[y : y + 3, x : x + 3]
    gradient = np.array([(r - left) / 2, (d - u) / 2])
    mixed = (q - r - d + 2 * c - left - u + p) / 2
    hessian = np.array([[r - 2 * c + left + EPSILON, mixed], [mixed, d - 2 * c + u + EPSILON]])
    step = np.linalg.solve(hessian, gradient)
    return x - step[0], y - step[1], score


def _gaussians(rng, count, *, low=0.2, high=1.0, margin=0.0):
    """Return maps with one bump of sigma 6 each, and where they are."""
    centres = np.stack(
        [rng.uniform(-margin, W - 1 + margin, count), rng.uniform(-margin, H - 1 + margin, count)], axis=1
    )
    y, x = np.mgrid[:H, :W]
    squares = (x - centres[:, 0, None, None]) ** 2 + (y - centres[:, 1, None, None]) ** 2
    heights = rng.uniform(low, high, count)[:, None, None]
    return (heights * np.exp(-squares / 72)).astype(np.float32), centres


def _noisy(rng, sigma):
    maps, _ = _gaussians(rng, 24)
    return maps + rng.normal(0, sigma, maps.shape).astype(np.float32)


def _two_peaks(rng):
    return np.maximum(_gaussians(rng, 24)[0], _gaussians(rng, 24, high=0.9)[0])


def _at_the_edge(rng):
    """Bumps whose middle is beyond an edge or a corner, or in the first or last cells."""
    y, x = np.mgrid[:H, :W]
    places = [(a, b) for a in (-2, 0, 0.4, 1, 90, W - 2, W - 1, W + 1) for b in (-3, 0.3, 1, H - 1.6, H)]
    return np.stack([np.exp(-((x - a) ** 2 + (y - b) ** 2) / 72) for a, b in places]).astype(np.float32)


KINDS = {
    "clean": lambda rng: _gaussians(rng, 24)[0],
    "noise": lambda rng: _noisy(rng, 0.01),
    "two peaks": _two_peaks,
    "edge": _at_the_edge,
    "high": lambda rng: _gaussians(rng, 8, low=40, high=80)[0],
}


@pytest.mark.parametrize("kind", KINDS)
def test_peaked_maps_decode_as_the_float64_reference_does(kind):
    maps = KINDS[kind](np.random.default_rng(1))
    points, scores = decode(torch.from_numpy(maps)[None])
    expected = np.array([_reference(one) for one in maps])
    assert points.dtype == scores.dtype == torch.float32
    assert points.shape == (1, len(maps), 2)
    assert np.abs(points[0].numpy() - expected[:, :2]).max() <= 5e-5
    assert np.array_equal(scores[0].numpy(), maps.max(axis=(1, 2)))


@pytest.mark.parametrize(("peak", "noise"), [(0.002, 0.0), (0.05, 0.002), (0.01, 0.002), (1e-4, 0.0)])
def test_weak_maps_take_the_way_through_the_whole_map(peak, noise):
    """Where the lower limit counts: with the peak given back, and values below 0.001 cut off."""
    rng = np.random.default_rng(2)
    maps, _ = _gaussians(rng, 16, low=peak, high=peak)
    maps += rng.normal(0, noise, maps.shape).astype(np.float32)
    points, _ = decode(torch.from_numpy(maps)[None])
    expected = np.array([_reference(one) for one in maps])[:, :2]
    # Relative to the step as well: nearly flat values have steps of many cells.
    assert points[0].numpy() == pytest.approx(expected, abs=5e-5, rel=1e-5)


def test_noise_alone_decodes_as_the_reference_does():
    """What an untrained network gives; the steps may be of tens of cells."""
    maps = np.random.default_rng(3).normal(0, 1, (100, H, W)).astype(np.float32)  # more than blurred at once
    points, scores = decode(torch.from_numpy(maps)[None])
    expected = np.array([_reference(one) for one in maps])
    assert points[0].numpy() == pytest.approx(expected[:, :2], abs=1e-4, rel=1e-5)
    assert np.array_equal(scores[0].numpy(), expected[:, 2].astype(np.float32))


def test_the_bump_of_a_point_decodes_to_that_point():
    maps, centres = _gaussians(np.random.default_rng(4), 40, margin=-12)
    points, _ = decode(torch.from_numpy(maps)[None])
    assert np.abs(points[0].numpy() - centres).max() <= 5e-5


@pytest.mark.parametrize("value", [0.0, -0.5])
def test_a_map_that_is_nowhere_above_zero_has_no_point(value):
    points, scores = decode(torch.full((2, 3, H, W), value))
    assert (points == -1).all()
    assert (scores == value).all()


def test_of_equal_peaks_the_first_counts():
    maps = torch.zeros(1, 1, H, W)
    for y, x in ((200, 30), (60, 150), (60, 40)):
        maps[0, 0, y, x] = 0.7
    points, scores = decode(maps)
    assert points[0, 0].tolist() == pytest.approx([40, 60], abs=1e-4)
    assert scores.item() == pytest.approx(0.7)


def test_a_map_without_shape_keeps_its_first_cell():
    points, _ = decode(torch.full((1, 1, 16, 12), 1e-4))
    assert points[0, 0].tolist() == [0, 0]


def test_nan_comes_out_as_nan_and_hurts_no_other_map():
    maps, _ = _gaussians(np.random.default_rng(5), 3)
    clean, _ = decode(torch.from_numpy(maps.copy())[None])
    maps[1, 10, 10] = math.nan
    points, scores = decode(torch.from_numpy(maps)[None])
    assert points[0, 1].isnan().all()
    assert scores[0, 1].isnan()
    assert torch.equal(points[0, [0, 2]], clean[0, [0, 2]])


def test_a_batch_is_what_its_items_are():
    rng = np.random.default_rng(6)
    maps = torch.from_numpy(np.stack([KINDS[kind](rng)[:8] for kind in KINDS]))
    points, scores = decode(maps)
    for row, one in enumerate(maps):
        alone = decode(one[None])
        assert torch.equal(alone[0][0], points[row])
        assert torch.equal(alone[1][0], scores[row])


def test_a_mirrored_map_has_the_mirrored_point():
    """Without noise: the mixed curvature is taken along one diagonal alone, as the original does."""
    maps = torch.from_numpy(_gaussians(np.random.default_rng(7), 40, margin=6)[0])[None]
    points, scores = decode(maps)
    mirrored, same = decode(maps.flip(3))
    assert torch.equal(scores, same)
    assert mirrored[..., 0].numpy() == pytest.approx(W - 1 - points[..., 0].numpy(), abs=5e-5)
    assert mirrored[..., 1].numpy() == pytest.approx(points[..., 1].numpy(), abs=5e-5)


@pytest.mark.parametrize(
    ("dtype", "most", "most_score"), [(torch.float16, 0.0044, 3e-4), (torch.bfloat16, 0.014, 2e-3)]
)
def test_maps_in_half_precision_are_near(dtype, most, most_score):
    """As near as the specification found, with a little room for other maps."""
    maps = torch.from_numpy(_gaussians(np.random.default_rng(8), 40)[0])[None]
    points, scores = decode(maps)
    near, near_scores = decode(maps.to(dtype))
    assert near.dtype == near_scores.dtype == torch.float32
    assert (near - points).abs().max() <= most * 1.5
    assert (near_scores - scores).abs().max() <= most_score


def test_maps_of_nobody_and_maps_that_need_gradients():
    points, scores = decode(torch.empty(0, 308, H, W))
    assert points.shape == (0, 308, 2)
    assert scores.shape == (0, 308)
    assert not decode(torch.rand(1, 2, 16, 12, requires_grad=True))[0].requires_grad


@pytest.mark.parametrize(
    "maps",
    [torch.zeros(3, H, W), torch.zeros(1, 3, H, W, dtype=torch.uint8), torch.zeros(1, 3, 0, W)],
    ids=["axes", "integers", "empty"],
)
def test_other_arrays_are_refused(maps):
    with pytest.raises(ArrayError, match="floats of shape"):
        decode(maps)
