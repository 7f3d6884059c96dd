"""The batch: pictures and videos through a pipeline into files, whatever happens to any one of them."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import vitruvian
from vitruvian.cli.clip import Clip, ClipOptions, Watch, follow
from vitruvian.cli.inputs import STDIN, Input
from vitruvian.cli.interruption import interruption
from vitruvian.cli.journal import Entry, Journal
from vitruvian.cli.meter import metering
from vitruvian.errors import SourceError, VitruvianError, shown
from vitruvian.pictures import look_through
from vitruvian.prefetch import behind
from vitruvian.sources.image import read_image
from vitruvian.sources.video import VideoSource

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from typing import TypeAlias

    from _typeshed import DataclassInstance

    from vitruvian.cli.report import Report
    from vitruvian.cli.results import Results
    from vitruvian.frame import Frame
    from vitruvian.pictures import Seen
    from vitruvian.pipeline import Pipeline

    _Task: TypeAlias = tuple[Input, Entry | None]
    _Outcome: TypeAlias = Seen | Clip | VitruvianError

__all__ = ["Batch"]


_MOST_PIPED = 1 << 29  # bytes


@dataclass(frozen=True)
class Batch:
    """Pictures and videos to work through, and how.

    Attributes:
        pipeline: Finds people or hands.
        settings: Those of the pipeline, in values that JSON has.
        results: What to write.
        clips: How videos are worked on, and by how much pictures are turned.
        report: Counts; complete also after an interruption.
        resume: Whether to leave alone what is done already.
        say: Takes a line about each input.
    """

    pipeline: Pipeline
    settings: DataclassInstance
    results: Results
    clips: ClipOptions
    report: Report
    resume: bool
    say: Callable[[str], None]

    @property
    def journal(self) -> Journal:
        """The record of what is done in the folder of the results."""
        return Journal(self.results.folder)

    def run(self, inputs: Sequence[Input]) -> None:
        """Work through the inputs; a bad one is counted and reported, and ends nothing.

        The first Ctrl-C completes the files at hand and ends; the second ends at once.
        """
        start = time.perf_counter()
        lines: list[str] = []
        try:
            self._work(inputs, lines.append if len(inputs) == 1 else self.say)
        except KeyboardInterrupt:
            self.report.interrupted = True
        for line in lines:  # now that no bar is in the way
            self.say(line)
        self.report.seconds = round(time.perf_counter() - start, 3)

    def _work(self, inputs: Sequence[Input], say: Callable[[str], None]) -> None:
        # Standard input is read here, where Ctrl-C is heard.
        piped = {STDIN: _standard_input()} if any(one.path == STDIN for one in inputs) else {}
        todo = self._todo(inputs)
        quiet = len(todo) == 1 and not todo[0][0].video
        with interruption() as stop, metering(len(todo), quiet=quiet) as meter:

            def settle(done: tuple[_Task, _Outcome]) -> None:
                (one, entry), outcome = done
                try:
                    say(shown(self._settle(one, entry, outcome)))
                except VitruvianError as error:
                    self.report.fail(one.path, error)
                meter.file(one.name)

            with (
                closing(self._worked(todo, piped, Watch(meter, stop))) as worked,
                behind(settle) as later,
            ):
                for done in worked:
                    later(done)
            self.report.interrupted = stop.asked and self.report.left > 0

    def _todo(self, inputs: Sequence[Input]) -> list[tuple[Input, Entry | None]]:
        """Return what is to be done, as it is now, and count what is done already."""
        digests = {video: self._digest(video=video) for video in (False, True)}
        todo = [(one, Entry.of(one.path, one.name, digests[one.video])) for one in inputs]
        if not self.resume:
            return todo
        done = self.journal.done(entry for _, entry in todo)
        self.report.skipped = sum(entry in done for _, entry in todo)
        return [(one, entry) for one, entry in todo if entry not in done]

    def _worked(
        self, todo: Sequence[_Task], piped: Mapping[str, bytes], watch: Watch
    ) -> Generator[tuple[_Task, _Outcome], None, None]:
        """Yield what there is to do with what came of it, in order; end if the user wants to stop."""

        def read(task: _Task) -> Frame:
            path = task[0].path
            return _piped(piped[path]) if path in piped else read_image(path)

        def stopped() -> bool:
            return watch.stop.asked

        for video, tasks in groupby(todo, lambda task: task[0].video):
            if not video:
                yield from look_through(
                    self.pipeline, read, tasks, rotation=self.clips.rotation, stop=stopped
                )
                continue
            for task in tasks:
                if stopped():
                    return
                yield task, self._followed(task[0], watch)

    def _followed(self, one: Input, watch: Watch) -> Clip | VitruvianError:
        clips = self.clips
        try:
            with VideoSource(one.path, start=clips.start, end=clips.end, fps=clips.fps) as source:
                sinks = self.results.sinks(one, source.info, clips.start or 0.0, self.pipeline.model)
                return follow(source, self.pipeline, clips, sinks, watch)
        except VitruvianError as error:
            return error

    def _settle(self, one: Input, entry: Entry | None, outcome: _Outcome) -> str:
        """Write and count what came of an input, and return a line about it.

        Raises:
            VitruvianError: Nothing came of it, or it cannot be written.
        """
        if isinstance(outcome, VitruvianError):
            raise outcome
        noun = self.report.noun
        if isinstance(outcome, Clip):
            self.report.clips.append(outcome)
            if outcome.interrupted:
                return f"{one.path}: {outcome.line(noun)}"
            count, line = outcome.found, outcome.line(noun)
        else:
            self.results.write(one, outcome.frame, outcome.people, self.pipeline.model)
            count = len(outcome.people)
            line = f"{noun.count(count)} found"
        files = self.results.files(one)
        if entry is not None:
            self.journal.add(entry, files)
        self.report.done += 1
        self.report.found += count
        return f"{one.path}: {line} -> {files[0] if files else self.results.folder}"

    def _digest(self, *, video: bool) -> str:
        """Return a digest of what results depend on beside their input."""
        options = {
            "version": vitruvian.__version__,
            "model": asdict(self.pipeline.model),
            "settings": asdict(self.settings),
            "rotation": self.clips.rotation,
            "overlay": self.results.overlay,
            "clips": [asdict(self.clips), *self.results.formats] if video else None,
            "style": None if self.results.style is None else asdict(self.results.style),
        }
        return hashlib.sha256(json.dumps(options, sort_keys=True).encode("utf-8")).hexdigest()


def _piped(content: bytes) -> Frame:
    if not content:
        raise SourceError("nothing came", path="standard input")
    if len(content) > _MOST_PIPED:
        raise SourceError(f"more than {_MOST_PIPED:,} bytes", path="standard input")
    return read_image(content, name="stdin")


def _standard_input() -> bytes:
    """Return all of standard input, or as much as shows that it is too much."""
    return b"" if sys.stdin is None else sys.stdin.buffer.read(_MOST_PIPED + 1)
