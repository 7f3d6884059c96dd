"""What the door raises where the original's exception class differs from this package's own.

Each class is at once a ``VitruvianError`` and the builtin that scripts written for the original catch.
"""

from __future__ import annotations

from contextlib import contextmanager
from ctypes import ArgumentError
from typing import TYPE_CHECKING

from vitruvian.errors import OptionError, SessionError, SourceError, VitruvianError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ClosedError",
    "HandCountError",
    "ImageMissingError",
    "NotATimestampError",
    "NotAnImageError",
    "PoseCountError",
    "TaskError",
    "UnavailableError",
    "failures_as_task_errors",
]


class TaskError(VitruvianError, RuntimeError):
    """A task cannot be created or run: an unusable model or picture, a failed network, a closed task."""


class ClosedError(TaskError, ValueError):
    """A call after ``close``."""


class UnavailableError(OptionError, NotImplementedError):
    """An option of the original that this package does not offer; the message says what to use instead."""


class PoseCountError(OptionError, RuntimeError):
    """``num_poses`` is below 1."""


class HandCountError(OptionError, RuntimeError):
    """``num_hands`` or ``max_num_hands`` is below 1."""


class NotAnImageError(VitruvianError, TypeError, AttributeError):
    """Something else was passed where an ``Image`` belongs."""


class NotATimestampError(VitruvianError, TypeError, ArgumentError):
    """Something else was passed where whole milliseconds belong."""


class ImageMissingError(SourceError, FileNotFoundError):
    """There is no picture file at a path."""


@contextmanager
def failures_as_task_errors() -> Iterator[None]:
    """Raise what a network raises as the ``TaskError`` that scripts catch."""
    try:
        yield
    except SessionError as error:
        raise TaskError(str(error)) from error
