"""The beginning of a network, calculated as one step: to the bit what its steps make one by one."""

import numpy as np
import pytest
from steps_reference import calculated

from vitruvian.kernels import dense
from vitruvian.kernels.dense import DenseNetwork, fits, supported
from vitruvian.kernels.steps import Kind, Planes, Step

pytestmark = pytest.mark.skipif(not supported(), reason="kernels for vectors of sixteen numbers")

NUMBERS = np.random.default_rng(0)
BOUNDS = {"low": 0.0, "high": 6.0}


def _numbers(*shape: int) -> np.ndarray:
    return (NUMBERS.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def _step(kind: Kind, source: Planes | None, made: Planes, kernel: int, **options) -> Step:
    inputs = 1 if kind is Kind.DEPTHWISE else source.channels if source else 3
    options["weights"] = _numbers(made.channels, inputs, kernel, kernel) * 2
    return Step(kind, source, made, bias=np.abs(_numbers(made.channels)), **options)


def _stem(height=256, width=256, channels=(24, 8, 32, 16), pads=(1, 1)) -> list[Step]:
    wide, narrow, many, last = (
        Planes(count, height // side, width // side)
        for count, side in zip(channels, (2, 2, 2, 4), strict=True)
    )
    filtered, halved = Planes(wide.channels, *wide.shape[1:]), Planes(many.channels, *last.shape[1:])
    first = {"stride": 2, "pad": pads[0], "scale": 2 / 255, "shift": -1.0}
    return [
        _step(Kind.FIRST, None, wide, 3, **first, **BOUNDS),
        _step(Kind.DEPTHWISE, wide, filtered, 3, pad=1, **BOUNDS),
        _step(Kind.POINTWISE, filtered, narrow, 1),
        _step(Kind.POINTWISE, narrow, many, 1, **BOUNDS),
        _step(Kind.DEPTHWISE, many, halved, 3, stride=2, pad=pads[1], **BOUNDS),
        _step(Kind.POINTWISE, halved, last, 1, low=-3.0, high=3.0),
    ]


def _last(steps: list[Step]) -> Planes:
    return next(step.result for step in reversed(steps) if step.result)


def _network(steps: list[Step]) -> DenseNetwork:
    written = [*steps, Step(Kind.WRITE, _last(steps), None)]
    assert fits(written)
    return DenseNetwork(written)


def _has_stem(network: DenseNetwork) -> bool:
    return bool(network._layers["stem"].any())


def _run(network: DenseNetwork, pixels: np.ndarray, planes: Planes, threads: int) -> np.ndarray:
    """What a network makes in a memory that is anything but zero."""
    result = np.full((planes.height, planes.width, planes.channels), np.nan, np.float32)
    network.run(pixels[None], [result[None]], threads)
    network._idle[-1][0][:] = np.nan
    network.run(pixels[None], [result[None]], threads)
    return result


def _assert_same(steps: list[Step], monkeypatch, threads=2) -> None:
    first, last = steps[0].result, steps[-1].result
    pixels = NUMBERS.integers(0, 256, (2 * first.height, 2 * first.width, 3), np.uint8)
    network = _network(steps)
    assert _has_stem(network)
    actual = _run(network, pixels, last, threads)
    expected = calculated(steps, pixels)[last]
    assert np.ptp(expected) > 1
    assert np.abs(actual.transpose(2, 0, 1) - expected).max() < 5e-5
    with monkeypatch.context() as patched:
        patched.setattr(dense, "stem_of", lambda _: [])
        each = _network(steps)
    assert not _has_stem(each)
    assert (actual == _run(each, pixels, last, threads)).all()


@pytest.mark.parametrize("side", [256, 224, 192, 160, 128, 64, 32])
@pytest.mark.parametrize("pads", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_sizes_and_where_windows_begin(side, pads, monkeypatch):
    _assert_same(_stem(side, side, pads=pads), monkeypatch)


@pytest.mark.parametrize(
    "size", [(32, 256), (64, 224), (256, 32), (224, 64), (8, 96), (4, 32), (30, 64), (38, 96)]
)
def test_pictures_that_are_no_squares(size, monkeypatch):
    _assert_same(_stem(*size), monkeypatch)


@pytest.mark.parametrize(
    "channels",
    [(9, 1, 2, 1), (3, 2, 5, 7), (23, 15, 61, 24), (32, 16, 64, 33), (64, 64, 64, 64), (24, 16, 64, 24)],
)
def test_channels(channels, monkeypatch):
    _assert_same(_stem(224, 224, channels), monkeypatch)


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 11])
def test_threads(threads, monkeypatch):
    _assert_same(_stem(), monkeypatch, threads)


def test_several_pictures_at_once():
    """Each by one thread, or one after the other by all."""
    steps = _stem(64, 64)
    last, network = _last(steps), _network(steps)
    batch = NUMBERS.integers(0, 256, (5, 64, 64, 3), np.uint8)
    together = np.full((5, last.height, last.width, last.channels), np.nan, np.float32)
    network.run(batch, [together], 2)
    for pixels, result in zip(batch, together, strict=True):
        assert (result == _run(network, pixels, last, 1)).all()


def test_what_comes_behind_it(monkeypatch):
    """Where pictures of the stem lay, others lie."""
    steps = _stem()
    made = steps[-1].result
    more = [_step(Kind.POINTWISE, made, Planes(96, *made.shape[1:]), 1, **BOUNDS)]
    more.append(_step(Kind.DEPTHWISE, more[0].result, Planes(96, *made.shape[1:]), 3, pad=1))
    more.append(_step(Kind.POINTWISE, more[1].result, Planes(16, *made.shape[1:]), 1, added=made))
    _assert_same([*steps, *more], monkeypatch)


def test_channels_that_are_always_zero_are_left_out(monkeypatch):
    """Behind the 1x1 convolution in the middle."""
    steps = _stem()
    steps[4].weights[:3], steps[4].bias[:3] = 0, -1
    _assert_same(steps, monkeypatch)
    assert _network(steps)._layers["used"].tolist()[1:4] == [24, 8, 29]


def _with(number: int, **options):
    def change(steps: list[Step]) -> list[Step]:
        for name, value in options.items():
            setattr(steps[number], name, value)
        return steps

    return change


def _read_again(number: int):
    def change(steps: list[Step]) -> list[Step]:
        made = steps[number].result
        return [*steps, _step(Kind.POINTWISE, made, Planes(4, *made.shape[1:]), 1)]

    return change


@pytest.mark.parametrize(
    "change",
    [
        *[_with(number, slopes=np.full(count, 0.5, np.float32)) for number, count in enumerate((24, 24, 8))],
        _with(3, late_high=1.0),
        _with(5, late_slopes=np.full(16, 0.5, np.float32)),
        _with(0, pad=2),
        _with(1, pad=0),
        _with(4, pad=2),
        *[_read_again(number) for number in range(5)],
        lambda steps: steps[:4],
    ],
)
def test_what_is_no_stem_is_calculated_step_by_step(change):
    steps = change(_stem(64, 64))
    network = _network(steps)
    assert not _has_stem(network)
    last, pixels = _last(steps), NUMBERS.integers(0, 256, (64, 64, 3), np.uint8)
    actual = _run(network, pixels, last, 2).transpose(2, 0, 1)
    assert np.abs(actual - calculated(steps, pixels)[last]).max() < 5e-5


@pytest.mark.parametrize("less", [(1, 0), (0, 1)], ids=["lower", "narrower"])
def test_pictures_of_several_sizes_are_no_stem(less):
    """Each step alone may be of any size; what lies beyond an edge is zeros at every one of them."""
    steps = _stem(64, 64)
    for number in (1, 2, 3):
        step = steps[number]
        step.result = Planes(step.result.channels, 32 - less[0], 32 - less[1])
        steps[number + 1].source = step.result
    network = _network(steps)
    assert not _has_stem(network)
    last, pixels = _last(steps), NUMBERS.integers(0, 256, (64, 64, 3), np.uint8)
    actual = _run(network, pixels, last, 2).transpose(2, 0, 1)
    assert np.abs(actual - calculated(steps, pixels)[last]).max() < 5e-5


def test_a_picture_in_its_midst_that_is_an_output():
    steps = _stem(64, 64)
    middle, last = steps[2].result, steps[-1].result
    writes = [Step(Kind.WRITE, planes, None, target=i) for i, planes in enumerate((last, middle))]
    network = DenseNetwork([*steps, *writes])
    assert not _has_stem(network)
    pixels = NUMBERS.integers(0, 256, (64, 64, 3), np.uint8)
    shapes = [(planes.height, planes.width, planes.channels) for planes in (last, middle)]
    results = [np.full(shape, np.nan, np.float32) for shape in shapes]
    network.run(pixels[None], [result[None] for result in results], 2)
    expected = calculated(steps, pixels)
    for result, planes in zip(results, (last, middle), strict=True):
        assert np.abs(result.transpose(2, 0, 1) - expected[planes]).max() < 5e-5


@pytest.mark.parametrize(
    "stem", [_stem(64, 288), _stem(64, 64, (24, 8, 65, 16)), _stem(64, 64, (65, 8, 8, 8)), _stem(64, 48)]
)
def test_what_is_too_large_for_a_stem(stem):
    """Too wide, too many channels, no whole vectors: or nothing that the kernels were written for."""
    written = [*stem, Step(Kind.WRITE, stem[-1].result, None)]
    assert not fits(written) or not _has_stem(DenseNetwork(written))
