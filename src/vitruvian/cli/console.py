"""What the commands share in talking to a person: progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

__all__ = ["counting", "downloads", "stderr"]

stderr = Console(stderr=True, soft_wrap=True, highlight=False)


@contextmanager
def downloads() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield what a download is to call with (file name, bytes done, bytes in all or None)."""
    columns = (
        TextColumn("{task.description}"),
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
                    stderr.print(f"downloading {name}", markup=False)
            bar.update(tasks[name], completed=done, total=total)

        yield report


@contextmanager
def counting(total: int) -> Iterator[Callable[[str], None]]:
    """Yield what is to be called with each item's name once it is done; shows a bar on a terminal."""
    columns = (
        TextColumn("{task.fields[name]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal or total == 1) as bar:
        task = bar.add_task("", total=total, name="")
        yield lambda name: bar.update(task, advance=1, name=name)
