"""The kernels for networks most of whose weights are zero, against plain NumPy."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from steps_reference import convolved, enlarged

from vitruvian.kernels.sparse import SparseNetwork, fits, supported
from vitruvian.kernels.steps import UNBOUNDED, Kind, Planes, Step

pytestmark = pytest.mark.skipif(not supported(), reason="kernels for vectors of sixteen numbers")

SIDE = 224
NUMBERS = np.random.default_rng(0)
PIXELS = NUMBERS.integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def _weights(outputs: int, inputs: int, kernel: int, *, density=0.25) -> np.ndarray:
    weights = NUMBERS.standard_normal((outputs, inputs, kernel, kernel)).astype(np.float32)
    return weights * (NUMBERS.random(weights.shape) < density) if kernel == 1 else weights


def _bias(channels: int) -> np.ndarray:
    return NUMBERS.standard_normal(channels).astype(np.float32)


def _start(channels=8, *, weights=None) -> tuple[list[Step], np.ndarray]:
    """The first convolution, and what it makes of the pixels."""
    weights = _weights(channels, 3, 3) / 8 if weights is None else weights
    bias, made = _bias(channels), Planes(channels, SIDE // 2, SIDE // 2)
    step = Step(Kind.FIRST, None, made, weights=weights, bias=bias, stride=2, pad=1, scale=2 / 255, shift=-1)
    picture = PIXELS.transpose(2, 0, 1) * (2 / 255) - 1
    result = convolved(picture, weights, stride=2, pad=1, size=(112, 112)) + bias[:, None, None]
    return [step], result


def _halved(steps: list[Step], picture: np.ndarray, times: int) -> np.ndarray:
    """Make a picture smaller by convolutions."""
    for _ in range(times):
        source = steps[-1].result
        made = Planes(source.channels, source.height // 2, source.width // 2)
        weights = _weights(source.channels, 1, 3) / 3
        steps.append(Step(Kind.DEPTHWISE, source, made, weights=weights, stride=2, pad=0))
        picture = convolved(picture, weights, stride=2, size=(made.height, made.width))
    return picture


def _run(steps: list[Step], *, threads=2) -> np.ndarray:
    """Run the steps, and return what the last one makes, channels last.

    In a memory that is anything but zero: what must be, the kernels put there.
    """
    last = steps[-1].result
    written = [*steps, Step(Kind.WRITE, last, None)]
    assert fits(written)
    result = np.full((last.height, last.width, last.channels), np.nan, np.float32)
    network = SparseNetwork(written)
    for _ in range(2):
        network.run(PIXELS[None], [result[None]], threads)
        memory, progress = network._idle.pop()
        memory[:] = np.nan
        network._idle.append((memory, progress))
    return result


def _assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    expected = expected.transpose(1, 2, 0)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() < 1e-5 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_first_convolution(pad, threads):
    steps, _ = _start(12)
    steps[0].pad, steps[0].low, steps[0].high = pad, 0.0, 6.0
    picture = PIXELS.transpose(2, 0, 1) * (2 / 255) - 1
    expected = convolved(picture, steps[0].weights, stride=2, pad=pad, size=(112, 112))
    expected = (expected + steps[0].bias[:, None, None]).clip(0, 6)
    _assert_same(_run(steps, threads=threads), expected)


@pytest.mark.parametrize("halvings", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [3, 5])
def test_convolutions_of_each_channel_by_itself(halvings, kernel):
    steps, picture = _start()
    picture = _halved(steps, picture, halvings)
    source = steps[-1].result
    weights, bias, made = _weights(8, 1, kernel), _bias(8), Planes(8, source.height, source.width)
    steps.append(Step(Kind.DEPTHWISE, source, made, weights=weights, bias=bias, pad=kernel // 2, low=-1.0))
    expected = convolved(picture, weights, pad=kernel // 2) + bias[:, None, None]
    _assert_same(_run(steps), expected.clip(min=-1))


@pytest.mark.parametrize(("kernel", "pad"), [(3, 0), (3, 1), (5, 1), (5, 2)])
@pytest.mark.parametrize("halvings", [0, 1, 2, 3])
def test_convolutions_with_a_stride(halvings, kernel, pad):
    steps, picture = _start()
    picture = _halved(steps, picture, halvings)
    source = steps[-1].result
    weights, made = _weights(8, 1, kernel), Planes(8, source.height // 2, source.width // 2)
    steps.append(Step(Kind.DEPTHWISE, source, made, weights=weights, stride=2, pad=pad, high=2.0))
    expected = convolved(picture, weights, stride=2, pad=pad, size=(made.height, made.width))
    _assert_same(_run(steps), expected.clip(max=2))


@pytest.mark.parametrize("halvings", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3, 300])
def test_convolutions_of_one_place(halvings, channels):
    """With something added, of one to many parts, to channels among which are some without any weight."""
    steps, picture = _start()
    picture = _halved(steps, picture, halvings)
    shape = picture.shape[1:]
    for outputs in (channels, 8):
        source, weights = steps[-1].result, _weights(outputs, len(picture), 1)
        weights[::3] = 0
        bias = _bias(outputs)
        steps.append(
            Step(Kind.POINTWISE, source, Planes(outputs, *shape), weights=weights, bias=bias, low=0.0)
        )
        picture = (convolved(picture, weights) + bias[:, None, None]).clip(min=0)
    steps[-1].added, steps[-1].late_high = steps[halvings].result, 1.5
    first = _run(steps[: halvings + 1]).transpose(2, 0, 1)
    _assert_same(_run(steps), (picture + first).clip(max=1.5))


@pytest.mark.parametrize("halvings", [3, 4])
def test_enlarging(halvings):
    """Half-way between places three to one, the edge repeated; bias, bounds and what is added come after."""
    steps, picture = _start()
    picture = _halved(steps, picture, halvings - 1)
    larger, before = steps[-1].result, picture
    picture = _halved(steps, picture, 1)
    bias = _bias(8)
    steps.append(Step(Kind.ENLARGE, steps[-1].result, Planes(8, larger.height, larger.width), bias=bias))
    steps[-1].low, steps[-1].added, steps[-1].late_high = 0.0, larger, 3.0
    picture = enlarged(picture)
    _assert_same(_run(steps), ((picture + bias[:, None, None]).clip(min=0) + before).clip(max=3))


@pytest.mark.parametrize("halvings", [0, 2, 4])
def test_depth_to_space(halvings):
    steps, picture = _start()
    picture = _halved(steps, picture, halvings)
    source = steps[-1].result
    steps.append(Step(Kind.SPREAD, source, Planes(2, 2 * source.height, 2 * source.width)))
    blocks = picture.reshape(2, 2, 2, source.height, source.width)
    expected = blocks.transpose(2, 3, 0, 4, 1).reshape(2, 2 * source.height, 2 * source.width)
    _assert_same(_run(steps), expected)


def test_several_outputs_and_where_they_are_written():
    steps, picture = _start()
    made = steps[-1].result
    count = 8 * 112 * 112
    writes = [Step(Kind.WRITE, made, None, target=1, target_index=at) for at in (0, count)]
    writes.append(Step(Kind.WRITE, made, None, target=0))
    one, two = np.empty((112, 112, 8), np.float32), np.empty((2, 112, 112, 8), np.float32)
    SparseNetwork([*steps, *writes]).run(PIXELS[None], [one[None], two[None]], 2)
    _assert_same(one, picture)
    assert (two == one).all()


def test_lower_halves_of_planes_lie_apart():
    """But for seven rows, of which threads take channels."""
    steps, picture = _start()
    _halved(steps, picture, 4)
    apart = SparseNetwork([*steps, Step(Kind.WRITE, steps[-1].result, None)])._steps["out_apart"]
    heights = [step.result.height for step in steps]
    assert dict(zip(heights, apart > 0, strict=False)) == {112: True, 56: True, 28: True, 14: True, 7: False}


def test_many_threads_at_once_and_again():
    steps, picture = _start()
    _halved(steps, picture, 4)
    written = [*steps, Step(Kind.WRITE, steps[-1].result, None)]
    network = SparseNetwork(written)
    expected = _run(steps, threads=1)

    def once(_):
        result = np.empty_like(expected)
        network.run(PIXELS[None], [result[None]], 2)
        return result

    with ThreadPoolExecutor(6) as pool:
        assert all((each == expected).all() for each in pool.map(once, range(60)))


SMALL = Planes(8, 14, 14)


@pytest.mark.parametrize(
    "step",
    [
        Step(Kind.FIRST, None, Planes(8, 112, 112), weights=_weights(8, 3, 5), stride=2),
        Step(Kind.FIRST, None, Planes(8, 112, 112), weights=_weights(8, 3, 3), stride=1),
        Step(Kind.FIRST, None, Planes(7, 112, 112), weights=_weights(7, 3, 3), stride=2),
        Step(Kind.FIRST, None, Planes(8, 96, 96), weights=_weights(8, 3, 3), stride=2),
        Step(Kind.FIRST, None, Planes(8, 224, 224), weights=_weights(8, 3, 3), stride=2),
        Step(Kind.DEPTHWISE, SMALL, SMALL, weights=_weights(8, 1, 7), pad=3),
        Step(Kind.DEPTHWISE, SMALL, Planes(8, 5, 5), weights=_weights(8, 1, 3), stride=3),
        Step(Kind.DEPTHWISE, SMALL, Planes(8, 7, 7), weights=_weights(8, 1, 5), stride=2, pad=0),
        Step(Kind.DEPTHWISE, SMALL, Planes(9, 14, 14), weights=_weights(9, 1, 3), pad=1),
        Step(Kind.DEPTHWISE, SMALL, SMALL, weights=_weights(8, 1, 3), pad=-1),
        Step(Kind.DEPTHWISE, Planes(8, 28, 10), Planes(8, 14, 5), weights=_weights(8, 1, 3), stride=2),
        Step(Kind.DEPTHWISE, Planes(8, 10, 10), Planes(8, 10, 10), weights=_weights(8, 1, 3), pad=1),
        Step(Kind.POINTWISE, SMALL, Planes(8, 7, 7), weights=_weights(8, 8, 1)),
        Step(Kind.ENLARGE, Planes(8, 16, 16), Planes(8, 32, 32)),
        Step(Kind.ENLARGE, Planes(8, 7, 7), Planes(8, 21, 21)),
        Step(Kind.SPREAD, SMALL, Planes(4, 28, 28)),
        Step(Kind.POINTWISE, None, SMALL, weights=_weights(8, 8, 1)),
        Step(Kind.POINTWISE, SMALL, SMALL, weights=_weights(8, 9, 1)),
        Step(Kind.POINTWISE, SMALL, SMALL, weights=_weights(8, 8, 1), added=Planes(1, 14, 14)),
        Step(Kind.DEPTHWISE, SMALL, SMALL, weights=_weights(8, 1, 3), pad=1, added=SMALL),
        Step(Kind.DEPTHWISE, SMALL, SMALL, weights=_weights(8, 1, 3), pad=1, late_high=6.0),
        Step(Kind.DEPTHWISE, SMALL, SMALL, weights=_weights(8, 1, 3)[:, :, :2], pad=1),
        Step(Kind.DEPTHWISE, Planes(8, 28, 12), Planes(8, 28, 10), weights=_weights(8, 1, 3)),
        Step(Kind.SPREAD, SMALL, Planes(2, 28, 28), bias=_bias(2)),
        Step(Kind.SPREAD, SMALL, Planes(2, 28, 28), low=0.0),
        Step(Kind.POINTWISE, SMALL, SMALL, weights=_weights(8, 8, 1), slopes=_bias(8)),
        Step(Kind.POINTWISE, SMALL, SMALL, weights=_weights(8, 8, 1), added=SMALL, late_slopes=_bias(8)),
        Step(Kind.POINTWISE, SMALL, SMALL, weights=_weights(8, 8, 1), sigmoid=True),
        Step(Kind.POINTWISE, SMALL, SMALL, weights=_weights(8, 8, 1), late_high=1.0),
        Step(Kind.POOL, SMALL, Planes(8, 7, 7)),
        Step(Kind.MEAN, SMALL, Planes(8, 1, 1)),
        Step(Kind.WHOLE, SMALL, Planes(2, 1, 1), weights=_weights(2, 8, 14)),
    ],
)
def test_what_the_kernels_were_not_written_for(step):
    assert not fits([step])


def test_bounds_that_are_none():
    steps, picture = _start()
    assert (steps[0].low, steps[0].high) == (-UNBOUNDED, UNBOUNDED)
    _assert_same(_run(steps), picture)
