"""What the commands that read files have in common: from flags to results, a summary and an exit status."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

import typer

from vitruvian.cli.console import complain, say, stderr
from vitruvian.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from _typeshed import DataclassInstance

    from vitruvian.cli.clip import ClipOptions
    from vitruvian.cli.inputs import Input
    from vitruvian.cli.noun import Noun
    from vitruvian.cli.report import Report
    from vitruvian.cli.results import Results
    from vitruvian.draw import Style
    from vitruvian.pipeline import Pipeline
    from vitruvian.sinks.formats import Format

__all__ = ["Drawing", "Files", "Look", "Opens", "Videos", "work"]

Settings = TypeVar("Settings", bound="DataclassInstance")
Wanted_contra = TypeVar("Wanted_contra", bound="DataclassInstance", contravariant=True)


class Opens(Protocol[Wanted_contra]):
    """What can open the networks that a command needs."""

    def pipeline(self, settings: Wanted_contra) -> AbstractContextManager[Pipeline]:
        """Open the pipeline that has these settings.

        Raises:
            VitruvianError: It cannot be opened.
        """


@dataclass(frozen=True)
class Look(Generic[Settings]):
    """What is looked for, and by which networks.

    Attributes:
        noun: What it is called.
        settings: Of the pipeline: all that results depend on, in values that JSON has.
        networks: That find it.
    """

    noun: Noun
    settings: Settings
    networks: Opens[Settings]


@dataclass(frozen=True)
class Drawing:
    """How many points are drawn so that they can be told apart: flags.

    Attributes:
        radius: Of points, in pixels; ``None``: by the size of picture and person.
        line_thickness: Of limbs, in pixels; ``None``: the same.
        least_score: Of a point that is drawn.
    """

    radius: float | None
    line_thickness: float | None
    least_score: float

    def style(self) -> Style:
        """Return the same as it is drawn."""
        from vitruvian.draw import Style  # noqa: PLC0415  # opens the world of pixels

        return Style(thickness=self.line_thickness, radius=self.radius, min_score=self.least_score, faint=0)


@dataclass(frozen=True)
class Files:
    """What is written: the flags of that panel.

    Attributes:
        output: Folder for the results.
        overlay: Whether to draw.
        formats: Of the landmarks of videos.
        resume: Whether to leave alone what is done already.
        json_summary: Whether standard output belongs to the summary.
        masks: Whether to write masks.
        drawing: How to draw; ``None``: as the library does.
    """

    output: Path
    overlay: bool
    formats: Sequence[str]
    resume: bool
    json_summary: bool
    masks: bool = False
    drawing: Drawing | None = None

    def results(self) -> Results:
        """Return which files to write."""
        from vitruvian.cli.results import Results  # noqa: PLC0415  # opens the world of pixels

        style = None if self.drawing is None else self.drawing.style()
        return Results(self.output, self.overlay, self.masks, cast("Sequence[Format]", self.formats), style)


@dataclass(frozen=True)
class Videos:
    """How videos are worked on, and by how much pictures are turned: flags.

    Attributes:
        search_budget: Milliseconds of each frame that a thorough search takes; ``None``: as the library does.

    Raises:
        BadParameter: The end does not come after the start.
    """

    smoothing: str
    start: float | None
    end: float | None
    fps: float | None
    redetect: float
    keep: float
    rotate: int
    search_budget: float | None = None

    def __post_init__(self) -> None:
        """Refuse a part of a video that has no frames."""
        if self.end is not None and self.end <= (self.start or 0):
            raise typer.BadParameter("the end must come after the start", param_hint="--end")

    def options(self) -> ClipOptions:
        """Return the same as the work takes it."""
        from vitruvian.cli.clip import ClipOptions  # noqa: PLC0415  # opens the world of pixels
        from vitruvian.tracking import Tracking  # noqa: PLC0415

        tracking = Tracking(self.redetect, keep=self.keep)
        if self.search_budget is not None:
            tracking = replace(tracking, search_budget=self.search_budget)
        return ClipOptions(self.start, self.end, self.fps, self.smoothing, tracking, self.rotate)


def work(given: Sequence[str], look: Look[Settings], files: Files, videos: Videos) -> None:
    """Work through what the user named, and print a summary.

    Raises:
        Exit: Always; the status is 0, or 1 if something failed, or 130 after an interruption.
        VitruvianError: What was asked cannot be done at all.
    """
    report = _run(given, look, files, videos)
    say(json.dumps(report.summary()) if files.json_summary else report.line())
    raise typer.Exit(130 if report.interrupted else 1 if report.failed else 0)


def _run(given: Sequence[str], look: Look[Settings], files: Files, videos: Videos) -> Report:
    # Opening the world of pixels takes 0.3 s, which --help need not wait for.
    from vitruvian.cli.inputs import expand, names  # noqa: PLC0415
    from vitruvian.cli.report import Report  # noqa: PLC0415
    from vitruvian.cli.results import Results  # noqa: PLC0415
    from vitruvian.cli.run import Batch  # noqa: PLC0415
    from vitruvian.sources.listing import is_video  # noqa: PLC0415

    found = expand(given)
    inputs, report = names(found.paths), Report(look.noun, str(files.output))
    for one in inputs:
        report.expect(video=one.video)
    for error in found.errors:
        report.expect(video=is_video(str(error.path)))
        report.fail(str(error.path), error)
    if found.skipped:
        complain(f"left out what an earlier run drew: {found.skipped} of the files found")
    if inputs:
        results, clips = files.results(), videos.options()
        _check(inputs, results, clips)
        if not any(one.video for one in inputs) and list(results.formats) != list(Results.formats):
            complain("--format is for videos; what is found in pictures is written to NAME.json")
        tell = _say(json_summary=files.json_summary, count=len(inputs))
        with look.networks.pipeline(look.settings) as pipeline:
            Batch(pipeline, look.settings, results, clips, report, files.resume, tell).run(inputs)
    return report


def _check(inputs: Sequence[Input], results: Results, clips: ClipOptions) -> None:
    """Refuse, before anything begins, what could not be done in the end."""
    if clips.smoothing == "offline" and any(one.video for one in inputs):
        if results.masks:
            message = "--masks: offline smoothing reads the video twice, and masks are not kept that long"
            raise OptionError(f"{message}; choose --smoothing live, smooth or off")
        if find_spec("scipy") is None:
            raise OptionError("--smoothing offline needs SciPy: pip install 'vitruvian[offline]'")
    results.prepare(inputs)


def _say(*, json_summary: bool, count: int) -> Callable[[str], None]:
    """Return what takes the line about each input: standard output, unless that belongs to the summary."""
    if json_summary:
        return complain
    # A bar says enough about many.
    return say if count == 1 or not stderr.is_terminal else lambda _: None
