"""Pictures of which only windows are read: in them to the bit what is there when all is calculated."""

from dataclasses import replace

import numpy as np
import pytest

from vitruvian.kernels.dense import DenseNetwork, fits, supported
from vitruvian.kernels.steps import Kind, Look, Planes, Step
from vitruvian.kernels.windows import narrowed

pytestmark = pytest.mark.skipif(not supported(), reason="kernels for vectors of sixteen numbers")

NUMBERS = np.random.default_rng(0)
PIXELS = NUMBERS.integers(0, 256, (64, 64, 3), np.uint8)
LOOK = Look(height=32, width=32, count=3, numbers=5, side=256.0, kernel=7)


def _step(kind: Kind, source: Planes | None, made: Planes, kernel: int = 1, **options) -> Step:
    inputs = 1 if kind is Kind.DEPTHWISE else source.channels if source else 3
    weights = NUMBERS.standard_normal((made.channels, inputs, kernel, kernel)).astype(np.float32)
    bias = NUMBERS.standard_normal(made.channels).astype(np.float32)
    return Step(kind, source, made, weights=weights, bias=bias, **options)


def _network(points, kind: str = "plain", *, channels: int = 5, look: Look = LOOK) -> list[Step]:
    """A picture, and points wherever they are wanted, as the two outputs of a network."""
    first, small = Planes(16, 32, 32), Planes(16, 16, 16)
    steps = [_step(Kind.FIRST, None, first, 3, stride=2, pad=1, scale=1 / 255)]
    steps.append(_step(Kind.DEPTHWISE, first, small, 3, stride=2, pad=1))
    last, map_ = Planes(16, 32, 32), Planes(channels, 32, 32)
    if kind == "enlarged":
        large = Planes(16, 32, 32)
        steps.append(Step(Kind.ENLARGE, small, large))
        filtered = Planes(16, 32, 32)
        steps.append(_step(Kind.DEPTHWISE, first, filtered, 3, pad=1))
        steps.append(_step(Kind.POINTWISE, filtered, last, added=large, low=-9.0))
        steps.append(_step(Kind.POINTWISE, last, map_, low=0.0))
    elif kind == "one behind another":
        steps.append(_step(Kind.POINTWISE, first, last))
        steps.append(_step(Kind.POINTWISE, last, map_))
    elif kind == "filtered":
        filtered = Planes(16, 32, 32)
        steps.append(_step(Kind.DEPTHWISE, first, filtered, 3, pad=1))
        steps.append(_step(Kind.POINTWISE, filtered, map_))
    else:
        steps.append(_step(Kind.POINTWISE, first, map_))
    numbers = np.zeros(look.numbers * look.count, np.float32)
    numbers.reshape(look.count, look.numbers)[:, :2] = points
    where = Step(Kind.WHOLE, small, Planes(len(numbers), 1, 1), bias=numbers)
    where.weights = np.zeros((len(numbers), *small.shape), np.float32)
    writes = [Step(Kind.WRITE, where.result, None), Step(Kind.WRITE, map_, None, target=1)]
    return [*steps, where, *writes]


def _run(steps: list[Step], *, channels: int = 5, threads: int = 2, count: int = 15) -> np.ndarray:
    network = DenseNetwork(steps)
    points = np.empty((1, count), np.float32)
    for _ in range(2):  # the second time in a memory that is anything but zero
        result = np.full((1, 32, 32, channels), np.nan, np.float32)
        network.run(PIXELS[None], [points, result], threads)
        network._idle[-1][0][:] = np.nan
    return result[0]


def _read(points, kernel: int = 7) -> np.ndarray:
    """Which places of a picture of 32 x 32 are read, x and y being fractions of 256."""
    read = np.zeros((32, 32), bool)
    for x, y in np.asarray(points, np.float32) / 8:
        if -1 < x < 32 and -1 < y < 32:
            column, row, reach = int(x), int(y), kernel // 2
            read[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = True
    return read


POINTS = [[100.0, 60.0], [13.9, 250.0], [200.0, 200.0]]


@pytest.mark.parametrize("kind", ["plain", "one behind another", "filtered", "enlarged"])
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("channels", [5, 16, 39])
def test_what_is_read_is_the_same_to_the_bit(kind, threads, channels):
    steps = _network(POINTS, kind, channels=channels)
    expected = _run(steps, channels=channels)
    few = narrowed(steps, 1, 0, LOOK)
    assert fits(few)
    actual = _run(few, channels=channels, threads=threads)
    read = _read(POINTS)
    assert (actual[read] == expected[read]).all()
    beside = np.isnan(actual).all(axis=2)
    assert beside.mean() > 0.5
    # Strips of eight places are calculated, or not.
    assert (beside == ~read.reshape(32, 4, 8).any(2).repeat(8, axis=1)).all()
    assert (actual[~beside] == expected[~beside]).all()


@pytest.mark.parametrize("kernel", [1, 3, 7, 9, 63])
@pytest.mark.parametrize(
    "points",
    [
        [[0.0, 0.0], [255.9, 255.9], [0.0, 255.0]],
        [[-7.9, 100.0], [100.0, -7.9], [-8.0, 3.0]],
        [[256.0, 100.0], [100.0, 256.0], [1e9, -1e9]],
        [[np.nan, 100.0], [100.0, np.inf], [-np.inf, np.nan]],
        [[8.0, 8.0], [8.1, 8.1], [15.9, 15.9]],
    ],
)
def test_points_at_the_edge_and_beyond(points, kernel):
    look = replace(LOOK, kernel=kernel)
    steps = _network(points)
    expected, actual = _run(steps), _run(narrowed(steps, 1, 0, look))
    read = _read(points, kernel)
    strips = read.reshape(32, 4, 8).any(2).repeat(8, axis=1)
    assert (actual[strips] == expected[strips]).all()
    assert np.isnan(actual[~strips]).all()


def test_several_pictures_at_once_are_read_where_each_has_its_points():
    steps = _network(POINTS)
    weights = steps[-3].weights
    weights[...] = NUMBERS.standard_normal(weights.shape) * 0.2  # points of its own for each picture
    batch = NUMBERS.integers(0, 256, (5, 64, 64, 3), np.uint8)
    every = []
    for each in (steps, narrowed(steps, 1, 0, LOOK)):
        points, result = np.empty((5, 15), np.float32), np.full((5, 32, 32, 5), np.nan, np.float32)
        DenseNetwork(each).run(batch, [points, result], 2)
        every.append((points, result))
    (points, expected), (same, actual) = every
    assert (points == same).all()
    reads = [_read(some.reshape(3, 5)[:, :2]) for some in points]
    assert len({read.tobytes() for read in reads}) > 1
    for read, before, after in zip(reads, expected, actual, strict=True):
        assert (before[read] == after[read]).all()


def _others_read_it(steps: list[Step]) -> list[Step]:
    made = steps[-1].source
    return [*steps[:-2], _step(Kind.POINTWISE, made, Planes(4, 32, 32)), *steps[-2:]]


@pytest.mark.parametrize(
    ("look", "change"),
    [
        (LOOK, _others_read_it),
        (LOOK, lambda steps: [*steps, replace(steps[-1], target=2)]),
        (replace(LOOK, count=4), list),
        (replace(LOOK, width=24), list),
        (replace(LOOK, height=16), list),
        (LOOK, lambda steps: steps[:-1]),
        (LOOK, lambda steps: [replace(steps[-2], target_index=15), *steps]),  # points of two pieces
        (LOOK, lambda steps: [*steps[:-2], steps[-1]]),
        (LOOK, lambda steps: [replace(s, source=steps[-1].source) if s is steps[-2] else s for s in steps]),
    ],
)
def test_where_all_is_needed_all_is_calculated(look, change):
    steps = change(_network(POINTS))
    assert narrowed(steps, 1, 0, look) == steps


def test_what_a_window_sees_beside_it_is_calculated():
    """A depthwise convolution in front of the picture needs all of what it reads."""
    steps = narrowed(_network(POINTS, "filtered"), 1, 0, LOOK)
    assert [step.kind for step in steps if step.only] == [Kind.POINTWISE]
    steps = narrowed(_network(POINTS, "enlarged"), 1, 0, LOOK)
    assert [step.kind for step in steps if step.only] == [Kind.ENLARGE, Kind.POINTWISE, Kind.POINTWISE]
