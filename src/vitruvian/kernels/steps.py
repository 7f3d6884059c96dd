"""Convolutional networks as lists of steps: what the kernels for networks read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.kernels import native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import DTypeLike, NDArray

__all__ = [
    "MOST_OUTPUTS",
    "UNBOUNDED",
    "Kind",
    "Look",
    "Planes",
    "Step",
    "aligned",
    "append",
    "are_read",
    "joined",
    "places",
    "readers_of",
]

UNBOUNDED = float(np.finfo(np.float32).max)
MOST_OUTPUTS = 8
"""Of a network, for which `doors_networks.c` has room."""


class Kind(IntEnum):
    """What a step calculates."""

    FIRST = 0
    """A convolution with a stride of 2, of 8-bit pixels."""
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
    POOL = 6
    """Half the size, the largest of two by two."""
    MEAN = 7
    """Of all places."""
    WHOLE = 8
    """A convolution whose window is as large as the picture."""
    LOOK = 9
    """No picture, but which places of one are read."""


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


@dataclass(frozen=True)
class Look:
    """Which places of a picture are read: windows around points (pose specification, section 7, step 4).

    Attributes:
        height: Of the picture, in places.
        width: The same.
        count: Of points.
        numbers: From one point to the next; its x and y come first.
        side: What x and y are divided by to be fractions of the picture's width and height.
        kernel: Side of a window in places, odd; the point's own place, truncated, is in the middle.
    """

    height: int
    width: int
    count: int
    numbers: int
    side: float
    kernel: int


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
        added: What is added to the result: all its channels, or the first ones.
        slopes: (channels,), what numbers below zero are multiplied by, before they are kept within bounds.
        low: Bound of the result before anything is added.
        high: The same.
        late_slopes: Slopes after that.
        late_low: Bound after that.
        late_high: The same.
        sigmoid: Whether the logistic function of all that is the result.
        scale: What a pixel is multiplied by, for the first convolution.
        shift: What is added to that.
        target: Number of the output that is written.
        target_index: Where in it.
        look: Of LOOK: which places are read.
        only: Which places of the result are read, if not all are: nothing else needs to be calculated.
    """

    kind: Kind
    source: Planes | None
    result: Planes | None
    weights: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None
    stride: int = 1
    pad: int = 0
    added: Planes | None = None
    slopes: NDArray[np.float32] | None = None
    low: float = -UNBOUNDED
    high: float = UNBOUNDED
    late_slopes: NDArray[np.float32] | None = None
    late_low: float = -UNBOUNDED
    late_high: float = UNBOUNDED
    sigmoid: bool = False
    scale: float = 1.0
    shift: float = 0.0
    target: int = 0
    target_index: int = 0
    look: Look | None = None
    only: Planes | None = None

    @property
    def read(self) -> set[Planes]:
        """What the step reads, but for the network's input."""
        return {planes for planes in (self.source, self.added, self.only) if planes is not None}

    @property
    def kernel(self) -> int:
        """Side of a convolution's window."""
        return 1 if self.weights is None else self.weights.shape[-1]

    @property
    def early(self) -> bool:
        """Whether anything is done between the calculation and what is added."""
        bounded = (self.low, self.high) != (-UNBOUNDED, UNBOUNDED)
        return self.bias is not None or self.slopes is not None or bounded

    @property
    def late(self) -> bool:
        """Whether anything is added, or done behind that."""
        bounded = (self.late_low, self.late_high) != (-UNBOUNDED, UNBOUNDED)
        return self.added is not None or self.late_slopes is not None or bounded or self.sigmoid


def are_read(steps: np.dtype[Any], size: str) -> bool:
    """Return whether there are kernels, and a processor for them, that read steps written like this.

    Args:
        steps: How one is written.
        size: Name under which the kernels say how many bytes one has: those that were compiled from another
            version are none.
    """
    there = native is not None and bool(native.VECTORS_SUPPORTED)
    return there and getattr(native, size, 0) == steps.itemsize


def readers_of(steps: Sequence[Step]) -> dict[Planes, list[Step]]:
    """Return who reads each picture that is read."""
    readers: dict[Planes, list[Step]] = {}
    for step in steps:
        for planes in step.read:
            readers.setdefault(planes, []).append(step)
    return readers


def places(steps: Sequence[Step], sizes: Mapping[Planes, int]) -> tuple[dict[Planes, int], int]:
    """Return where in the memory each picture is, and its size: what nobody reads any more makes room.

    Args:
        steps: In the order of their calculation.
        sizes: Of each picture.
    """
    last = {planes: number for number, step in enumerate(steps) for planes in step.read}
    spans: dict[Planes, tuple[int, int]] = {}
    for number, step in enumerate(steps):
        if step.result is None:
            continue
        at, size = 0, sizes[step.result]
        for begin, end in sorted(span for planes, span in spans.items() if last.get(planes, 0) >= number):
            if at + size <= begin:
                break
            at = max(at, end)
        spans[step.result] = at, at + size
    begins = {planes: begin for planes, (begin, _) in spans.items()}
    return begins, max((end for _, end in spans.values()), default=0)


def append(pieces: list[NDArray[Any]], piece: NDArray[Any], dtype: DTypeLike) -> int:
    """Append an array; return its place in all of them together."""
    place = sum(len(each) for each in pieces)
    pieces.append(np.ascontiguousarray(piece, dtype).reshape(-1))
    return place


def joined(pieces: list[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Return arrays as one, which begins where a cache line does."""
    whole = aligned(sum(len(piece) for piece in pieces), dtype)
    if pieces:
        np.concatenate(pieces, out=whole)
    return whole


def aligned(count: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return zeros that begin where a cache line does."""
    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    return raw[begin : begin + count * size].view(dtype)
