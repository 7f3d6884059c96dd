"""Everything that Vitruvian raises on purpose.

::

    VitruvianError
    ├── OptionError          (ValueError)         an option outside its range
    ├── ArrayError           (ValueError)         an array of the wrong shape, dtype or content
    ├── SourceError                               a picture or stream that cannot be read
    ├── WeightsError                              model files that cannot be used
    │   └── WeightsMissingError (FileNotFoundError)   … because they are not there
    ├── SessionError                              a runtime cannot open or run a network
    └── SinkError                                 a result that cannot be written

Each error carries the object it is about, and its message says what to do next. An error is handled
once: raised here and reported by the outermost caller, never both raised and logged.

The module stands alone so that every other one may import it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "ArrayError",
    "OptionError",
    "SessionError",
    "SinkError",
    "SourceError",
    "VitruvianError",
    "WeightsError",
    "WeightsMissingError",
    "shown",
]


def shown(text: object) -> str:
    """Return text that may come from anywhere (a file name, say) so that it can be printed on one line.

    Control characters, line ends and bytes that are no text are written as escapes: a file name can neither
    steer a terminal nor forge a line of output.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


class VitruvianError(Exception):
    """The root: ``except VitruvianError`` catches everything raised on purpose."""


class OptionError(VitruvianError, ValueError):
    """An option has a value outside its range; the message names the option and the range."""


class ArrayError(VitruvianError, ValueError):
    """An array has the wrong shape, dtype or content; the message states expected and actual."""


class _FileError(VitruvianError):
    """A problem with one file (or one thing that has no path, such as bytes in memory)."""

    def __init__(self, message: str, *, path: str | Path | None = None) -> None:
        super().__init__(message if path is None else f"{shown(path)}: {message}")
        self.path = None if path is None else Path(path)


class SourceError(_FileError):
    """A picture or stream cannot be read; ``path`` says which."""


class WeightsError(_FileError):
    """Model files cannot be used; ``path`` says which file, if it is one."""


class WeightsMissingError(WeightsError, FileNotFoundError):
    """A model file, or a member of a bundle, is not where it should be; the message says what to do."""


class SessionError(VitruvianError):
    """A runtime could not open or run a network; ``network`` names it."""

    def __init__(self, message: str, *, network: str = "") -> None:
        super().__init__(f"{network}: {message}" if network else message)
        self.network = network


class SinkError(_FileError):
    """A result cannot be written; ``path`` says where to."""
