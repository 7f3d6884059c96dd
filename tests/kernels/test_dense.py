"""The kernels for networks few of whose weights are zero, against plain NumPy."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from steps_reference import calculated

from vitruvian.kernels.dense import DenseNetwork, fits, supported
from vitruvian.kernels.steps import Kind, Planes, Step

pytestmark = pytest.mark.skipif(not supported(), reason="kernels for vectors of sixteen numbers")

NUMBERS = np.random.default_rng(0)


def _numbers(*shape: int) -> np.ndarray:
    """Of which sums over all but the first axis are about one."""
    return (NUMBERS.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def _first(side=224, channels=24, kernel=3, pad=1, **options) -> Step:
    made = Planes(channels, side // 2, side // 2)
    weights = _numbers(channels, 3, kernel, kernel) * 4
    options = {"bias": _numbers(channels), "scale": 2 / 255, "shift": -1.0, "stride": 2} | options
    return Step(Kind.FIRST, None, made, weights=weights, pad=pad, **options)


def _depthwise(source: Planes, *, kernel=3, stride=1, pad=None, **options) -> Step:
    made = Planes(source.channels, -(-source.height // stride), -(-source.width // stride))
    weights = _numbers(source.channels, 1, kernel, kernel)
    pad = kernel // 2 if pad is None else pad
    return Step(Kind.DEPTHWISE, source, made, weights=weights, stride=stride, pad=pad, **options)


def _pointwise(source: Planes, channels: int, **options) -> Step:
    made = Planes(channels, source.height, source.width)
    return Step(Kind.POINTWISE, source, made, weights=_numbers(channels, source.channels, 1, 1), **options)


def _smaller(side: int, channels: int) -> list[Step]:
    """Steps to a picture of another size."""
    steps = [_first(next(size for size in (160, 192, 224, 256) if size in [side << n for n in range(1, 9)]))]
    while (made := steps[-1].result).width > side:
        steps.append(_depthwise(made, stride=2, bias=_numbers(made.channels)))
    return [*steps, _pointwise(made, channels, bias=_numbers(channels))]


def _run(network: DenseNetwork, pixels: np.ndarray, planes: Planes, threads: int) -> np.ndarray:
    result = np.full((planes.height, planes.width, planes.channels), np.nan, np.float32)
    network.run(pixels[None], [result[None]], threads)
    return result.transpose(2, 0, 1)


def _assert_right(steps: list[Step], *, threads=2, exact=1e-5) -> np.ndarray:
    """In a memory that is anything but zero: what must be, the kernels put there."""
    first, last = steps[0].result, steps[-1].result
    written = [*steps, Step(Kind.WRITE, last, None)]
    assert fits(written)
    pixels = NUMBERS.integers(0, 256, (2 * first.height, 2 * first.width, 3), np.uint8)
    network = DenseNetwork(written)
    _run(network, pixels, last, threads)
    memory, progress = network._idle.pop()
    memory[:] = np.nan
    network._idle.append((memory, progress))
    actual, expected = _run(network, pixels, last, threads), calculated(steps, pixels)[last]
    assert actual.shape == expected.shape
    assert np.ptp(expected) > 0
    assert np.abs(actual - expected).max() < exact * max(1, np.abs(expected).max())
    return actual


@pytest.mark.parametrize(("side", "kernel"), [(192, 5), (224, 3), (256, 3), (32, 5)])
@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize("channels", [8, 24, 32, 40])
def test_the_first_convolution(side, kernel, pad, channels):
    _assert_right([_first(side, channels, kernel, pad, low=-1.0, high=2.0)])


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 6, 7, 8, 12, 14, 24, 28])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("behind", [False, True], ids=["alone", "in front of another"])
def test_convolutions_of_each_channel_by_itself(side, kernel, stride, behind):
    *steps, before = _smaller(side, 40)
    convolution = _depthwise(
        before.result, kernel=kernel, stride=stride, bias=_numbers(40), slopes=_numbers(40), high=1.0
    )
    steps += [before, convolution]
    if behind:
        steps.append(_pointwise(convolution.result, 24, bias=_numbers(24)))
    _assert_right(steps)


@pytest.mark.parametrize("pad", [0, 1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_windows_that_begin_elsewhere(pad, stride):
    steps = _smaller(14, 16)
    _assert_right([*steps, _depthwise(steps[-1].result, kernel=5, stride=stride, pad=pad)])


@pytest.mark.parametrize("side", [1, 2, 4, 7, 8, 14, 28, 56, 112])
@pytest.mark.parametrize("channels", [1, 16, 24, 33, 200])
@pytest.mark.parametrize("threads", [1, 5])
def test_convolutions_of_one_place(side, channels, threads):
    steps = _smaller(side, channels)
    _assert_right([*steps, _pointwise(steps[-1].result, 20, low=-0.5, high=0.5)], threads=threads)


@pytest.mark.parametrize("kind", ["pointwise", "behind a depthwise one", "first", "enlarged"])
@pytest.mark.parametrize("channels", [16, 32])
def test_what_is_added_and_done_behind_that(kind, channels):
    """To all channels, or the first ones only."""
    last = {"bias": _numbers(32), "slopes": _numbers(32), "low": -1.5, "high": 1.0}
    last |= {"late_slopes": _numbers(32), "late_low": -0.5, "late_high": 1.5}
    steps = _smaller(28, 32)
    before = steps[-1].result
    if kind == "enlarged":
        larger = _pointwise(before, channels)
        smaller = _depthwise(before, stride=2)
        made = Planes(32, 28, 28)
        steps += [larger, smaller, Step(Kind.ENLARGE, smaller.result, made, added=larger.result, **last)]
    elif kind == "first":
        steps = [_first(64, 32), _pointwise(Planes(0, 0, 0), 0)]
        beside = _pointwise(steps[0].result, channels)
        steps = [steps[0], beside, _pointwise(steps[0].result, 32, added=beside.result, **last)]
    else:
        beside = _pointwise(before, channels)
        steps.append(beside)
        if kind != "pointwise":
            steps.append(_depthwise(before))
        steps.append(_pointwise(steps[-1].result, 32, added=beside.result, **last))
    _assert_right(steps)


@pytest.mark.parametrize("side", [2, 4, 7, 14, 28])
def test_enlarging_and_pooling(side):
    steps = _smaller(side, 24)
    steps.append(Step(Kind.ENLARGE, steps[-1].result, Planes(24, 2 * side, 2 * side), bias=_numbers(24)))
    _assert_right(steps)
    steps.append(_depthwise(steps[-1].result, kernel=5))
    small = Planes(24, side, side)
    steps.append(
        Step(Kind.POOL, steps[-1].result, small, slopes=_numbers(24), high=1.0, added=steps[-3].result)
    )
    steps[-1].late_slopes = _numbers(24)
    _assert_right(steps)


@pytest.mark.parametrize("sigmoid", [False, True])
@pytest.mark.parametrize(("side", "channels"), [(1, 24), (2, 192), (7, 48)])
@pytest.mark.parametrize("outputs", [1, 63, 195])
def test_what_is_made_of_a_whole_picture(side, channels, outputs, sigmoid):
    steps = _smaller(side, channels)
    weights = _numbers(outputs, channels, side, side)
    whole = Step(Kind.WHOLE, steps[-1].result, Planes(outputs, 1, 1), weights=weights, bias=_numbers(outputs))
    whole.sigmoid = sigmoid
    if outputs == 1:  # of which the range is nothing
        whole.bias = None
        beside = Step(Kind.MEAN, steps[-1].result, Planes(channels, 1, 1))
        _assert_right([*steps, beside])
        return
    _assert_right([*steps, whole])


@pytest.mark.parametrize("every", [False, True], ids=["a few", "all, which stay"])
def test_channels_that_are_always_zero_are_left_out(every):
    """Those whose filter is zeros and whose bias is not above; others are what their bias says."""
    steps = _smaller(14, 48)
    convolution = _depthwise(steps[-1].result, bias=np.abs(_numbers(48)) + 0.1, low=0.0, high=6.0)
    convolution.weights[::3] = 0
    convolution.bias[::6] = -1
    if every:
        convolution.weights[:], convolution.bias[:] = 0, 0
    steps += [convolution, _pointwise(convolution.result, 16, bias=_numbers(16))]
    _assert_right(steps)
    written = [*steps, Step(Kind.WRITE, steps[-1].result, None)]
    behind = DenseNetwork(written)._layers[-1]
    assert behind["used"] == (48 if every else 40)


@pytest.mark.parametrize("seen", ["before", "behind", "added", "added to itself"])
def test_channels_that_others_see_stay(seen):
    steps = _smaller(14, 16)
    before = steps[-1].result
    convolution = _depthwise(before)
    convolution.weights[::2] = 0
    behind = _pointwise(convolution.result, 16)
    steps += [convolution, behind]
    if seen.startswith("added"):
        behind.added = before if seen == "added" else convolution.result
    other = before if seen == "before" else convolution.result if seen == "behind" else behind.result
    steps.append(_pointwise(other, 16, added=behind.result))
    _assert_right(steps)
    written = [*steps, Step(Kind.WRITE, steps[-1].result, None)]
    assert [layer["used"] for layer in DenseNetwork(written)._layers][-2:] == [16, 16]


def test_a_step_that_nobody_reads():
    steps = _smaller(14, 16)
    made = steps[-1].result
    steps.append(_depthwise(made))
    _assert_right([*steps, _pointwise(made, 8)])


def test_several_outputs_and_where_they_are_written():
    steps = _smaller(14, 39)
    made, pixels = steps[-1].result, NUMBERS.integers(0, 256, (224, 224, 3), np.uint8)
    count = 39 * 14 * 14
    writes = [Step(Kind.WRITE, made, None, target=1, target_index=at) for at in (0, count)]
    writes.append(Step(Kind.WRITE, made, None, target=0))
    one, two = np.empty((14, 14, 39), np.float32), np.empty((2, 14, 14, 39), np.float32)
    DenseNetwork([*steps, *writes]).run(pixels[None], [one[None], two[None]], 2)
    assert (two == one).all()
    assert np.abs(one.transpose(2, 0, 1) - calculated(steps, pixels)[made]).max() < 1e-5


@pytest.mark.parametrize("channels", [1, 16, 39, 48])
@pytest.mark.parametrize("others", [0, 1, 2])
def test_what_is_but_an_output_is_written_by_what_makes_it(channels, others):
    """By a step of its own where a step reads it, too, or it is written twice."""
    steps = _smaller(14, 16)
    steps.append(_pointwise(steps[-1].result, channels, bias=_numbers(channels), low=-1.0))
    made, pixels = steps[-1].result, NUMBERS.integers(0, 256, (224, 224, 3), np.uint8)
    last = steps[-1]
    if others == 1:
        steps.append(last := _pointwise(made, 5))
    count = channels * 14 * 14
    writes = [Step(Kind.WRITE, made, None, target_index=3)]
    writes += [Step(Kind.WRITE, last.result, None, target=1)] if others else []
    network = DenseNetwork([*steps, *writes])
    assert network._layers["written"].tolist()[-2:] == [[0, channels], [5, 0], [0, 0]][others]
    one = np.full(count + 5, np.nan, np.float32)
    two = np.full((14, 14, last.result.channels), np.nan, np.float32)
    network.run(pixels[None], [one[None], two[None]], 2)
    expected = calculated(steps, pixels)
    assert np.isnan(one[[0, 1, 2, -2, -1]]).all()
    actual = one[3:-2].reshape(14, 14, channels).transpose(2, 0, 1)
    assert np.abs(actual - expected[made]).max() < 1e-5
    if others:
        assert np.abs(two.transpose(2, 0, 1) - expected[last.result]).max() < 1e-5


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("side", "channels"), [(14, 40), (2, 200)])
def test_weights_of_16_bits_are_kept_as_such(side, channels, exact):
    """All of a step, or none; the numbers are the same."""
    steps = [*_smaller(side, channels)]
    steps.append(_pointwise(steps[-1].result, 70, bias=_numbers(70)))
    for step in steps:
        if step.kind is not Kind.DEPTHWISE:
            step.weights = step.weights.astype(np.float16).astype(np.float32)
    if not exact:
        steps[-1].weights[69, -1] = 1e-6 if side == 14 else 70000.0
    steps[-1].high = 10.0
    _assert_right(steps)
    network = DenseNetwork([*steps, Step(Kind.WRITE, steps[-1].result, None)])
    convolutions = network._layers[network._layers["kind"] != Kind.DEPTHWISE]
    assert convolutions["halves"].tolist() == [1] * (len(convolutions) - 1) + [exact]


def test_many_threads_at_once_and_again():
    steps = _smaller(7, 100)
    steps.append(_depthwise(steps[-1].result))
    steps.append(_pointwise(steps[-1].result, 50))
    last, pixels = steps[-1].result, NUMBERS.integers(0, 256, (224, 224, 3), np.uint8)
    network = DenseNetwork([*steps, Step(Kind.WRITE, last, None)])
    expected = _run(network, pixels, last, 1)
    with ThreadPoolExecutor(6) as pool:
        every = list(pool.map(lambda threads: _run(network, pixels, last, threads), [*range(1, 13)] * 5))
    assert all((each == expected).all() for each in every)


SMALL, LARGE, POINT = Planes(8, 14, 14), Planes(16, 28, 28), Planes(8, 1, 1)


@pytest.mark.parametrize(
    "step",
    [
        _first(kernel=7),
        _first(stride=1),
        _first(pad=3),
        _first(sigmoid=True),
        Step(Kind.FIRST, None, Planes(8, 100, 100), weights=_numbers(8, 3, 3, 3), stride=2),
        Step(Kind.FIRST, None, Planes(8, 112, 112), weights=_numbers(8, 4, 3, 3), stride=2),
        _depthwise(SMALL, kernel=7),
        _depthwise(SMALL, stride=3),
        _depthwise(SMALL, pad=3),
        _depthwise(SMALL, pad=-1),
        _depthwise(SMALL, added=SMALL),
        _depthwise(SMALL, late_high=1.0),
        _depthwise(SMALL, low=0.5),
        Step(Kind.DEPTHWISE, SMALL, Planes(9, 14, 14), weights=_numbers(9, 1, 3, 3)),
        Step(Kind.DEPTHWISE, SMALL, SMALL, weights=_numbers(8, 1, 3, 5)),
        _pointwise(SMALL, 8, low=0.5),
        _pointwise(SMALL, 8, late_high=-0.5),
        _pointwise(SMALL, 8, sigmoid=True),
        _pointwise(SMALL, 16, added=Planes(8, 14, 14)),
        _pointwise(SMALL, 16, added=Planes(32, 14, 14)),
        _pointwise(SMALL, 8, added=Planes(8, 7, 7)),
        Step(Kind.POINTWISE, SMALL, Planes(8, 7, 7), weights=_numbers(8, 8, 1, 1)),
        Step(Kind.POINTWISE, SMALL, SMALL, weights=_numbers(8, 9, 1, 1)),
        Step(Kind.POINTWISE, SMALL, SMALL),
        Step(Kind.ENLARGE, SMALL, Planes(8, 42, 42)),
        Step(Kind.ENLARGE, SMALL, Planes(9, 28, 28)),
        Step(Kind.SPREAD, SMALL, Planes(2, 28, 28)),
        Step(Kind.POOL, LARGE, Planes(16, 7, 7)),
        Step(Kind.POOL, LARGE, Planes(16, 14, 14), bias=_numbers(16)),
        Step(Kind.MEAN, LARGE, Planes(16, 2, 2)),
        Step(Kind.MEAN, LARGE, Planes(16, 1, 1), bias=_numbers(16)),
        Step(Kind.WHOLE, SMALL, POINT, weights=_numbers(8, 8, 14, 14)),
        Step(Kind.WHOLE, LARGE, POINT, weights=_numbers(8, 16, 14, 14)),
        Step(Kind.WHOLE, LARGE, POINT, weights=_numbers(8, 16, 28, 28), high=1.0),
        Step(Kind.WRITE, None, None),
    ],
)
def test_what_the_kernels_were_not_written_for(step):
    assert not fits([step])


def test_a_step_in_front_of_another_that_they_were_not_written_for():
    front = _depthwise(SMALL, kernel=7)
    assert not fits([front, _pointwise(front.result, 8)])
    shrinking = _depthwise(SMALL, stride=2)
    behind = Step(Kind.POINTWISE, shrinking.result, SMALL, weights=_numbers(8, 8, 1, 1))
    assert not fits([shrinking, behind])
