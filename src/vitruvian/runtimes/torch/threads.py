"""How many cores PyTorch uses."""

from __future__ import annotations

from vitruvian.options import check_number
from vitruvian.runtimes.torch.extra import require_torch

__all__ = ["use_threads"]


def use_threads(count: int) -> None:
    """Let PyTorch use that many CPU threads for one network call, in the whole process: it knows no less.

    Raises:
        OptionError: It is no whole number from 1.
        SessionError: PyTorch is not installed.
    """
    check_number("threads", count, 1, whole=True)
    require_torch()
    import torch  # noqa: PLC0415  # opens a foreign world: seconds

    torch.set_num_threads(int(count))
