"""Steadiness of video: how much people tremble who hardly move, how late landmarks are, and who stays who.

The first two against MediaPipe, on the same decoded frames. The exit status is 1 if a mark is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from clips import encode, frames, save_clip
from crossings import crossings, enough, print_crossings
from engines import DOOR, HANDS, PEER, PIPELINE, POSE, Setup
from peer import VERSION, peer
from photos import DATA, add_task, bundle
from processes import Contestant

from vitruvian import hands, pose, read_image
from vitruvian.testing import Actor, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Way = Callable[[float], tuple[float, float, float]]

_SIZE = (1280, 720)
_FPS = 30
_WARM_UP = 30  # frames in which filters settle, and that are not counted

PAIRS = {
    POSE: (
        ("eval/images/h36m_S1_Directions_1.54138969_000001.jpg", "eval/images/mpi_inf_3dhp_TS1_002001.jpg"),
        ("eval/images/mpii_005808361.jpg", "eval/images/coco_000000000785.jpg"),
    ),
    HANDS: (
        ("hands/rock_09a619ab.jpg", "hands/none_0a0ef3d2.jpg"),
        ("hands/rock_026fd791.jpg", "hands/none_00c84257.jpg"),
    ),
}
"""Task → photos of one person or one hand each, shown alone and beside each other."""

ALONE, SEVERAL = "MediaPipe", "MediaPipe, up to 2"
_STREAM: dict[str, dict[str, Any]] = {POSE: {"most": 5}, HANDS: {"most": None, "own": True}}


def _runs(task: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return title → engine and options."""
    streams = {
        f"stream, {smoothing}": (PIPELINE, {**_STREAM[task], "smoothing": smoothing})
        for smoothing in ("live", "smooth", "off")
    }
    return {
        ALONE: (PEER, {"most": 1}),
        SEVERAL: (PEER, {"most": 2}),
        "door": (DOOR, {"most": 1}),
        "door, up to 2": (DOOR, {"most": 2}),
        **streams,
    }


RUNS = {task: _runs(task) for task in PAIRS}

_UNSMOOTHED = {"door, up to 2": SEVERAL, "stream, off": SEVERAL}
RIVALS = {
    POSE: {"door": ALONE, "stream, live": ALONE, "stream, smooth": ALONE, **_UNSMOOTHED},
    HANDS: {"door": ALONE, "stream, live": SEVERAL, "stream, smooth": SEVERAL, **_UNSMOOTHED},
}
"""Task → ours → MediaPipe's run that is like it. MediaPipe smooths one person alone, and no hands."""

_PROMPT = {POSE: ("door", "stream, live"), HANDS: ("door",)}
"""Whose lag is held against MediaPipe's; of hands it has none, since nothing is smoothed."""

_PLACES = ((320, 360), (960, 360))  # middles of the photos
_PHOTO = 600  # pixels that a photo is wide and high
_SWAYS = {"slow": (10.0, 4.0), "quick": (60.0, 2.0)}  # pixels to either side, seconds
_SLACK = 1.05  # of MediaPipe's jitter, that passes
_LATER = 0.1  # frames of lag beyond MediaPipe's, that pass


@dataclass(frozen=True)
class Jitter:
    """How much somebody's landmarks tremble.

    Attributes:
        photo: Of whom.
        people: How many are in view.
        run: One of the task's ``RUNS``.
        found: Share of the frames that show them.
        jitter: Pixels per frame squared: the length of the second difference of what separates a point from
            its true path, the mean over points and frames.
        relative: The same in thousandths of the person's height.
        truth: Pixels per frame squared: the same of the true path itself.
        jitters: ``jitter`` of the single rounds, the smallest and the largest.
        rival: MediaPipe's ``jitter`` of the run that this one is held against; ``None`` for MediaPipe.
        passed: Whether ours is no worse.
    """

    photo: str
    people: int
    run: str
    found: float
    jitter: float
    relative: float
    truth: float
    jitters: tuple[float, float] = (math.nan, math.nan)
    rival: float | None = None
    passed: bool = True


@dataclass(frozen=True)
class Lag:
    """How late somebody's landmarks are who sways.

    Attributes:
        sway: One of ``_SWAYS``.
        run: One of the task's ``RUNS``.
        lag: Frames by which the true path must be shifted to fit best.
        gain: How far the landmarks sway, in the true distance.
        passed: Whether the stream's ``live`` is no later than MediaPipe's smoothing.
    """

    sway: str
    run: str
    lag: float
    gain: float
    passed: bool = True


@dataclass(frozen=True, eq=False)
class Film:
    """Photos that move, through H.264.

    Attributes:
        clip: The decoded pictures, one array.
        middles: (N, 2) float64, where the photos are on average.
        offsets: (N, T, 2) float64 pixels, how far each is from there.
    """

    clip: Path
    middles: NDArray[np.float64]
    offsets: NDArray[np.float64]


def main() -> None:
    """Run the benchmark and print its tables."""
    options = _parser().parse_args()
    theirs = peer(options.peer_python)
    with tempfile.TemporaryDirectory() as name:
        studio = _Studio(Path(name), theirs, options)
        pairs = PAIRS[options.task]
        jitters = [row for index, pair in enumerate(pairs) for row in studio.jitters(pair, index)]
        _print_jitters(jitters)
        lags = [row for sway in _SWAYS for row in studio.lags(pairs[0][0], sway)]
        _print_lags(lags)
    identities = []
    if options.task == POSE:
        identities = crossings(Path(bundle(options)))
        print_crossings(identities)
    if options.json:
        report = {
            "jitter": [asdict(row) for row in jitters],
            "lag": [asdict(row) for row in lags],
            "identities": [asdict(row) for row in identities],
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    steady = all(row.passed for row in jitters) and all(row.passed for row in lags)
    sys.exit(not (steady and (options.task == HANDS or enough(identities))))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_task(parser)
    parser.add_argument("--frames", type=int, default=300, help="length of the films in which a photo moves")
    parser.add_argument("--rounds", type=int, default=3, help="films of each who hardly moves: other noise")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has MediaPipe")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


class _Studio:
    """Makes films, and has everybody watch them."""

    def __init__(self, folder: Path, theirs: Contestant, options: argparse.Namespace) -> None:
        self._folder, self._count, self._bundle = folder, options.frames, bundle(options)
        self._task, self._runs = options.task, RUNS[options.task]
        self._peer, self._rounds = theirs, options.rounds

    def jitters(self, pair: tuple[str, str], seed: int) -> list[Jitter]:
        """Return how much each of two people trembles, alone and beside the other."""
        actors = [
            Actor([_photo(name, self._task, self._bundle)], _restless(middle, 2 * seed + side))
            for side, (name, middle) in enumerate(zip(pair, _PLACES, strict=True))
        ]
        rounds = [self._round(actors, pair, noise) for noise in range(self._rounds)]
        rows = [_averaged(row) for row in zip(*rounds, strict=True)]
        rows.sort(key=lambda row: (row.people, pair.index(row.photo)))
        return [_held(row, rows, RIVALS[self._task]) for row in rows]

    def _round(self, actors: Sequence[Actor], pair: tuple[str, str], noise: int) -> list[Jitter]:
        rows: list[Jitter] = []
        for side in (0, 1):
            film = self._film([actors[side]], noise)
            rows += [_jitter(film, 0, pair[side], run, self._watch(film, run)) for run in self._runs]
        together = self._film(actors, noise)
        for run in (run for run in self._runs if self._runs[run][1]["most"] != 1):
            points = self._watch(together, run)
            rows += [_jitter(together, side, pair[side], run, points) for side in (0, 1)]
        return rows

    def lags(self, photo: str, sway: str) -> list[Lag]:
        """Return how late everybody is on a photo that sways."""
        reach, period = _SWAYS[sway]
        actor = Actor([_photo(photo, self._task, self._bundle)], partial(_swaying, _PLACES[0], reach, period))
        film = self._film([actor])
        lags = [_lag(film, sway, run, self._watch(film, run)) for run in self._runs]
        limit = next(row.lag for row in lags if row.run == ALONE) + _LATER
        return [
            Lag(
                row.sway,
                row.run,
                row.lag,
                row.gain,
                row.run not in _PROMPT[self._task] or row.lag <= limit,
            )
            for row in lags
        ]

    def _film(self, actors: Sequence[Actor], noise: int = 0) -> Film:
        video, clip = self._folder / "film.mp4", self._folder / "film.npy"
        scene = Scene(np.full((_SIZE[1], _SIZE[0], 3), 90, np.uint8), actors, _FPS, seed=noise)
        encode((frame.pixels for frame, _ in scene.frames(self._count)), video, _FPS)
        save_clip(frames(video), clip)
        times = [index / _FPS for index in range(self._count)]
        paths = np.array([[actor.path(time)[:2] for time in times] for actor in actors])
        middles = paths.mean(axis=1)
        return Film(clip, middles, paths - middles[:, None])

    def _watch(self, film: Film, run: str) -> list[NDArray[np.float32]]:
        """Return (N, K, 2) pixels for each frame."""
        engine, chosen = self._runs[run]
        print(f"  {len(film.middles)} in view: {run}", file=sys.stderr, flush=True)
        contestant = self._peer if engine == PEER else Contestant(engine, Path(sys.executable))
        results = self._folder / "results.npz"
        order = json.dumps(list(range(self._count)))
        setup = Setup(self._bundle, self._task, video=True, **chosen)
        contestant.work("watch", setup, film.clip, order, results)
        with np.load(results) as file:
            return [file[name] for name in sorted(file.files)]


def _photo(name: str, task: str, model: str) -> NDArray[np.uint8]:
    """Return a square of a photo with the person or hand in its middle, as far as it can be: RGBA."""
    frame = read_image(DATA / name)
    with (
        hands(model, num_hands=1, search="fast")
        if task == HANDS
        else pose(model, num_poses=1, search="fast") as pipeline
    ):
        x0, y0, x1, y1 = pipeline.estimate(frame).box[0].tolist()
    height, width = frame.pixels.shape[:2]
    side = int(min(1.6 * max(x1 - x0, y1 - y0), width, height))
    left = round(min(max((x0 + x1 - side) / 2, 0), width - side))
    top = round(min(max((y0 + y1 - side) / 2, 0), height - side))
    square = cv2.resize(
        frame.pixels[top : top + side, left : left + side], (_PHOTO, _PHOTO), interpolation=cv2.INTER_AREA
    )
    return np.dstack([square, np.full((_PHOTO, _PHOTO), 255, np.uint8)])


def _restless(middle: tuple[int, int], seed: int) -> Way:
    """Return the path of somebody who hardly moves: slow waves of seeded phase, a pixel at most."""
    phases = np.random.default_rng(seed).random((2, 3))

    def path(time: float) -> tuple[float, float, float]:
        x, y = (
            start + sum(0.5 / k * math.sin(2 * math.pi * (0.15 * k * time + phase)) for k, phase in rows)
            for start, rows in ((start, enumerate(row, 1)) for start, row in zip(middle, phases, strict=True))
        )
        return float(x), float(y), _PHOTO

    return path


def _swaying(middle: tuple[int, int], reach: float, period: float, time: float) -> tuple[float, float, float]:
    return middle[0] + reach * math.sin(2 * math.pi * time / period), middle[1], _PHOTO


def _track(film: Film, person: int, points: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return (T, K, 2) pixels of whoever is in a photo, NaN where nobody is found."""
    track = np.full((len(points), *points[0].shape[1:]), np.nan)
    for index, people in enumerate(points):
        away = np.abs(people.mean(axis=1) - film.middles[person]).max(axis=1)
        if len(people) and away.min() < _PHOTO / 2:
            track[index] = people[away.argmin()]
    return track


def _jitter(film: Film, person: int, photo: str, run: str, points: Sequence[NDArray[np.float32]]) -> Jitter:
    offsets = film.offsets[person][_WARM_UP:]
    track = _track(film, person, points)[_WARM_UP:]
    found = ~np.isnan(track[:, 0, 0])
    still = track - offsets[:, None]
    trembling = np.linalg.norm(np.diff(still, 2, axis=0), axis=2)
    if not found.any():
        raise SystemExit(f"{run} does not find the person of {photo}: there is nothing to measure")
    height = np.ptp(track[found][..., 1], axis=1).mean()
    jitter = float(np.nanmean(trembling))
    truth = float(np.linalg.norm(np.diff(offsets, 2, axis=0), axis=1).mean())
    return Jitter(
        photo, len(film.middles), run, float(found.mean()), jitter, float(1000 * jitter / height), truth
    )


def _averaged(rounds: Sequence[Jitter]) -> Jitter:
    """Return the mean of the rounds."""
    found, jitter, relative = (
        sum(getattr(row, name) for row in rounds) / len(rounds) for name in ("found", "jitter", "relative")
    )
    values = [row.jitter for row in rounds]
    return replace(
        rounds[0], found=found, jitter=jitter, relative=relative, jitters=(min(values), max(values))
    )


def _held(row: Jitter, rows: Sequence[Jitter], rivals: Mapping[str, str]) -> Jitter:
    """Hold ours against MediaPipe's of the same person; with smoothing, MediaPipe sees that person alone."""
    if row.run not in rivals:
        return row
    rival = rivals[row.run]
    people = 1 if rival == ALONE else row.people
    (theirs,) = (r for r in rows if (r.photo, r.people, r.run) == (row.photo, people, rival))
    passed = row.jitter <= _SLACK * theirs.jitter and row.found >= theirs.found
    return replace(row, rival=theirs.jitter, passed=passed)


def _lag(film: Film, sway: str, run: str, points: Sequence[NDArray[np.float32]]) -> Lag:
    """Fit a wave of the known period to the landmarks' middle: least squares, hence the best shift of all."""
    reach, period = _SWAYS[sway]
    x = _track(film, 0, points).mean(axis=1)[_WARM_UP:, 0]
    angle = 2 * np.pi * np.arange(_WARM_UP, _WARM_UP + len(x)) / (_FPS * period)
    known = ~np.isnan(x)
    basis = np.stack([np.sin(angle), np.cos(angle), np.ones_like(angle)], axis=1)[known]
    sine, cosine, _ = np.linalg.lstsq(basis, x[known], rcond=None)[0].tolist()
    lag = -math.atan2(cosine, sine) / (2 * math.pi) * period * _FPS
    return Lag(sway, run, lag, math.hypot(sine, cosine) / reach)


def _print_jitters(rows: Sequence[Jitter]) -> None:
    print(f"jitter of what hardly moves, pixels per frame squared; MediaPipe {VERSION}")
    print(f"  {'':22}  found   jitter  (    rounds     )  1/1000 height   truth  by MediaPipe's")
    shown = None
    for row in rows:
        if shown != (row.photo, row.people):
            shown = row.photo, row.people
            print(f"{Path(row.photo).stem}, {'alone' if row.people == 1 else 'one of two'}")
        against = "" if row.rival is None else f"{row.jitter / row.rival:.2f} x  {_mark(passed=row.passed)}"
        print(
            f"  {row.run:22}  {100 * row.found:3.0f} %  {row.jitter:7.4f}  "
            f"({row.jitters[0]:.4f}, {row.jitters[1]:.4f})  {row.relative:13.3f}  {row.truth:6.4f}  {against}"
        )


def _print_lags(rows: Sequence[Lag]) -> None:
    print("\nlag of what sways")
    for row in rows:
        if row.run == ALONE:
            reach, period = _SWAYS[row.sway]
            print(f"{row.sway}: {reach:.0f} pixels to either side, once in {period:.0f} s")
        print(f"  {row.run:22}  {row.lag:5.2f} frames, {row.gain:.3f} of the way  {_mark(passed=row.passed)}")


def _mark(*, passed: bool) -> str:
    return "" if passed else "MISSED"


if __name__ == "__main__":
    main()
