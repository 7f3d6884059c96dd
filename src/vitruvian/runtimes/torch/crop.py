"""Crops cut where the network is: a picture goes to the device once, however many people are in it.

The same crops as OpenCV's ``warpAffine`` (Sapiens specification, section 3.3): bilinear or bicubic, black
outside, rounded to whole grey levels.

PyTorch is an optional extra: import this module where it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn import functional

from vitruvian.errors import ArrayError
from vitruvian.runtimes.torch.extra import enough_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["TensorSession", "View", "Window", "cut", "read_views"]


class Window(Protocol):
    """Which part of a picture to cut out."""

    @property
    def to_image(self) -> NDArray[np.float64]:
        """(2, 3) affine map from crop pixels to image pixels; 0 is the centre of the first pixel."""

    @property
    def enlarged(self) -> bool:
        """Whether to sample bicubically instead of bilinearly."""


class View(Protocol):
    """A crop of a picture."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: the whole picture."""

    @property
    def crop(self) -> Window:
        """The part of it."""


class TensorSession(Protocol):
    """An open network that takes crops on its device."""

    @property
    def device(self) -> torch.device:
        """Where it is."""

    def run_tensor(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, K, 2) points and (N, K) scores of (N, h, w, 3) uint8 crops."""


def read_views(
    session: TensorSession, views: Sequence[View], *, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut crops out of pictures on the network's device, and read them; each picture goes there once.

    Args:
        session: The network.
        views: Crops of pictures; at least one.
        size: Width and height of each crop in pixels.

    Returns:
        (N, K, 2) points and (N, K) scores, as the network gives them.

    Raises:
        SessionError: The network failed, is closed, or the device has not enough memory.
    """
    with enough_memory("crops"):
        crops = torch.empty((len(views), size[1], size[0], 3), dtype=torch.uint8, device=session.device)
        rows: dict[int, list[int]] = {}
        for row, view in enumerate(views):
            rows.setdefault(id(view.pixels), []).append(row)
        for some in rows.values():
            pixels = views[some[0]].pixels
            # PyTorch warns of memory that must not be written to, though it is only read here.
            picture = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
            crops[some] = cut(picture.to(session.device), [views[row].crop for row in some], size)
    points, scores = session.run_tensor(crops)
    return points.cpu().numpy(), scores.cpu().numpy()


def cut(picture: Tensor, crops: Sequence[Window], size: tuple[int, int]) -> Tensor:
    """Cut crops out of a picture, on its device.

    Args:
        picture: (H, W, 3) uint8.
        crops: What to cut out.
        size: Width and height of each crop in pixels.

    Returns:
        (N, height, width, 3) uint8.

    Raises:
        ArrayError: The picture is none.
    """
    if picture.dtype != torch.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ArrayError(
            f"picture: expected uint8 of shape (H, W, 3), got {picture.dtype} {tuple(picture.shape)}"
        )
    planes = picture.permute(2, 0, 1)[None].float()
    result = torch.empty((len(crops), size[1], size[0], 3), dtype=torch.uint8, device=picture.device)
    for item, crop in zip(result, crops, strict=True):
        item.copy_(_sampled(planes, crop, size))
    return result


def _sampled(planes: Tensor, crop: Window, size: tuple[int, int]) -> Tensor:
    """Return one crop, (height, width, 3) in whole grey levels, of a (1, 3, H, W) picture."""
    height, width = planes.shape[2:]
    (xx, xy, x0), (yx, yy, y0) = crop.to_image.tolist()
    column = torch.arange(size[0], dtype=planes.dtype, device=planes.device)
    row = torch.arange(size[1], dtype=planes.dtype, device=planes.device)[:, None]
    # In fractions of the picture from -1 to 1, between the outer edges of its pixels: what is one pixel wide
    # has no two centres to count between.
    across = ((2 * xx / width) * column + (2 * xy / width) * row) + ((2 * x0 + 1) / width - 1)
    down = ((2 * yx / height) * column + (2 * yy / height) * row) + ((2 * y0 + 1) / height - 1)
    sampled = functional.grid_sample(
        planes,
        torch.stack([across, down], dim=2)[None],
        mode="bicubic" if crop.enlarged else "bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    # Bicubic values may be beyond black and white; the original's are whole grey levels.
    return sampled[0].round_().clamp_(0, 255).permute(1, 2, 0)
