"""What a thorough search costs: on stills by the fast search's time, in streams by the frame's.

The exit status is 1 if a mark is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
from image import use_cores
from metered import CROPS, FINDER, READER, Clock, MeteredRuntime, clocked
from newcomers import newcomers, print_newcomers
from photos import BUNDLES, HANDS, POSE, Photo, labelled_photos

from vitruvian import HandSettings, PoseSettings, hands_pipeline, pose_pipeline
from vitruvian.crop import Crop
from vitruvian.models.tiles import tiles_of
from vitruvian.runtimes.openvino import OpenVINO
from vitruvian.search.thorough import SHARES
from vitruvian.weights import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vitruvian import Pipeline

_SIZE = (1280, 720)
_MOST, _AIM = 25.0, 12.0  # times the fast search
_FAST, _THOROUGH = "fast", "thorough"
_SEARCHES = {_FAST: "fast", _THOROUGH: "auto"}  # as the library's own default has it for stills
_REST = "everything else"
_PARTS = (FINDER, READER, CROPS, _REST)


@dataclass(frozen=True)
class Still:
    """How a photo was searched: medians over the rounds.

    Attributes:
        photo: Its name.
        size: Width and height in pixels.
        found: Search → how many people or hands it found.
        tiles: How many tiles the thorough search looked at.
        all_tiles: How many there are.
        regions: How many regions it read.
        times: Search → milliseconds.
        parts: Search → milliseconds of each part.
        ratio: The thorough search's time by the fast one's.
    """

    photo: str
    size: tuple[int, int]
    found: Mapping[str, int]
    tiles: int
    all_tiles: int
    regions: int
    times: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]]
    ratio: float


def main() -> int:
    """Run the benchmark, print its tables, and return the exit status."""
    options = _parser().parse_args()
    use_cores(options.cores)
    model = options.model or ("full" if options.task == POSE else str(BUNDLES[HANDS]))
    report: dict[str, object] = {}
    passed = True
    if options.only != "streams":
        stills = _stills(model, options.task, options.rounds)
        report["stills"] = [asdict(still) for still in stills]
        passed &= _print_stills(stills)
    if options.only != "stills" and options.task == POSE:
        scenes = newcomers(model, options.rounds)
        report["streams"] = [asdict(scene) for scene in scenes]
        passed &= print_newcomers(scenes)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=(POSE, HANDS), default=POSE, help="what is looked for")
    parser.add_argument("--only", choices=("stills", "streams"), help="leave out the others; bodies")
    parser.add_argument("--model", help="path of a bundle, or the name of a model, in place of full")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each search on each photo and film")
    parser.add_argument("--cores", type=int, default=2, help="cores that may be used (Linux)")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


def _stills(model: str, task: str, rounds: int) -> list[Still]:
    clock = Clock()
    pipelines = {name: _open(model, task, search, clock) for name, search in _SEARCHES.items()}
    photos = labelled_photos(task)
    if task == POSE:
        photos = [_fitted(photo) for photo in photos if photo.pixels.shape[1] > photo.pixels.shape[0]]
    with clocked(Crop, "warp", partial(_note, clock)):
        stills = [_still(photo, pipelines, clock, rounds) for photo in photos]
    for pipeline in pipelines.values():
        pipeline.close()
    return stills


def _open(model: str, task: str, search: str, clock: Clock) -> Pipeline:
    files, runtime = load(model, task=task), MeteredRuntime(OpenVINO(), clock)
    if task == HANDS:
        return hands_pipeline(files, HandSettings(search=search), runtime=runtime)
    return pose_pipeline(files, PoseSettings(search=search), runtime=runtime)


def _note(clock: Clock, seconds: float) -> None:
    clock.seconds[CROPS] += seconds


def _fitted(photo: Photo) -> Photo:
    """Return a photo as large as fits, its shape as it is."""
    height, width = photo.pixels.shape[:2]
    scale = min(_SIZE[0] / width, _SIZE[1] / height)
    size = round(width * scale), round(height * scale)
    sampling = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels: NDArray[np.uint8] = np.asarray(cv2.resize(photo.pixels, size, interpolation=sampling), np.uint8)
    return Photo(photo.name, pixels)


def _still(photo: Photo, pipelines: Mapping[str, Pipeline], clock: Clock, rounds: int) -> Still:
    """Let both searches take turns, so that a slow minute hits both; the first turn does not count."""
    height, width = photo.pixels.shape[:2]
    found: dict[str, int] = {}
    items: dict[str, Counter[str]] = {}
    times: dict[str, list[float]] = {name: [] for name in pipelines}
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in pipelines}
    for turn in range(rounds + 1):
        for name, pipeline in pipelines.items():
            clock.reset()
            begin = perf_counter()
            found[name] = len(pipeline.estimate(photo.pixels))
            seconds = perf_counter() - begin
            items[name] = Counter(clock.items)
            if turn:
                times[name].append(1000 * seconds)
                parts[name].append(_parts(clock, seconds))
    means = {name: median(values) for name, values in times.items()}
    return Still(
        photo.name,
        (width, height),
        found,
        tiles=items[_THOROUGH][FINDER],
        all_tiles=sum(len(tiles_of(width, height, share)) for share in SHARES),
        regions=items[_THOROUGH][READER],
        times=means,
        parts={
            name: {part: median(row[part] for row in rows) for part in _PARTS} for name, rows in parts.items()
        },
        ratio=means[_THOROUGH] / means[_FAST],
    )


def _parts(clock: Clock, seconds: float) -> dict[str, float]:
    """Return the milliseconds of each part of a search that took so many seconds."""
    parts = {part: 1000 * clock.seconds[part] for part in _PARTS}
    return {**parts, _REST: 1000 * seconds - sum(parts.values())}


def _print_stills(stills: Sequence[Still]) -> bool:
    """Print what each photo took and where it went, and return whether the mark is reached."""
    print(f"{'':48}  found: fast  thorough  tiles looked at  regions   fast ms  thorough ms  ratio")
    for still in stills:
        size, tiles = f"{still.size[0]} x {still.size[1]}", f"{still.tiles} of {still.all_tiles}"
        print(
            f"{Path(still.photo).stem[:36]:36} {size:>11}  {still.found[_FAST]:11}  "
            f"{still.found[_THOROUGH]:8}  {tiles:>15}  {still.regions:7}  {still.times[_FAST]:8.2f}  "
            f"{still.times[_THOROUGH]:11.1f}  {still.ratio:5.1f}"
        )
    means = {name: fmean(still.times[name] for still in stills) for name in _SEARCHES}
    print(f"mean: fast {means[_FAST]:.2f} ms, thorough {means[_THOROUGH]:.1f} ms", end="; ")
    ratios = [still.ratio for still in stills]
    mean = fmean(ratios)
    print(f"ratios: mean {mean:.1f}, median {median(ratios):.1f}\n")
    print("where it goes, mean ms of a photo" + "".join(f"{name:>12}" for name in _SEARCHES))
    for part in _PARTS:
        row = {name: fmean(still.parts[name][part] for still in stills) for name in _SEARCHES}
        cells = (f"{row[name]:6.1f} {100 * row[name] / means[name]:3.0f} %" for name in _SEARCHES)
        print(f"  {part:31}" + "".join(f"{cell:>12}" for cell in cells))
    reached = mean <= _MOST
    verdict = "pass" if reached else "MISS"
    print(f"\n  {verdict}  a photo's ratio, on average: {mean:.1f} (<= {_MOST:g})")
    for most in (_MOST, _AIM):
        print(f"        {sum(ratio <= most for ratio in ratios)} of {len(ratios)} photos are within {most:g}")
    print(f"        the worst: {max(ratios):.1f}\n", flush=True)
    return reached


if __name__ == "__main__":
    sys.exit(main())
