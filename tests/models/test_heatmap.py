import math

import numpy as np
import pytest

from vitruvian.kernels import native
from vitruvian.models.heatmap import HEATMAP_THRESHOLD, sigmoid
from vitruvian.models.heatmap import refine as by_numpy

F32 = np.float32


@pytest.fixture(params=["kernel", "NumPy"])
def refine(request):
    if request.param == "NumPy":
        return by_numpy
    if native is None:
        pytest.skip("no kernels")
    return _by_kernel


def _by_kernel(points: np.ndarray, heatmaps: np.ndarray, *, kernel: int) -> np.ndarray:
    """Read bodies of such points in crops that are one pixel large: places are fractions of the map."""
    count, landmarks, _ = points.shape
    numbers = np.concatenate([points, np.zeros((count, landmarks, 3), F32)], axis=2)
    crops = np.tile([1.0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1], (count, 1))
    shapes = [(landmarks, 2), *[(landmarks,)] * 3, (landmarks, 3), (0, 2), (4,)]
    columns = tuple(np.empty((count, *shape), F32) for shape in shapes)
    world = np.zeros((count, landmarks, 3), F32)
    sizes = (landmarks, landmarks, 0), heatmaps.shape[1:]
    read = (numbers, np.ascontiguousarray(heatmaps), world)
    native.read_bodies(*read, crops, columns, count, *sizes, kernel, HEATMAP_THRESHOLD, 1.0)
    return columns[0]


def _flat(level: float = -20.0) -> np.ndarray:
    return np.full((1, 64, 64, 1), level, F32)


def _refine_by_hand(x: float, y: float, logits: np.ndarray, kernel: int) -> tuple[float, float]:
    """Section 7, step 4, word for word."""
    c, r = math.trunc(x * 64), math.trunc(y * 64)
    if not (0 <= c < 64 and 0 <= r < 64):
        return x, y
    half = kernel // 2
    total = sum_x = sum_y = peak = 0.0
    for row in range(max(0, r - half), min(64, r + half + 1)):
        for column in range(max(0, c - half), min(64, c + half + 1)):
            q = 1 / (1 + math.exp(-float(logits[row, column])))
            total, sum_x, sum_y, peak = total + q, sum_x + column * q, sum_y + row * q, max(peak, q)
    return (sum_x / 64 / total, sum_y / 64 / total) if peak >= 0.5 else (x, y)


def test_a_single_peak_draws_the_point_to_its_cell(refine):
    heatmap = _flat(-80)
    heatmap[0, 20, 30] = 10
    moved = refine(np.array([[[32.4 / 64, 21.9 / 64]]], F32), heatmap, kernel=7)
    assert moved[0, 0] == pytest.approx([30 / 64, 20 / 64], abs=1e-6)


def test_a_weak_peak_or_a_far_one_moves_nothing(refine):
    point = np.array([[[32.4 / 64, 21.9 / 64]]], F32)
    weak = _flat()
    weak[0, 20, 30] = -0.01
    far = _flat()
    far[0, 20, 28] = 10
    assert (refine(point, weak, kernel=7) == point).all()
    assert (refine(point, far, kernel=7) == point).all()
    assert (refine(point, far, kernel=9) != point).any()


@pytest.mark.parametrize("x", [-0.0156, -0.01, 0.0, 0.5, 0.999, 1.0, 1.2])
@pytest.mark.parametrize("kernel", [7, 9])
def test_agrees_with_the_definition_also_at_the_edges(refine, x, kernel):
    rng = np.random.default_rng(7)
    heatmap = rng.normal(0, 3, (1, 64, 64, 1)).astype(F32)
    for y in (-0.002, 0.03, 0.7, 0.99):
        expected = _refine_by_hand(float(F32(x)), float(F32(y)), heatmap[0, :, :, 0], kernel)
        actual = refine(np.array([[[x, y]]], F32), heatmap, kernel=kernel)[0, 0]
        assert actual == pytest.approx(expected, abs=1e-5)


def test_what_is_no_number_moves_nothing(refine):
    point = np.array([[[0.5, 0.5]]], F32)
    heatmap = _flat(3.0)
    heatmap[0, 31, 33] = np.nan
    assert (refine(point, heatmap, kernel=7) == point).all()


def test_points_do_not_mix(refine):
    rng = np.random.default_rng(1)
    points = rng.random((3, 5, 2)).astype(F32)
    heatmaps = rng.normal(0, 4, (3, 64, 64, 5)).astype(F32)
    together = refine(points, heatmaps, kernel=7)
    for n in range(3):
        for k in range(5):
            alone = refine(points[n : n + 1, k : k + 1], heatmaps[n : n + 1, :, :, k : k + 1], kernel=7)
            assert together[n, k] == pytest.approx(alone[0, 0], abs=1e-6)


def test_an_empty_batch_stays_empty(refine):
    assert refine(np.zeros((0, 39, 2), F32), np.zeros((0, 64, 64, 39), F32), kernel=7).shape == (0, 39, 2)


def test_sigmoid_neither_overflows_nor_leaves_its_range():
    values = sigmoid(np.array([-1e4, -100, 0, 100, 1e4], F32))
    assert values.dtype == F32
    assert values[2] == 0.5
    assert values[[0, 1, 3, 4]] == pytest.approx([0, 0, 1, 1])
