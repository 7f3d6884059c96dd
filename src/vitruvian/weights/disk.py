"""Files read, written and locked, with errors that say what to do next."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vitruvian.atomic import write_whole
from vitruvian.errors import WeightsError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locked", "read_file", "write_file", "writing"]

_POLL = 0.1
"""Seconds between two looks at a lock that somebody else holds."""


def read_file(path: Path, *, limit: int) -> bytes:
    """Return the content of the file ``path``.

    Raises:
        WeightsMissingError: There is no such file.
        WeightsError: It cannot be read, or it has more than ``limit`` bytes.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise WeightsMissingError("there is no such file", path=path) from problem
    except OSError as problem:
        raise WeightsError(f"cannot be read ({problem.strerror})", path=path) from problem
    if len(data) > limit:
        raise WeightsError(f"is larger than the {limit:,} bytes allowed", path=path)
    return data


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the body, which only writes in ``folder``, into a ``WeightsError``."""
    try:
        yield
    except OSError as problem:
        raise WeightsError(
            f"the folder cannot be written to ({problem.strerror}); "
            "choose another one with --cache, or cache=",
            path=folder,
        ) from problem


def write_file(path: Path, data: bytes) -> None:
    """Write the file ``path`` whole or not at all."""
    with writing(path.parent):
        write_whole(path, data)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make ``folder`` if need be and hold its lock, against other threads and processes, during the body.

    The operating system frees the lock of a process that dies, so that waiting for it has no time limit.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("ab")
    with stream:
        with writing(folder):
            while not _try_lock(stream.fileno()):
                time.sleep(_POLL)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
