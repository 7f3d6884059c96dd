"""The same network for less: rewritten before it is compiled.

What is calculated stays the same but for the last bits; how long it takes was measured on the networks that
come with MediaPipe, on processors with vectors of 16 numbers.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
from openvino import opset13 as ops

if TYPE_CHECKING:
    from openvino import Model, Node

__all__ = ["cheaper", "convolve_before_enlarging", "double_by_convolution", "sum_up_one_by_one"]

_FIRST, _LAST = [0, 3, 1, 2], [0, 2, 3, 1]
"""The axes of a picture whose channels are last, in the order that puts them first; and back again."""

_LANES = 16
"""Numbers of a vector: what has fewer channels leaves some of it idle."""

_MANY = 1 << 12
"""Places of a picture from which on its convolutions take time that counts."""


def cheaper(model: Model) -> None:
    """Rewrite what can be had for less; ``model`` is as OpenVINO reads it from a ``.tflite`` file."""
    convolve_before_enlarging(model)
    double_by_convolution(model)
    sum_up_one_by_one(model)


def convolve_before_enlarging(model: Model) -> int:
    """Let 1x1 convolutions work on the small picture, where a network enlarges one only to convolve it.

    The one mixes the channels of a place, the other the places of a channel: which comes first changes no
    more than the last bit, and the smaller the picture, the less there is to multiply: with BlazePose's
    detector by a tenth.

    Args:
        model: Its channels are last; changed in place.

    Returns:
        How many convolutions were moved.
    """
    moved = 0
    for node in model.get_ordered_ops():
        turned = _enlarged_for(node)
        if turned is None:
            continue
        readers = node.output(0).get_target_inputs()
        enlarged = turned.input_value(0).get_node()
        node.input(0).replace_source_output(ops.transpose(enlarged.input_value(0), _FIRST).output(0))
        enlarged.input(0).replace_source_output(ops.transpose(node, _LAST).output(0))
        for reader in readers:
            reader.replace_source_output(turned.output(0))
        moved += 1
    return _validated(model, moved)


def double_by_convolution(model: Model) -> int:
    """Enlarge pictures of few channels to twice their size by a transposed convolution.

    Linear interpolation half-way between pixels weighs two neighbours 3 to 1, in both directions, and repeats
    the edge. The interpolation of few channels takes OpenVINO more than twice as long.

    Args:
        model: Its channels are last; changed in place.

    Returns:
        How many enlargements were replaced.
    """
    replaced = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Interpolate" or not _doubles_few_channels(node):
            continue
        channels = node.input(0).get_shape()[3]
        share = np.array([0.25, 0.75, 0.75, 0.25], np.float32)
        kernels = np.tile(np.outer(share, share), (channels, 1, 1, 1, 1))
        edge = np.array([0, 0, 1, 1])
        framed = ops.pad(ops.transpose(node.input_value(0), _FIRST), edge, edge, "edge")
        doubled = ops.group_convolution_backprop_data(
            framed,
            ops.constant(kernels),
            strides=[2, 2],
            pads_begin=[3, 3],
            pads_end=[3, 3],
            dilations=[1, 1],
        )
        _read_instead(node, ops.transpose(doubled, _LAST))
        replaced += 1
    return _validated(model, replaced)


def sum_up_one_by_one(model: Model) -> int:
    """Convolve channel by channel, and add up, where a large picture of one channel comes out.

    It is the same sum in another order. A convolution fills its vectors with the channels that come out; with
    one, all but one number of each are idle.

    Args:
        model: Changed in place.

    Returns:
        How many convolutions were replaced.
    """
    replaced = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convolution" or not _has_one_large_output(node):
            continue
        options = node.get_attributes()
        _, channels, *kernel = node.input(1).get_shape()
        kernels = ops.reshape(node.input_value(1), np.array([channels, 1, 1, *kernel]), special_zero=False)
        places = (options["strides"], options["pads_begin"], options["pads_end"], options["dilations"])
        apart = ops.group_convolution(node.input_value(0), kernels, *places, options["auto_pad"])
        ones = ops.constant(np.ones((1, channels, 1, 1), np.float32))
        _read_instead(node, ops.convolution(apart, ones, [1, 1], [0, 0], [0, 0], [1, 1]))
        replaced += 1
    return _validated(model, replaced)


def _read_instead(node: Node, result: Node) -> None:
    """Let whoever reads a node read another one."""
    for reader in node.output(0).get_target_inputs():
        reader.replace_source_output(result.output(0))


def _validated(model: Model, changes: int) -> int:
    if changes:
        model.validate_nodes_and_infer_types()
    return changes


def _enlarged_for(node: Node) -> Node | None:
    """Return the transposition of an enlarged picture that nothing reads but this 1x1 convolution."""
    if node.get_type_name() != "Convolution" or not _is_pointwise(node):
        return None
    turned = node.input_value(0).get_node()
    if turned.get_type_name() != "Transpose" or not _is_read_once(turned):
        return None
    enlarged, order = (turned.input_value(i).get_node() for i in (0, 1))
    if enlarged.get_type_name() != "Interpolate" or not _is_read_once(enlarged):
        return None
    if (
        order.get_type_name() != "Constant"
        or order.get_vector().tolist() != _FIRST
        or not _is_static(enlarged)
    ):
        return None
    _, *small, channels = enlarged.input(0).get_shape()
    _, *large, still = enlarged.output(0).get_shape()
    return turned if prod(large) > prod(small) and channels == still else None


def _is_pointwise(convolution: Node) -> bool:
    weights = convolution.input(1).get_partial_shape()
    options = convolution.get_attributes()
    return (
        weights.is_static
        and set(weights.to_shape()[2:]) == {1}
        and set(options["strides"]) == {1}
        and not any([*options["pads_begin"], *options["pads_end"]])
    )


def _doubles_few_channels(interpolation: Node) -> bool:
    options = interpolation.get_attributes()
    kind = (options["mode"], options["coordinate_transformation_mode"])
    if kind != ("linear_onnx", "half_pixel") or any([*options["pads_begin"], *options["pads_end"]]):
        return False
    if not _is_static(interpolation) or len(interpolation.input(0).get_shape()) != 4:
        return False
    count, rows, columns, channels = interpolation.input(0).get_shape()
    doubled = [count, 2 * rows, 2 * columns, channels]
    return bool(channels < _LANES and list(interpolation.output(0).get_shape()) == doubled)


def _has_one_large_output(convolution: Node) -> bool:
    if not _is_static(convolution) or convolution.input(1).get_partial_shape().is_dynamic:
        return False
    outputs, inputs, *kernel = convolution.input(1).get_shape()
    places = prod(list(convolution.output(0).get_shape())[2:])
    return bool(outputs == 1 and inputs > 1 and prod(kernel) > 1 and places >= _MANY)


def _is_static(node: Node) -> bool:
    return not any(port.get_partial_shape().is_dynamic for port in (node.input(0), node.output(0)))


def _is_read_once(node: Node) -> bool:
    return len(node.output(0).get_target_inputs()) == 1
