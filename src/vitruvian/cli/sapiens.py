"""``vitruvian sapiens``."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitruvian.cli import flags
from vitruvian.cli.noun import PEOPLE
from vitruvian.cli.work import Drawing, Files, Look, Videos, work
from vitruvian.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitruvian.pipeline import Pipeline

    Boxes = dict[str, list[list[float]]]

__all__ = ["sapiens"]

Size = Annotated[
    str,
    typer.Option(
        help="0.4b, 0.8b, 1b or 5b, looked for in $SAPIENS_CHECKPOINT_ROOT (~/sapiens2_host) and the Hugging "
        "Face cache; or the path of a .safetensors file or of its folder.",
        rich_help_panel=flags.MACHINE,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        help="auto (a GPU if there is one), cpu, cuda or cuda:N.",
        rich_help_panel=flags.MACHINE,
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        help="What reads people: torch; or openvino, twice as fast on a CPU, with --no-parity.",
        rich_help_panel=flags.MACHINE,
    ),
]
Dtype = Annotated[
    str,
    typer.Option(
        help="Precision: auto (bf16 on a GPU, fp32 on a CPU), bf16 or fp32.", rich_help_panel=flags.MACHINE
    ),
]
Parity = Annotated[
    bool,
    typer.Option(
        "--parity/--no-parity",
        help="Round rotary positions to bf16 as the original does, so that the numbers are its own.",
        rich_help_panel=flags.MACHINE,
    ),
]
Batch = Annotated[
    int, typer.Option(min=1, help="Most people that are read at once.", rich_help_panel=flags.MACHINE)
]
BoxesFile = Annotated[
    Path | None,
    typer.Option(
        "--boxes",
        metavar="FILE",
        help='Where people are, instead of the detector: JSON {"picture.jpg": [[x0, y0, x1, y1], ...]}, '
        "pixels, with a score behind if there is one.",
        rich_help_panel=flags.FOUND,
    ),
]
WholeImage = Annotated[
    bool,
    typer.Option(
        "--whole-image",
        help="Take a picture in which nobody is found for one person who fills it, as the original does.",
        rich_help_panel=flags.FOUND,
    ),
]
FlipTest = Annotated[
    bool,
    typer.Option(
        "--flip-test/--no-flip-test",
        help="Read everybody mirrored as well, as the original does; without it is twice as fast.",
        rich_help_panel=flags.FOUND,
    ),
]
Radius = Annotated[
    float | None,
    typer.Option(
        min=1,
        help="Of points, in pixels; default: by the size of the picture.",
        rich_help_panel=flags.WRITTEN,
    ),
]
LineThickness = Annotated[
    float | None,
    typer.Option(
        min=1, help="Of limbs, in pixels; default: by the size of the picture.", rich_help_panel=flags.WRITTEN
    ),
]
Threshold = Annotated[
    float,
    typer.Option(
        "--kpt-thres",
        min=0,
        max=1,
        help="Least score of a point that is drawn; files have all points.",
        rich_help_panel=flags.WRITTEN,
    ),
]


def sapiens(  # noqa: PLR0913  # a command's parameters are its flags
    inputs: flags.Inputs,
    *,
    output: flags.Output = Path("vitruvian-sapiens"),
    overlay: flags.Overlay = True,
    radius: Radius = None,
    line_thickness: LineThickness = None,
    kpt_thres: Threshold = 0.3,
    formats: flags.Formats = ["jsonl"],  # noqa: B006  # typer copies it
    resume: flags.Resume = False,
    json_summary: flags.JsonSummary = False,
    num_poses: flags.NumPoses = None,
    boxes: BoxesFile = None,
    whole_image: WholeImage = False,
    flip_test: FlipTest = True,
    rotate: flags.Rotate = 0,
    smoothing: flags.Smoothing = flags.Steadiness.LIVE,
    start: flags.Start = None,
    end: flags.End = None,
    fps: flags.Fps = None,
    redetect: flags.Redetect = 0.25,
    keep: flags.Keep = 2.0,
    size: Size = "0.4b",
    device: Device = "auto",
    runtime: Runtime = "torch",
    dtype: Dtype = "auto",
    parity: Parity = True,
    batch: Batch = 8,
    threads: flags.Threads = None,
) -> None:
    r"""Find 308 landmarks of everybody in pictures and videos: body, feet, hands, face.

    Of a picture, writes NAME.json (pixels of the upright picture, scores) and
    NAME.jpg (the picture with the landmarks drawn in). Of a video, NAME.jsonl
    (a line for each frame, with a number for each person that stays theirs)
    and NAME.mp4 (with the landmarks drawn in, and the sound).

      vitruvian sapiens photo.jpg
      vitruvian sapiens photos/ -o out --size 1b --device cuda:0
      vitruvian sapiens photos/ --boxes boxes.json --no-flip-test
      vitruvian sapiens photos/ --runtime openvino --no-parity --dtype bf16
      vitruvian sapiens clip.mp4 --radius 3 --line-thickness 2 --format npz,coco

    The networks are Sapiens2 and the person detector DETR, which run in
    PyTorch: pip install 'vitruvian\[sapiens]'. Their files are not part of
    this package, and Sapiens2 has a licence of its own: 'vitruvian models
    pull sapiens-0.4b' shows it.

    What cannot be read is reported and the rest is done; the exit status is
    then 1. Ctrl-C completes the files at hand (a second one does not) and the
    exit status is 130; --resume goes on from there.
    """
    drawing = Drawing(radius, line_thickness, kpt_thres)
    if flat := {"trc", "c3d"}.intersection(formats):
        message = f"{' and '.join(sorted(flat))} want points in metres, which these networks do not give"
        raise typer.BadParameter(message, param_hint="--format")
    files = Files(output, overlay, formats, resume, json_summary, drawing=drawing)
    videos = Videos(smoothing.value, start, end, fps, redetect, keep, rotate)
    given = None if boxes is None else _read_boxes(boxes)
    settings = _Settings(size, device, given, whole_image, num_poses, flip_test, runtime, dtype, parity)
    work(inputs, Look(PEOPLE, settings, _Networks(batch, threads)), files, videos)


@dataclass(frozen=True)
class _Settings:
    """What results depend on; as ``vitruvian.sapiens`` takes it."""

    size: str
    device: str
    boxes: Boxes | None
    whole_image: bool
    num_poses: int | None
    flip: bool
    runtime: str
    dtype: str
    parity: bool


@dataclass(frozen=True)
class _Networks:
    """How the networks run."""

    batch: int
    threads: int | None

    @contextmanager
    def pipeline(self, settings: _Settings) -> Iterator[Pipeline]:
        """Yield the open pipeline that has these settings.

        Raises:
            VitruvianError: As ``vitruvian.sapiens``.
        """
        from vitruvian.zoo.sapiens2 import sapiens  # noqa: PLC0415  # --help need not wait for pixels

        with sapiens(**asdict(settings), batch=self.batch, threads=self.threads) as pipeline:
            yield pipeline


def _read_boxes(path: Path) -> Boxes:
    """Return the boxes of each picture, each with its score behind, which is 1 where nothing is said.

    Raises:
        OptionError: The file cannot be read, or holds something else.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"--boxes: {path} cannot be read as JSON: {error}") from error
    if not isinstance(given, dict) or not all(_are_boxes(rows) for rows in given.values()):
        message = 'expected {"picture.jpg": [[x0, y0, x1, y1], ...], ...} with numbers, pixels of the picture'
        raise OptionError(f"--boxes: {path}: {message}")
    return {name: [row if len(row) > 4 else [*row, 1.0] for row in rows] for name, rows in given.items()}


def _are_boxes(rows: object) -> bool:
    """Say whether these are lists of four numbers, or five."""
    return isinstance(rows, list) and all(
        isinstance(row, list)
        and len(row) in (4, 5)
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in row)
        for row in rows
    )
