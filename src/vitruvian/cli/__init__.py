"""The command line: ``vitruvian pose``, ``hands``, ``sapiens``, ``live``, ``models``, ``doctor``."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Annotated

import typer

import vitruvian
from vitruvian.cli import doctor, hands, live, models, pose, sapiens
from vitruvian.errors import VitruvianError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Pictures of people and hands in, landmarks out. Nothing leaves this machine.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("pose")(pose.pose)
app.command("hands")(hands.hands)
app.command("sapiens")(sapiens.sapiens)
app.command("live")(live.live)
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"vitruvian {vitruvian.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """Run the command line; an error of ours is one line on standard error and exit status 1."""
    # Pillow warns about odd metadata and large pictures; what matters of that is an error of ours.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal has no letters for is still said
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except VitruvianError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
