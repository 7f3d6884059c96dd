"""Convolutional networks most of whose weights are zero, run by kernels that leave the zeros out.

Here a list of steps becomes what the kernels read (``sparse.h``, which also says how pictures lie in memory).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.kernels import native

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import DTypeLike, NDArray

__all__ = ["UNBOUNDED", "Kind", "Planes", "SparseNetwork", "Step", "supported"]

UNBOUNDED = float(np.finfo(np.float32).max)

# Of `sparse.h`: the names and the order of the fields too.
_LANES, _GAP, _ROWS, _ACROSS, _FILTERS, _WIDEST = 16, 2, 7, 7 * 16, 4, 256
_SIDES = [f"{side}_{name}" for side in ("in", "out") for name in ("channels", "height", "width", "plane")]
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


class Kind(IntEnum):
    """What a step calculates."""

    FIRST = 0
    """A 3x3 convolution with a stride of 2, of 8-bit pixels."""
    DEPTHWISE = 1
    """A 3x3 or 5x5 convolution of each channel by itself."""
    POINTWISE = 2
    """A 1x1 convolution."""
    ENLARGE = 3
    """Twice the size, bilinear, half-pixel centres."""
    SPREAD = 4
    """Twice the size, out of four times as many channels: depth to space, blocks first."""
    WRITE = 5
    """To an output, channels last."""


@dataclass(eq=False)
class Planes:
    """A picture between two steps.

    Attributes:
        channels: Number of its planes.
        height: In places.
        width: In places.
    """

    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width

    @property
    def line(self) -> int:
        """Floats from one row to the next."""
        return self.width + _GAP

    @property
    def around(self) -> int:
        """Floats of zeros before the first row; as many lie behind the last."""
        return _whole_vectors(_GAP * self.line + _GAP)

    @property
    def plane(self) -> int:
        """Floats from one plane to the next, with room for vectors that are written beyond the end.

        They are an odd number of cache lines, so that the same place of many planes does not fall into the
        same few sets of the cache.
        """
        vectors = _whole_vectors(self.height * self.line + 2 * self.around + 4 * _LANES) // _LANES
        return (vectors | 1) * _LANES


@dataclass(eq=False)
class Step:
    """One step of a network: calculate, add the bias, keep within bounds, add, keep within bounds.

    Attributes:
        kind: What is calculated.
        source: What it reads; ``None``: the network's input.
        result: What it makes; ``None``: an output of the network.
        weights: (outputs, inputs, h, w) of a convolution; (channels, 1, h, w) where each is by itself.
        bias: (channels,).
        stride: Of a convolution.
        pad: Zeros above and to the left.
        added: What is added to the result.
        low: Bound of the result before anything is added.
        high: The same.
        late_low: Bound after that.
        late_high: The same.
        scale: What a pixel is multiplied by, for the first convolution.
        shift: What is added to that.
        target: Number of the output that is written.
        target_index: Where in it.
    """

    kind: Kind
    source: Planes | None
    result: Planes | None
    weights: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None
    stride: int = 1
    pad: int = 0
    added: Planes | None = None
    low: float = -UNBOUNDED
    high: float = UNBOUNDED
    late_low: float = -UNBOUNDED
    late_high: float = UNBOUNDED
    scale: float = 1.0
    shift: float = 0.0
    target: int = 0
    target_index: int = 0

    @property
    def kernel(self) -> int:
        """Side of a convolution's window."""
        return 1 if self.weights is None else self.weights.shape[-1]

    def fits(self) -> bool:
        """Return whether the kernels were written for such a step."""
        source, result = self.source, self.result
        if self.kind is Kind.WRITE or result is None:
            return self.kind is Kind.WRITE
        if self.added is not None and self.added.shape != result.shape:
            return False
        plain = self.bias is None and (self.low, self.high) == (-UNBOUNDED, UNBOUNDED)
        alone = self.added is None and (self.late_low, self.late_high) == (-UNBOUNDED, UNBOUNDED)
        if source is None:
            return alone and self._fits_first(result)
        channels, height, width = source.shape
        doubled = result.shape[1:] == (2 * height, 2 * width)
        return {
            Kind.POINTWISE: self._fits_pointwise(source, result),
            Kind.DEPTHWISE: alone and self._fits_depthwise(source, result),
            Kind.ENLARGE: doubled and result.line <= 2 * _LANES and channels == result.channels,
            Kind.SPREAD: alone and plain and doubled and channels == 4 * result.channels,
        }.get(self.kind, False)

    def _fits_pointwise(self, source: Planes, result: Planes) -> bool:
        weights = (result.channels, source.channels, 1, 1)
        same = source.shape[1:] == result.shape[1:]
        return self.weights is not None and self.weights.shape == weights and same

    def _fits_first(self, result: Planes) -> bool:
        return (
            self.kind is Kind.FIRST
            and self.weights is not None
            and self.weights.shape == (result.channels, 3, 3, 3)
            and (self.stride, self.pad) in {(2, 0), (2, 1)}
            and result.channels % _FILTERS == result.width % _ACROSS == 0
            and 2 * result.width <= _WIDEST
        )

    def _fits_depthwise(self, source: Planes, result: Planes) -> bool:
        kernel, stride, pad = self.kernel, self.stride, self.pad
        # What the last window sees beyond the edge lies in the gap.
        beyond = [
            stride * (after - 1) + kernel - pad - before
            for before, after in ((source.height, result.height), (source.width, result.width))
        ]
        return (
            kernel in {3, 5}
            and stride in {1, 2}
            and max(pad, *beyond) <= _GAP
            and source.channels == result.channels
            and result.height % _ROWS == 0
            and (stride == 2 or source.shape == result.shape)
            and self.weights is not None
            and self.weights.shape == (result.channels, 1, kernel, kernel)
        )


def supported() -> bool:
    """Return whether there are kernels, and a processor for them.

    What was compiled from another version of this file is none.
    """
    return native is not None and bool(native.VECTORS_SUPPORTED) and _STEP.itemsize == native.STEP_BYTES


class SparseNetwork:
    """A network that the kernels run; many threads may do so at once.

    Args:
        steps: In the order of their calculation; all of them fit.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        writer = _Writer(steps)
        self._steps = writer.steps
        self._constants = _joined(writer.constants, np.float32)
        self._taps = _joined(writer.taps, _TAP)
        self._rows = _joined(writer.rows, np.int32)
        self._memory = writer.memory
        # A memory serves one caller at a time; as many are made as there are callers at once.
        self._idle: LifoQueue[tuple[NDArray[np.float32], NDArray[np.uint8]]] = LifoQueue()

    def run(self, pixels: NDArray[np.uint8], results: Sequence[NDArray[np.float32]], threads: int) -> None:
        """Run the network.

        Args:
            pixels: (H, W, 3) uint8, of which each row follows the one before.
            results: Where to write the outputs: of their shapes, the same way.
            threads: Most threads that work on it.
        """
        assert native is not None  # noqa: S101  # `supported` is asked first
        try:
            memory, progress = self._idle.get_nowait()
        except Empty:
            memory = _aligned(self._memory, np.float32)
            progress = _aligned(len(self._steps) * native.PROGRESS_BYTES, np.uint8)
        network = (self._steps, self._constants, self._taps, self._rows)
        native.run(*network, pixels, memory, progress, tuple(results), threads)
        self._idle.put((memory, progress))


class _Writer:
    """Steps as the kernels read them."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.constants: list[NDArray[np.float32]] = []
        self.taps: list[NDArray[Any]] = []
        self.rows: list[NDArray[np.int32]] = []
        self._places, self.memory = _placed(steps)
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
                fields |= {side: self._places[planes], f"{side}_plane": planes.plane}
                fields |= {
                    f"{side}_{name}": getattr(planes, name) for name in ("channels", "height", "width")
                }
        if (result := step.result) is None:
            return fields
        fields["items"] = min(_PIECES, result.channels)
        fields["bias"] = _append(
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
            fields["weights"] = _append(self.constants, weights, np.float32)
        return fields

    def _pointwise(self, step: Step, result: Planes) -> dict[str, float]:
        assert step.weights is not None  # noqa: S101  # a convolution
        assert step.source is not None  # noqa: S101  # which `fits` has seen
        weights = step.weights[:, :, 0, 0]
        vectors = _whole_vectors(result.height * result.line) // _LANES
        blocks = -(-vectors // _VECTORS)
        parts = np.array_split(np.arange(weights.shape[1]), -(-weights.shape[1] // _CHANNELS))
        rows = np.concatenate([self._taps_of(weights, part, step.source.plane) for part in parts])
        return {
            "blocks": blocks,
            "items": blocks * min(-(-_PIECES // blocks), result.channels),
            "parts": len(parts),
            "rows": _append(self.rows, rows, np.int32),
            "inside": self._inside(result),
        }

    def _taps_of(self, weights: NDArray[np.float32], part: NDArray[np.intp], plane: int) -> NDArray[np.int64]:
        """Append the taps of some input channels; return where those of each output begin, and the end."""
        at, channel = np.nonzero(weights[:, part])
        taps = np.empty(len(at), _TAP)
        taps["weight"] = weights[at, part[channel]]
        taps["offset"] = part[channel] * plane
        begin = _append(self.taps, taps, _TAP)
        counts = np.bincount(at, minlength=len(weights))
        ends: NDArray[np.int64] = begin + np.concatenate([[0], np.cumsum(counts)])
        return ends

    def _inside(self, planes: Planes) -> int:
        """Return where in ``rows`` it says which lanes of each vector are no gaps, a bit each."""
        shape = (planes.height, planes.width)
        if shape not in self._gaps:
            lanes = np.zeros(_whole_vectors(planes.height * planes.line), bool)
            rows = lanes[: planes.height * planes.line].reshape(planes.height, planes.line)
            rows[:, : planes.width] = True
            bits = lanes.reshape(-1, _LANES) @ (1 << np.arange(_LANES))
            self._gaps[shape] = _append(self.rows, bits, np.int32)
        return self._gaps[shape]


def _placed(steps: Sequence[Step]) -> tuple[dict[Planes, int], int]:
    """Return where in the memory each picture is, and its size: what nobody reads any more makes room."""
    last = {
        planes: number
        for number, step in enumerate(steps)
        for planes in (step.source, step.added)
        if planes is not None
    }
    spans: dict[Planes, tuple[int, int]] = {}
    for number, step in enumerate(steps):
        if step.result is None:
            continue
        at, size = 0, step.result.plane * step.result.channels
        for begin, end in sorted(span for planes, span in spans.items() if last.get(planes, 0) >= number):
            if at + size <= begin:
                break
            at = max(at, end)
        spans[step.result] = at, at + size
    places = {planes: begin + planes.around for planes, (begin, _) in spans.items()}
    return places, max((end for _, end in spans.values()), default=0)


def _append(pieces: list[NDArray[Any]], piece: NDArray[Any], dtype: DTypeLike) -> int:
    """Append an array; return its place in all of them together."""
    place = sum(len(each) for each in pieces)
    pieces.append(np.ascontiguousarray(piece, dtype).reshape(-1))
    return place


def _joined(pieces: list[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    joined = _aligned(sum(len(piece) for piece in pieces), dtype)
    if pieces:
        np.concatenate(pieces, out=joined)
    return joined


def _aligned(count: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return zeros that begin where a cache line does."""
    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    return raw[begin : begin + count * size].view(dtype)


def _whole_vectors(count: int) -> int:
    return -(-count // _LANES) * _LANES
