"""File to file: what ``vitruvian pose clip.mp4`` reaches, and which of its stages the time goes to.

The exit status is 1 if the landmarks are the slowest stage.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from clips import SQUATS, encode, forth_and_back, frames, padded
from image import use_cores
from photos import BUNDLE
from processes import run_alone

from vitruvian import Frame, JsonLinesSink, OverlayVideoSink, open_source, pose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vitruvian import Gap, Landmarks, Pipeline

    Pair = tuple[Frame | Gap, Landmarks]

_WIDTH, _HEIGHT, _FPS = 1280, 720, 30
_LANDMARKS = "landmarks"


@dataclass(frozen=True)
class Stage:
    """One stage with the machine to itself: medians over the rounds.

    Attributes:
        name: What it does.
        time: Milliseconds per frame.
        cpu: Processor milliseconds per frame, user and system, all threads.
    """

    name: str
    time: float
    cpu: float


@dataclass(frozen=True)
class Whole:
    """The command on the file.

    Attributes:
        fps: Frames per second, as the command reports it: without the start of the process.
        slowest_fps: The same of the slowest round.
        seconds: From the start of the process to its end.
        frames: That were written.
        people: That were told apart.
    """

    fps: float
    slowest_fps: float
    seconds: float
    frames: int
    people: int


def main() -> None:
    """Run the benchmark and print its table."""
    options = _parser().parse_args()
    use_cores(options.cores)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        pictures = [padded(picture, _WIDTH, _HEIGHT) for picture in frames(SQUATS)]
        length = len(pictures)
        encode((pictures[i] for i in forth_and_back(options.frames, length)), clip, _FPS)
        del pictures
        stages = _stages(folder, clip, length, options)
        whole = _together(folder, clip, options)
    _print(stages, whole, options)
    if options.json:
        report = {"stages": [asdict(stage) for stage in stages], "together": asdict(whole)}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.exit(_slowest(stages).name == _LANDMARKS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="the .task bundle")
    parser.add_argument("--frames", type=int, default=600, help="length of the video")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each stage, and of all together")
    parser.add_argument("--cores", type=int, default=2, help="cores that may be used (Linux)")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


def _stages(folder: Path, clip: Path, length: int, options: argparse.Namespace) -> list[Stage]:
    """Time each stage on what the one before it makes, which is in memory by then."""
    count = options.frames
    with open_source(clip) as source:
        decoded = [frame for frame, _ in zip(source, range(2 * length - 2), strict=False)]
    order = [i % len(decoded) for i in range(count)]
    with pose(options.bundle) as pipeline:
        pairs = list(pipeline.stream(_again(decoded, order)))
        found = [people for _, people in pairs]
        del pairs
        jobs: dict[str, Callable[[], None]] = {
            "decode": lambda: _decode(clip),
            _LANDMARKS: lambda: _follow(pipeline, _again(decoded, order)),
            "draw and encode": lambda: _draw(folder, zip(_again(decoded, order), found, strict=True)),
            "JSON Lines": lambda: _write(folder, pipeline, zip(_again(decoded, order), found, strict=True)),
        }
        turns: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
        for _ in range(options.rounds):
            for name, job in jobs.items():
                turns[name].append(_timed(job, count))
    return [
        Stage(name, *(median(column) for column in zip(*each, strict=True))) for name, each in turns.items()
    ]


def _again(decoded: Sequence[Frame | Gap], order: Sequence[int]) -> Iterator[Frame | Gap]:
    for index, i in enumerate(order):
        yield replace(decoded[i], stamp=replace(decoded[i].stamp, index=index, time=index / _FPS))


def _decode(clip: Path) -> None:
    with open_source(clip) as source:
        for _ in source:
            pass


def _follow(pipeline: Pipeline, pictures: Iterator[Frame | Gap]) -> None:
    for _ in pipeline.stream(pictures):
        pass


def _draw(folder: Path, pairs: Iterator[Pair]) -> None:
    with OverlayVideoSink(folder / "overlay.mp4", fps=_FPS) as sink:
        for frame, people in pairs:
            sink.write(frame, people)


def _write(folder: Path, pipeline: Pipeline, pairs: Iterator[Pair]) -> None:
    with JsonLinesSink(folder / "people.jsonl", pipeline.model) as sink:
        for frame, people in pairs:
            sink.write(frame, people)


def _timed(job: Callable[[], None], count: int) -> tuple[float, float]:
    """Return milliseconds per frame, and processor milliseconds per frame."""
    start, cpu = time.perf_counter(), time.process_time()
    job()
    return (time.perf_counter() - start) * 1000 / count, (time.process_time() - cpu) * 1000 / count


def _together(folder: Path, clip: Path, options: argparse.Namespace) -> Whole:
    """Run the command, a process for each round."""
    command = ("-m", "vitruvian", "pose", clip, "-o", folder / "out", "--model", options.bundle)
    reports: list[dict[str, Any]] = []
    seconds = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        printed = run_alone(Path(sys.executable), *command, "--json-summary")
        seconds.append(time.perf_counter() - start)
        (report,) = json.loads(printed)["clips"]
        reports.append(report)
    return Whole(
        fps=median(float(report["fps"]) for report in reports),
        slowest_fps=min(float(report["fps"]) for report in reports),
        seconds=median(seconds),
        frames=reports[-1]["frames"],
        people=reports[-1]["people"],
    )


def _slowest(stages: Sequence[Stage]) -> Stage:
    return max(stages, key=lambda stage: stage.time)


def _print(stages: Sequence[Stage], whole: Whole, options: argparse.Namespace) -> None:
    print(f"{_WIDTH} x {_HEIGHT}, {options.frames} frames of H.264, {options.cores} cores")
    print(f"  {'alone':16}  {'time':>8}  {'frames/s':>8}  {'CPU':>8}")
    for stage in stages:
        print(f"  {stage.name:16}  {stage.time:5.2f} ms  {1000 / stage.time:8.0f}  {stage.cpu:5.2f} ms")
    cpu = sum(stage.cpu for stage in stages)
    print(f"  {'all, one by one':16}  {sum(s.time for s in stages):5.2f} ms  {'':8}  {cpu:5.2f} ms")
    slowest = _slowest(stages)
    print(
        f"together: {whole.fps:.0f} frames/s (slowest round {whole.slowest_fps:.0f}), "
        f"{1000 / whole.fps:.2f} ms a frame; {whole.seconds:.1f} s for the process, "
        f"{whole.frames} frames, {whole.people} told apart\n"
        f"the slowest stage is: {slowest.name}; mark, not the landmarks: "
        f"{'MISSED' if slowest.name == _LANDMARKS else 'reached'}"
    )


if __name__ == "__main__":
    main()
