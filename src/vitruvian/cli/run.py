"""The batch: pictures through a pipeline into files, whatever happens to any one of them."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.cli.console import complain, counting
from vitruvian.cli.inputs import STDIN, Picture
from vitruvian.errors import SinkError, SourceError, VitruvianError, shown
from vitruvian.prefetch import prefetch
from vitruvian.sinks.json import JSON_MARK, JsonSink
from vitruvian.sinks.mask import MaskSink
from vitruvian.sinks.overlay import OVERLAY_MARK, OverlaySink
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sources.image import read_image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline
    from vitruvian.sinks.sink import Sink

__all__ = ["Report", "Results", "run"]


_MOST_PIPED = 1 << 29  # bytes


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
        """Make the folder, and make sure that no picture to work on is going to be overwritten.

        Raises:
            SinkError: The folder cannot be made, or a result would replace a file that is none.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"this folder cannot be made: {error.strerror}", path=self.folder) from error
        names = {picture.name for picture in pictures}
        folder = os.path.realpath(self.folder)
        for picture in pictures:
            place = Path(picture.path)  # a link in the folder is in the folder, wherever it leads
            result = self._result.fullmatch(place.name)
            if os.path.realpath(place.parent) == folder and result is not None and result["name"] in names:
                message = (
                    "is a picture to work on, and a result would replace it; choose another folder with -o"
                )
                raise SinkError(message, path=picture.path)

    @property
    def _result(self) -> re.Pattern[str]:
        """What the files that are going to be written are called."""
        overlay = r"|\.jpg" if self.overlay else ""
        masks = r"|\.mask\.\d+\.png" if self.masks else ""
        return re.compile(rf"(?P<name>.*?)(\.json{overlay}{masks})", re.DOTALL)

    def write(self, picture: Picture, frame: Frame, people: Landmarks, pipeline: Pipeline) -> None:
        """Write the files of one picture; the JSON comes last, so where it is all are."""
        sinks: list[Sink] = []
        if self.overlay:
            overlay = self.folder / f"{picture.name}.jpg"
            refuse_foreign(overlay, OVERLAY_MARK)
            sinks.append(OverlaySink(overlay))
        if self.masks:
            sinks.append(MaskSink(self.folder, picture.name))
        landmarks = self.folder / f"{picture.name}.json"
        refuse_foreign(landmarks, JSON_MARK)
        sinks.append(JsonSink(landmarks, pipeline.model))
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
        complain(f"failed: {error}")

    def line(self) -> str:
        """Return the summary for a person."""
        left = self.pictures - self.done - len(self.failed)
        parts = [
            f"{self.done} of {self.pictures} pictures done",
            f"{self.people} {'person' if self.people == 1 else 'people'} found",
            *([f"{len(self.failed)} failed"] if self.failed else []),
            *([f"interrupted with {left} left"] if self.interrupted else []),
        ]
        return f"{', '.join(parts)}; results in {shown(self.folder)} ({self.seconds:.2f} s)"


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
        # Standard input is read here, where Ctrl-C is heard.
        piped = {STDIN: _standard_input()} if any(picture.path == STDIN for picture in pictures) else {}
        with counting(len(pictures)) as tick:
            for picture, frame in prefetch(lambda one: _read(one, piped), pictures):
                try:
                    people = pipeline.estimate(frame.result())
                    results.write(picture, frame.result(), people, pipeline)
                except VitruvianError as error:
                    report.fail(picture.path, error)
                else:
                    report.done += 1
                    report.people += len(people)
                    say(shown(f"{picture.path}: {len(people)} found -> {results.folder / picture.name}.json"))
                tick(picture.name)
    except KeyboardInterrupt:
        report.interrupted = True
    report.seconds = round(time.perf_counter() - start, 3)


def _standard_input() -> bytes:
    """Return all of standard input, or as much as shows that it is too much."""
    return b"" if sys.stdin is None else sys.stdin.buffer.read(_MOST_PIPED + 1)


def _read(picture: Picture, piped: Mapping[str, bytes]) -> Frame:
    if picture.path not in piped:
        return read_image(picture.path)
    content = piped[picture.path]
    if not content:
        raise SourceError("nothing came", path="standard input")
    if len(content) > _MOST_PIPED:
        raise SourceError(f"more than {_MOST_PIPED:,} bytes", path="standard input")
    return read_image(content, name="stdin")
