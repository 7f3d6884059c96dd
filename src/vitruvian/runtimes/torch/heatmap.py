"""Heat maps into points, where the network left them: what leaves the device is three numbers a point.

The decoding that Sapiens2 was trained for (Sapiens specification, section 4): the highest cell, then one
Newton step on the logarithm of the blurred map. Only the nine blurred values around the peak are computed;
the whole map is blurred just for those points whose values the original's lower limit could touch.

PyTorch is an optional extra: import this module where it is there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vitruvian.errors import ArrayError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["decode"]

_TAPS = 11
_REACH = _TAPS // 2
_SIGMA = 0.3 * ((_TAPS - 1) / 2 - 1) + 0.8
_LOW, _HIGH = 1e-3, 50.0  # the original clips blurred maps to this before the logarithm
_EPSILON = 2.0**-23  # float32's own: the original adds it to the curvatures
_PATCH = _TAPS + 2  # cells that the nine blurred values depend on, along one axis
_AT_ONCE = 64  # maps that are blurred as a whole at one time: 25 MB each for the maps and the result


def decode(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Find the point of each heat map.

    The steps are those of the original. Arithmetic is in float64 where the device has it, so that a point
    does not depend on what else is in the batch.

    Args:
        maps: (N, K, h, w) of any floating type, as the network gives them or averaged with the mirrored.

    Returns:
        (N, K, 2) float32 points x, y in cells, 0 being the centre of the first, and (N, K) float32 scores,
        both on the device of the maps. A score is the highest value of its map, which may be above 1. Where
        it is not above 0, the point is (-1, -1); where the map holds NaN, score and point are NaN.

    Raises:
        ArrayError: These are no heat maps.
    """
    if maps.ndim != 4 or not maps.is_floating_point() or 0 in maps.shape[2:]:
        raise ArrayError(f"maps: expected floats of shape (N, K, h, w), got {maps.dtype} {tuple(maps.shape)}")
    rows, columns = maps.shape[2:]
    flat = maps.detach().reshape(-1, rows, columns)
    peaks, cells = flat.flatten(1).max(dim=1)  # the first of equal ones, and NaN above all
    y, x = cells // columns, cells % columns
    nearby = _blurred_nearby(flat, x, y)
    nearby = _as_the_whole_map_says(nearby, flat, peaks)
    points = _newton(nearby, x, y)
    points.masked_fill_((peaks <= 0)[:, None], -1)
    points.masked_fill_(peaks.isnan()[:, None], math.nan)
    return points.float().reshape(*maps.shape[:2], 2), peaks.float().reshape(maps.shape[:2])


def _exact(device: torch.device) -> torch.dtype:
    """Return the most exact type of the device: Apple's have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def _band(length: int, padded: int, like: Tensor) -> Tensor:
    """Return (length, length + 2 * padded): row i holds the kernel, centred on ``i + padded``."""
    cells = torch.arange(length + 2 * padded, device=like.device)
    offset = cells - padded - torch.arange(length, device=like.device)[:, None]
    exact = _exact(like.device)
    total = sum(math.exp(-(tap**2) / (2 * _SIGMA**2)) for tap in range(-_REACH, _REACH + 1))
    weights = torch.exp(-offset.to(exact).square() / (2 * _SIGMA**2)) / total
    return weights * (offset.abs() <= _REACH)


def _blurred_nearby(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the 3 x 3 blurred cells around each peak; beyond an edge, the blurred cell at the edge.

    Args:
        maps: (M, h, w).
        x: (M,) column of each peak.
        y: (M,) row of each peak.

    Returns:
        (M, 3, 3), rows first, of the exact type.
    """
    rows, columns = maps.shape[1:]
    reach = torch.arange(_PATCH, device=maps.device) - _PATCH // 2
    down, across = y[:, None] + reach, x[:, None] + reach
    inside = ((down >= 0) & (down < rows))[:, :, None] & ((across >= 0) & (across < columns))[:, None, :]
    # One flat index for each cell, 64-bit: a batch of maps has more cells than fit into fewer.
    flat = (down.clamp(0, rows - 1) * columns)[:, :, None] + across.clamp(0, columns - 1)[:, None, :]
    patch = maps.flatten(1).gather(1, flat.flatten(1)).view_as(flat)
    patch = patch.masked_fill(~inside, 0).to(_exact(maps.device))
    kernel = _band(3, _REACH, maps)
    blurred = (patch[:, :, None, :] * kernel).sum(dim=3)  # (M, 13, 3)
    blurred = (blurred[:, None, :, :] * kernel[:, :, None]).sum(dim=2)  # (M, 3, 3)
    # The peak is inside, so an edge is never further than the middle.
    here = torch.arange(3, device=maps.device)
    row = here.maximum(1 - y[:, None]).minimum(rows - y[:, None])
    column = here.maximum(1 - x[:, None]).minimum(columns - x[:, None])
    blurred = blurred.gather(1, row[:, :, None].expand(-1, 3, 3))
    return blurred.gather(2, column[:, None, :].expand(-1, 3, 3))


def _as_the_whole_map_says(nearby: Tensor, maps: Tensor, peaks: Tensor) -> Tensor:
    """Give blurred maps their peaks back and clip them, where that can change a point.

    The factor is at least 1, since averaging with zeros beyond the edge raises no maximum. So where no value
    is below the lower limit, none is after scaling; where the peak is not above the upper limit, nothing is;
    and then the factor, a constant in the logarithm, says nothing about the point.
    """
    safe = (nearby.flatten(1).amin(dim=1) >= _LOW) & (peaks <= _HIGH)
    rest = torch.nonzero(~safe & (peaks > 0))[:, 0]
    if not len(rest):
        return nearby
    down, across = (_band(side, 0, maps) for side in maps.shape[1:])
    highest = torch.empty(len(rest), dtype=nearby.dtype, device=nearby.device)
    for start in range(0, len(rest), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        highest[some] = (down @ maps[rest[some]].to(down.dtype) @ across.mT).amax(dim=(1, 2))
    scaled = nearby[rest] * (peaks[rest].to(highest.dtype) / highest)[:, None, None]
    return nearby.index_copy(0, rest, scaled.clamp(_LOW, _HIGH))


def _newton(nearby: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Move each peak by one Newton step on the logarithm of (M, 3, 3) values; (M, 2) x, y.

    The step is neither limited nor asked for its direction, as the original's; where there is none, since the
    values have no curvature in some direction, the peak stays.
    """
    log = nearby.log()
    centre = log[:, 1, 1]
    left, right, up, down = log[:, 1, 0], log[:, 1, 2], log[:, 0, 1], log[:, 2, 1]
    gx, gy = (right - left) / 2, (down - up) / 2
    xx, yy = right - 2 * centre + left + _EPSILON, down - 2 * centre + up + _EPSILON
    xy = (log[:, 2, 2] - right - down + 2 * centre - left - up + log[:, 0, 0]) / 2
    determinant = xx * yy - xy * xy
    step = torch.stack([yy * gx - xy * gy, xx * gy - xy * gx], dim=1) / determinant[:, None]
    step = step.where((determinant != 0)[:, None], 0)
    return torch.stack([x, y], dim=1) - step
