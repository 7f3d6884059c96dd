"""The batch: pictures through a pipeline into files, whatever happens to any one of them."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.cli.console import counting, stderr
from vitruvian.cli.inputs import STDIN, Picture
from vitruvian.errors import SinkError, VitruvianError
from vitruvian.prefetch import prefetch
from vitruvian.sinks.json import JsonSink
from vitruvian.sinks.mask import MaskSink
from vitruvian.sinks.overlay import OverlaySink
from vitruvian.sources.image import read_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline
    from vitruvian.sinks.sink import Sink

__all__ = ["Report", "Results", "run"]


@dataclass(frozen=True)
class Results:
    """Which files to write.

    Attributes:
        folder: Where to.
        overlay: Whether to write ``NAME.jpg``, beside ``NAME.json``.
        masks: Whether to write ``NAME.mask.N.png``.
    """

    folder: Path
    overlay: bool
    masks: bool

    def prepare(self, pictures: Sequence[Picture]) -> None:
        """Make the folder, and make sure that no picture of the user's is going to be overwritten.

        Raises:
            SinkError: The folder cannot be made, or a result would replace an input.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"this folder cannot be made: {error.strerror}", path=self.folder) from error
        inputs = {Path(picture.path).resolve() for picture in pictures}
        for picture in pictures:
            overlay = (self.folder / f"{picture.name}.jpg").resolve()
            if self.overlay and overlay in inputs:
                message = (
                    "is a picture to work on, and its result would replace it; choose another folder with -o"
                )
                raise SinkError(message, path=overlay)

    def write(self, picture: Picture, frame: Frame, people: Landmarks, pipeline: Pipeline) -> None:
        """Write the files of one picture; the JSON comes last, so where it is all are."""
        sinks: list[Sink] = []
        if self.overlay:
            sinks.append(OverlaySink(self.folder / f"{picture.name}.jpg"))
        if self.masks:
            sinks.append(MaskSink(self.folder, picture.name))
        sinks.append(JsonSink(self.folder / f"{picture.name}.json", pipeline.model))
        for sink in sinks:
            with sink:
                sink.write(frame, people)


@dataclass
class Report:
    """What became of the batch.

    Attributes:
        folder: Where the results are.
        pictures: How many there were to do.
        done: How many have results.
        people: How many people they show.
        failed: Path and reason of each that has none.
        seconds: What it took.
        interrupted: Whether the user stopped it.
    """

    folder: str
    pictures: int
    done: int = 0
    people: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def fail(self, path: str, error: VitruvianError) -> None:
        """Count a failure and say it at once."""
        self.failed.append({"path": path, "error": str(error)})
        stderr.print(f"failed: {error}", markup=False)

    def line(self) -> str:
        """Return the summary for a person."""
        left = self.pictures - self.done - len(self.failed)
        parts = [
            f"{self.done} of {self.pictures} pictures done",
            f"{self.people} people found",
            *([f"{len(self.failed)} failed"] if self.failed else []),
            *([f"interrupted with {left} left"] if self.interrupted else []),
        ]
        return f"{', '.join(parts)}; results in {self.folder} ({self.seconds:.2f} s)"


def run(
    pipeline: Pipeline,
    pictures: Sequence[Picture],
    results: Results,
    report: Report,
    say: Callable[[str], None],
) -> None:
    """Work through the pictures; a bad one is counted and reported, and ends nothing.

    Args:
        pipeline: Finds the people.
        pictures: What to read.
        results: What to write.
        report: Counts; complete also after an interruption.
        say: Takes a line about each picture.
    """
    start = time.perf_counter()
    try:
        with counting(len(pictures)) as tick:
            for picture, frame in prefetch(_read, pictures):
                try:
                    people = pipeline.estimate(frame.result())
                    results.write(picture, frame.result(), people, pipeline)
                except VitruvianError as error:
                    report.fail(picture.path, error)
                else:
                    report.done += 1
                    report.people += len(people)
                    say(f"{picture.path}: {len(people)} found -> {results.folder / picture.name}.json")
                tick(picture.name)
    except KeyboardInterrupt:
        report.interrupted = True
    report.seconds = round(time.perf_counter() - start, 3)


def _read(picture: Picture) -> Frame:
    if picture.path == STDIN:
        return read_image(sys.stdin.buffer.read(), name="stdin")
    return read_image(picture.path)
