"""The networks of a task out of somebody's own files: a bundle, or a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitruvian.errors import WeightsError, WeightsMissingError
from vitruvian.weights.archive import MAX_ARCHIVE, MAX_MEMBER, read_members
from vitruvian.weights.disk import read_file
from vitruvian.weights.weight_file import WeightFile

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from vitruvian.weights.catalogue import Role

__all__ = ["members_of", "open_bundle", "open_path"]

_MARK = b"TFL3"
_MARK_AT = slice(4, 8)
"""Where a TensorFlow Lite file carries its mark."""

_SHOWN = 10


def members_of(roles: Sequence[Role]) -> dict[str, str]:
    """Return the members of a bundle that ``roles`` need: role → member name."""
    return {role.name: role.member for role in roles}


def open_bundle(
    data: bytes, *, members: Mapping[str, str], path: Path | None = None
) -> Mapping[str, WeightFile]:
    """Return the networks in a ``.task`` bundle, by role.

    Args:
        data: The bundle: a zip archive whose members are stored or deflated.
        members: The members to read: role → name. Others are left alone.
        path: Where the bundle came from, for error messages.

    Raises:
        WeightsError: The bundle or one of the members cannot be used.
    """
    if data[_MARK_AT] == _MARK:
        raise WeightsError(
            f"this is a single network, not a bundle of {len(members)}; "
            "pass a .task bundle or the folder that holds all networks",
            path=path,
        )
    contents = read_members(data, members.values(), path=path)
    return {role: _network(name, contents[name], path) for role, name in members.items()}


def open_path(path: Path, roles: Sequence[Role], *, if_missing: str) -> Mapping[str, WeightFile]:
    """Return the networks in the bundle or the folder at ``path``, by role.

    Args:
        path: The bundle or the folder.
        roles: The networks to find.
        if_missing: What to say when there is nothing at ``path``.

    Raises:
        WeightsMissingError: There is nothing at ``path``, or the folder lacks a network.
        WeightsError: What is there cannot be used.
    """
    try:
        there, is_folder, is_file = path.exists(), path.is_dir(), path.is_file()
    except OSError as problem:
        raise WeightsError(f"cannot be read ({problem.strerror})", path=path) from problem
    if not there:
        raise WeightsMissingError(if_missing, path=path)
    if is_folder:
        return _open_folder(path, roles)
    if not is_file:
        raise WeightsError("this is neither a file nor a folder", path=path)
    data = read_file(path, limit=MAX_ARCHIVE)
    return open_bundle(data, members=members_of(roles), path=path)


def _open_folder(folder: Path, roles: Sequence[Role]) -> dict[str, WeightFile]:
    try:
        present = sorted(entry.name for entry in folder.iterdir())
    except OSError as problem:
        raise WeightsError(f"the folder cannot be read ({problem.strerror})", path=folder) from problem
    networks = {}
    for role in roles:
        path = folder / _choose(role, present, folder)
        networks[role.name] = _network(path.name, read_file(path, limit=MAX_MEMBER), path)
    return networks


def _choose(role: Role, present: Collection[str], folder: Path) -> str:
    """Return the one file in ``folder`` that can play ``role``."""
    candidates = [name for name in role.names if name in present]
    if len(candidates) == 1:
        return candidates[0]
    wanted = ", ".join(role.names)
    if candidates:
        found = ", ".join(candidates)
        raise WeightsError(
            f"the folder has {len(candidates)} files for the {role.name} ({found}); leave one of them in it",
            path=folder,
        )
    networks = [name for name in present if name.endswith((".tflite", ".task"))]
    found = ", ".join(networks[:_SHOWN]) or "no .tflite file"
    raise WeightsMissingError(
        f"the folder has no file for the {role.name}; expected one of {wanted}, found {found}", path=folder
    )


def _network(name: str, data: bytes, path: Path | None) -> WeightFile:
    if data[_MARK_AT] != _MARK:
        raise WeightsError(f"{name} is not a TensorFlow Lite network (no {_MARK.decode()} mark)", path=path)
    return WeightFile(name, data)
