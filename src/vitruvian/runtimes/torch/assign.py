"""Tensors of a safetensors file into a network that has shapes and no memory yet, each read once.

Imported only where PyTorch is known to be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from vitruvian.errors import SessionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from torch import nn

__all__ = ["assign"]

_SHOWN = 5


def assign(
    network: nn.Module,
    path: Path,
    names: Callable[[str], tuple[str, ...]],
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> int:
    """Give ``network``, which was made on the meta device, the tensors of a file; return how many it has.

    On the CPU, numbers that keep their type stay where the file is mapped: they are read as they are needed
    and count once. The file must not be written to meanwhile; one that is replaced by another does no harm.

    Args:
        network: Without memory: every tensor is on the meta device.
        path: Of the safetensors file.
        names: Name in the file → names in the network, among which the tensor is split along its first axis;
            none if the tensor is not needed.
        device: Where the network is to be.
        dtype: The numbers that it is to have.

    Raises:
        SessionError: The file cannot be read, or a tensor is missing, unexpected or of another shape.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            found = {key: names(key) for key in file.keys()}  # noqa: SIM118 - the file is no dict
            _check_names(shapes, found, path)
            tensors: dict[str, torch.Tensor] = {}
            for key, targets in found.items():
                if targets:
                    parts = file.get_tensor(key).chunk(len(targets))
                    moved = (part.to(device=device, dtype=dtype) for part in parts)
                    tensors |= dict(zip(targets, moved, strict=True))
    except (SafetensorError, OSError) as problem:
        raise SessionError(f"cannot be read ({problem})", network=path.name) from problem
    others = [name for name, shape in shapes.items() if tuple(tensors[name].shape) != shape]
    if others:
        raise SessionError(f"{len(others)} tensors of other shapes: {_listed(others)}", network=path.name)
    network.load_state_dict(tensors, strict=True, assign=True)
    network.requires_grad_(requires_grad=False)
    network.eval()
    return len(found)


def _check_names(shapes: dict[str, tuple[int, ...]], found: dict[str, tuple[str, ...]], path: Path) -> None:
    targets: dict[str, str] = {}
    for key, each in found.items():
        for target in each:
            if target in targets:
                raise SessionError(f"two tensors for one: {targets[target]}, {key}", network=path.name)
            targets[target] = key
    missing = sorted(shapes.keys() - targets.keys())
    unexpected = sorted(targets[name] for name in targets.keys() - shapes.keys())
    if missing or unexpected:
        raise SessionError(
            f"{len(missing)} tensors missing ({_listed(missing)}), "
            f"{len(unexpected)} unexpected ({_listed(unexpected)})",
            network=path.name,
        )


def _listed(names: list[str]) -> str:
    return (", ".join(names[:_SHOWN]) or "none") + (", ..." if len(names) > _SHOWN else "")
