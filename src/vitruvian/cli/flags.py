"""Flags that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "FOUND",
    "MACHINE",
    "Accuracy",
    "Cache",
    "Effort",
    "End",
    "Formats",
    "Fps",
    "HandModel",
    "HandSearch",
    "Inputs",
    "JsonSummary",
    "Keep",
    "LiveEffort",
    "LiveSearch",
    "LiveSearchBudget",
    "Mirrored",
    "Model",
    "NumHands",
    "NumPoses",
    "Offline",
    "Output",
    "Overlay",
    "Precision",
    "Redetect",
    "Resume",
    "Rotate",
    "Search",
    "SearchBudget",
    "Smoothing",
    "Start",
    "Steadiness",
    "Threads",
    "check_budget",
    "format_names",
]

FOUND = "What to find"
MACHINE = "Model and machine"
WRITTEN = "What is written"
VIDEOS = "Videos"

_QUARTER_TURN = 90


class Steadiness(StrEnum):
    """What ``--smoothing`` takes."""

    OFF = "off"
    LIVE = "live"
    SMOOTH = "smooth"
    OFFLINE = "offline"


class Effort(StrEnum):
    """What ``--search`` takes."""

    AUTO = "auto"
    FAST = "fast"
    THOROUGH = "thorough"


class LiveEffort(StrEnum):
    """What ``--search`` takes where there are no pictures to search otherwise than streams."""

    FAST = "fast"
    THOROUGH = "thorough"


class Precision(StrEnum):
    """What ``--accuracy`` takes."""

    NORMAL = "normal"
    HIGH = "high"


def check_budget(search: Effort | LiveEffort, budget: float | None) -> None:
    """Refuse a budget for a search that takes none.

    Raises:
        BadParameter: There is one, and the search is not thorough.
    """
    if budget is not None and search != "thorough":
        message = "it is for the thorough search of a stream; add --search thorough"
        raise typer.BadParameter(message, param_hint="--search-budget")


def format_names(given: list[str]) -> list[str]:
    """Return the formats that ``--format`` names, by commas or by giving it again."""
    from vitruvian.sinks.formats import FORMATS  # noqa: PLC0415  # opens NumPy, which --help need not wait for

    names = list(dict.fromkeys(name.strip().lower() for words in given for name in words.split(",")))
    for name in names:
        if name not in FORMATS:
            raise typer.BadParameter(f"no format is called {name!r}; there are: {', '.join(FORMATS)}")
    return names


def _quarter_turns(degrees: int) -> int:
    if degrees % _QUARTER_TURN:
        raise typer.BadParameter(f"a multiple of {_QUARTER_TURN}, got {degrees}")
    return degrees


Model = Annotated[
    str,
    typer.Option(
        help="full, lite, heavy or another name from 'vitruvian models list' (downloaded at first use); or "
        "the path of a .task bundle or of a folder with .tflite files.",
        rich_help_panel=MACHINE,
    ),
]
HandModel = Annotated[
    str,
    typer.Option(
        "--model",
        help="full, lite or another name from 'vitruvian models list' (downloaded at first use); or the path "
        "of a .task bundle or of a folder with .tflite files.",
        rich_help_panel=MACHINE,
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads; default: all cores.", rich_help_panel=MACHINE)
]
Offline = Annotated[
    bool,
    typer.Option("--offline", help="Never connect; the model must be here already.", rich_help_panel=MACHINE),
]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder for models; default: the platform's cache folder.", rich_help_panel=MACHINE),
]

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
    typer.Option("--output", "-o", help="Folder for the results; made if need be.", rich_help_panel=WRITTEN),
]
Overlay = Annotated[
    bool,
    typer.Option(
        "--overlay/--no-overlay", help="Write NAME.jpg or NAME.mp4, or not.", rich_help_panel=WRITTEN
    ),
]
Formats = Annotated[
    list[str],
    typer.Option(
        "--format",
        metavar="NAME[,NAME...]",
        help="How to write the landmarks of a video. jsonl: a line for each frame, readable while it grows. "
        "csv, parquet: a row for each person (or hand) and frame. npz: NumPy arrays. coco: COCO keypoint "
        "results. trc, c3d: motion capture, a file for each person (or hand), from world landmarks. "
        "Of a picture there is NAME.json, always.",
        callback=format_names,
        rich_help_panel=WRITTEN,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Leave out what an earlier run with the same options has done, killed or not; what has changed "
        "since, or was not complete, is done again.",
        rich_help_panel=WRITTEN,
    ),
]
JsonSummary = Annotated[
    bool,
    typer.Option(
        "--json-summary",
        help="Print the summary as one JSON object on standard output.",
        rich_help_panel=WRITTEN,
    ),
]

NumPoses = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Most people in a picture or frame, the best first; default: everyone found.",
        rich_help_panel=FOUND,
    ),
]
NumHands = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Most hands in a picture or frame, the best first; default: every hand found.",
        rich_help_panel=FOUND,
    ),
]
_FAST = "fast: one look at the whole picture, as MediaPipe does. thorough: looks closer and closer"
_COSTS = (
    "and takes about 20 times as long; a video is searched in the background, for some milliseconds of each "
    "frame. auto: pictures thorough, videos fast."
)
Search = Annotated[
    Effort,
    typer.Option(
        help=f"{_FAST}, finds about twice as many people in scenes with several, {_COSTS}",
        rich_help_panel=FOUND,
    ),
]
HandSearch = Annotated[
    Effort,
    typer.Option(
        "--search",
        help=f"{_FAST}, finds hands that are far away or hard to see as well, {_COSTS}",
        rich_help_panel=FOUND,
    ),
]
LiveSearch = Annotated[
    LiveEffort,
    typer.Option(
        "--search",
        help="fast: looks at the whole picture, as MediaPipe does. thorough: also looks closer and closer at "
        "its parts, by and by, and finds those who are far away too (see --search-budget).",
        rich_help_panel=FOUND,
    ),
]
LiveSearchBudget = Annotated[
    float | None,
    typer.Option(
        "--search-budget",
        metavar="MS",
        min=0,
        help="Milliseconds of each picture that --search thorough takes: with more of them, who is far away "
        "is found sooner, and every picture comes later; default: 8.",
        show_default=False,
        rich_help_panel=FOUND,
    ),
]
Accuracy = Annotated[
    Precision,
    typer.Option(
        help="high: reads everything in a mirror as well and averages, for points a little more exact; takes "
        "up to twice as long, where the search is thorough hardly longer.",
        rich_help_panel=FOUND,
    ),
]
Mirrored = Annotated[
    bool,
    typer.Option(
        "--mirrored",
        help="The pictures are mirrored, as a selfie camera's view usually is: then left and right change "
        "places, so that they are the person's own. It is never guessed.",
        rich_help_panel=FOUND,
    ),
]
Rotate = Annotated[
    int,
    typer.Option(
        help="Degrees to turn the pictures clockwise so that they are upright: 0, 90, 180, 270. The results "
        "stay in the pixels of the pictures as they are.",
        callback=_quarter_turns,
        rich_help_panel=FOUND,
    ),
]

Smoothing = Annotated[
    Steadiness,
    typer.Option(
        help="off: as found in each frame. live: calm, no frame waits for another. smooth: calmer, fast "
        "movements lag a little. offline: no lag at all, since it knows the future: reads the video twice.",
        rich_help_panel=VIDEOS,
    ),
]
SearchBudget = Annotated[
    float | None,
    typer.Option(
        metavar="MS",
        min=0,
        help="Milliseconds of each frame of a video that --search thorough takes: with more of them, who is "
        "far away is found sooner, and the video takes longer; default: 8.",
        show_default=False,
        rich_help_panel=VIDEOS,
    ),
]
Start = Annotated[float | None, typer.Option(min=0, help="Begin here, in seconds.", rich_help_panel=VIDEOS)]
End = Annotated[float | None, typer.Option(min=0, help="Stop here, in seconds.", rich_help_panel=VIDEOS)]
Fps = Annotated[
    float | None,
    typer.Option(min=0.001, help="Work on at most so many frames a second.", rich_help_panel=VIDEOS),
]
Redetect = Annotated[
    float, typer.Option(min=0, help="Seconds between two looks for newcomers.", rich_help_panel=VIDEOS)
]
Keep = Annotated[
    float,
    typer.Option(
        min=0,
        help="Seconds for which what is out of sight is remembered, and keeps its number.",
        rich_help_panel=VIDEOS,
    ),
]
