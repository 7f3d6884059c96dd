"""Convolutional networks most of whose weights are zero, run by kernels that leave the zeros out.

Here a list of steps becomes what the kernels read (``sparse.h``, which also says how pictures lie in memory).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.kernels import native
from vitruvian.kernels.network import KernelNetwork
from vitruvian.kernels.steps import Kind, Planes, Step, append, are_read, joined, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["SparseNetwork", "fits", "supported"]

# Of `sparse.h`: the names and the order of the fields too.
_LANES, _GAP, _ROWS, _ACROSS, _FILTERS, _WIDEST = 16, 2, 7, 7 * 16, 4, 256
_OF_PLANES = ("channels", "height", "width", "plane", "apart")
_SIDES = [f"{side}_{name}" for side in ("in", "out") for name in _OF_PLANES]
_WHOLE = [
    "kind",
    "items",
    "in",
    "out",
    "added",
    *_SIDES,
    "kernel",
    "stride",
    "pad",
    "weights",
    "bias",
    "rows",
]
_WHOLE += ["inside", "parts", "blocks", "target", "target_index"]
_REAL = ["low", "high", "late_low", "late_high", "scale", "shift"]
_STEP = np.dtype([*((name, np.int32) for name in _WHOLE), *((name, np.float32) for name in _REAL)])
_TAP = np.dtype([("weight", np.float32), ("offset", np.int32)])

_VECTORS = 7  # of places that a 1x1 convolution takes together, and …
_CHANNELS = 128  # … the channels that it takes together: what the processor's first cache holds of both
_PIECES = 12  # least number of pieces of a step, so that threads end together


def supported() -> bool:
    """Return whether there are kernels, and a processor for them."""
    return are_read(_STEP, "STEP_BYTES")


def fits(steps: Sequence[Step]) -> bool:
    """Return whether the kernels were written for such steps."""
    return all(_fits(step) for step in steps)


class SparseNetwork(KernelNetwork):
    """A network that the kernels run.

    Args:
        steps: In the order of their calculation; all of them fit.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        assert native is not None  # noqa: S101  # `supported` is asked first
        writer = _Writer(steps)
        constants = joined(writer.constants, np.float32)
        taps, rows = joined(writer.taps, _TAP), joined(writer.rows, np.int32)
        run = partial(native.run_sparse, writer.steps, constants, taps, rows)
        super().__init__(run, len(writer.steps), writer.memory)
        self._steps = writer.steps


class _Writer:
    """Steps as the kernels read them."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.constants: list[NDArray[np.float32]] = []
        self.taps: list[NDArray[Any]] = []
        self.rows: list[NDArray[np.int32]] = []
        pictures = [step.result for step in steps if step.result is not None]
        begins, self._apart = places(steps, {planes: _plane(planes) * planes.channels for planes in pictures})
        self.memory = 2 * self._apart  # lower halves lie behind everything else
        self._places = {planes: begin + _around(planes) for planes, begin in begins.items()}
        self._gaps: dict[tuple[int, int], int] = {}
        self.steps = np.zeros(len(steps), _STEP)
        for row, step in zip(self.steps, steps, strict=True):
            for name, number in self._fields(step).items():
                row[name] = number

    def _fields(self, step: Step) -> dict[str, float]:
        fields: dict[str, float] = {name: getattr(step, name) for name in ("kind", "kernel", "stride", "pad")}
        fields |= {name: getattr(step, name) for name in (*_REAL, "target", "target_index")}
        fields |= {"items": 1, "added": -1 if step.added is None else self._places[step.added]}
        for side, planes in (("in", step.source), ("out", step.result)):
            if planes is not None:
                fields |= {side: self._places[planes], f"{side}_plane": _plane(planes)}
                fields |= {f"{side}_apart": self._apart if _halves(planes) > 1 else 0}
                fields |= {
                    f"{side}_{name}": getattr(planes, name) for name in ("channels", "height", "width")
                }
        if (result := step.result) is None:
            return fields
        fields["items"] = min(_PIECES, result.channels)
        fields["bias"] = append(
            self.constants, np.zeros(result.channels) if step.bias is None else step.bias, np.float32
        )
        if step.kind is Kind.POINTWISE:
            return fields | self._pointwise(step, result)
        if step.kind is Kind.DEPTHWISE and (step.stride > 1 or result.width >= _LANES - _GAP):
            bands = result.height // _ROWS
            fields["items"] = bands * min(-(-_PIECES // bands), result.channels)
        if step.kind is Kind.FIRST:
            fields |= {"in_height": 2 * result.height, "in_width": 2 * result.width, "in_channels": 3}
        if step.weights is not None:
            # The first convolution takes one number of all filters after the other.
            weights = step.weights.transpose(2, 3, 1, 0) if step.kind is Kind.FIRST else step.weights
            fields["weights"] = append(self.constants, weights, np.float32)
        return fields

    def _pointwise(self, step: Step, result: Planes) -> dict[str, float]:
        assert step.weights is not None  # noqa: S101  # a convolution
        assert step.source is not None  # noqa: S101  # which `fits` has seen
        weights = step.weights[:, :, 0, 0]
        vectors = _whole_vectors(_rows(result) * _line(result)) // _LANES
        blocks = -(-vectors // _VECTORS) * _halves(result)
        parts = np.array_split(np.arange(weights.shape[1]), -(-weights.shape[1] // _CHANNELS))
        rows = np.concatenate([self._taps_of(weights, part, _plane(step.source)) for part in parts])
        return {
            "blocks": blocks,
            "items": blocks * min(-(-_PIECES // blocks), result.channels),
            "parts": len(parts),
            "rows": append(self.rows, rows, np.int32),
            "inside": self._inside(result),
        }

    def _taps_of(self, weights: NDArray[np.float32], part: NDArray[np.intp], plane: int) -> NDArray[np.int64]:
        """Append the taps of some input channels; return where those of each output begin, and the end."""
        at, channel = np.nonzero(weights[:, part])
        taps = np.empty(len(at), _TAP)
        taps["weight"] = weights[at, part[channel]]
        taps["offset"] = part[channel] * plane
        begin = append(self.taps, taps, _TAP)
        counts = np.bincount(at, minlength=len(weights))
        ends: NDArray[np.int64] = begin + np.concatenate([[0], np.cumsum(counts)])
        return ends

    def _inside(self, planes: Planes) -> int:
        """Return where in ``rows`` it says which lanes of each vector are no gaps, a bit each."""
        shape = (planes.height, planes.width)
        if shape not in self._gaps:
            lanes = np.zeros(_whole_vectors(_rows(planes) * _line(planes)), bool)
            rows = lanes[: _rows(planes) * _line(planes)].reshape(-1, _line(planes))
            rows[:, : planes.width] = True
            bits = lanes.reshape(-1, _LANES) @ (1 << np.arange(_LANES))
            self._gaps[shape] = append(self.rows, bits, np.int32)
        return self._gaps[shape]


def _fits(step: Step) -> bool:
    source, result = step.source, step.result
    if step.kind is Kind.WRITE or result is None:
        return step.kind is Kind.WRITE
    if step.added is not None and step.added.shape != result.shape:
        return False
    if step.sigmoid or step.slopes is not None or (step.late and step.added is None):
        return False
    if step.late_slopes is not None:
        return False
    if source is None:
        return not step.late and _fits_first(step, result)
    channels, height, width = source.shape
    doubled = result.shape[1:] == (2 * height, 2 * width)
    return {
        Kind.POINTWISE: _fits_pointwise(step, source, result),
        Kind.DEPTHWISE: not step.late and _fits_depthwise(step, source, result),
        Kind.ENLARGE: doubled and _line(result) <= 2 * _LANES and channels == result.channels,
        Kind.SPREAD: not (step.early or step.late) and doubled and channels == 4 * result.channels,
    }.get(step.kind, False)


def _fits_pointwise(step: Step, source: Planes, result: Planes) -> bool:
    weights = (result.channels, source.channels, 1, 1)
    same = source.shape[1:] == result.shape[1:]
    return step.weights is not None and step.weights.shape == weights and same


def _fits_first(step: Step, result: Planes) -> bool:
    return (
        step.kind is Kind.FIRST
        and step.weights is not None
        and step.weights.shape == (result.channels, 3, 3, 3)
        and (step.stride, step.pad) in {(2, 0), (2, 1)}
        and result.channels % _FILTERS == result.width % _ACROSS == 0
        and 2 * result.width <= _WIDEST
    )


def _fits_depthwise(step: Step, source: Planes, result: Planes) -> bool:
    kernel, stride, pad = step.kernel, step.stride, step.pad
    # What the last window sees beyond the edge lies in the gap.
    beyond = [
        stride * (after - 1) + kernel - pad - before
        for before, after in ((source.height, result.height), (source.width, result.width))
    ]
    # Threads share out bands of rows: what a vector has beyond two of them would fall into another's.
    wide = stride == 1 or result.height == _ROWS or 2 * _line(result) >= _LANES
    return (
        kernel in {3, 5}
        and stride in {1, 2}
        and wide
        and pad >= 0
        and max(pad, *beyond) <= _GAP
        and source.channels == result.channels
        and result.height % _ROWS == 0
        and (stride == 2 or source.shape == result.shape)
        and step.weights is not None
        and step.weights.shape == (result.channels, 1, kernel, kernel)
    )


def _line(planes: Planes) -> int:
    """Return the floats from one row to the next."""
    return planes.width + _GAP


def _halves(planes: Planes) -> int:
    """Return into how many parts of whole bands of rows a picture is taken apart, as two threads share it."""
    return 2 if planes.height % (2 * _ROWS) == 0 and planes.width >= _LANES - _GAP else 1


def _rows(planes: Planes) -> int:
    """Return the rows that lie one behind the other."""
    return planes.height // _halves(planes)


def _around(planes: Planes) -> int:
    """Return the floats of zeros before the first row; as many lie behind the last."""
    return _whole_vectors(_GAP * _line(planes) + _GAP)


def _plane(planes: Planes) -> int:
    """Return the floats from one plane to the next, with room for vectors that are written beyond the end.

    They are an odd number of cache lines, so that the same place of many planes does not fall into the same
    few sets of the cache.
    """
    vectors = _whole_vectors(_rows(planes) * _line(planes) + 2 * _around(planes) + 4 * _LANES) // _LANES
    return (vectors | 1) * _LANES


def _whole_vectors(count: int) -> int:
    return -(-count // _LANES) * _LANES
