"""Each operation of a graph against plain NumPy, channels last as TensorFlow has them."""

import numpy as np
import pytest

from vitruvian import OpenVINO, SessionError
from vitruvian.runtimes.session import PixelInput, Signature
from vitruvian.weights import GraphFile, GraphNode

RANDOM = np.random.default_rng(11)


def _weights(*shape):
    return RANDOM.normal(0, 0.5, shape).astype(np.float32)


def _graph(nodes, tensors, outputs):
    constants = [GraphNode(name, "Const") for name in tensors]
    return GraphFile(
        "test/model.json", "", (GraphNode("in", "Placeholder"), *constants, *nodes), tensors, ("in",), outputs
    )


def _run(nodes, tensors, shape, size=(8, 8), output=None):
    """Return a picture from -1 to 1, and what the graph makes of it."""
    signature = Signature({"image": PixelInput(*size, low=-1.0, high=1.0)}, {"out": shape})
    graph = _graph(nodes, tensors, (output or nodes[-1].name,))
    session = OpenVINO(threads=1).open_graph(graph, signature, outputs=("out",))
    pixels = RANDOM.integers(0, 256, (2, *size, 3), np.uint8)
    out = session.run({"image": pixels})["out"]
    session.close()
    return pixels.astype(np.float64) / 127.5 - 1, out


def _padded(x, kernel, stride, padding, value=0.0):
    """Return a picture with its padding, by the formula of section 6.4, and the output's size."""
    if padding == "VALID":
        return x, [(n - k) // s + 1 for n, k, s in zip(x.shape[1:3], kernel, stride, strict=True)]
    out = [-(-n // s) for n, s in zip(x.shape[1:3], stride, strict=True)]
    total = [
        max((o - 1) * s + k - n, 0) for o, s, k, n in zip(out, stride, kernel, x.shape[1:3], strict=True)
    ]
    edges = [(t // 2, t - t // 2) for t in total]
    return np.pad(x, [(0, 0), *edges, (0, 0)], constant_values=value), out


def _windows(x, kernel, stride, out):
    """Yield each output place with what the kernel sees there."""
    for i in range(out[0]):
        for j in range(out[1]):
            y0, x0 = i * stride[0], j * stride[1]
            yield i, j, x[:, y0 : y0 + kernel[0], x0 : x0 + kernel[1]]


def _convolved(x, weights, stride, padding, *, depthwise=False):
    kernel = weights.shape[:2]
    x, out = _padded(x, kernel, stride, padding)
    channels = weights.shape[2] * weights.shape[3] if depthwise else weights.shape[3]
    result = np.zeros((len(x), *out, channels))
    for i, j, window in _windows(x, kernel, stride, out):
        if depthwise:
            result[:, i, j] = np.einsum("nyxc,yxcm->ncm", window, weights).reshape(len(x), -1)
        else:
            result[:, i, j] = np.einsum("nyxc,yxco->no", window, weights)
    return result


def _node(name, op, *inputs, **attributes):
    return GraphNode(name, op, inputs, attributes)


def _conv(name, *inputs, op="_FusedConv2D", stride=(1, 1), padding="SAME", **attributes):
    return _node(
        name, op, *inputs, strides=(1, *stride, 1), padding=padding, data_format="NHWC", **attributes
    )


SIZES = [(8, 8), (9, 7), (6, 11)]
KERNELS = [((1, 1), (1, 1)), ((3, 3), (1, 1)), ((3, 3), (2, 2)), ((5, 5), (2, 2)), ((2, 3), (2, 1))]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("kernel", "stride"), KERNELS)
def test_convolution(size, padding, kernel, stride):
    weights = _weights(*kernel, 3, 4)
    expected_shape = _convolved(np.zeros((1, *size, 3)), weights, stride, padding).shape[1:]
    x, out = _run(
        [_conv("out", "in", "w", stride=stride, padding=padding)], {"w": weights}, expected_shape, size
    )
    assert out == pytest.approx(_convolved(x, weights, stride, padding), abs=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("kernel", "stride"), KERNELS)
@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_convolution(size, padding, kernel, stride, multiplier):
    weights = _weights(*kernel, 3, multiplier)
    shape = _convolved(np.zeros((1, *size, 3)), weights, stride, padding, depthwise=True).shape[1:]
    node = _conv("out", "in", "w", op="DepthwiseConv2dNative", stride=stride, padding=padding)
    x, out = _run([node], {"w": weights}, shape, size)
    assert out == pytest.approx(_convolved(x, weights, stride, padding, depthwise=True), abs=1e-5)


def test_an_even_picture_is_padded_behind():
    """k3 s2 pads (0, 1), k5 s2 pads (1, 2): a kernel that copies one pixel shows which."""
    for kernel, before in ((3, 0), (5, 1)):
        weights = np.zeros((kernel, kernel, 3, 1), np.float32)
        weights[before, before, 0] = 1
        x, out = _run([_conv("out", "in", "w", stride=(2, 2))], {"w": weights}, (4, 4, 1))
        assert out[..., 0] == pytest.approx(x[:, ::2, ::2, 0], abs=1e-6)


FUSED = {
    ("BiasAdd",): lambda x, b, _: x + b,
    ("BiasAdd", "Relu"): lambda x, b, _: np.maximum(x + b, 0),
    ("BiasAdd", "Prelu"): lambda x, b, a: np.where(x + b >= 0, x + b, a * (x + b)),
    ("Relu",): lambda x, *_: np.maximum(x, 0),
    ("Prelu",): lambda x, _, a: np.where(x >= 0, x, a * x),
}


@pytest.mark.parametrize("fused", FUSED, ids="-".join)
def test_what_is_fused_with_a_convolution(fused):
    weights, bias, slope = _weights(3, 3, 3, 5), _weights(5), _weights(1, 1, 5)
    more = [{"BiasAdd": "b", "Prelu": "prelu/Neg"}[op] for op in fused if op != "Relu"]
    node = _conv("out", "in", "w", *more, fused_ops=fused, num_args=len(more))
    x, out = _run([node], {"w": weights, "b": bias, "prelu/Neg": slope}, (8, 8, 5))
    plain = _convolved(x, weights, (1, 1), "SAME")
    assert out == pytest.approx(FUSED[fused](plain, bias, slope), abs=1e-5)
    assert (plain < 0).any()


@pytest.mark.parametrize("slope", [_weights(3), _weights(1, 1, 3), _weights(1)], ids=lambda a: str(a.shape))
def test_prelu_uses_the_slope_with_its_own_sign(slope):
    x, out = _run([_node("out", "Prelu", "in", "a")], {"a": slope}, (8, 8, 3))
    assert out == pytest.approx(np.where(x >= 0, x, slope.reshape(-1) * x), abs=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3)])
def test_max_pool_pads_with_nothing(size, padding, kernel):
    low = _node("low", "Add", "in", "two")  # below 0 everywhere, where a 0 would be seen
    node = _node("out", "MaxPool", "low", ksize=(1, *kernel, 1), strides=(1, 2, 2, 1), padding=padding)
    shape = (*_padded(np.zeros((1, *size, 3)), kernel, (2, 2), padding)[1], 3)
    x, out = _run([low, node], {"two": np.array(-2, np.float32)}, shape, size)
    padded, places = _padded(x - 2, kernel, (2, 2), padding, value=-np.inf)
    expected = np.zeros((2, *places, 3))
    for i, j, window in _windows(padded, kernel, (2, 2), places):
        expected[:, i, j] = window.max(axis=(1, 2))
    assert out == pytest.approx(expected, abs=1e-6)
    assert (expected < 0).all()


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "wanted"),
    [
        ((2, 2), (2, 2), "SAME", (16, 16)),
        ((2, 2), (2, 2), "SAME", (15, 16)),
        ((3, 3), (2, 2), "SAME", (16, 15)),
        ((5, 5), (2, 2), "SAME", (16, 15)),
        ((3, 3), (1, 1), "SAME", (8, 8)),
        ((1, 1), (2, 2), "SAME", (16, 15)),
        ((3, 3), (2, 2), "VALID", (17, 18)),
    ],
)
def test_transposed_convolution(kernel, stride, padding, wanted):
    weights = _weights(*kernel, 4, 3)  # rows, columns, out, in
    shape = np.array([1, *wanted, 4], np.int32)
    node = _conv("out", "size", "w", "in", op="Conv2DBackpropInput", stride=stride, padding=padding)
    x, out = _run([node], {"size": shape, "w": weights}, (*wanted, 4))
    _, places = _padded(np.zeros((1, *wanted, 4)), kernel, stride, padding)
    assert places == [8, 8]  # the convolution that this undoes fits
    full = np.zeros((2, 7 * stride[0] + kernel[0] + 2, 7 * stride[1] + kernel[1] + 2, 4))
    for i in range(8):
        for j in range(8):
            part = np.einsum("nc,yxoc->nyxo", x[:, i, j], weights)
            y0, x0 = i * stride[0], j * stride[1]
            full[:, y0 : y0 + kernel[0], x0 : x0 + kernel[1]] += part
    before = [0, 0]
    if padding == "SAME":
        before = [max(7 * s + k - n, 0) // 2 for s, k, n in zip(stride, kernel, wanted, strict=True)]
    expected = full[:, before[0] : before[0] + wanted[0], before[1] : before[1] + wanted[1]]
    assert out == pytest.approx(expected, abs=1e-5)


def test_pad_adds_zeros():
    table = np.array([[0, 0], [1, 2], [0, 3], [2, 1]], np.int32)
    x, out = _run([_node("out", "Pad", "in", "table")], {"table": table}, (11, 11, 6))
    assert out == pytest.approx(np.pad(x, table), abs=1e-6)


def test_pad_after_a_convolution_widens_channels():
    weights, table = _weights(1, 1, 3, 4), np.array([[0, 0], [0, 0], [0, 0], [0, 4]], np.int32)
    nodes = [_conv("conv", "in", "w"), _node("out", "Pad", "conv", "table")]
    x, out = _run(nodes, {"w": weights, "table": table}, (8, 8, 8))
    assert out == pytest.approx(np.pad(_convolved(x, weights, (1, 1), "SAME"), table), abs=1e-5)


@pytest.mark.parametrize(("op", "function"), [("Mul", np.multiply), ("Add", np.add), ("AddV2", np.add)])
@pytest.mark.parametrize("shape", [(3,), (), (1,), (1, 1, 3), (8, 8, 3), (1, 8, 1, 1)], ids=str)
@pytest.mark.parametrize("behind", [False, True], ids=["picture", "convolution"])
def test_arithmetic_broadcasts_as_numpy_does(op, function, shape, behind):
    weights, other = _weights(3, 3, 3, 3), np.asarray(_weights(*shape))
    nodes = [_conv("conv", "in", "w"), _node("out", op, "other", "conv" if behind else "in")]
    x, out = _run(nodes, {"w": weights, "other": other}, (8, 8, 3))
    x = _convolved(x, weights, (1, 1), "SAME") if behind else x
    assert out == pytest.approx(function(x, other), abs=1e-5)


def test_two_values_with_their_channels_in_different_places():
    weights = _weights(3, 3, 3, 3)
    x, out = _run([_conv("conv", "in", "w"), _node("out", "AddV2", "in", "conv")], {"w": weights}, (8, 8, 3))
    assert out == pytest.approx(x + _convolved(x, weights, (1, 1), "SAME"), abs=1e-5)


@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("Relu", lambda x: np.maximum(x, 0)),
        ("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("Identity", lambda x: x),
    ],
)
@pytest.mark.parametrize("behind", [False, True], ids=["picture", "convolution"])
def test_functions_of_one_value(op, function, behind):
    weights = _weights(1, 1, 3, 3)
    nodes = [_conv("conv", "in", "w"), _node("out", op, "conv" if behind else "in")]
    x, out = _run(nodes, {"w": weights}, (8, 8, 3))
    assert out == pytest.approx(function(_convolved(x, weights, (1, 1), "SAME") if behind else x), abs=1e-5)


def test_reshape_counts_with_the_channels_last():
    weights = _weights(1, 1, 3, 6)
    nodes = [_conv("conv", "in", "w"), _node("out", "Reshape", "conv", "shape")]
    x, out = _run(nodes, {"w": weights, "shape": np.array([1, -1, 3], np.int32)}, (128, 3))
    assert out == pytest.approx(_convolved(x, weights, (1, 1), "SAME").reshape(2, 128, 3), abs=1e-5)


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -3])
def test_concatenation(axis):
    weights = _weights(1, 1, 3, 3)
    nodes = [_conv("conv", "in", "w"), _node("out", "ConcatV2", "in", "conv", "axis", N=2)]
    shape = [8, 8, 3]
    shape[axis - 1 if axis > 0 else axis] *= 2
    x, out = _run(nodes, {"w": weights, "axis": np.array(axis, np.int32)}, tuple(shape))
    both = np.concatenate([x, _convolved(x, weights, (1, 1), "SAME")], axis=axis)
    assert out == pytest.approx(both, abs=1e-5)


def test_concatenation_of_rows():
    shape = np.array([1, -1, 1], np.int32)
    nodes = [_node("flat", "Reshape", "in", "shape"), _node("out", "ConcatV2", "flat", "flat", "axis")]
    x, out = _run(nodes, {"shape": shape, "axis": np.array(-1, np.int32)}, (192, 2))
    assert out == pytest.approx(np.repeat(x.reshape(2, 192, 1), 2, axis=2), abs=1e-6)


def test_outputs_are_told_apart_by_their_shape():
    tensors = {"one": np.array([1, 192], np.int32), "two": np.array([1, 64, 3], np.int32)}
    nodes = [_node("a", "Reshape", "in", "one"), _node("b", "Reshape", "in", "two")]
    signature = Signature({"image": PixelInput(8, 8, low=0.0, high=255.0)}, {"rows": (64, 3), "flat": (192,)})
    pixels = RANDOM.integers(0, 256, (1, 8, 8, 3), np.uint8)
    for order in (("a", "b"), ("b", "a")):
        session = OpenVINO().open_graph(_graph(nodes, tensors, order), signature, outputs=("rows", "flat"))
        out = session.run({"image": pixels})
        assert (out["rows"] == pixels.reshape(1, 64, 3)).all()
        assert (out["flat"] == pixels.reshape(1, 192)).all()


def test_precision_is_float32():
    signature = Signature({"image": PixelInput(8, 8, low=0.0, high=1.0)}, {"out": (8, 8, 3)})
    graph = _graph([_node("out", "Relu", "in")], {}, ("out",))
    session = OpenVINO(threads=1).open_graph(graph, signature, outputs=("out",))
    assert session._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    assert session._compiled.get_property("INFERENCE_NUM_THREADS") == 1


W = {"w": _weights(3, 3, 3, 4)}
BROKEN = {
    "unknown operation": ([_node("out", "Softmax", "in")], {}),
    "unknown operation 'Elu'; known are BiasAdd": ([_conv("out", "in", "w", fused_ops=("Elu",))], W),
    "only NHWC": ([_node("out", "_FusedConv2D", "in", "w", padding="SAME", data_format="NCHW")], W),
    "padding: SAME or VALID, got 'EXPLICIT'": ([_conv("out", "in", "w", padding="EXPLICIT")], W),
    "strides: expected": ([_node("out", "_FusedConv2D", "in", "w", padding="SAME", strides=(2,))], W),
    "input 1 is missing": ([_conv("out", "in")], {}),
    "must be a constant": ([_conv("out", "in", "in")], {}),
    "must have 4 axes": ([_conv("out", "in", "w")], {"w": _weights(3, 3)}),
    "a slope for each of 3 channels": ([_node("out", "Prelu", "in", "a")], {"a": _weights(4)}),
    "axis 9 of 4": ([_node("out", "ConcatV2", "in", "in", "axis")], {"axis": np.array(9, np.int32)}),
    "a row of two numbers": ([_node("out", "Pad", "in", "t")], {"t": np.zeros((3, 2), np.int32)}),
    "values fit": (
        [_node("out", "Pad", "in", "t")],
        {"t": np.array([[0, 0], [0, 1 << 30], [0, 0], [0, 0]], np.int32)},
    ),
    "does not fit an input": (
        [_conv("out", "size", "w", "in", op="Conv2DBackpropInput", stride=(2, 2))],
        {"size": np.array([1, 30, 16, 4], np.int32), "w": _weights(2, 2, 4, 3)},
    ),
    "does not fit a kernel": (
        [_conv("out", "size", "w", "in", op="Conv2DBackpropInput", stride=(2, 2))],
        {"size": np.array([1, 16, 16, 5], np.int32), "w": _weights(2, 2, 4, 3)},
    ),
    "other outputs than this model family has": ([_node("out", "Relu", "in")], {}),
    "other inputs than this model family has": (
        [_node("out", "Relu", "in"), GraphNode("in", "Placeholder", (), {"shape": (-1, 9, 8, 3)})],
        {},
    ),
    "": ([_node("out", "Reshape", "in", "s")], {"s": np.array([1, 7, 7], np.int32)}),
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_cannot_be_built_says_why(message):
    nodes, tensors = BROKEN[message]
    signature = Signature({"image": PixelInput(8, 8, low=0.0, high=1.0)}, {"out": (5, 5, 5)})
    with pytest.raises(SessionError, match=r"test/model\.json: ") as caught:
        OpenVINO().open_graph(_graph(nodes, tensors, ("out",)), signature, outputs=("out",))
    assert message in str(caught.value)


def test_two_outputs_of_one_shape_cannot_be_told_apart():
    signature = Signature(
        {"image": PixelInput(8, 8, low=0.0, high=1.0)}, {"one": (8, 8, 3), "two": (8, 8, 3)}
    )
    graph = _graph([_node("a", "Relu", "in"), _node("b", "Sigmoid", "in")], {}, ("a", "b"))
    with pytest.raises(SessionError, match="other outputs"):
        OpenVINO().open_graph(graph, signature, outputs=("one",))


def test_a_graph_with_two_inputs_is_another_network():
    signature = Signature({"image": PixelInput(8, 8, low=0.0, high=1.0)}, {"out": (8, 8, 3)})
    nodes = (GraphNode("in", "Placeholder"), GraphNode("more", "Placeholder"))
    graph = GraphFile("test/model.json", "", nodes, {}, ("in", "more"), ("in",))
    with pytest.raises(SessionError, match="1 input is needed"):
        OpenVINO().open_graph(graph, signature, outputs=("out",))
