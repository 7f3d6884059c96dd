"""``vitruvian hands``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitruvian.cli import flags
from vitruvian.cli.networks import Networks
from vitruvian.cli.noun import HANDS
from vitruvian.cli.work import Files, Look, Videos, work

if TYPE_CHECKING:
    from vitruvian.models.blazehand import HandSettings

__all__ = ["hands"]

Detection = Annotated[
    float, typer.Option(min=0, max=1, help="Least score of the palm detector.", rich_help_panel=flags.FOUND)
]
Presence = Annotated[
    float, typer.Option(min=0, max=1, help="Presence that a hand must exceed.", rich_help_panel=flags.FOUND)
]
OriginalRegion = Annotated[
    bool,
    typer.Option(
        "--original-region",
        help="Look at a palm turned 26.6 degrees too far, as MediaPipe does, for results like its own. It "
        "finds fewer hands, and pictures are searched fast.",
        rich_help_panel=flags.FOUND,
    ),
]


def hands(  # noqa: PLR0913  # a command's parameters are its flags
    inputs: flags.Inputs,
    *,
    output: flags.Output = Path("vitruvian-hands"),
    overlay: flags.Overlay = True,
    formats: flags.Formats = ["jsonl"],  # noqa: B006  # typer copies it
    resume: flags.Resume = False,
    json_summary: flags.JsonSummary = False,
    search: flags.HandSearch = flags.Effort.AUTO,
    accuracy: flags.Accuracy = flags.Precision.NORMAL,
    num_hands: flags.NumHands = None,
    min_hand_detection_confidence: Detection = 0.5,
    min_hand_presence_confidence: Presence = 0.5,
    mirrored: flags.Mirrored = False,
    original_region: OriginalRegion = False,
    rotate: flags.Rotate = 0,
    smoothing: flags.Smoothing = flags.Steadiness.LIVE,
    start: flags.Start = None,
    end: flags.End = None,
    fps: flags.Fps = None,
    redetect: flags.Redetect = 0.25,
    keep: flags.Keep = 2.0,
    search_budget: flags.SearchBudget = None,
    model: flags.HandModel = "full",
    threads: flags.Threads = None,
    offline: flags.Offline = False,
    cache: flags.Cache = None,
) -> None:
    """Find every hand in pictures and videos: 21 landmarks, left or right.

    Of a picture, writes NAME.json (pixels of the upright picture, world
    metres, left or right with its probability) and NAME.jpg (the picture with
    the hands drawn in, each finger in its colour). Of a video, NAME.jsonl (a
    line for each frame, with a number for each hand that stays its own) and
    NAME.mp4 (with the hands drawn in, and the sound).

      vitruvian hands photo.jpg
      vitruvian hands selfie.jpg --mirrored
      vitruvian hands clip.mp4 -o out --num-hands 2
      vitruvian hands clip.mp4 --start 10 --end 20 --format csv,npz
      vitruvian hands clip.mp4 --smoothing offline
      vitruvian hands class.mp4 --search thorough
      vitruvian hands holiday/ 'more/*.mov' -o hands --model lite --resume
      cat photo.jpg | vitruvian hands - --no-overlay

    Left and right are the person's own hands, unless the picture is mirrored:
    say so with --mirrored, or they change places.

    Results are called as those of 'vitruvian pose' are, which they would
    replace: that is why the folder is another. The JSON summary counts hands
    where that of 'pose' counts people; in a video each counts once.

    What cannot be read is reported and the rest is done; the exit status is
    then 1. Ctrl-C completes the files at hand (a second one does not) and the
    exit status is 130; --resume goes on from there.
    """
    flags.check_budget(search, search_budget)
    files = Files(output, overlay, formats, resume, json_summary)
    videos = Videos(smoothing.value, start, end, fps, redetect, keep, rotate, search_budget)
    # Opening the world of pixels takes 0.3 s, which --help need not wait for.
    from vitruvian.models.blazehand import HandSettings  # noqa: PLC0415

    settings = HandSettings(num_hands, min_hand_detection_confidence, min_hand_presence_confidence)
    settings = replace(settings, mirrored=mirrored, search=search.value, accuracy=accuracy.value)
    settings = _original(settings) if original_region else settings
    work(inputs, Look(HANDS, settings, Networks(model, threads, offline, cache)), files, videos)


def _original(settings: HandSettings) -> HandSettings:
    """Return the same for the results of the original, which looks once, and reads a hand once.

    Raises:
        BadParameter: Something else that is asked for would change them.
    """
    other = [
        *(["--search thorough"] if settings.search == "thorough" else []),
        *(["--accuracy high"] if settings.accuracy == "high" else []),
    ]
    if other:
        message = f"it is for results like MediaPipe's own, which {' and '.join(other)} would change"
        raise typer.BadParameter(f"{message}; leave one or the other out", param_hint="--original-region")
    return replace(settings, upright=False, looks=1, search=flags.Effort.FAST.value)
