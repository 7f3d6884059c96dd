"""How far the work is: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from vitruvian.cli.console import complain, stderr
from vitruvian.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Task, TaskID

__all__ = ["Meter", "metering"]

_EVERY = 10.0  # seconds between two lines where there is no terminal


class _Count(ProgressColumn):
    """How many of how many, and how fast if these are frames."""

    def render(self, task: Task) -> Text:
        done = int(task.completed)
        if task.fields["unit"] == "files":
            return Text(f"{done}/{int(task.total or 0)} files")
        total = "" if task.total is None else f"/~{int(task.total)}"
        speed = "" if task.speed is None else f"  {task.speed:.0f} frames/s"
        return Text(f"{done}{total} frames{speed}")


class Meter:
    """Counts files, and the frames of the video at hand.

    Args:
        bar: Where to show it, if that is enabled.
        files: How many there are.
    """

    def __init__(self, bar: Progress, files: int) -> None:
        self._bar = bar
        self._files = bar.add_task("", total=files, unit="files", visible=files > 1)
        self._video: TaskID | None = None
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._start = self._said = 0.0

    def file(self, name: str) -> None:
        """A file is done, whatever became of it; said from any thread."""
        self._bar.update(self._files, advance=1, description=shown(name))

    def video(self, name: str, total: int | None) -> None:
        """Begin to count the frames of a video, or of another pass through it.

        Args:
            name: What it is called.
            total: About how many frames it has; what comes beyond that makes it more, never over 100 %.
        """
        self.end()
        self._name, self._total, self._done = shown(name), total, 0
        self._start = self._said = time.monotonic()
        self._video = self._bar.add_task(self._name, total=total, unit="frames")

    def frame(self) -> None:
        """One more frame is done."""
        self._done += 1
        if self._total is not None:
            self._total = max(self._total, self._done)
        if self._video is not None:
            self._bar.update(self._video, completed=self._done, total=self._total)
        if self._bar.disable and time.monotonic() - self._said > _EVERY:
            self._say()

    def end(self) -> None:
        """The video at hand is done; where there is none, nothing happens."""
        video, self._video = self._video, None
        if video is not None:
            self._bar.remove_task(video)

    def _say(self) -> None:
        self._said = time.monotonic()
        rate = self._done / (self._said - self._start)
        left = ""
        if self._total is not None:
            left = f", {timedelta(seconds=round((self._total - self._done) / rate))} left"
        total = "" if self._total is None else f" of about {self._total}"
        complain(f"{self._name}: {self._done}{total} frames, {rate:.0f} frames/s{left}")


@contextmanager
def metering(files: int, *, quiet: bool = False) -> Iterator[Meter]:
    """Yield a meter; it shows bars if standard error is a terminal.

    Args:
        files: How many there are to do.
        quiet: Show no bar even there: the work takes no time.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Count(),
        TimeRemainingColumn(),
    )
    # Standard output is left alone: it may go elsewhere.
    bar = Progress(*columns, console=stderr, disable=quiet or not stderr.is_terminal, redirect_stdout=False)
    with bar:
        yield Meter(bar, files)
