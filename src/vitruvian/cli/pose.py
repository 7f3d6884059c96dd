"""``vitruvian pose``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitruvian.cli.console import complain, downloads, say, stderr

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["pose"]

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Pictures (JPEG, PNG, WebP, BMP, TIFF, GIF), folders of pictures, patterns such as 'in/*.jpg', "
        "or - for a picture on standard input.",
        show_default=False,
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results; made if need be.")]
Model = Annotated[
    str,
    typer.Option(
        help="full, lite, heavy or another name from 'vitruvian models list' (downloaded at first use); or "
        "the path of a .task bundle or of a folder with .tflite files."
    ),
]
NumPoses = Annotated[
    int | None, typer.Option(min=1, help="Most people in a picture, the best first; default: everyone found.")
]
Detection = Annotated[float, typer.Option(min=0, max=1, help="Least score of the person detector.")]
Presence = Annotated[float, typer.Option(min=0, max=1, help="Presence that a pose must exceed.")]
Masks = Annotated[bool, typer.Option("--masks", help="Also write NAME.mask.N.png for each person.")]
Overlay = Annotated[bool, typer.Option("--overlay/--no-overlay", help="Write NAME.jpg or not.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all cores.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never connect; the model must be here already.")]
Cache = Annotated[Path | None, typer.Option(help="Folder for models; default: the platform's cache folder.")]
JsonSummary = Annotated[
    bool, typer.Option("--json-summary", help="Print the summary as one JSON object on standard output.")
]


def pose(  # noqa: PLR0913  # a command's parameters are its flags
    inputs: Inputs,
    *,
    output: Output = Path("vitruvian-out"),
    model: Model = "full",
    num_poses: NumPoses = None,
    min_pose_detection_confidence: Detection = 0.5,
    min_pose_presence_confidence: Presence = 0.5,
    masks: Masks = False,
    overlay: Overlay = True,
    threads: Threads = None,
    offline: Offline = False,
    cache: Cache = None,
    json_summary: JsonSummary = False,
) -> None:
    """Find the 33 body landmarks of everybody in pictures.

    Writes NAME.json (pixels of the upright picture, world metres, scores) and NAME.jpg (the picture with the
    landmarks drawn in) for each. A picture that cannot be read is reported and the others are done; the exit
    status is then 1.

      vitruvian pose photo.jpg
      vitruvian pose holiday/ -o landmarks --model lite
      cat photo.jpg | vitruvian pose - --no-overlay
    """
    # Opening the world of pixels takes 0.3 s, which --help need not wait for.
    from vitruvian import weights  # noqa: PLC0415
    from vitruvian.cli.inputs import expand, names  # noqa: PLC0415
    from vitruvian.cli.run import Report, Results, run  # noqa: PLC0415
    from vitruvian.models.blazepose import PoseSettings  # noqa: PLC0415
    from vitruvian.runtimes.openvino import OpenVINO  # noqa: PLC0415
    from vitruvian.zoo import pose_pipeline  # noqa: PLC0415

    settings = PoseSettings(
        num_poses, min_pose_detection_confidence, min_pose_presence_confidence, masks=masks
    )
    paths, errors = expand(inputs)
    pictures = names(paths)
    report = Report(str(output), pictures=len(pictures) + len(errors))
    for error in errors:
        report.fail(str(error.path), error)
    if pictures:
        results = Results(output, overlay, masks)
        results.prepare(pictures)
        with downloads() as progress:
            files = weights.load(model, task="pose", cache=cache, offline=offline, progress=progress)
        with pose_pipeline(files, settings, runtime=OpenVINO(threads=threads), name=model) as pipeline:
            run(pipeline, pictures, results, report, _say(json_summary=json_summary, count=len(pictures)))
    say(json.dumps(asdict(report)) if json_summary else report.line())
    raise typer.Exit(130 if report.interrupted else 1 if report.failed else 0)


def _say(*, json_summary: bool, count: int) -> Callable[[str], None]:
    """Return what takes the line about each picture: standard output, unless that belongs to the summary."""
    if json_summary:
        return complain
    # A bar says enough about many pictures.
    return say if count == 1 or not stderr.is_terminal else lambda _: None
