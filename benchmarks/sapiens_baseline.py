"""The way the original script works: one crop at a time, in fp32, and 308 whole maps decoded on the host.

Written from the specification (sections 3.4, 4 and 8.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from vitruvian.runtimes.torch.sapiens_network import pose_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.runtimes.torch.sapiens import TorchSapiens
    from vitruvian.weights.sapiens import PoseCheckpoint

__all__ = ["original_decode", "original_heatmaps", "transformers_network"]

_TAPS, _BORDER = 11, 5
_EPSILON = float(np.finfo(np.float32).eps)


def original_heatmaps(
    session: TorchSapiens, crop: NDArray[np.uint8], mirror: Sequence[int]
) -> NDArray[np.float32]:
    """Return the (308, 256, 192) maps of one crop on the host: two passes, one after the other, averaged."""
    pixels = torch.from_numpy(np.stack([crop])).to(session.device)
    seen = session.heatmaps(pixels)
    mirrored = session.heatmaps(pixels.flip(2))
    average = (seen + mirrored.flip(3)[:, list(mirror)]) * 0.5
    maps: NDArray[np.float32] = average.cpu().numpy()[0]
    return maps


def original_decode(maps: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (308, 2) points in cells and (308,) scores: blur each map, its logarithm, a Newton step."""
    count, rows, columns = maps.shape
    flat = maps.reshape(count, -1)
    places = flat.argmax(axis=1)
    scores = flat.max(axis=1)
    points = np.stack([places % columns, places // columns], axis=1).astype(np.float32)
    points[scores <= 0] = -1
    blurred = np.empty((count, rows + 2, columns + 2), np.float32)
    for index, one in enumerate(maps):
        padded = np.zeros((rows + 2 * _BORDER, columns + 2 * _BORDER), np.float32)
        padded[_BORDER:-_BORDER, _BORDER:-_BORDER] = one
        smooth = cv2.GaussianBlur(padded, (_TAPS, _TAPS), 0)[_BORDER:-_BORDER, _BORDER:-_BORDER]
        smooth = smooth * (one.max() / smooth.max())
        blurred[index] = np.pad(np.log(np.clip(smooth, 1e-3, 50)), 1, mode="edge")
    for index in np.flatnonzero(scores > 0).tolist():
        points[index] -= _step(blurred[index], *points[index].astype(int).tolist())
    return points, scores


def _step(maps: NDArray[np.float32], x: int, y: int) -> NDArray[np.float64]:
    near = maps[y : y + 3, x : x + 3].astype(np.float64)
    (p, u, _), (left, c, right), (_, d, q) = near.tolist()
    slope = np.array([(right - left) / 2, (d - u) / 2])
    across = (q - right - d + 2 * c - left - u + p) / 2
    bend = [[right - 2 * c + left + _EPSILON, across], [across, d - 2 * c + u + _EPSILON]]
    return np.asarray(np.linalg.pinv(np.array(bend)) @ slope)


def transformers_network(checkpoint: PoseCheckpoint, device: torch.device) -> Any:  # noqa: ANN401  # foreign
    """Return the network as transformers has it, in bf16, uncompiled."""
    network, _ = pose_network(
        checkpoint.path, checkpoint.layout, device=device, dtype=torch.bfloat16, parity=False
    )
    return network
