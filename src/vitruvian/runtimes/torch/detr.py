"""The person detector DETR on PyTorch: pictures in, the answers of its queries out."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.arrays import check_array
from vitruvian.errors import SessionError
from vitruvian.runtimes.torch.extra import choose_device, choose_dtype, enough_memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import torch
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["TorchDetr", "resized"]

_SHORT, _LONG = 800, 1333
"""Pixels of the shorter side that is aimed at, and of the longer side at most."""

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_WHITE = 255.0
_BATCH = 8


def resized(height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns that the detector sees of a picture (specification, section 3.2)."""
    low, high = min(height, width), max(height, width)
    size, raw = _SHORT, float(_SHORT)
    if high / low * _SHORT > _LONG:
        raw = _LONG * low / high
        size = max(1, round(raw))
    if low == size:
        return height, width
    long = int(raw * high / low)
    return (size, long) if height <= width else (long, size)


class TorchDetr:
    """One open detector. May be called from many threads at once.

    Args:
        folder: With ``config.json`` and ``model.safetensors``; see ``weights.sapiens.find_detector``.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: ``auto`` (bf16 on a GPU, fp32 on the CPU), ``bf16`` or ``fp32``. In bf16 it is the products
            that are rounded: weights, norms and the code of positions stay in float32.

    Raises:
        OptionError: There is no such device or dtype.
        SessionError: PyTorch or transformers is not installed, or the files cannot be loaded.
    """

    def __init__(self, folder: Path, *, device: str = "auto", dtype: str = "auto") -> None:
        self._device = choose_device(device)
        self._dtype = choose_dtype(dtype, self._device)
        self._label = folder.name
        from vitruvian.runtimes.torch.detr_network import detr_network  # noqa: PLC0415  # opens a foreign world: seconds

        with enough_memory(self._label):
            self._network: torch.nn.Module | None = detr_network(folder, device=self._device)

    def run(
        self, frames: Sequence[NDArray[np.uint8]]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Ask the queries about each picture. Pictures that come out at the same size are one batch.

        Args:
            frames: Pictures (H, W, 3) uint8 RGB of any sizes.

        Returns:
            For each picture the logits (100, 92) float32, the last of which says that nothing is there, and
            the boxes (100, 4) float32: centre x, y, width, height as parts of the picture's width and height.

        Raises:
            ArrayError: A picture has another shape or dtype.
            SessionError: The session is closed, or the device has not enough memory.
        """
        groups: dict[tuple[int, int], list[int]] = {}
        for place, frame in enumerate(frames):
            height, width, _ = check_array("frame", frame, ("H", "W", 3), np.uint8).shape
            groups.setdefault(resized(height, width), []).append(place)
        answers: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        with enough_memory(self._label):
            for target, places in groups.items():
                for start in range(0, len(places), _BATCH):
                    batch = places[start : start + _BATCH]
                    logits, boxes = self._forward([self._resized(frames[place], target) for place in batch])
                    answers |= dict(zip(batch, zip(logits, boxes, strict=True), strict=True))
        return [answers[place] for place in range(len(frames))]

    def close(self) -> None:
        """Release the network; calls under way end normally, and closing twice is fine."""
        self._network = None

    def _forward(self, images: list[Tensor]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        network = self._network
        if network is None:
            raise SessionError("the session is closed; open the pipeline again", network=self._label)
        with torch.inference_mode(), self._precision():
            answer = network(pixel_values=torch.stack(images))
            return answer.logits.float().cpu().numpy(), answer.pred_boxes.float().cpu().numpy()

    def _precision(self) -> AbstractContextManager[object]:
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        if self._dtype == torch.float32:
            return nullcontext()
        rounded: AbstractContextManager[object] = torch.autocast(self._device.type, dtype=self._dtype)
        return rounded

    def _resized(self, frame: NDArray[np.uint8], target: tuple[int, int]) -> Tensor:
        """Return a picture (3, rows, columns) float32 on the device as the network takes it."""
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        pixels = torch.tensor(frame, device=self._device).permute(2, 0, 1).float()
        if tuple(pixels.shape[1:]) != target:
            pixels = torch.nn.functional.interpolate(
                pixels[None], target, mode="bilinear", antialias=True, align_corners=False
            )[0]
            pixels = pixels.round().clamp(0, _WHITE)  # the original resizes 8-bit pictures
        mean = _WHITE * torch.tensor(_MEAN, device=self._device).view(3, 1, 1)
        std = _WHITE * torch.tensor(_STD, device=self._device).view(3, 1, 1)
        return (pixels - mean) / std
