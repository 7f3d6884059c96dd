"""Memory over a long run: one stream, a hundred thousand frames, and what the process holds on the way."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clips import CLIPS, encode, forth_and_back, frames, padded
from engines import HANDS
from photos import add_task, bundle

from vitruvian import Frame, Gap, JsonLinesSink, hands, open_source, pose
from vitruvian.prefetch import ahead, behind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vitruvian import Landmarks, Pipeline

MIB = 1024 * 1024
_FPS = 30
_WARM_UP = 5000  # frames until everything that is kept has been made once
_MARK = 20 * 1_000_000  # bytes
_WIDTH, _HEIGHT = 320, 180
_BARS = 50  # characters of the longest bar
_ROWS = 25  # of the printed curve


@dataclass(frozen=True)
class Sample:
    """What the process holds at a moment.

    Attributes:
        frame: How many frames are done.
        resident: Bytes of memory that are its own or shared, in the machine's memory.
        threads: How many it runs.
        files: How many it has open.
        seconds: Since the first frame.
    """

    frame: int
    resident: int
    threads: int
    files: int
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """What the curve says.

    Attributes:
        growth: Bytes between the first sample after the warm-up and the largest one after it.
        rest: Bytes between the first sample after the warm-up and the last sample.
        live: Bytes between that first sample and the end, without freed memory that the C library keeps.
        fps: Frames per second of the whole run.
        found: People or hands per frame.
        passed: Whether ``growth`` is below the mark.
    """

    growth: int
    rest: int
    live: int
    fps: float
    found: float
    passed: bool


def main() -> None:
    """Run the benchmark; the exit status is 1 if memory grows beyond the mark."""
    options = _parser().parse_args()
    if options.frames <= _WARM_UP + options.every:
        raise SystemExit(f"--frames: more than {_WARM_UP + options.every}, the warm-up and two samples")
    with tempfile.TemporaryDirectory() as folder:
        samples, found, held = _run(Path(folder), options)
    verdict = judged(samples, found, held)
    _print(samples, verdict)
    if options.json:
        report = {"samples": [asdict(each) for each in samples], "verdict": asdict(verdict)}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        _plot(samples, options.plot)
    sys.exit(not verdict.passed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_task(parser)
    parser.add_argument("--frames", type=int, default=100_000, help="length of the run")
    parser.add_argument("--every", type=int, default=1000, help="frames between two samples")
    parser.add_argument("--plot", type=Path, help="also draw the curve into this file (.png, .svg)")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


def _run(folder: Path, options: argparse.Namespace) -> tuple[list[Sample], float, int]:
    """Read, follow and write at a time, as ``vitruvian pose`` does.

    Returns:
        The samples; people or hands per frame; resident bytes at the end, without freed memory that is kept.
    """
    clip = folder / "clip.mp4"
    small = [padded(picture, _WIDTH, _HEIGHT) for picture in frames(CLIPS[options.task])]
    encode((small[i] for i in forth_and_back(2 * len(small) - 2, len(small))), clip, _FPS)
    del small
    samples: list[Sample] = []
    count, start = 0, time.perf_counter()
    with ExitStack() as stack:
        pipeline = stack.enter_context(_open(options.task, bundle(options)))
        source = stack.enter_context(closing(ahead(endless(clip, options.frames))))
        sink = stack.enter_context(JsonLinesSink(folder / "found.jsonl", pipeline.model))

        def write(pair: tuple[Frame | Gap, Landmarks]) -> None:
            sink.write(*pair)

        later = stack.enter_context(behind(write))
        for index, (frame, found) in enumerate(pipeline.stream(source), 1):
            later((frame, found))
            count += len(found)
            if index % options.every == 0:
                samples.append(sampled(index, time.perf_counter() - start))
                print(f"{index:7} frames  {samples[-1].resident / MIB:6.1f} MiB", file=sys.stderr, flush=True)
        held = _in_use()
    return samples, count / options.frames, held


def _open(task: str, model: str) -> Pipeline:
    return hands(model) if task == HANDS else pose(model)


def endless(clip: Path, count: int) -> Iterator[Frame | Gap]:
    """Yield this many frames of a clip that is opened again at its end, in times that go on."""
    index = 0
    while True:
        with open_source(clip) as source:
            for frame in source:
                if index == count:
                    return
                yield replace(frame, stamp=replace(frame.stamp, index=index, time=index / _FPS))
                index += 1


def sampled(frame: int, seconds: float) -> Sample:
    """Return what this process holds now (Linux)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return Sample(
        frame,
        resident=int(status["VmRSS"].split()[0]) * 1024,
        threads=int(status["Threads"]),
        files=len(os.listdir("/proc/self/fd")),  # noqa: PTH208  # not a folder of files
        seconds=seconds,
    )


def _in_use() -> int:
    """Return what is resident once the C library has given back freed memory, where it can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
    return sampled(0, 0).resident


def judged(samples: Sequence[Sample], found: float, held: int) -> Verdict:
    """Return what the curve says."""
    settled = [each.resident for each in samples if each.frame >= _WARM_UP]
    growth = max(settled) - settled[0]
    fps = samples[-1].frame / samples[-1].seconds
    return Verdict(growth, settled[-1] - settled[0], held - settled[0], fps, found, growth < _MARK)


def _print(samples: Sequence[Sample], verdict: Verdict) -> None:
    most = max(each.resident for each in samples)
    step = max(1, len(samples) // _ROWS)
    print(f"{'frames':>7}  {'resident':>10}  threads  files")
    for each in samples[step - 1 :: step]:
        bar = "#" * round(_BARS * each.resident / most)
        print(f"{each.frame:7}  {each.resident / MIB:6.1f} MiB  {each.threads:7}  {each.files:5}  {bar}")
    mark = "reached" if verdict.passed else "MISSED"
    print(
        f"\n{samples[-1].frame} frames in {samples[-1].seconds:.0f} s ({verdict.fps:.0f} frames/s, "
        f"{verdict.found:.2f} found in a frame)\n"
        f"growth after {_WARM_UP} frames: {verdict.growth / 1e6:.1f} MB at most, "
        f"{verdict.rest / 1e6:.1f} MB at the end; mark below {_MARK / 1e6:.0f} MB: {mark}\n"
        f"without freed memory that the C library keeps: {verdict.live / 1e6:+.1f} MB"
    )


def _plot(samples: Sequence[Sample], path: Path) -> None:
    """Draw the curve: resident memory over frames, from zero."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # needed with --plot alone

    figure = Figure(figsize=(8, 4))
    axes = figure.subplots()
    axes.plot([each.frame for each in samples], [each.resident / MIB for each in samples])
    axes.axvline(_WARM_UP, linestyle=":", color="grey", label="end of the warm-up")
    axes.set(xlabel="frames", ylabel="resident memory, MiB", ylim=(0, None), title="One stream")
    axes.legend(loc="lower right")
    figure.savefig(path)


if __name__ == "__main__":
    main()
