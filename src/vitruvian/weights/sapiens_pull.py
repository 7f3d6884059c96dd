"""Sapiens2 and its detector from the hub into the folder of the checkpoints, once terms are accepted."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from vitruvian.errors import WeightsError, WeightsMissingError
from vitruvian.weights.disk import locked, read_file, write_file, writing
from vitruvian.weights.download import Limits, download_file
from vitruvian.weights.entry import Entry
from vitruvian.weights.fetching import FetchError, Progress
from vitruvian.weights.hub import HubFile, HubModel, Licence, builtin_hub
from vitruvian.weights.safetensors_header import read_header
from vitruvian.weights.sapiens import check_detector, open_pose, sapiens_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["accepted", "pull_sapiens", "sapiens_faults", "sapiens_paths", "sapiens_present"]

_MOST = 64 << 30
"""Bytes; the largest checkpoint has a third of it."""

_POSE = "sapiens-"
_DETECTOR = "sapiens-detector"
_HEADED = ".safetensors"
_SETTINGS = 1 << 20
"""Bytes of the largest file of settings."""


def sapiens_paths(model: str | HubModel, *, root: Path | None = None) -> tuple[Path, ...]:
    """Return where the files of ``model`` are, or would be, as the original tool has them.

    Raises:
        OptionError: No model has that name.
    """
    model = _named(model)
    return tuple(sapiens_root(root) / file.place for file in model.files)


def sapiens_present(model: str | HubModel, *, root: Path | None = None) -> bool:
    """Return whether all files of ``model`` that we read are there; their content is not looked at."""
    return all((sapiens_root(root) / file.place).is_file() for file in _named(model).files if file.needed)


def sapiens_faults(model: str | HubModel, *, root: Path | None = None) -> str | None:
    """Return what is wrong with the files of ``model``, or None if their headers are right."""
    model = _named(model)
    try:
        _check(model, sapiens_root(root))
    except WeightsError as problem:
        return str(problem)
    return None


def accepted(licence: Licence, *, root: Path | None = None) -> bool:
    """Return whether it is on record that these very terms were accepted, or need not be."""
    if not licence.asks:
        return True
    try:
        record = json.loads(_record(licence, sapiens_root(root)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("terms_sha256") == licence.digest


def pull_sapiens(
    model: str | HubModel,
    *,
    accept: Callable[[Licence], bool],
    root: Path | None = None,
    offline: bool = False,
    force: bool = False,
    source: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Put the files of ``model`` where the original tool has them, unless they are there undamaged.

    Args:
        model: ``sapiens-0.4b``, ``sapiens-0.8b``, ``sapiens-1b``, ``sapiens-5b`` or ``sapiens-detector``; or
            one from elsewhere.
        accept: Shows the terms of a licence to a person, and returns whether they were accepted. Called
            before a download unless the answer is on record, and never for a ``source``.
        root: The folder of the checkpoints; ``sapiens_root()`` if None.
        offline: Never connect: without ``source``, the model must be there already.
        force: Fetch it even if it is there.
        source: What to copy instead: a safetensors file, or the folder that has the model's files.
        progress: Told how far a download is.

    Returns:
        Where the files are.

    Raises:
        OptionError: No model has that name.
        WeightsMissingError: ``offline`` forbids fetching what is not there, or there is no ``source``.
        WeightsError: The terms were not accepted, or the files cannot be fetched, are not those of the model,
            or cannot be written.
    """
    model, folder = _named(model), sapiens_root(root)
    places = tuple(folder / file.place for file in model.files)
    if not force and source is None and _is_sound(model, folder):
        return places
    if source is not None:
        _copy(model, folder, source)
        return places
    if offline:
        raise WeightsMissingError(
            f"{model.name} is not there or damaged, and offline nothing is fetched; "
            f"run `vitruvian models pull {model.name}` while connected, or {_by_hand(model)}",
            path=places[-1],
        )
    if not accepted(model.licence, root=folder):
        if not accept(model.licence):
            raise WeightsError(
                f"{model.name}: the terms of the {model.licence.title} were not accepted; nothing was fetched"
            )
        _remember(model.licence, folder)
    for file in model.files:
        _fetch(model, file, folder, progress)
    _check(model, folder)
    return places


def _named(model: str | HubModel) -> HubModel:
    return builtin_hub().find(model) if isinstance(model, str) else model


def _record(licence: Licence, root: Path) -> Path:
    return root / "licences" / f"{licence.name}.json"


def _remember(licence: Licence, root: Path) -> None:
    path = _record(licence, root)
    record = {
        "licence": licence.title,
        "url": licence.url,
        "terms_sha256": licence.digest,
        "terms": licence.terms,
        "accepted": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, (json.dumps(record, indent=2) + "\n").encode())


def _is_sound(model: HubModel, root: Path) -> bool:
    try:
        _check(model, root)
    except WeightsError:
        return False
    return True


def _check(model: HubModel, root: Path) -> None:
    """Refuse files that are missing or not those of the model; of tensors only the headers are read."""
    for file in model.files:
        path = root / file.place
        if path.is_file():
            _check_file(model, file, path)
        elif file.needed:
            raise WeightsMissingError("there is no such file", path=path)
    if model.name == _DETECTOR:
        check_detector((root / model.files[0].place).parent)


def _check_file(model: HubModel, file: HubFile, path: Path) -> None:
    """Refuse what cannot be this file of the model, by itself."""
    if not file.place.endswith(_HEADED):
        Entry.parse(read_file(path, limit=_SETTINGS), path).is_a(dict)
    elif model.name == _DETECTOR:
        read_header(path)
    else:
        open_pose(path, size=model.name.removeprefix(_POSE))


def _fetch(model: HubModel, file: HubFile, root: Path, progress: Progress | None) -> None:
    target = root / file.place

    try:
        with locked(target.parent):
            part = target.with_name(f"{target.name}.part")
            check = partial(_check_file, model, file)
            download_file(file.url, part, target, check=check, progress=progress, limits=Limits(size=_MOST))
    except FetchError as problem:
        raise WeightsError(
            f"{file.name} of {model.repository} could not be fetched: {problem}\n"
            f"To do it by hand, {_by_hand(model)}"
        ) from problem


def _copy(model: HubModel, root: Path, source: Path) -> None:
    """Copy the user's own files into place, once their headers are right."""
    names = ", ".join(file.name for file in model.files)
    if not source.is_dir() and len(model.files) > 1:
        raise WeightsError(f"this is no folder; {model.name} needs one with {names}", path=source)
    given = {file: source / file.name if source.is_dir() else source for file in model.files}
    there = {file: place for file, place in given.items() if place.is_file()}
    for file, place in given.items():
        if file in there:
            _check_file(model, file, place)
        elif file.needed:
            raise WeightsMissingError("there is no such file", path=place)
    for file, place in there.items():
        target = root / file.place
        with locked(target.parent):
            fresh = target.with_name(f".{uuid4().hex[:12]}.part")
            with writing(target.parent):
                try:
                    shutil.copyfile(place, fresh)
                    fresh.replace(target)
                finally:
                    fresh.unlink(missing_ok=True)
    _check(model, root)


def _by_hand(model: HubModel) -> str:
    """Return how to get the model without a connection from here."""
    names = ", ".join(file.name for file in model.files)
    what = "FILE" if len(model.files) == 1 else "FOLDER"
    return (
        f"get {names} of {model.repository} on the Hugging Face hub on any machine "
        f"(it may ask for an account) and run `vitruvian models pull {model.name} --from {what}`"
    )
