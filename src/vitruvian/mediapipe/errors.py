"""What the door raises where the original's exception class differs from this package's own.

Each class is at once a ``VitruvianError`` and the builtin that scripts written for the original catch.
"""

from __future__ import annotations

from ctypes import ArgumentError

from vitruvian.errors import OptionError, SourceError, VitruvianError

__all__ = [
    "ClosedError",
    "ImageMissingError",
    "NotATimestampError",
    "NotAnImageError",
    "PoseCountError",
    "TaskError",
    "UnavailableError",
]


class TaskError(VitruvianError, RuntimeError):
    """A task cannot be created or run: an unusable model or picture, a failed network, a closed task."""


class ClosedError(TaskError, ValueError):
    """A call after ``close``."""


class UnavailableError(OptionError, NotImplementedError):
    """An option of the original that this package does not offer; the message says what to use instead."""


class PoseCountError(OptionError, RuntimeError):
    """``num_poses`` is below 1."""


class NotAnImageError(VitruvianError, TypeError, AttributeError):
    """Something else was passed where an ``Image`` belongs."""


class NotATimestampError(VitruvianError, TypeError, ArgumentError):
    """Something else was passed where whole milliseconds belong."""


class ImageMissingError(SourceError, FileNotFoundError):
    """There is no picture file at a path."""
