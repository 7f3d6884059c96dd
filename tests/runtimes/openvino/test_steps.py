"""Networks that kernels of our own run, against OpenVINO."""

import cv2
import numpy as np
import pytest
from openvino import Model, Type
from openvino import opset13 as ops

import vitruvian
from vitruvian import OpenVINO, weights
from vitruvian.kernels.dense import DenseNetwork
from vitruvian.kernels.sparse import SparseNetwork, supported
from vitruvian.models.blazehand import HAND_LANDMARKER, PALM_DETECTOR
from vitruvian.models.blazepose import DETECTOR, LANDMARKER
from vitruvian.runtimes.openvino import shared_core
from vitruvian.runtimes.openvino.runtime import _KernelSession, _OpenVINOSession
from vitruvian.runtimes.openvino.steps import kernel_network
from vitruvian.runtimes.session import PixelInput, Signature

pytestmark = pytest.mark.skipif(not supported(), reason="kernels for vectors of sixteen numbers")

SIDE = 224
ONE = Signature({"image": PixelInput(SIDE, SIDE, low=-1.0, high=1.0)}, {"out": (56 * 56 * 68, 4)})


@pytest.fixture
def pictures(eval_photos):
    photos = [vitruvian.read_image(photo).pixels for photo in sorted(eval_photos.glob("*.jpg"))[:6]]

    def of(side: int) -> np.ndarray:
        noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
        return np.concatenate([np.stack([cv2.resize(photo, (side, side)) for photo in photos]), noise])

    return of


NETWORKS = [
    ("pose", "full", "detector", DETECTOR, SparseNetwork),
    ("pose", "full", "landmarker", LANDMARKER, DenseNetwork),
    ("hands", "lite", "detector", PALM_DETECTOR, DenseNetwork),
    ("hands", "lite", "landmarker", HAND_LANDMARKER, DenseNetwork),
    ("hands", "full", "detector", PALM_DETECTOR, DenseNetwork),
    ("hands", "full", "landmarker", HAND_LANDMARKER, DenseNetwork),
]


@pytest.mark.parametrize(("task", "model", "which", "signature", "kind"), NETWORKS)
def test_the_networks_of_bodies_and_hands(task, model, which, signature, kind, pictures, monkeypatch):
    names = tuple(name for name in signature.outputs if name != "segmentation")
    file = weights.load(model, task=task)[which]
    ours = OpenVINO().open(file, signature, outputs=names)
    assert isinstance(ours, _KernelSession)
    assert isinstance(ours._kernels, kind)
    monkeypatch.setattr("vitruvian.kernels.steps.native", None)
    theirs = OpenVINO().open(file, signature, outputs=names)
    assert isinstance(theirs, _OpenVINOSession)
    monkeypatch.undo()
    ((name, pixels),) = signature.inputs.items()
    batch = {name: pictures(pixels.height)}
    actual, expected = ours.run(batch), theirs.run(batch)
    for name in names:
        assert np.abs(actual[name] - expected[name]).max() < 5e-5 * max(1, np.abs(expected[name]).max())


@pytest.mark.parametrize("name", ["boxes", "scores"])
def test_only_what_is_asked_for_is_calculated(full_files, pictures, name):
    whole = OpenVINO().open(full_files["detector"], DETECTOR, outputs=tuple(DETECTOR.outputs))
    part = OpenVINO(threads=1).open(full_files["detector"], DETECTOR, outputs=(name,))
    assert isinstance(part, _KernelSession)
    assert part._threads == 1
    assert len(part._kernels._steps) < len(whole._kernels._steps)
    alone = part.run({"image": pictures(SIDE)[:2]})
    assert list(alone) == [name]
    assert (alone[name] == whole.run({"image": pictures(SIDE)[:2]})[name]).all()


def test_masks_are_openvinos(full_files):
    session = OpenVINO().open(full_files["landmarker"], LANDMARKER, outputs=("landmarks", "segmentation"))
    assert isinstance(session, _OpenVINOSession)


def _numbers(*shape: int, zeros=0.0):
    numbers = np.random.default_rng(sum(shape))
    return numbers.standard_normal(shape, np.float32) * (numbers.random(shape) >= zeros)


def _network(
    *,
    zeros=0.75,
    pad=1,
    end=1,
    pad_value=0.0,
    pad_mode="constant",
    dilation=1,
    behind=lambda x: x,
    before_bias=lambda x: x,
    added=ops.add,
) -> Model:
    """A picture, convolved to 16 channels, halved, mixed twice and added up, as ``.tflite`` files have it."""
    picture = ops.parameter([1, SIDE, SIDE, 3], Type.f32)
    turned = ops.transpose(picture, [0, 3, 1, 2])
    framed = ops.pad(
        turned, [0, 0, pad, pad], [0, 0, end, end], pad_mode, ops.constant(np.float32(pad_value))
    )
    options = {"auto_pad": "explicit"}
    convolved = ops.convolution(framed, _numbers(16, 3, 3, 3), [2, 2], [0, 0], [0, 0], [1, 1], **options)
    first = ops.clamp(ops.add(before_bias(convolved), _numbers(1, 16, 1, 1)), 0.0, 6.0)
    reach = [dilation, dilation]
    halved = ops.group_convolution(
        first, _numbers(16, 1, 1, 3, 3), [2, 2], reach, reach, [dilation] * 2, **options
    )
    mixed = ops.convolution(halved, _numbers(256, 16, 1, 1, zeros=zeros), [1, 1], [0, 0], [0, 0], [1, 1])
    mixed = behind(ops.clamp(ops.add(_numbers(1, 256, 1, 1), mixed), 0.0, 6.0))
    last = ops.convolution(mixed, _numbers(16, 256, 1, 1, zeros=zeros), [1, 1], [0, 0], [0, 0], [1, 1])
    last = ops.add(last, _numbers(1, 16, 1, 1))
    pieces = [
        ops.reshape(ops.transpose(each, [0, 2, 3, 1]), [1, -1, 4], special_zero=False)
        for each in (added(halved, last), mixed)
    ]
    model = Model([ops.concat([pieces[0], pieces[1]], 1)], [picture])
    model.outputs[0].get_tensor().set_names({"out"})
    return model


def _agrees(model: Model) -> bool:
    pixels = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    network = kernel_network(model, ONE)
    assert network is not None
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    (expected,) = (
        shared_core().compile_model(model, "CPU", config)([pixels[None] * np.float32(2 / 255) - 1]).values()
    )
    actual = np.empty(expected.shape[1:], np.float32)
    network.run(pixels[None], [actual[None]], 2)
    return bool(np.abs(actual - expected[0]).max() < 1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("pad", [0, 1])
def test_a_small_network(pad):
    assert _agrees(_network(pad=pad))


def test_what_is_added_may_be_bounded():
    assert _agrees(_network(added=lambda first, last: ops.clamp(ops.add(last, first), 0.0, 6.0)))


def _apart(picture, *kernel, pads=(1, 1, 1, 1)):
    """A convolution of each channel by itself."""
    channels = picture.output(0).get_shape()[1]
    weights = _numbers(channels, 1, 1, *kernel)
    return ops.group_convolution(picture, weights, [1, 1], pads[:2], pads[2:], [1, 1], auto_pad="explicit")


def _mixed(picture, channels, kind=Type.f32):
    weights = _numbers(channels, picture.output(0).get_shape()[1], 1, 1, zeros=0.75)
    if kind != Type.f32:
        weights = ops.convert(ops.constant(weights, dtype=kind), "f32")
    return ops.convolution(picture, weights, [1, 1], [0, 0], [0, 0], [1, 1])


def _padded(picture, before, after, value=0.0, mode="constant"):
    return ops.pad(picture, before, after, mode, ops.constant(np.float32(value)))


def _spread(picture):
    return ops.depth_to_space(picture, "blocks_first", 2)


def _through(picture, kind):
    return ops.convert(ops.convert(picture, kind), "f32")


def _pooled(picture, **other):
    options = {"kernel_shape": [2, 2], "strides": [2, 2], "pads_begin": [0, 0], "pads_end": [0, 0]} | other
    return ops.max_pool(picture, dilations=[1, 1], **options).output(0)


_DOUBLED = (np.array([2, 2, 16]), "linear_onnx", "sizes")


def _turned(point):
    """A single place, its channels last and first again."""
    return ops.reshape(ops.transpose(point, [0, 2, 3, 1]), [1, 16, 1, 1], special_zero=False)


def _added(change):
    """A network whose last layer is changed."""
    return {"added": lambda _, last: change(last)}


@pytest.mark.parametrize(
    "other",
    [
        {"pad": 1, "end": 3},
        {"pad": 0, "end": 0},
        _added(lambda x: ops.add(x, _apart(x, 3, 3))),
        _added(lambda x: ops.clamp(ops.add(x, _apart(x, 3, 3)), 0.0, 6.0)),
        _added(lambda x: ops.add(_spread(x), _numbers(1, 4, 1, 1))),
        _added(lambda x: ops.clamp(_spread(x), 0.0, 1.0)),
        _added(lambda x: ops.add(x, _numbers(1, 1, 1, 1))),
        _added(lambda x: ops.add(x, np.float32(3))),
        _added(lambda x: ops.add(_mixed(x, 1), x)),
        _added(lambda x: _mixed(_padded(x, [0, 0, 0, 0], [0, 4, 0, 0]), 16)),
        _added(lambda x: _apart(ops.clamp(_padded(x, [0] * 4, [0, 0, 2, 2]), 1.0, 2.0), 3, 3, pads=[0] * 4)),
        _added(lambda x: _apart(_padded(x, [0, 0, -1, -1], [0, 0, -1, -1]), 3, 3, pads=[2] * 4)),
        _added(lambda x: _apart(_padded(x, [0, 0, 1, 1], [0, 0, 1, 1], mode="edge"), 3, 3, pads=[0] * 4)),
        _added(lambda x: _apart(x, 5, 3, pads=[1, 1, 3, 1])),
        _added(lambda x: _apart(x, 3, 5, pads=[2, 2, 0, 2])),
        _added(lambda x: _through(x, "i32")),
        _added(lambda x: _through(x, "f16")),
        _added(ops.relu),
        _added(lambda x: ops.add(ops.add(x, _apart(x, 3, 3)), _numbers(1, 16, 1, 1))),
        _added(lambda x: ops.add(_apart(x, 3, 3), _numbers(1, 16, 1, 1), "pdpd")),
        _added(lambda x: ops.prelu(_apart(x, 3, 3), _numbers(16))),
        _added(lambda x: ops.prelu(_apart(x, 3, 3), _numbers(1, 1, 1, 1))),
        _added(lambda x: ops.prelu(ops.clamp(_apart(x, 3, 3), -1.0, 1.0), _numbers(1, 16, 1, 1))),
        _added(lambda x: ops.add(ops.prelu(_apart(x, 3, 3), _numbers(1, 16, 1, 1)), _numbers(1, 16, 1, 1))),
        _added(lambda x: ops.sigmoid(_apart(x, 3, 3))),
        _added(lambda x: ops.add(_apart(x, 3, 3), ops.reduce_mean(x, [2, 3], keep_dims=True))),
        _added(lambda x: ops.reduce_mean(_padded(x, [0] * 4, [0, 0, 1, 1]), [2, 3], keep_dims=True)),
        _added(lambda x: ops.reduce_mean(x, [1, 2], keep_dims=True)),
        _added(lambda x: _apart(_padded(x, [0, 0, 2, 2], [0, 0, 2, 2]), 3, 3, pads=[-1] * 4)),
        _added(lambda x: _mixed(x, 16, Type.bf16)),
        _added(lambda x: _mixed(x, 16, Type.f8e4m3)),
        _added(lambda x: ops.interpolate(_turned(_whole(x, 16)), *_DOUBLED, axes=np.array([1, 2, 3]))),
        _added(lambda x: _pooled(x, strides=[1, 1])),
        _added(lambda x: _pooled(x, pads_end=[1, 1])),
        _added(lambda x: _pooled(x, kernel_shape=[3, 3])),
        _added(lambda x: _pooled(_padded(x, [0] * 4, [0, 16, 0, 0]))),
        _added(lambda x: ops.add(_mixed(x, 32), _padded(x, [0, 16, 0, 0], [0] * 4))),
        _added(
            lambda x: _mixed(
                ops.add(_mixed(_mixed(x, 9), 20), _padded(_mixed(x, 9), [0] * 4, [0, 11, 0, 0])), 16
            )
        ),
        {"pad_value": 1.0},
        {"pad_mode": "reflect"},
        {"dilation": 2},
        {"behind": ops.relu},
        {"behind": lambda x: ops.clamp(x, 1.0, 2.0)},
        {"before_bias": lambda x: ops.clamp(x, -1.0, 1.0)},
        {"before_bias": lambda x: ops.multiply(x, np.float32(2))},
        {"added": lambda first, last: ops.add(ops.clamp(ops.add(first, last), 0.0, 1.0), first)},
        {"added": lambda _, last: ops.add(last, last)},
        {"added": lambda first, last: ops.add(first, ops.transpose(last, [0, 1, 3, 2]))},
    ],
)
def test_what_the_kernels_do_not_know_is_openvinos(other):
    model = _network(**other)
    assert kernel_network(model, ONE) is None


@pytest.mark.parametrize(
    "other",
    [
        {"zeros": 0.2},
        _added(lambda x: _apart(x, 3, 3, pads=[1, 1, 1, 2])),
        _added(lambda x: ops.prelu(_apart(x, 3, 3), _numbers(1, 16, 1, 1))),
        _added(lambda x: ops.prelu(ops.add(_mixed(x, 16), x), _numbers(1, 16, 1, 1))),
        _added(lambda x: ops.clamp(ops.prelu(_apart(x, 3, 3), _numbers(1, 16, 1, 1)), -99.0, 99.0)),
        _added(_pooled),
        _added(lambda x: ops.add(_padded(x, [0] * 4, [0, 16, 0, 0]), _mixed(x, 32))),
        _added(lambda x: _mixed(ops.add(_mixed(x, 20), _padded(x, [0] * 4, [0, 4, 0, 0])), 16)),
        _added(lambda x: ops.reduce_mean(x, [2, 3], keep_dims=True)),
        _added(lambda x: ops.sigmoid(ops.add(_whole(x, 36), _numbers(1, 36, 1, 1)))),
        _added(lambda x: _mixed(_mixed(_whole(x, 36), 9), 4)),
    ],
)
def test_what_only_the_kernels_for_few_zeros_know(other):
    model = _network(**other)
    assert isinstance(kernel_network(model, ONE), DenseNetwork)
    assert _agrees(model)


def _whole(picture, channels):
    """A convolution whose window is as large as the picture."""
    shape = picture.output(0).get_shape()
    weights = _numbers(channels, *shape[1:]) / 100
    return ops.convolution(picture, weights, [1, 1], [0, 0], [0, 0], [1, 1])


def test_layers_of_one_name_are_told_apart():
    model = _network()
    for node in model.get_ordered_ops():
        if node.get_type_name() in {"Convolution", "Clamp"}:
            node.set_friendly_name("t")
    assert _agrees(model)


def _picture_of(*outputs_of) -> Model:
    """A network with outputs that are made of its first layer."""
    picture = ops.parameter([1, SIDE, SIDE, 3], Type.f32)
    framed = _padded(ops.transpose(picture, [0, 3, 1, 2]), [0, 0, 1, 1], [0, 0, 1, 1])
    first = ops.convolution(framed, _numbers(16, 3, 3, 3), [2, 2], [0, 0], [0, 0], [1, 1])
    return Model([ops.result(of(first)) for of in outputs_of], [picture])


def _flat(picture, shape=(1, -1)):
    return ops.reshape(ops.transpose(picture, [0, 2, 3, 1]), list(shape), special_zero=False)


@pytest.mark.parametrize(
    ("outputs", "taken"),
    [
        ([_flat] * 8, True),
        ([_flat] * 9, False),
        ([lambda x: _flat(_pooled(x))], True),
        ([lambda x: _flat(ops.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(1))], False),
        ([lambda x: _flat(x, [1, -1, 4])], True),
        ([lambda x: ops.concat([_flat(_mixed(x, 16), [1, -1, 4])] * 2, 1)], True),
        ([lambda x: ops.concat([_flat(_mixed(x, 16), [2, -1, 4])] * 2, 1)], False),
        ([_flat, lambda x: ops.reshape(_whole(x, 1), [1], special_zero=False)], True),
    ],
)
def test_outputs_of_all_kinds(outputs, taken):
    model = _picture_of(*outputs)
    names = [str(number) for number in range(len(outputs))]
    signature = Signature(
        ONE.inputs, {name: tuple(port.shape)[1:] for name, port in zip(names, model.outputs, strict=True)}
    )
    pixels = np.random.default_rng(5).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    assert (kernel_network(model, signature) is not None) == taken
    if taken:
        compiled = shared_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        expected = compiled([pixels * np.float32(2 / 255) - 1]).values()
        session = OpenVINO()._compile(shared_core(), model, signature, tuple(names), "made here")
        assert isinstance(session, _KernelSession)
        for one, other in zip(session.run({"image": pixels}).values(), expected, strict=True):
            assert one.shape == other.shape
            assert np.abs(one - other).max() < 1e-4


def test_two_pictures_at_once_are_openvinos():
    two = Signature({"one": ONE.inputs["image"], "other": ONE.inputs["image"]}, ONE.outputs)
    assert kernel_network(_network(), two) is None


def test_without_kernels_everything_is_openvinos(monkeypatch):
    monkeypatch.setattr("vitruvian.kernels.steps.native", None)
    assert kernel_network(_network(), ONE) is None
