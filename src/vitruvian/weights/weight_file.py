"""One network's file in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vitruvian.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WeightFile", "sha256_of", "sha256_of_file"]


@dataclass(frozen=True)
class WeightFile:
    """A network's bytes under a name.

    Attributes:
        name: The file's name without a folder, such as ``pose_landmark_full.tflite``.
        sha256: The digest of ``data`` in lower-case hexadecimal; computed here, never passed in.
        data: The file's content. Two files are equal when their names and digests are.
    """

    name: str
    sha256: str = field(init=False)
    data: bytes = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", sha256_of(self.data))


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file that may be larger than the memory, in lower-case hexadecimal.

    Raises:
        WeightsError: It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as problem:
        raise WeightsError(f"cannot be read ({problem.strerror})", path=path) from problem
