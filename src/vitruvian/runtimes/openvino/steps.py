"""Networks that are read by OpenVINO and run by kernels of our own.

Of the weights of MediaPipe's body detector's 1x1 convolutions, which are nearly all that it multiplies by,
three quarters are zero: there are kernels that leave the zeros out. The other networks have few; there are
kernels that keep what lies between two layers in the cache. OpenVINO does neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitruvian.kernels import dense, sparse
from vitruvian.kernels.dense import DenseNetwork
from vitruvian.kernels.sparse import SparseNetwork
from vitruvian.kernels.steps import MOST_OUTPUTS, UNBOUNDED, Kind, Look, Planes, Step
from vitruvian.kernels.windows import narrowed
from vitruvian.runtimes.openvino.constants import numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from openvino import Model, Node, Output

    from vitruvian.kernels.network import KernelNetwork
    from vitruvian.runtimes.session import PixelInput, Signature

__all__ = ["kernel_network"]

_MOST = 0.5  # share of multiplications that are not by zero, up to which leaving out the others is faster
_TO_FIRST, _TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def kernel_network(
    model: Model, signature: Signature, outputs: Sequence[str] | None = None
) -> KernelNetwork | None:
    """Return a network for the kernels, if there are any and they were written for such a network.

    Args:
        model: Its inputs take numbers, with the channels last; not changed.
        signature: What they are made of, and which outputs are read in windows only.
        outputs: Names of the model's outputs, by default all of the signature's.

    Returns:
        ``None`` where there are no kernels, and where a layer is not like those of the networks that the
        kernels were written for.
    """
    if not (sparse.supported() or dense.supported()) or len(signature.inputs) > 1:
        return None
    if len(model.outputs) > MOST_OUTPUTS:
        return None
    try:
        steps = _Reader(model, *signature.inputs.values()).steps
    except (_UnknownLayerError, LookupError, RuntimeError, TypeError, ValueError):
        # A graph may be otherwise in more ways than can be asked for, and OpenVINO answers each in its own.
        return None
    if _is_sparse(steps) and sparse.supported() and sparse.fits(steps):
        return SparseNetwork(steps)
    if dense.supported() and dense.fits(steps):
        return DenseNetwork(_narrowed(steps, signature, [*(outputs or signature.outputs)]))
    return None


def _narrowed(steps: list[Step], signature: Signature, outputs: Sequence[str]) -> list[Step]:
    for name, windows in signature.windows.items():
        if {name, windows.points} <= {*outputs}:
            height, width, *_ = signature.outputs[name]
            look = Look(height, width, windows.count, windows.numbers, windows.side, windows.kernel)
            steps = narrowed(steps, outputs.index(name), outputs.index(windows.points), look)
    return steps


class _UnknownLayerError(Exception):
    pass


class _Seen(NamedTuple):
    """What a node of the graph stands for."""

    planes: Planes | None
    """``None``: the network's input."""
    last: bool
    """Whether its channels are last."""
    shared: bool
    """Whether anything else reads what its step calculates, which then must stay as it is."""
    pad: int | None = None
    """Zeros above and to the left that are yet to be added; ``None``: none are, on any side."""
    more: int = 0
    """Channels of zeros that are yet to be added."""


class _Reader:
    """A graph as steps: layers, and with each what is added behind it and within which bounds it stays."""

    def __init__(self, model: Model, pixels: PixelInput) -> None:
        self.steps: list[Step] = []
        self._pixels = pixels
        self._seen: dict[str, _Seen] = {}
        self._made: dict[Planes, int] = {}
        layers: dict[str, Callable[[Node], None]] = {
            "Parameter": self._input,
            "Convert": self._transposition,
            "Transpose": self._transposition,
            "Pad": self._padding,
            "Convolution": self._convolution,
            "GroupConvolution": self._convolution,
            "Interpolate": self._enlargement,
            "DepthToSpace": self._spreading,
            "Add": self._addition,
            "Clamp": self._bounding,
            "PRelu": self._sloping,
            "Sigmoid": self._squashing,
            "MaxPool": self._pooling,
            "ReduceMean": self._averaging,
            "MatMul": self._multiplication,
            "Reshape": self._flattening,
        }
        for node in model.get_ordered_ops():
            if node.get_type_name() in layers and not numbers_of(node.output(0)).size:
                layers[node.get_type_name()](node)
        for number, port in enumerate(model.outputs):
            self._output(number, port.get_node().input_value(0))

    def _of(self, node: Node, number: int = 0) -> _Seen:
        """Return what an input of a node stands for."""
        port = node.input_value(number)
        seen = self._seen.get(port.get_node().get_name())
        if seen is None or port.get_index() > 0:  # of its outputs only the first is what is followed
            raise _UnknownLayerError
        return seen

    def _is(self, node: Node, seen: _Seen) -> None:
        if (planes := seen.planes) is not None and seen.pad is None:
            size, channels = [planes.height, planes.width], planes.channels + seen.more
            shape = [1, *size, channels] if seen.last else [1, channels, *size]
            actual = list(node.output(0).get_shape())
            _require(actual == shape or (size == [1, 1] and actual in ([1, channels], [1, channels, 1, 1])))
        shared = seen.shared or len(node.output(0).get_target_inputs()) > 1
        self._seen[node.get_name()] = seen._replace(shared=shared)

    def _input(self, node: Node) -> None:
        self._is(node, _Seen(None, last=True, shared=False))

    def _transposition(self, node: Node) -> None:
        seen = self._of(node)
        _require(node.output(0).get_element_type() == node.input(0).get_element_type())
        if node.get_type_name() == "Transpose":
            order = numbers_of(node.input_value(1)).tolist()
            if order != sorted(order):
                _require(order == (_TO_FIRST if seen.last else _TO_LAST))
                seen = seen._replace(last=not seen.last)
        self._is(node, seen)

    def _padding(self, node: Node) -> None:
        seen = self._of(node)
        before, after, value = (numbers_of(node.input_value(i)) for i in (1, 2, 3))
        _require(before.size == after.size == 4, value.size == 1, not value.any())
        _require(node.get_attributes()["pad_mode"] == "constant", seen.pad is None, not seen.last)
        batch, channels, above, left = before.tolist()
        _require(above == left, min(*before, *after) >= 0, not any([batch, channels, after[0]]))
        if more := int(after[1]):
            _require(not any([above, *after[2:], seen.more]), seen.planes is not None)
            self._is(node, seen._replace(more=more))
        else:
            self._is(node, seen._replace(pad=above))

    def _convolution(self, node: Node) -> None:
        seen, options = self._of(node), node.get_attributes()
        weights = numbers_of(node.input_value(1))
        (down, across), (above, left) = options["strides"], options["pads_begin"]
        _require(weights.size > 0, not seen.last, not seen.more, down == across, above == left)
        _require(set(options["dilations"]) == {1}, min(*options["pads_begin"], *options["pads_end"]) >= 0)
        apart = node.get_type_name() == "GroupConvolution"
        if apart:
            _require(weights.shape[1:3] == (1, 1))
            weights = weights[:, 0]
        _require(weights.shape[2] == weights.shape[3])
        step = Step(
            Kind.DEPTHWISE if apart else Kind.POINTWISE if seen.planes else Kind.FIRST,
            *(seen.planes, _planes(node)),
            weights=weights,
            stride=down,
            pad=(seen.pad or 0) + above,
        )
        if step.kind is Kind.POINTWISE:
            _require(step.stride == 1, step.pad == 0)
            if weights.shape[2:] != (1, 1):
                _require(seen.pad is None, not any(options["pads_end"]))
                step.kind = Kind.WHOLE
                _require(seen.planes is not None and weights.shape[1:] == seen.planes.shape)
        if step.kind is Kind.FIRST:
            low, high = self._pixels.low, self._pixels.high
            made = _planes(node)
            _require(self._pixels.shape == (2 * made.height, 2 * made.width, 3))
            step.scale, step.shift = (high - low) / 255, low
        self._add(node, step, last=False)

    def _enlargement(self, node: Node) -> None:
        seen, options = self._of(node), node.get_attributes()
        _require(
            (options["mode"], options["coordinate_transformation_mode"]) == ("linear_onnx", "half_pixel")
        )
        _require(not any([*options["pads_begin"], *options["pads_end"]]), seen.pad is None, seen.last)
        _require(not seen.more)
        _require(options["shape_calculation_mode"] == "sizes", not options["antialias"])
        self._add(node, Step(Kind.ENLARGE, seen.planes, _planes(node, last=True)), last=True)

    def _spreading(self, node: Node) -> None:
        seen, options = self._of(node), node.get_attributes()
        _require((options["mode"], options["block_size"]) == ("blocks_first", 2))
        _require(not seen.last, seen.pad is None, not seen.more)
        self._add(node, Step(Kind.SPREAD, seen.planes, _planes(node)), last=False)

    def _add(self, node: Node, step: Step, *, last: bool) -> None:
        if step.result is not None:
            self._made[step.result] = len(self.steps)
        self.steps.append(step)
        self._is(node, _Seen(step.result, last, shared=False))

    def _addition(self, node: Node) -> None:
        _require(node.get_attributes()["auto_broadcast"] == "numpy")
        for number, constant in enumerate(numbers_of(port) for port in node.input_values()):
            if constant.size:
                seen = self._of(node, 1 - number)
                step = self._open(seen)
                _require(not step.late, not replace(step, bias=None).early)
                bias = _of_channels(constant, seen, node)
                step.bias = bias + (0 if step.bias is None else step.bias)
                self._is(node, seen)
                return
        # What is calculated later takes up what was there before.
        before, after = sorted((self._of(node, i) for i in (0, 1)), key=self._number)
        step = self._open(after)
        _require(not step.late, before.planes is not None, before.last == after.last, before.pad is None)
        _require(self._number(before) < self._number(after))
        step.added = before.planes
        self._is(node, after)

    def _bounding(self, node: Node) -> None:
        seen, options = self._of(node), node.get_attributes()
        step = self._open(seen)
        names = ("low", "high") if step.added is None else ("late_low", "late_high")
        _require([getattr(step, name) for name in names] == [-UNBOUNDED, UNBOUNDED])
        for name, bound in zip(names, (options["min"], options["max"]), strict=True):
            setattr(step, name, float(np.clip(bound, -UNBOUNDED, UNBOUNDED)))
        self._is(node, seen)

    def _sloping(self, node: Node) -> None:
        seen = self._of(node)
        constant = numbers_of(node.input_value(1))
        _require(constant.ndim == len(node.output(0).get_shape()))  # of one with fewer axes it takes another
        step, slopes = self._open(seen), _of_channels(constant, seen, node)
        if step.added is None:
            _require(not replace(step, bias=None).early, not step.late)
            step.slopes = slopes
        else:
            _require(not replace(step, added=None).late)
            step.late_slopes = slopes
        self._is(node, seen)

    def _squashing(self, node: Node) -> None:
        seen = self._of(node)
        self._open(seen).sigmoid = True
        self._is(node, seen)

    def _pooling(self, node: Node) -> None:
        seen, options = self._of(node), node.get_attributes()
        _require(
            list(options["kernel"]) == list(options["strides"]) == [2, 2], not seen.last, seen.pad is None
        )
        _require(not any([*options["pads_begin"], *options["pads_end"], seen.more]))
        _require(set(options["dilations"]) == {1})
        self._add(node, Step(Kind.POOL, seen.planes, _planes(node)), last=False)

    def _averaging(self, node: Node) -> None:
        seen = self._of(node)
        axes = numbers_of(node.input_value(1)).tolist()
        _require(axes == ([1, 2] if seen.last else [2, 3]), seen.pad is None, not seen.more)
        if seen.planes is None:
            raise _UnknownLayerError
        self._add(node, Step(Kind.MEAN, seen.planes, Planes(seen.planes.channels, 1, 1)), last=False)

    def _multiplication(self, node: Node) -> None:
        seen, options = self._of(node), node.get_attributes()
        weights = numbers_of(node.input_value(1))
        _require(weights.ndim == 2, not options["transpose_a"], options["transpose_b"], seen.pad is None)
        _require(seen.planes is not None and seen.planes.shape == (weights.shape[1], 1, 1), not seen.more)
        step = Step(Kind.WHOLE, seen.planes, Planes(len(weights), 1, 1), weights=weights[:, :, None, None])
        self._add(node, step, last=False)

    def _flattening(self, node: Node) -> None:
        """Follow one of a single place; others may only be outputs, whose order is that of the picture."""
        seen = self._of(node)
        if seen.planes is not None and seen.planes.shape[1:] == (1, 1) and seen.pad is None:
            flat = [1, seen.planes.channels + seen.more]
            if list(node.output(0).get_shape()) in (flat, [*flat, 1, 1]):
                self._is(node, seen._replace(last=False))

    def _number(self, seen: _Seen) -> int:
        return -1 if seen.planes is None else self._made[seen.planes]

    def _open(self, seen: _Seen) -> Step:
        """Return the step to which more can be added, since nothing has read yet what it calculates."""
        _require(seen.planes is not None, not seen.shared, seen.pad is None, not seen.more)
        step = self.steps[self._number(seen)]
        _require(not step.sigmoid)
        return step

    def _output(self, number: int, port: Output) -> None:
        """Write pictures, channels last, one behind the other."""
        node, pieces = port.get_node(), [port]
        if node.get_type_name() == "Concat":
            _require(node.get_attributes()["axis"] == 1)
            pieces = [node.input_value(i) for i in range(node.get_input_size())]
        _require(port.get_shape()[0] == 1)
        written = 0
        for piece in pieces:
            maker = piece.get_node()
            flat = maker.get_type_name() == "Reshape" and maker.get_name() not in self._seen
            seen = self._of(maker) if flat else self._seen.get(maker.get_name())
            if seen is None or (planes := seen.planes) is None or seen.pad is not None or seen.more:
                raise _UnknownLayerError
            _require(piece.get_index() == 0, seen.last or planes.shape[1:] == (1, 1))
            self.steps.append(Step(Kind.WRITE, planes, None, target=number, target_index=written))
            written += planes.channels * planes.height * planes.width
        _require(written == np.prod(port.get_shape()))


def _require(*known: bool) -> None:
    if not all(known):
        raise _UnknownLayerError


def _of_channels(constant: NDArray[np.float32], seen: _Seen, node: Node) -> NDArray[np.float32]:
    """Return a constant that has a number for each channel, and is spread over all places."""
    planes = seen.planes
    axis = 1 if len(node.output(0).get_shape()) == 2 else 3 if seen.last else 1
    full = (1,) * (len(node.output(0).get_shape()) - constant.ndim) + constant.shape
    _require(planes is not None and constant.size == full[axis] == planes.channels)
    return constant.reshape(-1)


def _planes(node: Node, *, last: bool = False) -> Planes:
    count, *shape = node.output(0).get_shape()
    _require(count == 1)
    height, width, channels = shape if last else [*shape[1:], shape[0]]
    return Planes(channels, height, width)


def _is_sparse(steps: Sequence[Step]) -> bool:
    """Return whether most of what the steps that mix channels multiply by is zero."""
    every = done = 0
    for step in steps:
        if step.weights is not None and step.result is not None and step.kind is not Kind.DEPTHWISE:
            places = step.result.height * step.result.width
            every += step.weights.size * places
            done += int(np.count_nonzero(step.weights)) * places
    return bool(done and done <= _MOST * every)
