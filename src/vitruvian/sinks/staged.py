"""Files that take as long as their stream to write, and are seen when they are complete."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from vitruvian.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Staged", "unwritable"]


class Staged:
    """A file that grows beside its place, under a hidden name, and is moved there at the end.

    A context manager around its completion: leaving it moves the file to its place, or removes it if
    completing failed; what was at the place before is still there then.

    Args:
        place: Where the file is going to be.

    Attributes:
        place: The same.
        part: Where it grows; an empty file from the beginning.

    Raises:
        SinkError: Nothing can be written there.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.part = place.with_name(f".{uuid4().hex[:12]}.part")  # no longer than any name that fits
        try:
            self.part.open("xb").close()
        except OSError as error:
            raise unwritable(error, place) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Move the file to its place, or remove it.

        Raises:
            SinkError: It cannot be moved.
        """
        try:
            if kind is None:
                self._move()
        except OSError as error:
            raise unwritable(error, self.place) from error
        finally:
            self.discard()

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Guard what is done before the file is known to whoever completes it: a failure removes it."""
        with ExitStack() as stack:
            stack.callback(self.discard)
            yield
            stack.pop_all()

    def discard(self) -> None:
        """Remove the file, which is not going to be completed."""
        self.part.unlink(missing_ok=True)

    def _move(self) -> None:
        # Some systems flush only what was opened for writing.
        with self.part.open("r+b") as file:
            os.fsync(file.fileno())
        self.part.replace(self.place)


def unwritable(error: OSError, place: Path) -> SinkError:
    """Return the error that says that a file cannot be written, for the caller to raise."""
    return SinkError(f"cannot be written: {error.strerror or error}", path=place)
