"""``vitruvian pose``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from vitruvian.cli import flags
from vitruvian.cli.networks import Networks
from vitruvian.cli.noun import PEOPLE
from vitruvian.cli.work import Files, Look, Videos, work

__all__ = ["pose"]

Masks = Annotated[
    bool,
    typer.Option(
        "--masks",
        help="Also find everybody's outline. Of a picture: NAME.mask.N.png for each person. Of a video: "
        "drawn into the overlay (there are no files for each person and frame).",
        rich_help_panel=flags.WRITTEN,
    ),
]
Hands = Annotated[
    bool,
    typer.Option(
        "--hands",
        help="Also find everybody's hands: 75 points, those of an unseen hand unknown.",
        rich_help_panel=flags.FOUND,
    ),
]
Detection = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Least score of the person detector; a thorough search reads from a bit less on (.425 for .5).",
        rich_help_panel=flags.FOUND,
    ),
]
Presence = Annotated[
    float, typer.Option(min=0, max=1, help="Presence that a pose must exceed.", rich_help_panel=flags.FOUND)
]


def pose(  # noqa: PLR0913  # a command's parameters are its flags
    inputs: flags.Inputs,
    *,
    output: flags.Output = Path("vitruvian-out"),
    overlay: flags.Overlay = True,
    formats: flags.Formats = ["jsonl"],  # noqa: B006  # typer copies it
    hands: Hands = False,
    masks: Masks = False,
    resume: flags.Resume = False,
    json_summary: flags.JsonSummary = False,
    search: flags.Search = flags.Effort.AUTO,
    accuracy: flags.Accuracy = flags.Precision.NORMAL,
    num_poses: flags.NumPoses = None,
    min_pose_detection_confidence: Detection = 0.5,
    min_pose_presence_confidence: Presence = 0.5,
    rotate: flags.Rotate = 0,
    smoothing: flags.Smoothing = flags.Steadiness.LIVE,
    start: flags.Start = None,
    end: flags.End = None,
    fps: flags.Fps = None,
    redetect: flags.Redetect = 0.25,
    keep: flags.Keep = 2.0,
    search_budget: flags.SearchBudget = None,
    model: flags.Model = "full",
    threads: flags.Threads = None,
    offline: flags.Offline = False,
    cache: flags.Cache = None,
) -> None:
    """Find the 33 body landmarks of everybody in pictures and videos.

    Of a picture, writes NAME.json (pixels of the upright picture, world
    metres, scores) and NAME.jpg (the picture with the landmarks drawn in). Of
    a video, NAME.jsonl (a line for each frame, with a number for each person
    that stays theirs) and NAME.mp4 (with the landmarks drawn in, and the
    sound).

      vitruvian pose photo.jpg
      vitruvian pose clip.mp4 -o out
      vitruvian pose clip.mp4 --start 10 --end 20 --format csv,trc
      vitruvian pose clip.mp4 --smoothing offline --hands
      vitruvian pose match.mp4 --search thorough
      vitruvian pose holiday/ 'more/*.mov' -o landmarks --model lite --resume
      cat photo.jpg | vitruvian pose - --no-overlay

    What cannot be read is reported and the rest is done; the exit status is
    then 1. Ctrl-C completes the files at hand (a second one does not) and the
    exit status is 130; --resume goes on from there.
    """
    flags.check_budget(search, search_budget)
    files = Files(output, overlay, formats, resume, json_summary, masks)
    videos = Videos(smoothing.value, start, end, fps, redetect, keep, rotate, search_budget)
    # Opening the world of pixels takes 0.3 s, which --help need not wait for.
    from vitruvian.models.blazepose import PoseSettings  # noqa: PLC0415

    settings = PoseSettings(
        num_poses, min_pose_detection_confidence, min_pose_presence_confidence, masks=masks
    )
    settings = replace(settings, search=search.value, accuracy=accuracy.value)
    work(inputs, Look(PEOPLE, settings, Networks(model, threads, offline, cache, hands)), files, videos)
