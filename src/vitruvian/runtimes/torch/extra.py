"""PyTorch as the extra ``sapiens`` brings it: whether it is here, and which device to use."""

from __future__ import annotations

import re
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from vitruvian.errors import OptionError, SessionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

__all__ = ["choose_device", "choose_dtype", "enough_memory", "require_torch"]

_NEEDED = ("torch", "safetensors", "transformers")
_DEVICE = re.compile(r"cuda(?::(\d{1,3}))?")
_DTYPES = ("auto", "bf16", "fp32")


def require_torch() -> None:
    """Import what the networks need.

    Raises:
        SessionError: Something is not installed; the message says how to install it.
    """
    for name in _NEEDED:
        try:
            import_module(name)
        except ImportError as problem:
            raise SessionError(
                f"this needs {name}, which is not installed or cannot be loaded ({problem}): "
                "pip install 'vitruvian[sapiens]'"
            ) from problem


def choose_device(device: str) -> torch.device:
    """Return the device to run on.

    Args:
        device: ``auto`` (the first GPU that CUDA offers, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        OptionError: There is no such device; nothing is chosen in its place.
        SessionError: PyTorch is not installed.
    """
    require_torch()
    import torch  # noqa: PLC0415  # opens a foreign world: seconds

    if device == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if device == "cpu":
        return torch.device("cpu")
    found = _DEVICE.fullmatch(device) if isinstance(device, str) else None
    if found is None:
        raise OptionError(f'device is {device!r}; expected "auto", "cpu", "cuda" or "cuda:N"')
    if not torch.cuda.is_available():
        raise OptionError(
            f"device is {device!r}, and PyTorch finds no CUDA GPU on this machine; "
            'pass device="cpu" (slow), or install a driver and a build of PyTorch with CUDA'
        )
    place, count = int(found[1] or 0), torch.cuda.device_count()
    if place >= count:
        raise OptionError(
            f'device is {device!r}, and the last GPU is cuda:{count - 1}; pass that, or device="cpu"'
        )
    return torch.device("cuda", place)


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the numbers to calculate in.

    Args:
        dtype: ``bf16``, ``fp32``, or ``auto``: bf16 on a GPU and fp32 on the CPU.
        device: Where.

    Raises:
        OptionError: It is none of these.
    """
    import torch  # noqa: PLC0415  # opens a foreign world: seconds

    if dtype not in _DTYPES:
        raise OptionError(f"dtype is {dtype!r}; expected one of: {', '.join(_DTYPES)}")
    if dtype == "auto":
        dtype = "fp32" if device.type == "cpu" else "bf16"
    return torch.bfloat16 if dtype == "bf16" else torch.float32


@contextmanager
def enough_memory(network: str) -> Iterator[None]:
    """Turn PyTorch's error about the device's memory, raised in the body, into one that says what to do.

    Raises:
        SessionError: There is not enough.
    """
    import torch  # noqa: PLC0415  # opens a foreign world: seconds

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as problem:
        reason = (str(problem).splitlines() or ["none left"])[0]
        raise SessionError(
            f"the device has not enough memory ({reason}); "
            'pass smaller batches, a smaller size, or dtype="bf16"',
            network=network,
        ) from problem
