"""Speed on still images: Vitruvian and MediaPipe side by side, on the same bundle and the same arrays."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from engines import DOOR, HANDS, PEER, PIPELINE, POSE, Setup
from peer import VERSION, peer
from photos import (
    Photo,
    add_task,
    bundle,
    folder_photos,
    gesture_photos,
    labelled_photos,
    save,
)
from processes import Contestant, run_alone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MIB = 1024 * 1024
IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
Turns = dict[str, list[dict[str, Any]]]

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    POSE: {"no masks": {}, "with masks": {"masks": True}},
    HANDS: {
        "num_hands=1": {},
        "num_hands=2": {"most": 2},
        "num_hands=2, ours with its own defaults, fast": {"most": 2, "own": True},
    },
}
"""Task → title → what is asked of everybody."""

MARKS = {(HANDS, "num_hands=1", DOOR): 2.2}
"""MediaPipe's time by an engine's, that we want."""


@dataclass(frozen=True)
class Speed:
    """How an engine did on a set of photos.

    Attributes:
        photos: Name of the set.
        variant: What was asked of it.
        engine: Its name.
        time: Milliseconds per image: the median over photos of each photo's median.
        cpu: Processor milliseconds per image, user and system, all threads: the median of the turns.
        peak: MiB, the photos included.
        time_ratio: The peer's ``time`` by this engine's.
        time_ratios: The same of the single turns, the smallest and the largest.
        cpu_ratio: The peer's ``cpu`` by this engine's.
        mark: The ``time_ratio`` that we want; ``None``: any.
    """

    photos: str
    variant: str
    engine: str
    time: float
    cpu: float
    peak: float
    time_ratio: float
    time_ratios: tuple[float, float]
    cpu_ratio: float
    mark: float | None


@dataclass(frozen=True)
class Start:
    """How long a fresh process takes.

    Attributes:
        engine: Its name.
        load: Seconds to import it.
        first: Seconds from the start of the interpreter to the first landmarks.
        peak: MiB at that moment.
    """

    engine: str
    load: float
    first: float
    peak: float


def main() -> None:
    """Run the benchmark and print its tables."""
    options = _parser().parse_args()
    use_cores(options.cores)
    ours = Path(sys.executable)
    contestants = [Contestant(PIPELINE, ours), Contestant(DOOR, ours), peer(options.peer_python)]
    sets = {str(folder): folder_photos(folder) for folder in options.photos or ()}
    sets = sets or _open_photos(options.task)

    model = bundle(options)
    speeds: list[Speed] = []
    for name, photos in sets.items():
        for variant, chosen in VARIANTS[options.task].items():
            setup = Setup(model, options.task, **chosen)
            turns = _take_turns(contestants, photos, setup, options)
            speeds += _speeds(turns, name, options.task, variant)
    first = Setup(model, options.task)
    starts = [_start(each, next(iter(sets.values()))[0], first, options.rounds) for each in contestants]

    _print_speeds(speeds)
    _print_starts(starts)
    if options.json:
        report = {"speeds": [asdict(row) for row in speeds], "starts": [asdict(row) for row in starts]}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_task(parser)
    parser.add_argument("--photos", type=Path, action="append", help="a folder; several are several sets")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each engine, a process each")
    parser.add_argument("--repeats", type=int, default=5, help="times a turn goes through the photos")
    parser.add_argument("--cores", type=int, default=2, help="cores that everybody may use (Linux)")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has MediaPipe")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


def _open_photos(task: str) -> dict[str, list[Photo]]:
    if task == POSE:
        return {"open body photos": labelled_photos(POSE)}
    return {"open hand photos": [*labelled_photos(HANDS), *gesture_photos()]}


def use_cores(count: int) -> None:
    """Keep this process and those it starts to some cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def _take_turns(
    contestants: Sequence[Contestant], photos: Sequence[Photo], setup: Setup, options: argparse.Namespace
) -> Turns:
    """Return engine → its reports, of turns that alternate, so that a slow minute hits everybody."""
    turns: Turns = {each.engine: [] for each in contestants}
    with tempfile.TemporaryDirectory() as folder:
        save(photos, Path(folder))
        for _ in range(options.rounds):
            for each in contestants:
                turns[each.engine].append(each.work("time", setup, folder, options.repeats))
    return turns


def _speeds(turns: Turns, photos: str, task: str, variant: str) -> list[Speed]:
    times = {engine: _time(reports) for engine, reports in turns.items()}
    cpus = {engine: median(report["cpu"] for report in reports) for engine, reports in turns.items()}
    return [
        Speed(
            photos,
            variant,
            engine,
            time=times[engine] * 1000,
            cpu=cpus[engine] * 1000,
            peak=max(report["peak"] for report in reports) / MIB,
            time_ratio=times[PEER] / times[engine],
            time_ratios=_range_of_ratios(turns[PEER], reports),
            cpu_ratio=cpus[PEER] / cpus[engine],
            mark=MARKS.get((task, variant, engine)),
        )
        for engine, reports in turns.items()
    ]


def _time(reports: Sequence[Mapping[str, Any]]) -> float:
    """Return the median over photos of the median time that each took, in all turns together."""
    by_photo: Iterable[tuple[list[float], ...]] = zip(*(each["seconds"] for each in reports), strict=True)
    return median(median(chain(*rows)) for rows in by_photo)


def _range_of_ratios(
    theirs: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]
) -> tuple[float, float]:
    ratios = [_time([a]) / _time([b]) for a, b in zip(theirs, ours, strict=True)]
    return min(ratios), max(ratios)


def _start(contestant: Contestant, photo: Photo, setup: Setup, count: int) -> Start:
    code = IMPORT.format(contestant.engine)
    with tempfile.TemporaryDirectory() as folder:
        save([photo], Path(folder))
        firsts = [contestant.first(setup, Path(folder) / "0000.npy") for _ in range(count)]
    return Start(
        contestant.engine,
        load=median(float(run_alone(contestant.python, "-c", code)) for _ in range(count)),
        first=median(each["seconds"] for each in firsts),
        peak=max(each["peak"] for each in firsts) / MIB,
    )


def _print_speeds(speeds: Sequence[Speed]) -> None:
    print(f"{'':20}  {'time':>9}  {'CPU':>9}  {'peak':>8}  MediaPipe {VERSION} takes")
    for row in speeds:
        if row.engine == PIPELINE:
            print(f"{row.photos}, {row.variant}, per image")
        print(
            f"  {row.engine:18}  {row.time:6.2f} ms  {row.cpu:6.2f} ms  {row.peak:4.0f} MiB  "
            f"{row.time_ratio:.2f} x the time (turns {row.time_ratios[0]:.2f} to {row.time_ratios[1]:.2f}"
            f"{'' if row.mark is None else f'; mark {row.mark}'}), "
            f"{row.cpu_ratio:.2f} x the CPU"
        )


def _print_starts(starts: Sequence[Start]) -> None:
    print(f"\n{'a fresh process':20}  {'import':>7}  {'first result':>12}  {'peak':>8}")
    for row in starts:
        print(f"  {row.engine:18}  {row.load:5.3f} s  {row.first:10.3f} s  {row.peak:4.0f} MiB")


if __name__ == "__main__":
    main()
