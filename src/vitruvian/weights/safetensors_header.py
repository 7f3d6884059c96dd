"""What a safetensors file holds, read from its header alone: nothing of the tensors is read or allocated.

The format: eight bytes with the length of the header, the header as JSON (name → dtype, shape, from byte, to
byte), then the bytes of the tensors one behind the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitruvian.errors import WeightsError, WeightsMissingError, shown
from vitruvian.weights.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["StoredTensor", "read_header"]

_LENGTH = 8
_MOST = 100_000_000
"""Bytes of the longest header that the format allows."""

_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "F64": 8,
    "I64": 8,
    "U64": 8,
}
"""Of one number."""

_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""What files of ``torch.save`` begin with: a zip archive, or a pickle by itself."""

_AXES = 16
_LONGEST = 1 << 48
"""Axes of a tensor, and numbers along one: more is in no file, and too much to be counted with or shown."""

_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the header describes it.

    Attributes:
        dtype: Such as ``F32`` or ``BF16``.
        shape: Its axes.
    """

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path) -> Mapping[str, StoredTensor]:
    """Return the tensors of a safetensors file by name.

    The tensors must fill the rest of the file to the byte, none upon another.

    Raises:
        WeightsMissingError: There is no such file.
        WeightsError: It is cut short, damaged, or no safetensors file.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            start = stream.read(_LENGTH)
            _refuse_foreign(path, size, start + stream.read(len(_POINTER)))
            length = int.from_bytes(start, "little")
            stream.seek(_LENGTH)
            text = stream.read(length)
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise WeightsMissingError("there is no such file", path=path) from problem
    except OSError as problem:
        raise WeightsError(f"cannot be read ({problem.strerror})", path=path) from problem
    listed = Entry.parse(text, path)
    tensors = {name: listed.at(name) for name in listed.is_a(dict) if name != "__metadata__"}
    spans = sorted((*_span(entry), name) for name, entry in tensors.items())
    _check_spans(path, spans, size - _LENGTH - length)
    return {name: _stored(entry) for name, entry in tensors.items()}


def _refuse_foreign(path: Path, size: int, start: bytes) -> None:
    """Refuse what cannot be a safetensors file, before its header is read."""
    length = int.from_bytes(start[:_LENGTH], "little")
    if start[_LENGTH : _LENGTH + 1] != b"{" or length > _MOST:
        raise WeightsError(_foreign(start), path=path)
    if size < _LENGTH + length:
        raise WeightsError(
            f"the file is cut short: it has {size:,} bytes and its header alone needs {_LENGTH + length:,}; "
            "fetch it again",
            path=path,
        )


def _foreign(start: bytes) -> str:
    """Return what to say about a file that begins with ``start``."""
    if not start:
        return "the file is empty; fetch it again"
    if start.startswith(_PICKLES):
        return (
            "this is a PyTorch pickle, which can run code when it is opened and is never loaded; "
            "get the model as a .safetensors file"
        )
    if start.startswith(_POINTER):
        return "this is a pointer of git LFS, not the file itself; run `git lfs pull` in its folder"
    return "this is not a safetensors file"


def _stored(entry: Entry) -> StoredTensor:
    dtype = entry.at("dtype").is_a(str)
    if dtype not in _BYTES:
        raise entry.error(f"unknown dtype {dtype!r}")
    shape = tuple(axis.is_a(int) for axis in entry.at("shape").items())
    if len(shape) > _AXES or not all(0 <= axis < _LONGEST for axis in shape):
        raise entry.error(f"a shape of at most {_AXES} axes is needed, each from 0 to {_LONGEST:,}")
    return StoredTensor(dtype, shape)


def _span(entry: Entry) -> tuple[int, int]:
    """Return from where to where the tensor lies, which fits its shape."""
    stored = _stored(entry)
    offsets = [offset.is_a(int) for offset in entry.at("data_offsets").items()]
    if not all(0 <= offset < _LONGEST for offset in offsets):
        raise entry.error(f"data_offsets from 0 to {_LONGEST:,} are needed")
    needed = math.prod(stored.shape) * _BYTES[stored.dtype]
    if len(offsets) != 2 or offsets[1] - offsets[0] != needed:
        raise entry.error(
            f"{stored.dtype} of shape {list(stored.shape)} needs {needed:,} bytes, not {offsets}"
        )
    return offsets[0], offsets[1]


def _check_spans(path: Path, spans: list[tuple[int, int, str]], size: int) -> None:
    end = 0
    for begin, stop, name in spans:
        if begin != end:
            raise WeightsError(
                f"damaged: the tensor {shown(name)} begins at byte {begin:,} and not {end:,}", path=path
            )
        end = stop
    if end > size:
        raise WeightsError(
            f"the file is cut short: its tensors need {end:,} bytes and {size:,} are there; fetch it again",
            path=path,
        )
    if end < size:
        raise WeightsError(f"damaged: {size - end:,} bytes behind the last tensor; fetch it again", path=path)
