"""What the commands share in talking to a person: progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

__all__ = ["complain", "downloads", "say", "stderr"]


class _Stderr(Console):
    def on_broken_pipe(self) -> None:
        """Go quiet when nobody reads any more: the work goes on, and standard output is another matter."""
        self.quiet = True
        _discard(sys.stderr)


stderr = _Stderr(stderr=True, soft_wrap=True, highlight=False, emoji=False)


def say(line: str) -> None:
    """Print a line on standard output; if that fails (``| head``, a full disk), the work goes on."""
    try:
        typer.echo(line)
    except OSError:
        _discard(sys.stdout)


def complain(line: str) -> None:
    """Print a line on standard error; if that fails, the work goes on."""
    try:
        stderr.print(line, markup=False)
    except OSError:
        stderr.on_broken_pipe()


def _discard(stream: TextIO) -> None:
    # What is still in the stream's buffer would fail again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def downloads() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield what a download is to call with (file name, bytes done, bytes in all or None)."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:

        def report(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
                if not stderr.is_terminal:
                    complain(f"downloading {name}")
            bar.update(tasks[name], completed=done, total=total)

        yield report
