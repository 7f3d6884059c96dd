"""What every runtime promises: open a model file, then named arrays in, named arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ModelFile", "PixelInput", "Runtime", "Session", "Signature"]


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
class Signature:
    """The tensors of a network in the order in which its file lists them, under the names we give them.

    Model files of one family agree in order and shapes, but not in names.

    Attributes:
        inputs: Name → the pixels it takes.
        outputs: Name → shape of one item, without the batch axis.
    """

    inputs: Mapping[str, PixelInput]
    outputs: Mapping[str, tuple[int, ...]]


class Session(Protocol):
    """One open network. May be called from many threads at once."""

    def run(self, inputs: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Run a batch.

        Args:
            inputs: Name → (N, height, width, 3) uint8, for every input of the signature; N ≥ 1. The session
                scales the pixels as the signature says.

        Returns:
            Name → (N, …) float32 for the outputs asked for at opening; the caller owns them.

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
