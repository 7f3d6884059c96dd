"""What every runtime promises: open a model file, then named arrays in, named arrays out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Graph", "GraphStep", "ModelFile", "PixelInput", "Runtime", "Session", "Signature", "Windows"]


class ModelFile(Protocol):
    """The bytes of one network."""

    @property
    def name(self) -> str:
        """File name, for messages."""

    @property
    def sha256(self) -> str:
        """Digest of ``data`` in hexadecimal."""

    @property
    def data(self) -> bytes:
        """The file's content."""


class GraphStep(Protocol):
    """One operation of a network that comes as a graph."""

    @property
    def name(self) -> str:
        """Unique in the graph."""

    @property
    def op(self) -> str:
        """What TensorFlow calls the operation."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the operations whose output it takes, in order."""

    @property
    def attributes(self) -> Mapping[str, object]:
        """Numbers, texts, or tuples of these."""


class Graph(Protocol):
    """A network that comes as a list of TensorFlow's operations, with the channels last."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def sha256(self) -> str:
        """Digest of the files it comes from, in hexadecimal."""

    @property
    def nodes(self) -> Sequence[GraphStep]:
        """The operations, each behind those whose output it takes."""

    @property
    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """Name of an operation ``Const`` → its values."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the operations ``Placeholder`` that take pictures."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the operations whose output is the network's; their order means nothing."""


@dataclass(frozen=True)
class PixelInput:
    """An input that takes 8-bit RGB pixels, and what its network makes of them.

    Attributes:
        height: In pixels.
        width: In pixels.
        low: The number that a black pixel becomes.
        high: The number that a white pixel becomes.
    """

    height: int
    width: int
    low: float
    high: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one item."""
        return self.height, self.width, 3


@dataclass(frozen=True)
class Windows:
    """Where an output is read: in squares around points that another output holds.

    Attributes:
        points: Name of that output.
        count: How many of its points are looked at, the first ones.
        numbers: From one point to the next; x and y come first.
        side: What x and y are divided by to be fractions of the output's width and height.
        kernel: Side of a square in cells, odd, with the point's own cell, truncated, in the middle.
    """

    points: str
    count: int
    numbers: int
    side: float
    kernel: int


@dataclass(frozen=True)
class Signature:
    """The tensors of a network in the order in which its file lists them, under the names we give them.

    Model files of one family agree in order and shapes, but not in names.

    Attributes:
        inputs: Name → the pixels it takes.
        outputs: Name → shape of one item, without the batch axis.
        windows: Outputs (height, width, …) of which only windows are read: a runtime need not calculate the
            rest, which may then hold anything.
    """

    inputs: Mapping[str, PixelInput]
    outputs: Mapping[str, tuple[int, ...]]
    windows: Mapping[str, Windows] = field(default_factory=dict)


class Session(Protocol):
    """One open network. May be called from many threads at once."""

    def run(self, inputs: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Run a batch.

        Args:
            inputs: Name → (N, height, width, 3) uint8, for every input of the signature; N ≥ 1. The session
                scales the pixels as the signature says.

        Returns:
            Name → (N, …) float32, C-contiguous, for the outputs asked for at opening; the caller owns them.
            What the signature says is not read may hold anything.

        Raises:
            ArrayError: An input has another shape or dtype than the signature says.
            SessionError: The network failed, or the session is closed.
        """

    def close(self) -> None:
        """Release the network; closing twice is fine."""


class Runtime(Protocol):
    """A way to run networks on this machine."""

    @property
    def name(self) -> str:
        """Name and version, as written beside results."""

    def open(self, file: ModelFile, signature: Signature, *, outputs: tuple[str, ...]) -> Session:
        """Open a network, cut down to the outputs asked for: what only others need is not computed.

        Raises:
            SessionError: The file is no network that this runtime reads, or its tensors differ from the
                signature.
        """
