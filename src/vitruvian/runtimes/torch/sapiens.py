"""Sapiens2 on PyTorch: pixels in, key points out; only 308 x 3 numbers per person leave the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from vitruvian.arrays import check_array
from vitruvian.errors import OptionError, SessionError
from vitruvian.runtimes.torch.extra import choose_device, choose_dtype, enough_memory
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from vitruvian.runtimes.torch.sapiens_network import PoseLayout

__all__ = ["MEAN", "STD", "PoseFile", "TorchSapiens"]

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""Of red, green and blue, in grey levels."""

_SKELETON = "sapiens308"


class PoseFile(Protocol):
    """A checkpoint in the original's layout whose header has been checked."""

    @property
    def size(self) -> str:
        """Name of its size, for messages."""

    @property
    def path(self) -> Path:
        """The safetensors file."""

    @property
    def layout(self) -> PoseLayout:
        """The network's shape."""


class TorchSapiens:
    """One open pose network. May be called from many threads at once.

    Args:
        checkpoint: The file; see ``weights.sapiens.find_pose``.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: ``auto`` (bf16 on a GPU, fp32 on the CPU), ``bf16`` or ``fp32``.
        flip: Whether each crop is also looked at mirrored and both answers are averaged, as the original
            does: twice the time.
        parity: Whether the rotary tables and the rotation are in bf16 as the original's, whatever ``dtype``.
        compile: Whether PyTorch compiles the network, anew for each batch size it meets: batches are filled
            up to 1, 2, 4, 8, ... crops. Takes minutes at the first call; meant for long work on a GPU.

    Raises:
        OptionError: There is no such device or dtype, or the checkpoint has other points than the skeleton.
        SessionError: PyTorch or transformers is not installed, the file cannot be loaded, or the device has
            not enough memory.
    """

    def __init__(
        self,
        checkpoint: PoseFile,
        *,
        device: str = "auto",
        dtype: str = "auto",
        flip: bool = True,
        parity: bool = True,
        compile: bool = False,  # noqa: A002 - PyTorch's own word for it
    ) -> None:
        self._device = choose_device(device)
        self._dtype = choose_dtype(dtype, self._device)
        self._layout, self._label = checkpoint.layout, f"Sapiens2 {checkpoint.size} ({checkpoint.path.name})"
        self._flip, self._compiled = flip, compile
        self._network, self._tensors = self._load(checkpoint.path, parity=parity)
        self._mirror = self._mirrored_points() if flip else None
        self._mean, self._std = self._colour(MEAN), self._colour(STD)

    @property
    def name(self) -> str:
        """Version, device and numbers, as written beside results."""
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        numbers = "bf16" if self._dtype == torch.bfloat16 else "fp32"
        return f"torch {torch.__version__.split('+')[0]} {self._device} {numbers}"

    @property
    def device(self) -> torch.device:
        """Where the network is; crops for ``run_tensor`` are to be there."""
        return self._device

    @property
    def tensors(self) -> int:
        """How many tensors of the file the network was made of; all of them, none missing."""
        return self._tensors

    def run(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the key points of each crop.

        Args:
            crops: (N, 1024, 768, 3) uint8 RGB; N may be 0, which calls no network.

        Returns:
            Points (N, 308, 2) float32 x, y in the pixels of the heat maps (192 wide, 256 high); scores
            (N, 308) float32, the peaks of the heat maps.

        Raises:
            ArrayError: The crops have another shape or dtype.
            SessionError: The session is closed, or the device has not enough memory.
        """
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        rows, columns = self._layout.image
        crops = check_array("crops", crops, ("N", rows, columns, 3), np.uint8)
        if not len(crops):
            return np.empty((0, self._layout.points, 2), np.float32), np.empty(
                (0, self._layout.points), np.float32
            )
        with enough_memory(self._label):
            points, scores = self.run_tensor(torch.from_numpy(np.ascontiguousarray(crops)).to(self._device))
            return points.cpu().numpy(), scores.cpu().numpy()

    def run_tensor(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Find the key points of crops that are on the device already.

        Args:
            crops: (N, 1024, 768, 3) uint8 RGB on ``device``; N ≥ 1.

        Returns:
            As ``run``, on ``device``.

        Raises:
            SessionError: The session is closed, or the device has not enough memory.
        """
        from vitruvian.runtimes.torch.heatmap import decode  # noqa: PLC0415  # opens a foreign world: seconds

        with enough_memory(self._label):
            points, scores = decode(self.heatmaps(crops))
        return points, scores

    def heatmaps(self, crops: Tensor) -> Tensor:
        """Return the heat maps of crops that are on the device, averaged with those of their mirror images.

        Args:
            crops: (N, 1024, 768, 3) uint8 RGB on ``device``; N ≥ 1.

        Returns:
            (N, 308, 256, 192) float32 on ``device``.

        Raises:
            SessionError: The session is closed, or the device has not enough memory.
        """
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        with enough_memory(self._label), torch.inference_mode():
            images = self._normalised(crops)
            if self._mirror is None:
                return self._forward(images)
            seen, mirrored = self._forward(torch.cat([images, images.flip(3)])).chunk(2)
            return (seen + mirrored.flip(3)[:, self._mirror]) * 0.5

    def close(self) -> None:
        """Release the network; calls under way end normally, and closing twice is fine."""
        self._network = None

    def _load(self, path: Path, *, parity: bool) -> tuple[torch.nn.Module | None, int]:
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        from vitruvian.runtimes.torch.sapiens_network import pose_network  # noqa: PLC0415  # the same

        with enough_memory(self._label):
            network, count = pose_network(
                path, self._layout, device=self._device, dtype=self._dtype, parity=parity
            )
        if not self._compiled:
            return network, count
        # Compiled code keeps what it rounds in float32 unless told not to; parity is just those roundings.
        options = {"emulate_precision_casts": parity}
        return torch.compile(network, dynamic=False, options=options), count

    def _colour(self, levels: tuple[float, float, float]) -> Tensor:
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        return torch.tensor(levels, device=self._device).view(3, 1, 1)

    def _normalised(self, crops: Tensor) -> Tensor:
        """Return (N, 3, rows, columns) in the network's numbers, calculated in float32."""
        return ((crops.permute(0, 3, 1, 2).float() - self._mean) / self._std).to(self._dtype)

    def _forward(self, images: Tensor) -> Tensor:
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        network = self._network
        if network is None:
            raise SessionError("the session is closed; open the pipeline again", network=self._label)
        count = len(images)
        if self._compiled:  # one shape for each power of two, and no other
            fill = (1 << (count - 1).bit_length()) - count
            images = torch.cat([images, images.new_zeros((fill, *images.shape[1:]))])
        maps: Tensor = network(pixel_values=images).heatmaps[:count]
        return maps.float()

    def _mirrored_points(self) -> Tensor:
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        mirror = Skeleton.named(_SKELETON).mirror
        if len(mirror) != self._layout.points:
            raise OptionError(
                f"flip: {self._label} has {self._layout.points} points, and {_SKELETON} {len(mirror)}"
            )
        return torch.tensor(mirror, device=self._device)
