"""Convolutional networks few of whose weights are zero, run by kernels that keep what they need in the cache.

Here a list of steps becomes what the kernels read (``dense.h``, which also says how pictures lie in memory).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.kernels import native
from vitruvian.kernels.network import MOST_THREADS, KernelNetwork
from vitruvian.kernels.stem import STEM_FILTERS, STEM_PIECES, stem_of
from vitruvian.kernels.steps import Kind, Look, Planes, Step, append, are_read, joined, places, readers_of
from vitruvian.kernels.windows import STRIP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["DenseNetwork", "fits", "supported"]

# Of `dense.h`: the names and the order of the fields too.
_LANES, _COLUMNS, _FIRST_ROWS = 16, 2, 4
_SIDES = [f"{side}_{name}" for side in ("in", "out") for name in ("channels", "height", "width")]
_WHOLE = ["kind", "items", "in", "out", "added", *_SIDES, "added_channels", "kernel", "stride", "pad"]
_WHOLE += ["across", "filter", "filter_bias", "filter_slopes", "weights", "used", "groups"]
_WHOLE += ["bias", "slopes", "late_slopes", "sigmoid", "target", "target_index"]
_WHOLE += ["halves", "stem", "written", "listed"]
_BOUNDS = ["low", "high", "late_low", "late_high"]
_REAL = [*_BOUNDS, "filter_low", "filter_high", "scale", "shift"]
_LAYER = np.dtype([*((name, np.int32) for name in _WHOLE), *((name, np.float32) for name in _REAL)])

_ACROSS = (STRIP, 7, 6, 4, 2, 1)  # places in a row that a depthwise convolution takes together
_PLACES = 9  # least number of places of a piece
_FEW, _MANY = 4, 32  # pieces of a step: with fewer, they are of the filters, too


def supported() -> bool:
    """Return whether there are kernels, and a processor for them."""
    return are_read(_LAYER, "LAYER_BYTES")


def fits(steps: Sequence[Step]) -> bool:
    """Return whether the kernels were written for such steps."""
    return all(_fits(step, convolution) for step, convolution in _together(steps))


class DenseNetwork(KernelNetwork):
    """A network that the kernels run.

    Args:
        steps: In the order of their calculation; they fit.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        assert native is not None  # noqa: S101  # `supported` is asked first
        writer = _Writer(_together(_without_idle(steps)))
        constants = joined(writer.constants, np.float32)
        most = (int(writer.layers[name].max()) for name in ("in_channels", "in_width"))
        # Behind a picture's planes is what each thread has for itself.
        memory = writer.memory + _whole(native.dense_scratch(*most, bool(writer.stem))) * MOST_THREADS
        run = partial(native.run_dense, writer.layers, constants, writer.memory)
        super().__init__(run, len(writer.layers), memory)
        self._layers = writer.layers


def _without_idle(steps: Sequence[Step]) -> list[Step]:
    """Return the steps without channels that are zero behind a depthwise convolution, whatever is seen.

    A sixth of those of MediaPipe's hand landmarker are: their filters are zeros, their biases not above.
    What is added up without them is the same to the last bit.
    """
    makers, readers = {step.result: step for step in steps}, readers_of(steps)
    busy: dict[Planes | None, NDArray[np.bool_]] = {}
    for step in steps:
        if step.kind is not Kind.DEPTHWISE or step.source is None or step.result is None:
            continue
        around = [makers[step.source], *readers[step.source], *readers.get(step.result, [])]
        kinds = [each.kind for each in around]
        if kinds != [Kind.POINTWISE, Kind.DEPTHWISE, Kind.POINTWISE] or around[0].late:
            continue
        # Nothing else may see the channels, such as what is added.
        if around[2].source is step.result and around[2].added is not step.result:
            mask = _busy(step)
            if mask.any():
                busy[step.source] = busy[step.result] = mask
    return _cut(steps, busy)


def _busy(step: Step) -> NDArray[np.bool_]:
    """Return which channels of a depthwise convolution are not always zero."""
    assert step.weights is not None  # noqa: S101  # a convolution
    constant = np.zeros(len(step.weights)) if step.bias is None else step.bias
    if step.slopes is not None:
        constant = np.where(constant < 0, constant * step.slopes, constant)
    busy: NDArray[np.bool_] = step.weights.any((1, 2, 3)) | (np.clip(constant, step.low, step.high) != 0)
    return busy


def _cut(steps: Sequence[Step], busy: Mapping[Planes | None, NDArray[np.bool_]]) -> list[Step]:
    """Return the steps without the channels of some pictures that are not busy."""
    narrow = {planes: Planes(int(busy[planes].sum()), *planes.shape[1:]) for planes in busy if planes}
    less: list[Step] = []
    for step in steps:
        source, result = step.source, step.result
        numbers: dict[str, Any] = {name: getattr(step, name) for name in ("weights", "bias", "slopes")}
        if source in busy and step.kind is Kind.POINTWISE:
            numbers["weights"] = numbers["weights"][:, busy[source]]
        if result in busy:
            numbers = {
                name: None if number is None else number[busy[result]] for name, number in numbers.items()
            }
        planes = [each and narrow.get(each, each) for each in (source, result)]
        less.append(replace(step, source=planes[0], result=planes[1], **numbers))
    return less


def _together(steps: Sequence[Step]) -> list[tuple[Step, Step | None]]:
    """Return the steps; a depthwise convolution in front of a 1x1 one is no step, but stands beside it."""
    readers = readers_of(steps)
    in_front: dict[Planes | None, Step] = {}
    for step in steps:
        if step.kind is Kind.DEPTHWISE and step.result is not None:
            behind = readers.get(step.result, [])
            if [each.kind for each in behind] == [Kind.POINTWISE] and behind[0].added is not step.result:
                in_front[step.result] = step
    return [(step, in_front.get(step.source)) for step in steps if step.result not in in_front]


def _fits(step: Step, front: Step | None) -> bool:
    source, result = step.source, step.result
    if step.kind in {Kind.WRITE, Kind.LOOK} or result is None:
        return step.kind in {Kind.WRITE, Kind.LOOK} and source is not None
    # Unused channels are zeros, which the bounds must leave alone.
    bounded = step.low <= 0 <= step.high and step.late_low <= 0 <= step.late_high
    if not bounded or not _fits_added(step, result) or not (front is None or _fits_depthwise(front)):
        return False
    if source is None:
        return step.kind is Kind.FIRST and not step.sigmoid and _fits_first(step, result)
    simple, alike = not (step.early or step.late), source.channels == result.channels
    doubled = result.shape[1:] == (2 * source.height, 2 * source.width)
    halved = source.shape[1:] == (2 * result.height, 2 * result.width)
    return {
        Kind.POINTWISE: not step.sigmoid and _fits_pointwise(step, source, result),
        Kind.DEPTHWISE: _fits_depthwise(step),
        Kind.ENLARGE: not step.sigmoid and alike and doubled,
        Kind.POOL: step.bias is None and not step.sigmoid and alike and halved,
        Kind.MEAN: simple and alike and result.shape[1:] == (1, 1),
        Kind.WHOLE: _fits_whole(step, source, result),
    }.get(step.kind, False)


def _fits_added(step: Step, result: Planes) -> bool:
    """Return whether what is added has all channels, or the first ones in whole vectors."""
    if (added := step.added) is None:
        return True
    whole = added.channels == result.channels or added.channels % _LANES == 0
    return whole and added.channels <= result.channels and added.shape[1:] == result.shape[1:]


def _fits_pointwise(step: Step, source: Planes, result: Planes) -> bool:
    weights = (result.channels, source.channels, 1, 1)
    return source.shape[1:] == result.shape[1:] and step.weights is not None and step.weights.shape == weights


def _fits_first(step: Step, result: Planes) -> bool:
    kernel = step.kernel
    return (
        kernel in {3, 5}
        and step.weights is not None
        and step.weights.shape == (result.channels, 3, kernel, kernel)
        and step.stride == 2
        and 0 <= step.pad < kernel
        and result.width % _LANES == 0
    )


def _fits_depthwise(step: Step) -> bool:
    source, result, weights = step.source, step.result, step.weights
    if source is None or result is None or weights is None or step.late:
        return False
    return (
        source.channels == result.channels
        and weights.shape == (result.channels, 1, step.kernel, step.kernel)
        and step.kernel in {3, 5}
        and step.stride in {1, 2}
        and 0 <= step.pad < step.kernel
        and step.low <= 0 <= step.high
    )


def _fits_whole(step: Step, source: Planes, result: Planes) -> bool:
    plain = replace(step, bias=None, sigmoid=False)
    weights = (result.channels, *source.shape)
    alone = not (plain.early or plain.late) and result.shape[1:] == (1, 1)
    dense = source.channels % _LANES == 0 or source.shape[1:] == (1, 1)
    return alone and dense and step.weights is not None and step.weights.shape == weights


def _written(steps: Sequence[Step]) -> dict[Planes, Step]:
    """Return the pictures of which nothing is made but an output, and what writes that.

    What makes them writes there itself: heat maps are a megabyte, which the cache has better use for.
    """
    makers, readers = {step.result: step for step in steps}, readers_of(steps)
    return {
        planes: every[0]
        for planes, every in readers.items()
        if [step.kind for step in every] == [Kind.WRITE] and makers[planes].kind is Kind.POINTWISE
    }


class _Writer:
    """Steps as the kernels read them."""

    def __init__(self, steps: Sequence[tuple[Step, Step | None]]) -> None:
        # What a depthwise convolution makes is nowhere: the step behind it reads what it reads.
        read = [replace(step, source=front.source) if front else step for step, front in steps]
        self.stem = stem_of(steps)
        self._writes = {made: write for made, write in _written(read).items() if made not in self.stem}
        fronts = [front for step, front in steps if step.source not in self._writes]
        read = [step for step in read if step.source not in self._writes]
        sizes = {
            step.result: step.result.height * step.result.width * _whole(step.result.channels)
            for step in read
            if step.result is not None
        }
        self._places, self.memory = places(read, sizes | dict.fromkeys(self.stem[:-1], 0))
        beyond = max(_whole(planes.channels) for planes in sizes)  # a place beyond the edge
        self.constants = [np.zeros(beyond, np.float32)]
        self.layers = np.zeros(len(read), _LAYER)
        for row, step, front in zip(self.layers, read, fronts, strict=True):
            for name, number in self._fields(step, front).items():
                row[name] = number

    def _pictures(self, step: Step) -> dict[str, float]:
        """Return what every step has: what it reads and makes."""
        names = ("kind", "sigmoid", "target", "target_index", "scale", "shift", *_BOUNDS)
        fields: dict[str, float] = {name: getattr(step, name) for name in names}
        fields |= {
            "items": 1,
            "groups": 1,
            **dict.fromkeys(("added", "filter", "filter_slopes", "listed"), -1),
        }
        for side, planes in (("in", step.source), ("out", step.result)):
            if planes is not None:
                fields |= {side: self._places[planes], f"{side}_channels": _whole(planes.channels)}
                fields |= {f"{side}_{name}": getattr(planes, name) for name in ("height", "width")}
        if step.source is not None:
            fields |= {"used": step.source.channels, "items": step.source.height}  # as it is for WRITE
        if step.added is not None:
            fields |= {"added": self._places[step.added], "added_channels": _whole(step.added.channels)}
        if step.only is not None:
            fields["listed"] = self._places[step.only]
        return fields

    def _fields(self, step: Step, front: Step | None) -> dict[str, float]:
        fields = self._pictures(step)
        if step.look is not None:
            return fields | _looked(step.look)
        if (result := step.result) is None:
            return fields
        fields["bias"] = self._of_channels(step.bias, result, absent=False)
        fields["slopes"] = self._of_channels(step.slopes, result)
        fields["late_slopes"] = self._of_channels(step.late_slopes, result)
        if front is not None:
            fields |= self._depthwise(front)
        if step.kind is Kind.DEPTHWISE:
            return fields | self._depthwise(step) | {"items": _pieces(result)}
        if (write := self._writes.get(result)) is not None:
            place = {"target": write.target, "target_index": write.target_index}
            fields |= place | {"written": result.channels}
        if step.weights is not None:
            return fields | self._multiplied(step, step.weights, result)
        return fields | {"items": 1 if step.kind is Kind.MEAN else result.height}

    def _multiplied(self, step: Step, weights: NDArray[np.float32], result: Planes) -> dict[str, float]:
        if step.kind is Kind.FIRST:
            return self._first(step, weights, result)
        if step.kind is Kind.POINTWISE:
            return self._pointwise(weights[:, :, 0, 0], result)
        # All that a window as large as the picture sees is one place.
        flat = weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)
        depth = flat.shape[1]
        return {"kind": Kind.POINTWISE, "in_channels": depth, "used": depth} | self._pointwise(flat, result)

    def _of_channels(
        self, numbers: NDArray[np.float32] | None, result: Planes, *, absent: bool = True
    ) -> int:
        if numbers is None and absent:
            return -1
        row = np.zeros(_whole(result.channels), np.float32)
        row[: result.channels] = 0 if numbers is None else numbers
        return append(self.constants, row, np.float32)

    def _depthwise(self, step: Step) -> dict[str, float]:
        assert step.weights is not None  # noqa: S101  # which `fits` has seen
        assert step.result is not None  # noqa: S101  # which `fits` has seen
        filters = np.zeros((step.kernel, step.kernel, _whole(step.result.channels)), np.float32)
        filters[..., : step.result.channels] = step.weights[:, 0].transpose(1, 2, 0)
        return {
            **{name: getattr(step, name) for name in ("kernel", "stride", "pad")},
            "across": next(across for across in _ACROSS if step.result.width % across == 0),
            "filter": append(self.constants, filters, np.float32),
            "filter_bias": self._of_channels(step.bias, step.result, absent=False),
            "filter_slopes": self._of_channels(step.slopes, step.result),
            "filter_low": step.low,
            "filter_high": step.high,
        }

    def _first(self, step: Step, weights: NDArray[np.float32], result: Planes) -> dict[str, float]:
        # All that a window sees in a line of pixels, its colours one behind the other.
        return {
            **{name: getattr(step, name) for name in ("kernel", "stride", "pad")},
            **self._weights(weights.transpose(0, 2, 3, 1).reshape(len(weights), -1), result),
            "items": STEM_PIECES if self.stem else -(-result.height // _FIRST_ROWS),
            "stem": bool(self.stem),
            "in_height": 2 * result.height,
            "in_width": 2 * result.width,
        }

    def _pointwise(self, weights: NDArray[np.float32], result: Planes) -> dict[str, float]:
        pieces = 0 if result in self.stem else _pieces(result)  # none of its own
        pairs = -(-_whole(len(weights)) // (_COLUMNS * _LANES))
        groups = 1 if pieces >= _FEW else min(pairs, _FEW)
        return self._weights(weights, result) | {"groups": groups, "items": pieces * groups}

    def _weights(self, weights: NDArray[np.float32], result: Planes) -> dict[str, float]:
        """Append (filters, inputs) weights: as numbers of 16 bits, if that is what they are.

        A network's weights do not fit into a core's cache: those of half the size arrive sooner.
        """
        if result in self.stem:
            return {"weights": append(self.constants, _columns(weights, STEM_FILTERS), np.float32)}
        columns = _columns(weights, _COLUMNS * _LANES)
        with np.errstate(over="ignore"):
            halves = columns.astype(np.float16)
        exact = bool((halves == columns).all())
        numbers = halves.view(np.float32) if exact else columns
        return {"weights": append(self.constants, numbers, np.float32), "halves": exact}


def _looked(look: Look) -> dict[str, float]:
    fields = {"in_height": look.height, "in_width": look.width, "used": look.count, "stride": look.numbers}
    return {**fields, "kernel": look.kernel, "scale": look.side}


def _columns(weights: NDArray[np.float32], together: int) -> NDArray[np.float32]:
    """Return (filters, inputs) weights as so many filters together, for one input after the other."""
    filled = np.zeros((_whole(len(weights)), weights.shape[1]), np.float32)
    filled[: len(weights)] = weights
    return np.concatenate([filled[i : i + together].T.reshape(-1) for i in range(0, len(filled), together)])


def _pieces(result: Planes) -> int:
    return max(1, min(_MANY, result.height * result.width // _PLACES))


def _whole(channels: int) -> int:
    return -(-channels // _LANES) * _LANES
