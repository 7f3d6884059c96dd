"""Sapiens2 on OpenVINO: on CPUs twice as fast as PyTorch, with the numbers that transformers has.

The network is exported from transformers' when it is opened. OpenVINO's CPU plugin drops roundings to bf16
that are followed by float32 arithmetic, so that rotary positions cannot be rounded as the original's are.
"""

from __future__ import annotations

import warnings
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.arrays import check_array
from vitruvian.errors import OptionError, SessionError
from vitruvian.runtimes.openvino import shared_core
from vitruvian.runtimes.torch.extra import enough_memory, require_torch
from vitruvian.runtimes.torch.sapiens import MEAN, STD
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from openvino import CompiledModel, InferRequest, Model
    from torch import Tensor, nn

    from vitruvian.runtimes.torch.sapiens import PoseFile

__all__ = ["OpenVINOSapiens"]

_MEAN, _STD = (np.array(levels, np.float32)[:, None, None] for levels in (MEAN, STD))
_HINTS = {"auto": "f32", "fp32": "f32", "bf16": "bf16"}
_ATTENTION = "vitruvian_repeated"
"""Our name among the attention functions of transformers."""


class OpenVINOSapiens:
    """One open pose network on the CPU. May be called from many threads at once.

    Args:
        checkpoint: The file; see ``weights.sapiens.find_pose``.
        dtype: ``auto`` or ``fp32``; or ``bf16``, which is twice as fast again on CPUs that have it, and as
            exact as bf16 is on a GPU.
        flip: Whether each crop is also looked at mirrored and both answers are averaged.
        threads: For one call of the network; by default all cores.

    Raises:
        OptionError: There is no such dtype.
        SessionError: PyTorch or transformers, which the network comes from, is not installed; the file cannot
            be loaded; or OpenVINO cannot take it.
    """

    def __init__(
        self, checkpoint: PoseFile, *, dtype: str = "auto", flip: bool = True, threads: int | None = None
    ) -> None:
        if dtype not in _HINTS:
            raise OptionError(f"dtype is {dtype!r}; expected one of: {', '.join(_HINTS)}")
        require_torch()
        self._label = f"Sapiens2 {checkpoint.size} ({checkpoint.path.name})"
        self._layout, self._numbers = checkpoint.layout, _HINTS[dtype]
        self._mirror = list(Skeleton.named("sapiens308").mirror) if flip else None
        self._compiled: CompiledModel | None = self._compile(_exported(checkpoint), threads)
        # A request serves one caller at a time; as many are made as there are callers at once.
        self._idle: LifoQueue[InferRequest] = LifoQueue()

    @property
    def name(self) -> str:
        """Version, device and numbers, as written beside results."""
        import openvino  # noqa: PLC0415  # opens a foreign world: 0.1 s

        numbers = "bf16" if self._numbers == "bf16" else "fp32"
        return f"openvino {openvino.__version__.split('-')[0]} cpu {numbers}"

    def run(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the key points of each crop, one after the other: a batch is no faster on a CPU.

        Args:
            crops: (N, 1024, 768, 3) uint8 RGB; N may be 0, which calls no network.

        Returns:
            Points (N, 308, 2) float32 x, y in the pixels of the heat maps; scores (N, 308) float32.

        Raises:
            ArrayError: The crops have another shape or dtype.
            SessionError: The session is closed, or there is not enough memory.
        """
        import torch  # noqa: PLC0415  # opens a foreign world: seconds

        from vitruvian.runtimes.torch.heatmap import decode  # noqa: PLC0415  # the same

        crops = check_array("crops", crops, ("N", *self._layout.image, 3), np.uint8)
        points = np.empty((len(crops), self._layout.points, 2), np.float32)
        scores = np.empty((len(crops), self._layout.points), np.float32)
        with enough_memory(self._label):
            for row, crop in enumerate(crops):
                places, peaks = decode(torch.from_numpy(self.heatmaps(crop)[None]))
                points[row], scores[row] = places[0].numpy(), peaks[0].numpy()
        return points, scores

    def heatmaps(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the (308, 256, 192) maps of a (1024, 768, 3) crop, averaged with its mirror image's."""
        image = (crop.transpose(2, 0, 1).astype(np.float32) - _MEAN) / _STD
        maps = self._infer(image)
        if self._mirror is None:
            return maps
        mirrored = self._infer(np.ascontiguousarray(image[:, :, ::-1]))
        average: NDArray[np.float32] = (maps + mirrored[self._mirror, :, ::-1]) * np.float32(0.5)
        return average

    def close(self) -> None:
        """Release the network; calls under way end normally, and closing twice is fine."""
        self._compiled = None
        self._idle = LifoQueue()

    def _infer(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        compiled = self._compiled
        if compiled is None:
            raise SessionError("the session is closed; open the pipeline again", network=self._label)
        try:
            try:
                request = self._idle.get_nowait()
            except Empty:
                request = compiled.create_infer_request()
            request.infer([image[None]], share_inputs=True)
            maps: NDArray[np.float32] = request.get_output_tensor(0).data[0].astype(np.float32)
        except RuntimeError as problem:
            raise SessionError(str(problem), network=self._label) from problem
        if self._compiled is not None:
            self._idle.put(request)
        return maps

    def _compile(self, model: Model, threads: int | None) -> CompiledModel:
        hints: dict[str, object] = {
            "INFERENCE_PRECISION_HINT": self._numbers,
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads is not None:
            hints["INFERENCE_NUM_THREADS"] = threads
        try:
            return shared_core().compile_model(model, "CPU", hints)
        except RuntimeError as problem:
            raise SessionError(str(problem), network=self._label) from problem


def _exported(checkpoint: PoseFile) -> Model:
    """Return the network as OpenVINO has it; its weights are PyTorch's own memory until it is compiled."""
    import openvino  # noqa: PLC0415  # opens a foreign world: 0.1 s
    import torch  # noqa: PLC0415  # the same: seconds
    from transformers import AttentionInterface  # noqa: PLC0415  # the same

    from vitruvian.runtimes.torch.sapiens_network import pose_network  # noqa: PLC0415  # the same

    network, _ = pose_network(
        checkpoint.path,
        checkpoint.layout,
        device=torch.device("cpu"),
        dtype=torch.float32,
        parity=False,
    )
    AttentionInterface.register(_ATTENTION, _attend)
    for module in network.modules():
        if hasattr(module, "config"):
            module.config._attn_implementation = _ATTENTION  # noqa: SLF001  # its setter warns of the head
    network.forward = _maps_only(network)
    image = torch.zeros((1, 3, *checkpoint.layout.image))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's export warns of itself
        return openvino.convert_model(torch.export.export(network, (image,)))


def _maps_only(network: nn.Module) -> object:
    forward = network.forward

    def maps(image: Tensor) -> Tensor:
        return forward(pixel_values=image).heatmaps

    return maps


def _attend(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    scaling: float | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """Attend to all tokens; OpenVINO takes no fewer heads of keys than of queries, so they are repeated."""
    from torch.nn import functional  # noqa: PLC0415  # opens a foreign world: seconds

    times = query.shape[1] // key.shape[1]
    if times > 1:
        key, value = key.repeat_interleave(times, 1), value.repeat_interleave(times, 1)
    mixed = functional.scaled_dot_product_attention(query, key, value, scale=scaling)
    return mixed.transpose(1, 2).contiguous(), None
