"""``vitruvian models`` for what comes from the hub, whose licence is shown before it is fetched."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import typer

from vitruvian.cli.console import downloads
from vitruvian.errors import OptionError
from vitruvian.weights.hub import Licence, builtin_hub
from vitruvian.weights.sapiens import sapiens_root
from vitruvian.weights.sapiens_pull import pull_sapiens, sapiens_faults, sapiens_paths, sapiens_present

__all__ = ["is_of_hub", "paths_of_hub", "pull_from_hub", "rows_of_hub", "verified_of_hub"]


def is_of_hub(name: str) -> bool:
    """Return whether a model of that name comes from the hub."""
    return builtin_hub().knows(name)


def rows_of_hub() -> list[tuple[str, str, str, str, str]]:
    """Return name, alias, task, whether it is here, and title of each model."""
    return [
        (model.name, "", "sapiens", "yes" if sapiens_present(model) else "no", model.title)
        for model in builtin_hub().models
    ]


def pull_from_hub(
    name: str, *, source: Path | None, force: bool, cache: Path | None, accept_licence: bool
) -> tuple[Path, ...]:
    """Fetch a model and return where its files are.

    Raises:
        OptionError: A cache folder is given, which these models are not kept in.
        WeightsError: The terms were not accepted, or it cannot be fetched.
    """
    _refuse_cache(cache)
    accept = partial(_accept, at_once=accept_licence)
    with downloads() as progress:
        return pull_sapiens(name, accept=accept, source=source, force=force, progress=progress)


def paths_of_hub(name: str, cache: Path | None) -> tuple[tuple[Path, ...], bool]:
    """Return where a model's files are, or would be, and whether all are there.

    Raises:
        OptionError: A cache folder is given, which these models are not kept in.
    """
    _refuse_cache(cache)
    return sapiens_paths(name), sapiens_present(name)


def verified_of_hub(name: str, cache: Path | None) -> tuple[str, bool]:
    """Return a line about a model's files, of which the headers are read, and whether they are right.

    Raises:
        OptionError: A cache folder is given, which these models are not kept in.
    """
    _refuse_cache(cache)
    if not sapiens_present(name):
        return f"{'missing':8} {name}", False
    faults = sapiens_faults(name)
    return f"{'damaged' if faults else 'ok':8} {name} {faults or '(headers and lengths)'}", faults is None


def _refuse_cache(cache: Path | None) -> None:
    if cache is not None:
        raise OptionError(
            f"--cache: Sapiens2 is kept in $SAPIENS_CHECKPOINT_ROOT (now {sapiens_root()}); set that instead"
        )


def _accept(licence: Licence, *, at_once: bool) -> bool:
    """Show the terms and ask; where nobody can be asked, only the option says yes."""
    typer.echo(f"{licence.title}: {licence.url}", err=True)
    for line in licence.terms:
        typer.echo(f"  * {line}", err=True)
    if at_once:
        typer.echo("accepted with --accept-licence", err=True)
        return True
    if not sys.stdin.isatty():
        typer.echo("To accept these terms without being asked, add --accept-licence.", err=True)
        return False
    return typer.confirm("Do you accept these terms?", default=False, err=True)
