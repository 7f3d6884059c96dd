"""Which model a task uses, and what runs it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["BaseOptions"]


@dataclass
class BaseOptions:
    """Which model a task uses, and what runs it.

    Attributes:
        model_asset_path: Path of a ``.task`` bundle, or of a folder with its ``.tflite`` files.
        model_asset_buffer: Content of a bundle; if both are given, this one is used.
        delegate: What runs the model. Only the CPU is possible, and the default.
    """

    class Delegate(enum.IntEnum):
        """What runs a model."""

        DEFAULT = 0
        CPU = 1
        GPU = 2

    model_asset_path: str | PathLike[str] | None = None
    model_asset_buffer: bytes | None = None
    delegate: Delegate | None = None
