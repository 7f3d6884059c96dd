"""``vitruvian models``: what there is, what is here, and how it gets here."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from vitruvian import weights
from vitruvian.cli.console import downloads
from vitruvian.cli.hub_models import is_of_hub, paths_of_hub, pull_from_hub, rows_of_hub, verified_of_hub
from vitruvian.weights.sapiens import sapiens_root

__all__ = ["app"]

_WIDE = 160

app = typer.Typer(help="The model files: list them, fetch them, find them, check them.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A name from 'vitruvian models list', or the alias of a model for poses."
    ),
]
Cache = Annotated[Path | None, typer.Option(help="Folder for models; default: the platform's cache folder.")]


@app.command("list")
def list_(*, cache: Cache = None) -> None:
    """List the models that have a name, and whether they are on this machine."""
    table = Table("name", "alias", "for", "here", "what it is")
    for model in weights.list_models():
        here = "yes" if weights.present(model.name, cache=cache) else "no"
        table.add_row(model.name, model.alias, model.task, here, model.title)
    for row in rows_of_hub():
        table.add_row(*row)
    # A program that reads along wants whole lines.
    Console(width=None if Console().is_terminal else _WIDE).print(table)
    typer.echo(f"cache: {cache or weights.default_cache()}")
    typer.echo(f"sapiens: {sapiens_root()}")


@app.command()
def pull(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", help="From 'vitruvian models list', or the alias of a model for poses."
        ),
    ],
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Take it from this wheel, .task or .safetensors file, or folder, instead of downloading.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch it even if it is here already.")] = False,
    accept_licence: Annotated[
        bool,
        typer.Option(
            "--accept-licence", help="Accept the terms that a licence asks to accept, without being asked."
        ),
    ] = False,
    cache: Cache = None,
) -> None:
    """Fetch models, unless they are there undamaged, and print where their files are.

    Sapiens2 goes to $SAPIENS_CHECKPOINT_ROOT (by default ~/sapiens2_host), after its licence's terms were
    shown and accepted; other models go to the cache.
    """
    if source is not None and len(names) > 1:
        raise typer.BadParameter("takes one model at a time", param_hint="--from")
    for name in names:
        if is_of_hub(name):
            found = pull_from_hub(
                name, source=source, force=force, cache=cache, accept_licence=accept_licence
            )
        else:
            with downloads() as progress:
                found = weights.pull(name, cache=cache, force=force, source=source, progress=progress)
        for path in found:
            typer.echo(path)


@app.command()
def path(name: Name, *, cache: Cache = None) -> None:
    """Print where a model's files are; exit status 1 if they are not there."""
    if is_of_hub(name):
        places, here = paths_of_hub(name, cache)
    else:
        places, here = weights.paths(name, cache=cache), weights.present(name, cache=cache)
    for place in places:
        typer.echo(place)
    if not here:
        there = "" if cache is None else f" --cache {shlex.quote(str(cache))}"
        typer.echo(f"not here yet: vitruvian models pull {name}{there}", err=True)
        raise typer.Exit(1)


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: every model that is here.")
    ] = None,
    *,
    cache: Cache = None,
) -> None:
    """Read every byte of the model files and compare their SHA-256; exit status 1 if one differs.

    Of the large files of Sapiens2, the headers and lengths are checked.
    """
    here = [model.name for model in weights.list_models() if weights.present(model.name, cache=cache)]
    if cache is None:
        here += [row[0] for row in rows_of_hub() if row[3] == "yes"]
    sound = True
    for name in names or here:
        if is_of_hub(name):
            line, right = verified_of_hub(name, cache)
            sound &= right
            typer.echo(line)
            continue
        for file in weights.verify(name, cache=cache):
            sound &= file.state == "ok"
            expected = f" instead of {file.expected}" if file.state == "damaged" else ""
            typer.echo(f"{file.state:8} {name}/{file.name} {file.actual or ''}{expected}")
    if not (names or here):
        typer.echo(
            "no model is here yet: vitruvian models pull full (bodies), vitruvian models pull hands-full"
        )
    raise typer.Exit(0 if sound else 1)
