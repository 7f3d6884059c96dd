"""Networks that are rewritten, against themselves as they were."""

from math import prod

import numpy as np
import pytest
from openvino import Model, Type
from openvino import opset13 as ops

from vitruvian.models.blazepose import DETECTOR
from vitruvian.runtimes.openvino import OpenVINO, shared_core
from vitruvian.runtimes.openvino.rewrites import (
    convolve_before_enlarging,
    double_by_convolution,
    sum_up_one_by_one,
)

FIRST = [0, 3, 1, 2]


def _run(model: Model, picture) -> list[np.ndarray]:
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    return list(shared_core().compile_model(model, "CPU", config)([picture]).values())


def _products(model: Model) -> int:
    """How many multiplications the convolutions take."""
    return sum(
        prod(node.output(0).get_shape()) * prod(list(node.input(1).get_shape())[1:])
        for node in model.get_ops()
        if node.get_type_name() == "Convolution"
    )


def _network(*, side=12, kernel=1, stride=1, pad=0, order=FIRST, mode="linear_onnx", readers=1) -> Model:
    """A picture of 6 x 6 places with 8 channels, resized and convolved to 4, as ``.tflite`` files have it."""
    numbers = np.random.default_rng(0)
    picture = ops.parameter([1, 6, 6, 8], Type.f32)
    resized = ops.interpolate(
        picture, np.array([side, side]), mode, "sizes", coordinate_transformation_mode="half_pixel",
        axes=np.array([1, 2]),
    )  # fmt: skip
    turned = ops.transpose(resized, order)
    channels = turned.output(0).get_shape()[1]
    weights = numbers.standard_normal((4, channels, kernel, kernel), np.float32)
    convolved = ops.convolution(turned, weights, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
    results = [ops.add(convolved, numbers.standard_normal((1, 4, 1, 1), np.float32))]
    results += [ops.relu(turned)] * (readers - 1)
    return Model(results, [picture])


@pytest.mark.parametrize("mode", ["linear_onnx", "nearest", "cubic"])
def test_the_order_changes_nothing_but_the_last_bit(mode):
    picture = np.random.default_rng(1).standard_normal((1, 6, 6, 8), np.float32)
    model = _network(mode=mode)
    (before,) = _run(model, picture)
    products = _products(model)
    assert convolve_before_enlarging(model) == 1
    (after,) = _run(model, picture)
    assert _products(model) == products / 4
    assert after.shape == before.shape
    assert np.abs(after - before).max() < 1e-5 * np.abs(before).max()
    assert convolve_before_enlarging(model) == 0


@pytest.mark.parametrize(
    "unfit",
    [
        {"kernel": 3},
        {"stride": 2},
        {"pad": 1},
        {"side": 3},  # it makes the picture smaller
        {"side": 6},
        {"order": [0, 3, 2, 1]},
        {"readers": 2},  # somebody else wants the large one
    ],
)
def test_whatever_is_otherwise_stays_as_it_is(unfit):
    model = _network(**unfit)
    names = [node.get_friendly_name() for node in model.get_ordered_ops()]
    assert convolve_before_enlarging(model) == 0
    assert [node.get_friendly_name() for node in model.get_ordered_ops()] == names


@pytest.mark.parametrize(("files", "least"), [("full_files", 0.09), ("hands_files", 0.04)])
def test_the_detectors_are_the_same_for_less(request, files, least, tmp_path):
    path = tmp_path / "detector.tflite"
    path.write_bytes(request.getfixturevalue(files)["detector"].data)
    model = shared_core().read_model(path)
    shape = list(model.inputs[0].shape)
    picture = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    before, products = _run(model, picture), _products(model)
    assert convolve_before_enlarging(model) == 2
    for one, other in zip(before, _run(model, picture), strict=True):
        assert np.abs(one - other).max() < 1e-5 * np.abs(one).max()
    assert _products(model) < (1 - least) * products


def test_a_session_runs_what_is_rewritten(full_files, monkeypatch):
    monkeypatch.setattr("vitruvian.kernels.steps.native", None)
    session = OpenVINO().open(full_files["detector"], DETECTOR, outputs=tuple(DETECTOR.outputs))
    running = session._compiled.get_runtime_model().get_ops()
    shapes = [tuple(port.get_shape()) for node in running for port in node.inputs()]
    assert (1, 1152, 7, 7) in shapes
    assert (1, 1152, 14, 14) not in shapes


def _doubling(channels=8, *, to=(12, 14), coordinates="half_pixel", mode="linear_onnx") -> Model:
    picture = ops.parameter([1, 6, 7, channels], Type.f32)
    options = {"coordinate_transformation_mode": coordinates, "axes": np.array([1, 2])}
    resized = ops.interpolate(picture, np.array(to), mode, "sizes", **options)
    return Model([ops.relu(resized)], [picture])


def test_doubling_by_convolution_is_the_interpolation_edges_included():
    picture = np.random.default_rng(1).standard_normal((1, 6, 7, 8), np.float32)
    model = _doubling()
    (before,) = _run(model, picture)
    assert double_by_convolution(model) == 1
    (after,) = _run(model, picture)
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        {"channels": 16},
        {"to": (12, 13)},
        {"to": (18, 21)},
        {"mode": "nearest"},
        {"coordinates": "align_corners"},
    ],
)
def test_other_interpolations_stay(other):
    assert double_by_convolution(_doubling(**other)) == 0


def _summing(outputs=1, *, side=64, kernel=3, inputs=8, stride=1) -> Model:
    numbers = np.random.default_rng(0)
    picture = ops.parameter([1, inputs, side, side], Type.f32)
    weights = numbers.standard_normal((outputs, inputs, kernel, kernel), np.float32)
    pad = kernel // 2
    convolved = ops.convolution(picture, weights, [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
    return Model([ops.add(convolved, np.float32(0.5))], [picture])


@pytest.mark.parametrize("case", [{}, {"kernel": 5}, {"side": 128, "stride": 2}])
def test_the_sum_over_channels_is_the_same_one_by_one(case):
    model = _summing(**case)
    picture = np.random.default_rng(1).standard_normal(list(model.inputs[0].shape), np.float32)
    (before,) = _run(model, picture)
    assert sum_up_one_by_one(model) == 1
    (after,) = _run(model, picture)
    np.testing.assert_allclose(after, before, atol=1e-4)


@pytest.mark.parametrize("other", [{"outputs": 2}, {"side": 32}, {"kernel": 1}, {"inputs": 1}])
def test_other_convolutions_stay(other):
    assert sum_up_one_by_one(_summing(**other)) == 0


def test_masks_are_the_same_for_less(full_files, tmp_path):
    path = tmp_path / "landmarker.tflite"
    path.write_bytes(full_files["landmarker"].data)
    model = shared_core().read_model(path)
    picture = np.random.default_rng(0).random(list(model.inputs[0].shape), np.float32)
    before = _run(model, picture)
    assert (double_by_convolution(model), sum_up_one_by_one(model)) == (2, 1)
    for one, other in zip(before, _run(model, picture), strict=True):
        assert np.abs(one - other).max() < 1e-5 * np.abs(one).max()
