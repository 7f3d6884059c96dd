"""The tensors of a TensorFlow.js model: a list in ``model.json``, bytes in files beside it.

Numbers and layout are those of the hand specification, section 6.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vitruvian.errors import WeightsMissingError
from vitruvian.weights.disk import read_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.weights.entry import Entry

__all__ = ["MAX_BYTES", "read_shards"]

MAX_BYTES = 256 * 1024 * 1024
"""Of all shards of a network."""

_STORED: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "int32": np.dtype("<i4"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "bool": np.dtype("u1"),
}
_MEANT: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "int32": np.dtype(np.int32),
    "bool": np.dtype(np.bool_),
}
_TOP = {"float32": 3.4e38, "int32": 2.0**31 - 1}
_QUANTISED = ("uint8", "uint16", "float16")


@dataclass(frozen=True)
class _Tensor:
    """One tensor as the list describes it: numbers as ``stored``, each times ``scale`` plus ``low``."""

    name: str
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    meant: np.dtype[Any]
    scale: float = 1.0
    low: float = 0.0

    @property
    def count(self) -> int:
        return math.prod(self.shape)  # of Python's numbers, which do not wrap round

    @property
    def size(self) -> int:
        return self.count * self.stored.itemsize

    def decode(self, data: bytes, offset: int) -> NDArray[Any]:
        values = np.frombuffer(data, self.stored, self.count, offset).reshape(self.shape)
        if self.scale == 1 and self.low == 0:
            return values.astype(self.meant, copy=False)
        exact = values.astype(np.float64) * self.scale + self.low  # in doubles, as the original's are
        return (np.floor(exact + 0.5) if self.meant == np.int32 else exact).astype(self.meant)


def read_shards(manifest: Entry) -> tuple[dict[str, NDArray[Any]], list[bytes]]:
    """Return the tensors of a network.

    Args:
        manifest: The ``weightsManifest`` of a ``model.json``; the shards are looked for beside that file.

    Returns:
        Name → values in float32, int32 or bool; and the bytes of each group of shards.

    Raises:
        WeightsMissingError: A shard is missing; the message names it.
        WeightsError: The list or a shard is damaged, or of a kind that is not read.
    """
    tensors: dict[str, NDArray[Any]] = {}
    read: list[bytes] = []
    for group in manifest.items():
        listed = [_described(entry) for entry in group.at("weights").items()]
        expected = sum(tensor.size for tensor in listed)
        if expected > MAX_BYTES:
            raise group.error(f"weights of {expected:,} bytes; at most {MAX_BYTES:,} are read")
        data = b"".join(_shard(entry) for entry in group.at("paths").items())
        if len(data) != expected:
            raise group.error(
                f"the shards hold {len(data):,} bytes, and the list of weights needs {expected:,}; "
                "fetch the files again"
            )
        read.append(data)
        offset = 0
        for tensor in listed:
            if tensor.name in tensors:
                raise group.error(f"the weights list {tensor.name!r} twice")
            tensors[tensor.name] = tensor.decode(data, offset)
            offset += tensor.size
    return tensors, read


def _described(entry: Entry) -> _Tensor:
    name = entry.at("name").is_a(str)
    shape = tuple(axis.is_a(int) for axis in entry.at("shape").items())
    if any(axis < 0 for axis in shape):
        raise entry.error(f"{name}: a shape without negative numbers is needed, got {list(shape)}")
    meant = _one_of(entry.at("dtype"), tuple(_MEANT))
    quantised = entry.maybe("quantization")
    if quantised is None:
        return _Tensor(name, shape, _STORED[meant], _MEANT[meant])
    stored = _one_of(quantised.at("dtype"), _QUANTISED)
    if meant == "bool" or (stored == "float16" and meant != "float32"):
        raise quantised.error(f"{meant} cannot be stored as {stored}")
    if stored == "float16":
        return _Tensor(name, shape, _STORED[stored], _MEANT[meant])
    scale, low = quantised.at("scale").number(), quantised.at("min").number()
    if max(abs(low), abs(low + scale * np.iinfo(_STORED[stored]).max)) >= _TOP[meant]:
        raise quantised.error(f"{meant} cannot hold what scale and min make of {stored}")
    return _Tensor(name, shape, _STORED[stored], _MEANT[meant], scale, low)


def _one_of(entry: Entry, known: tuple[str, ...]) -> str:
    name = entry.is_a(str)
    if name not in known:
        raise entry.error(f"unknown dtype {name!r}; known are {', '.join(known)}")
    return name


def _shard(entry: Entry) -> bytes:
    name = entry.is_a(str)
    if not name or name in (".", "..") or any(mark in name for mark in "/\\:\0"):
        raise entry.error(f"expected the name of a file in the same folder, got {name!r}")
    path: Path = entry.path.parent / name
    try:
        return read_file(path, limit=MAX_BYTES)
    except WeightsMissingError as problem:
        raise WeightsMissingError(
            f"this shard is missing; {entry.path.name} needs it beside itself", path=path
        ) from problem
