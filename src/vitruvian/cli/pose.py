"""``vitruvian pose``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from vitruvian.cli.console import complain, say, stderr
from vitruvian.cli.flags import Cache, Model, Networks, Offline, Threads, format_names
from vitruvian.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vitruvian.cli.clip import ClipOptions
    from vitruvian.cli.inputs import Input
    from vitruvian.cli.report import Report
    from vitruvian.cli.results import Results
    from vitruvian.models.blazepose import PoseSettings
    from vitruvian.sinks.formats import Format

__all__ = ["pose"]

_PEOPLE, _VIDEOS, _WRITTEN = "Whom to find", "Videos", "What is written"

_QUARTER_TURN = 90


class _Smoothing(StrEnum):
    """What ``--smoothing`` takes."""

    OFF = "off"
    LIVE = "live"
    SMOOTH = "smooth"
    OFFLINE = "offline"


def _quarter_turns(degrees: int) -> int:
    if degrees % _QUARTER_TURN:
        raise typer.BadParameter(f"a multiple of {_QUARTER_TURN}, got {degrees}")
    return degrees


def _check_range(start: float | None, end: float | None) -> None:
    if end is not None and end <= (start or 0):
        raise typer.BadParameter("the end must come after the start", param_hint="--end")


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Pictures (JPEG, PNG, WebP, BMP, TIFF, GIF) and videos (MP4, MOV, MKV, WebM, AVI, ...), "
        "folders of them, patterns such as 'in/*.jpg', or - for a picture on standard input. What an earlier "
        "run drew is left out of folders and patterns.",
        show_default=False,
    ),
]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", help="Folder for the results; made if need be.", rich_help_panel=_WRITTEN),
]
Overlay = Annotated[
    bool,
    typer.Option(
        "--overlay/--no-overlay", help="Write NAME.jpg or NAME.mp4, or not.", rich_help_panel=_WRITTEN
    ),
]
Masks = Annotated[
    bool,
    typer.Option(
        "--masks",
        help="Also find everybody's outline. Of a picture: NAME.mask.N.png for each person. Of a video: "
        "drawn into the overlay (there are no files for each person and frame).",
        rich_help_panel=_WRITTEN,
    ),
]
Formats = Annotated[
    list[str],
    typer.Option(
        "--format",
        metavar="NAME[,NAME...]",
        help="How to write the landmarks of a video. jsonl: a line for each frame, readable while it grows. "
        "csv, parquet: a row for each person and frame. npz: NumPy arrays. coco: COCO keypoint results. trc, "
        "c3d: motion capture, a file for each person, from world landmarks.",
        callback=format_names,
        rich_help_panel=_WRITTEN,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Leave out what an earlier run with the same options has done, killed or not; what has changed "
        "since, or was not complete, is done again.",
        rich_help_panel=_WRITTEN,
    ),
]
JsonSummary = Annotated[
    bool,
    typer.Option(
        "--json-summary",
        help="Print the summary as one JSON object on standard output.",
        rich_help_panel=_WRITTEN,
    ),
]
NumPoses = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Most people in a picture or frame, the best first; default: everyone found.",
        rich_help_panel=_PEOPLE,
    ),
]
Detection = Annotated[
    float,
    typer.Option(min=0, max=1, help="Least score of the person detector.", rich_help_panel=_PEOPLE),
]
Presence = Annotated[
    float, typer.Option(min=0, max=1, help="Presence that a pose must exceed.", rich_help_panel=_PEOPLE)
]
Rotate = Annotated[
    int,
    typer.Option(
        help="Degrees to turn the pictures clockwise so that people stand upright: 0, 90, 180, 270. The "
        "results stay in the pixels of the pictures as they are.",
        callback=_quarter_turns,
        rich_help_panel=_PEOPLE,
    ),
]
Smoothing = Annotated[
    _Smoothing,
    typer.Option(
        help="off: as found in each frame. live: calm, no frame waits for another. smooth: calmer, fast "
        "movements lag a little. offline: no lag at all, since it knows the future: reads the video twice.",
        rich_help_panel=_VIDEOS,
    ),
]
Start = Annotated[float | None, typer.Option(min=0, help="Begin here, in seconds.", rich_help_panel=_VIDEOS)]
End = Annotated[float | None, typer.Option(min=0, help="Stop here, in seconds.", rich_help_panel=_VIDEOS)]
Fps = Annotated[
    float | None,
    typer.Option(min=0.001, help="Work on at most so many frames a second.", rich_help_panel=_VIDEOS),
]
Redetect = Annotated[
    float, typer.Option(min=0, help="Seconds between two looks for newcomers.", rich_help_panel=_VIDEOS)
]
Keep = Annotated[
    float,
    typer.Option(
        min=0,
        help="Seconds for which somebody out of sight is remembered, and keeps the number.",
        rich_help_panel=_VIDEOS,
    ),
]


def pose(  # noqa: PLR0913  # a command's parameters are its flags
    inputs: Inputs,
    *,
    output: Output = Path("vitruvian-out"),
    overlay: Overlay = True,
    formats: Formats = ["jsonl"],  # noqa: B006  # typer copies it
    masks: Masks = False,
    resume: Resume = False,
    json_summary: JsonSummary = False,
    num_poses: NumPoses = None,
    min_pose_detection_confidence: Detection = 0.5,
    min_pose_presence_confidence: Presence = 0.5,
    rotate: Rotate = 0,
    smoothing: Smoothing = _Smoothing.LIVE,
    start: Start = None,
    end: End = None,
    fps: Fps = None,
    redetect: Redetect = 0.25,
    keep: Keep = 2.0,
    model: Model = "full",
    threads: Threads = None,
    offline: Offline = False,
    cache: Cache = None,
) -> None:
    """Find the 33 body landmarks of everybody in pictures and videos.

    Of a picture, writes NAME.json (pixels of the upright picture, world metres, scores) and NAME.jpg (the
    picture with the landmarks drawn in). Of a video, NAME.jsonl (a line for each frame, with a number for
    each person that stays theirs) and NAME.mp4 (with the landmarks drawn in, and the sound).

      vitruvian pose photo.jpg
      vitruvian pose clip.mp4 -o out
      vitruvian pose clip.mp4 --start 10 --end 20 --smoothing offline --format csv,trc
      vitruvian pose holiday/ 'more/*.mov' -o landmarks --model lite --resume
      cat photo.jpg | vitruvian pose - --no-overlay

    What cannot be read is reported and the rest is done; the exit status is then 1. Ctrl-C completes the
    files at hand (a second one does not) and the exit status is 130; --resume goes on from there.
    """
    _check_range(start, end)
    # Opening the world of pixels takes 0.3 s, which --help need not wait for.
    from vitruvian.cli.clip import ClipOptions  # noqa: PLC0415
    from vitruvian.cli.results import Results  # noqa: PLC0415
    from vitruvian.models.blazepose import PoseSettings  # noqa: PLC0415
    from vitruvian.tracking import Tracking  # noqa: PLC0415

    settings = PoseSettings(
        num_poses, min_pose_detection_confidence, min_pose_presence_confidence, masks=masks
    )
    clips = ClipOptions(start, end, fps, smoothing.value, Tracking(redetect, keep=keep), rotate)
    results = Results(output, overlay, masks, cast("list[Format]", formats))
    networks = Networks(model, threads, offline, cache)
    report = _work(inputs, _Task(settings, clips, results, resume), networks, json_summary=json_summary)
    say(json.dumps(asdict(report)) if json_summary else report.line())
    raise typer.Exit(130 if report.interrupted else 1 if report.failed else 0)


@dataclass(frozen=True)
class _Task:
    """What is to be done with each input."""

    settings: PoseSettings
    clips: ClipOptions
    results: Results
    resume: bool

    def check(self, inputs: Sequence[Input]) -> None:
        """Refuse, before anything begins, what could not be done in the end."""
        if self.clips.smoothing == "offline" and any(one.video for one in inputs):
            if self.settings.masks:
                message = "--masks: offline smoothing reads the video twice, and masks are not kept that long"
                raise OptionError(f"{message}; choose --smoothing live, smooth or off")
            if find_spec("scipy") is None:
                raise OptionError("--smoothing offline needs SciPy: pip install 'vitruvian[offline]'")
        self.results.prepare(inputs)


def _work(given: Sequence[str], task: _Task, networks: Networks, *, json_summary: bool) -> Report:
    from vitruvian.cli.inputs import expand, is_video, names  # noqa: PLC0415
    from vitruvian.cli.report import Report  # noqa: PLC0415
    from vitruvian.cli.run import Batch  # noqa: PLC0415

    found = expand(given)
    inputs, report = names(found.paths), Report(str(task.results.folder))
    for path in [*found.paths, *(str(error.path) for error in found.errors)]:
        report.expect(video=is_video(path))
    for error in found.errors:
        report.fail(str(error.path), error)
    if found.skipped:
        complain(f"left out what an earlier run drew: {found.skipped} of the files found")
    if inputs:
        task.check(inputs)
        tell = _say(json_summary=json_summary, count=len(inputs))
        with networks.pipeline(task.settings) as pipeline:
            Batch(pipeline, task.settings, task.results, task.clips, report, task.resume, tell).run(inputs)
    return report


def _say(*, json_summary: bool, count: int) -> Callable[[str], None]:
    """Return what takes the line about each input: standard output, unless that belongs to the summary."""
    if json_summary:
        return complain
    # A bar says enough about many.
    return say if count == 1 or not stderr.is_terminal else lambda _: None
