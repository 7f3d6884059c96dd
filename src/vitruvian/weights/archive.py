"""Chosen members of a zip archive, out of bytes that nobody has vouched for.

Nothing is extracted to disk: a member is bytes in memory under the exact name that was asked for.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING

from vitruvian.errors import WeightsError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["MAX_ARCHIVE", "MAX_ENTRIES", "MAX_MEMBER", "read_members"]

MAX_ARCHIVE = 256 * 1024 * 1024
MAX_MEMBER = 64 * 1024 * 1024
MAX_ENTRIES = 10_000

_ENTRY = b"PK\x01\x02"
"""What every entry of an archive's directory starts with."""

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a feature of the format that Python does not read
    OverflowError,  # an offset beyond what the machine can count
    ValueError,  # a negative offset, a name that is not text
)
"""What ``zipfile`` raises on archives that are damaged or made to hurt."""

_SHOWN = 10


def read_members(data: bytes, names: Iterable[str], *, path: Path | None = None) -> dict[str, bytes]:
    """Return the content of the members ``names`` of the archive ``data``, by name.

    Args:
        data: The archive.
        names: The members to read, spelled exactly as in the archive; each must be there exactly once.
        path: Where the archive came from, for error messages.

    Raises:
        WeightsError: The archive or one of the members cannot be used, or is larger than the limits.
    """
    _check_size(data, path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: _read_member(archive, name, path) for name in names}
    except _BROKEN as problem:
        kind = "a zip archive that is damaged or cut short" if data.startswith(b"PK") else "not a zip archive"
        raise WeightsError(f"this is {kind} ({problem})", path=path) from problem


def _check_size(data: bytes, path: Path | None) -> None:
    """Refuse what would cost too much merely to list."""
    if not data:
        raise WeightsError("this is empty, not a zip archive", path=path)
    if len(data) > MAX_ARCHIVE:
        raise WeightsError(f"the archive is larger than the {MAX_ARCHIVE:,} bytes allowed", path=path)
    if data.count(_ENTRY) > MAX_ENTRIES:
        raise WeightsError(f"the archive has more than the {MAX_ENTRIES:,} entries allowed", path=path)


def _read_member(archive: zipfile.ZipFile, name: str, path: Path | None) -> bytes:
    entry = _find_entry(archive, name, path)
    with archive.open(entry) as stream:
        content = stream.read(MAX_MEMBER + 1)
    if len(content) != entry.file_size:
        raise WeightsError(
            f"member {name} has {len(content):,} bytes, but its entry says {entry.file_size:,}", path=path
        )
    return content


def _find_entry(archive: zipfile.ZipFile, name: str, path: Path | None) -> zipfile.ZipInfo:
    """Return the one entry of ``name``, once it is known to be readable within the limits."""
    # `orig_filename` is the name as stored; `filename` has been cut at a NUL and had separators replaced.
    entries = [entry for entry in archive.infolist() if entry.orig_filename == name]
    if not entries:
        raise WeightsMissingError(f"has no member {name}; its members: {_listed(archive)}", path=path)
    if len(entries) > 1:
        raise WeightsError(f"has {len(entries)} members called {name}; there must be exactly one", path=path)
    entry = entries[0]
    if entry.flag_bits & _ENCRYPTED:
        raise WeightsError(f"member {name} is encrypted; only plain members can be read", path=path)
    if entry.compress_type not in _METHODS:
        raise WeightsError(
            f"member {name} is compressed with method {entry.compress_type}; "
            "it must be stored or deflated (methods 0 and 8)",
            path=path,
        )
    if entry.file_size > MAX_MEMBER:
        raise WeightsError(
            f"member {name} has {entry.file_size:,} bytes, more than the {MAX_MEMBER:,} allowed", path=path
        )
    return entry


def _listed(archive: zipfile.ZipFile) -> str:
    names = [ascii(entry.orig_filename) for entry in archive.infolist()]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more
