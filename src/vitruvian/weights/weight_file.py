"""One network's file in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

__all__ = ["WeightFile", "sha256_of"]


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
