"""Networks for OpenVINO out of a graph of TensorFlow's operations (hand specification, section 6.4).

TensorFlow keeps the channels of a picture last, OpenVINO's convolutions want them first. Every value says
which it is, and is turned only where an operation needs it the other way, so that the network turns its input
once, and its outputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from openvino import Model, Type
from openvino import opset13 as ops

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from openvino import Node, Output

    from vitruvian.runtimes.session import Graph, GraphStep, Signature

__all__ = ["build"]

_MAX_VALUES = 1 << 26
"""Numbers that one operation may put out: a damaged shape must not take all memory."""

_FIRST, _LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""The axes of a value whose channels are to be first, and last again."""


class _Value(NamedTuple):
    """What an operation puts out.

    Attributes:
        port: In the network that is being built.
        first: Whether the channels of its four axes are first.
    """

    port: Output
    first: bool = False


@dataclass(frozen=True)
class _Step:
    """One operation, with what has been built of its inputs."""

    node: GraphStep
    values: Mapping[str, _Value]
    tensors: Mapping[str, NDArray[Any]]

    def value(self, place: int) -> _Value:
        return self.values[self._name(place)]

    def constant(self, place: int, axes: int | None = None) -> NDArray[Any]:
        name = self._name(place)
        if name not in self.tensors:
            raise self.error(f"input {place} must be a constant, and {name!r} is none")
        tensor = self.tensors[name]
        if axes is not None and tensor.ndim != axes:
            raise self.error(f"input {place} must have {axes} axes, got shape {list(tensor.shape)}")
        return tensor

    def text(self, key: str, default: str) -> str:
        value = self.node.attributes.get(key, default)
        if not isinstance(value, str):
            raise self.error(f"{key}: expected a text, got {value!r}")
        return value

    def inner(self, key: str) -> list[int]:
        """Return the height and the width of an attribute with a number for each of the four axes."""
        value = self.node.attributes.get(key, (1, 1, 1, 1))
        if not isinstance(value, tuple) or len(value) != 4 or value[0] != 1 or value[3] != 1:
            raise self.error(f"{key}: expected [1, rows, columns, 1], got {value!r}")
        return [int(number) for number in value[1:3]]

    def error(self, message: str) -> ValueError:
        return ValueError(f"node {self.node.name!r} ({self.node.op}): {message}")

    def _name(self, place: int) -> str:
        if place >= len(self.node.inputs):
            raise self.error(f"input {place} is missing")
        return self.node.inputs[place]


def build(graph: Graph, signature: Signature) -> Model:
    """Return the network of a graph, with inputs in float32 and outputs in the order of the signature.

    Raises:
        ValueError: The graph has an operation that is not known, or its tensors differ from the signature.
        RuntimeError: OpenVINO refuses an operation.
    """
    values: dict[str, _Value] = {}
    parameters = _parameters(graph, signature)
    for node in graph.nodes:
        step = _Step(node, values, graph.tensors)
        if node.name in parameters:
            value = _Value(parameters[node.name].output(0))
        elif node.op in _OPERATIONS:
            value = _OPERATIONS[node.op](step)
        else:
            raise step.error(f"unknown operation; known are {', '.join(_OPERATIONS)}")
        _check_size(step, value)
        values[node.name] = value
    found = [_channels_last(values[name]) for name in graph.outputs]
    return Model(_by_shape(found, signature), list(parameters.values()), graph.name)


def _parameters(graph: Graph, signature: Signature) -> dict[str, Node]:
    expected = [(1, *pixels.shape) for pixels in signature.inputs.values()]
    if len(graph.inputs) != len(expected):
        raise ValueError(f"{len(expected)} input is needed, got {', '.join(graph.inputs)}")
    shapes = dict(zip(graph.inputs, expected, strict=True))
    for node in graph.nodes:
        declared = node.attributes.get("shape")
        if node.name in shapes and isinstance(declared, tuple) and not _agree(declared, shapes[node.name]):
            raise ValueError(
                f"other inputs than this model family has: expected {shapes[node.name]}, got {declared}"
            )
    return {name: ops.parameter(list(shape), Type.f32) for name, shape in shapes.items()}


def _agree(declared: tuple[object, ...], shape: tuple[int, ...]) -> bool:
    """Return whether a declared shape, in which -1 stands for any length, fits."""
    return len(declared) == len(shape) and all(
        one in (-1, other) for one, other in zip(declared, shape, strict=True)
    )


def _by_shape(found: list[Output], signature: Signature) -> list[Output]:
    shapes = [tuple(port.shape) for port in found]
    ordered = []
    for shape in signature.outputs.values():
        places = [place for place, actual in enumerate(shapes) if actual == (1, *shape)]
        if len(places) != 1 or len(shapes) != len(signature.outputs):
            expected = [(1, *each) for each in signature.outputs.values()]
            raise ValueError(f"other outputs than this model family has: expected {expected}, got {shapes}")
        ordered.append(found[places[0]])
    return ordered


def _check_size(step: _Step, value: _Value) -> None:
    if not value.port.partial_shape.is_static or math.prod(value.port.shape) > _MAX_VALUES:
        raise step.error(f"output of shape {value.port.partial_shape}; at most {_MAX_VALUES:,} values fit")


def _channels_first(step: _Step, value: _Value) -> Output:
    """Return a value with four axes, the channels first; what has fewer axes lacks those in front."""
    if value.first:
        return value.port
    shape = list(value.port.shape)
    if len(shape) > len(_FIRST):
        raise step.error(f"at most {len(_FIRST)} axes are possible, got shape {shape}")
    port = value.port
    if len(shape) < len(_FIRST):
        port = _reshaped(port, [1] * (len(_FIRST) - len(shape)) + shape)
    return ops.transpose(port, np.array(_FIRST)).output(0)


def _channels_last(value: _Value) -> Output:
    return ops.transpose(value.port, np.array(_LAST)).output(0) if value.first else value.port


def _reshaped(port: Output, shape: list[int]) -> Output:
    return ops.reshape(port, np.array(shape, np.int64), special_zero=False).output(0)


def _image(step: _Step, place: int) -> Output:
    """Return an input that is a picture, with the channels first."""
    value = step.value(place)
    if len(value.port.shape) != len(_FIRST):
        raise step.error(f"input {place} must have 4 axes, got shape {list(value.port.shape)}")
    return _channels_first(step, value)


def _padding(step: _Step) -> str:
    """Return how the edge is treated; for an uneven number of pixels, SAME puts the odd one behind."""
    layout, padding = step.text("data_format", "NHWC"), step.text("padding", "")
    if layout != "NHWC":
        raise step.error(f"data_format: only NHWC is read, got {layout!r}")
    if padding not in ("SAME", "VALID"):
        raise step.error(f"padding: SAME or VALID, got {padding!r}")
    return padding


_AUTO = {"SAME": "same_upper", "VALID": "valid"}


def _constant(step: _Step) -> _Value:
    return _Value(ops.constant(np.ascontiguousarray(step.tensors[step.node.name])).output(0))


def _same(step: _Step) -> _Value:
    return step.value(0)


def _relu(step: _Step) -> _Value:
    value = step.value(0)
    return _Value(ops.relu(value.port).output(0), value.first)


def _sigmoid(step: _Step) -> _Value:
    value = step.value(0)
    return _Value(ops.sigmoid(value.port).output(0), value.first)


def _prelu(step: _Step) -> _Value:
    return _Value(_with_slope(step, _image(step, 0), 1), first=True)


def _with_slope(step: _Step, port: Output, place: int) -> Output:
    """Return x where it is positive, else x times a slope.

    The slope is stored with its own sign, although the node that holds it is called ``Neg``.
    """
    slope = step.constant(place)
    if slope.size not in (1, port.shape[1]):
        raise step.error(f"a slope for each of {port.shape[1]} channels is needed, got {list(slope.shape)}")
    return ops.prelu(port, np.ascontiguousarray(slope.reshape(-1))).output(0)


def _fused_convolution(step: _Step) -> _Value:
    kernel = np.ascontiguousarray(step.constant(1, 4).transpose(3, 2, 0, 1))
    port = ops.convolution(
        _image(step, 0),
        kernel,
        step.inner("strides"),
        [0, 0],
        [0, 0],
        step.inner("dilations"),
        _AUTO[_padding(step)],
    ).output(0)
    fused = step.node.attributes.get("fused_ops", ())
    place = 2
    for op in fused if isinstance(fused, tuple) else ():
        if op == "BiasAdd":
            bias = step.constant(place, 1)
            port = ops.add(port, np.ascontiguousarray(bias.reshape(1, -1, 1, 1))).output(0)
        elif op == "Prelu":
            port = _with_slope(step, port, place)
        elif op == "Relu":
            port = ops.relu(port).output(0)
        else:
            raise step.error(f"fused_ops: unknown operation {op!r}; known are BiasAdd, Prelu, Relu")
        place += op != "Relu"
    return _Value(port, first=True)


def _depthwise_convolution(step: _Step) -> _Value:
    kernel = step.constant(1, 4)  # rows, columns, channels, kernels for each channel
    kernel = np.ascontiguousarray(kernel.transpose(2, 3, 0, 1)[:, :, None])
    port = ops.group_convolution(
        _image(step, 0),
        kernel,
        step.inner("strides"),
        [0, 0],
        [0, 0],
        step.inner("dilations"),
        _AUTO[_padding(step)],
    )
    return _Value(port.output(0), first=True)


def _transposed_convolution(step: _Step) -> _Value:
    """Undo the shapes of a convolution: what that would pad is cut off (or added) here."""
    wanted, kernel, image = step.constant(0, 1).tolist(), step.constant(1, 4), _image(step, 2)
    strides, padding = step.inner("strides"), _padding(step)
    if step.inner("dilations") != [1, 1]:
        raise step.error("dilations: only 1 is possible here")
    if len(wanted) != 4 or wanted[3] != kernel.shape[2]:
        raise step.error(f"an output of shape {wanted} does not fit a kernel of {list(kernel.shape)}")
    begin, end, more = [], [], []
    for out, size, edge, stride in zip(
        wanted[1:3], list(image.shape)[2:], kernel.shape[:2], strides, strict=True
    ):
        surplus = (size - 1) * stride + edge - out
        if size != (-(-out // stride) if padding == "SAME" else -(-(out - edge + 1) // stride)):
            raise step.error(f"an output of shape {wanted} does not fit an input of {list(image.shape)}")
        begin.append(max(surplus, 0) // 2)
        end.append(max(surplus, 0) - begin[-1])
        more.append(max(-surplus, 0))
    port = ops.convolution_backprop_data(
        image,
        np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)),
        strides,
        pads_begin=begin,
        pads_end=end,
        dilations=[1, 1],
        auto_pad="explicit",
        output_padding=more,
    )
    return _Value(port.output(0), first=True)


def _max_pool(step: _Step) -> _Value:
    port = ops.max_pool(
        _image(step, 0),
        step.inner("strides"),
        [1, 1],
        [0, 0],
        [0, 0],
        step.inner("ksize"),
        auto_pad=_AUTO[_padding(step)],
    )
    return _Value(port.output(0), first=True)


def _pad(step: _Step) -> _Value:
    value, table = step.value(0), step.constant(1, 2)
    if table.shape != (len(value.port.shape), 2) or (table < 0).any():
        raise step.error(f"a row of two numbers for each axis is needed, got {table.tolist()}")
    if value.first:
        table = table[list(_FIRST)]
    begin, end = (np.ascontiguousarray(column, np.int64) for column in table.T)
    return _Value(ops.pad(value.port, begin, end, "constant").output(0), value.first)


def _pairwise(operation: Callable[[Output, Output], Node]) -> Callable[[_Step], _Value]:
    def build_one(step: _Step) -> _Value:
        one, other = step.value(0), step.value(1)
        first = one.first or other.first
        ports = [_channels_first(step, value) if first else value.port for value in (one, other)]
        return _Value(operation(*ports).output(0), first)

    return build_one


def _reshape(step: _Step) -> _Value:
    shape = [int(axis) for axis in step.constant(1, 1).tolist()]
    return _Value(_reshaped(_channels_last(step.value(0)), shape))


def _concatenation(step: _Step) -> _Value:
    last = len(step.node.inputs) - 1
    values = [step.value(place) for place in range(last)]
    axis = int(step.constant(last).reshape(-1)[0])
    first = any(value.first for value in values)
    rank = len(values[0].port.shape)
    if not -rank <= axis < rank:
        raise step.error(f"axis {axis} of {rank}")
    ports = [_channels_first(step, value) if first else value.port for value in values]
    return _Value(ops.concat(ports, _FIRST.index(axis % rank) if first else axis % rank).output(0), first)


_OPERATIONS: dict[str, Callable[[_Step], _Value]] = {
    "Add": _pairwise(ops.add),
    "AddV2": _pairwise(ops.add),
    "ConcatV2": _concatenation,
    "Const": _constant,
    "Conv2DBackpropInput": _transposed_convolution,
    "DepthwiseConv2dNative": _depthwise_convolution,
    "Identity": _same,
    "MaxPool": _max_pool,
    "Mul": _pairwise(ops.multiply),
    "Pad": _pad,
    "Prelu": _prelu,
    "Relu": _relu,
    "Reshape": _reshape,
    "Sigmoid": _sigmoid,
    "_FusedConv2D": _fused_convolution,
}
