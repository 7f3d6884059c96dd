"""Exactness: how far Vitruvian's landmarks are from MediaPipe's, on the same arrays.

Against a run of MediaPipe made here and now, and against stored predictions of two of its versions. The exit
status is 1 if a mark is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from clips import PALM, frames
from engines import DOOR, HANDS, PIPELINE, POSE, Found, Setup, found_of, open_engine
from peer import VERSION, peer
from photos import Photo, add_task, bundle, folder_photos, open_photos, save
from stored import stored
from worker import milliseconds

from vitruvian import Frame, Landmarks, hands
from vitruvian.landmarks import bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from processes import Contestant

PHOTOS, STEPS, CLOSED, STORED_CLOSED = "photos", "steps", "closed loop", "stored, of a closed loop"
"""What is compared."""

_COUNTS = {POSE: (1, 5), HANDS: (1, 2, 5)}


@dataclass(frozen=True, eq=False)
class Difference:
    """What separates two results for one photo or frame.

    Attributes:
        photo: Its name.
        ours: Number of people or hands that we found.
        theirs: Number that the peer found.
        columns: Name → absolute differences, one for each landmark (for each mask its overlap, for each hand
            those of its side); empty where the numbers differ, or nobody is there.
    """

    photo: str
    ours: int
    theirs: int
    columns: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Comparison:
    """The differences on a set of photos, or in a video.

    Attributes:
        title: What is compared with what.
        photos: One row for each photo or frame.
        kind: ``PHOTOS``, or of frames: ``STEPS``, ``CLOSED`` or ``STORED_CLOSED``.
    """

    title: str
    photos: Sequence[Difference]
    kind: str = PHOTOS

    def column(self, name: str) -> list[NDArray[np.float64]]:
        """Return the differences called ``name`` of each photo that has any."""
        rows = (photo.columns.get(name, np.empty(0)) for photo in self.photos)
        return [row for row in rows if row.size]


@dataclass(frozen=True)
class Mark:
    """What a comparison has to reach.

    Attributes:
        title: What is measured.
        column: The column that it is measured on.
        measure: Rows of that column, one for each photo → the number to judge.
        limit: The worst number that passes.
        at_least: Whether more is better.
    """

    title: str
    column: str
    measure: Callable[[Sequence[NDArray[np.float64]]], float]
    limit: float
    at_least: bool = False

    def reached(self, value: float) -> bool:
        """Return whether ``value`` passes."""
        return value >= self.limit if self.at_least else value <= self.limit


PX, Z, VISIBILITY, PRESENCE = "px", "z px", "visibility", "presence"
WORLD, MASK, RIGHT, SIDE = "world mm", "mask IoU", "handedness", "other side"
_NAMES = {POSE: "poses", HANDS: "hands"}
COLUMNS = (PX, Z, VISIBILITY, PRESENCE, WORLD, MASK, RIGHT)


def _mean(rows: Sequence[NDArray[np.float64]]) -> float:
    return float(np.concatenate(rows).mean())


def _most(rows: Sequence[NDArray[np.float64]]) -> float:
    return float(np.concatenate(rows).max())


def _mean_of_means(rows: Sequence[NDArray[np.float64]]) -> float:
    return float(np.mean([row.mean() for row in rows]))


def _worst_mean(rows: Sequence[NDArray[np.float64]]) -> float:
    return float(max(row.mean() for row in rows))


BODY_MARKS = (
    Mark("mean px of a photo, on average", PX, _mean_of_means, 0.1),
    Mark("mean px of the worst photo", PX, _worst_mean, 0.5),
    Mark("world mm, on average", WORLD, _mean, 0.5),
    Mark("world mm of the worst point", WORLD, _most, 5.0),
    Mark("IoU of the worst mask", MASK, lambda rows: float(np.concatenate(rows).min()), 0.998, at_least=True),
)
_SIDES = Mark("hands of the other side", SIDE, lambda rows: float(np.concatenate(rows).sum()), 0)
_WORLD = Mark("world mm of the worst point", WORLD, _most, 0.5)
HAND_MARKS = {
    PHOTOS: (_SIDES, Mark("px, on average", PX, _mean, 0.05), _WORLD),
    STEPS: (_SIDES, Mark("px, on average", PX, _mean, 0.02), _WORLD),
    CLOSED: (
        _SIDES,
        Mark("px, on average", PX, _mean, 0.121),
        Mark("px of the worst point", PX, _most, 0.82),
    ),
    STORED_CLOSED: (_SIDES, Mark("px, on average", PX, _mean, 0.121)),
}
"""Of the closed loop: the specification's, where the detector looks once (section 9)."""


def main() -> int:
    """Run the comparisons, print them, and return the exit status."""
    parser = _parser()
    options = parser.parse_args()
    if options.stored_only and (options.photos or options.door):
        parser.error("there are no stored predictions for --photos and --door")
    passed = True
    for comparison in _comparisons(options):
        _print_table(comparison)
        passed &= _print_marks(comparison, options.task)
    return 0 if passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add_task(parser)
    parser.add_argument("--photos", type=Path, help="a folder of other photos, for the run made here and now")
    parser.add_argument("--stored-only", action="store_true", help="do not run MediaPipe")
    parser.add_argument(
        "--door", action="store_true", help="compare vitruvian.mediapipe, in runs made here alone"
    )
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has MediaPipe")
    return parser


def _comparisons(options: argparse.Namespace) -> Iterator[Comparison]:
    model, engine = bundle(options), DOOR if options.door else PIPELINE
    if not options.stored_only:
        them = peer(options.peer_python)
        photos = folder_photos(options.photos) if options.photos else open_photos()
        for count in _COUNTS[options.task]:
            setup = Setup(model, options.task, count, masks=options.task == POSE)
            yield _here_and_now(engine, photos, setup, them)
        if options.task == HANDS and not options.photos:
            yield from _videos(engine, model, them)
    if not (options.photos or options.door):
        yield from _stored(options.task, model)


def _here_and_now(name: str, photos: Sequence[Photo], setup: Setup, them: Contestant) -> Comparison:
    """Compare an engine of ours with a run of MediaPipe."""
    engine = open_engine(name, setup)
    rows = []
    for index, (photo, theirs) in enumerate(zip(photos, _theirs(photos, setup, them), strict=True)):
        ours = engine.read(engine.detect(photo.pixels, milliseconds(index)), photo.pixels)
        rows.append(_difference(photo.name, ours, theirs))
    where = f"{PALM.name} in VIDEO mode" if setup.video else f"{len(photos)} photos"
    count = f"num_{_NAMES[setup.task]}={setup.most}"
    title = f"MediaPipe {VERSION}, {Path(setup.model).name}, {count}, {where}, run here"
    return Comparison(title, rows, CLOSED if setup.video else PHOTOS)


def _theirs(photos: Sequence[Photo], setup: Setup, them: Contestant) -> Iterator[Found]:
    """Yield what MediaPipe finds in each photo or frame."""
    with tempfile.TemporaryDirectory() as folder:
        save(photos, Path(folder))
        them.work("landmarks", setup, folder, folder)
        for file in sorted(Path(folder).glob("*.npz")):
            with np.load(file) as columns:
                yield Found(**columns)


def _videos(engine: str, model: str, them: Contestant) -> Iterator[Comparison]:
    """Compare on a clip: one step of the loop at a time, then the whole loop."""
    clip = [Photo(f"frame {index}", pixels) for index, pixels in enumerate(frames(PALM))]
    if engine == PIPELINE:
        yield _steps(clip, Setup(model, HANDS, video=True), them)
    for count in (1, 2):
        yield _here_and_now(engine, clip, Setup(model, HANDS, count, video=True, loop="compatible"), them)


def _steps(clip: Sequence[Photo], setup: Setup, them: Contestant) -> Comparison:
    """Compare each frame of one hand, which we read where MediaPipe's landmarks of the last one lead us.

    In the whole loop, what one frame gives decides where the next is read, so that roundings grow.
    """
    pipeline = hands(setup.model, num_hands=setup.most, upright=False, looks=1, search="fast")
    stages = pipeline.stages()
    rows = []
    theirs = list(_theirs(clip, setup, them))
    for photo, before, after in zip(clip[1:], theirs, theirs[1:], strict=False):
        if not len(before.points):
            continue  # the palm detector leads
        xy = before.points[..., :2].astype(np.float32)
        known = Landmarks(stages.skeleton, xy, bounds(xy), np.ones(len(xy), np.float32))
        frame = Frame.of(photo.pixels)
        found = stages.read([frame], [stages.follow(known, frame.stamp)])[0]
        rows.append(_difference(photo.name, found_of(found), after))
    title = (
        f"MediaPipe {VERSION}, {Path(setup.model).name}, {PALM.name} in VIDEO mode, step by step, run here"
    )
    return Comparison(title, rows, STEPS)


def _difference(photo: str, ours: Found, theirs: Found) -> Difference:
    counts = len(ours.points), len(theirs.points)
    if counts[0] != counts[1]:
        return Difference(photo, *counts, columns={})
    apart = np.abs(ours.points - theirs.points)
    columns = {
        PX: np.hypot(apart[..., 0], apart[..., 1]),
        Z: apart[..., 2],
        VISIBILITY: apart[..., 3:4],
        PRESENCE: apart[..., 4:5],
        WORLD: np.linalg.norm(ours.world - theirs.world, axis=2) * 1000,
        MASK: _overlaps(ours.masks, theirs.masks),
        RIGHT: np.abs(ours.right - theirs.right),
        SIDE: ((ours.right > 0.5) != (theirs.right > 0.5)).astype(np.float64),
    }
    return Difference(photo, *counts, columns={name: column.ravel() for name, column in columns.items()})


def _overlaps(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the intersection over union of each pair of masks; 1 where both are empty."""
    if not len(ours):
        return np.empty(0)
    shared, union = (ours & theirs).sum(axis=(1, 2)), (ours | theirs).sum(axis=(1, 2))
    return np.where(union, shared / np.maximum(union, 1), 1.0)


def _stored(task: str, model: str) -> Iterator[Comparison]:
    """Compare with stored predictions, which are rounded to 0.01 px, and know no z and no world landmarks."""
    for prediction in stored(task, model):
        engine = open_engine(PIPELINE, prediction.setup)
        rows = []
        for index, (view, theirs) in enumerate(prediction.views()):
            ours = engine.read(engine.detect(view.pixels, milliseconds(index)), view.pixels)
            ours.points[..., :2] += view.corner
            rows.append(_difference(view.name, ours, theirs))
        yield Comparison(
            f"stored {prediction.name}", rows, STORED_CLOSED if prediction.setup.video else PHOTOS
        )


def _print_table(comparison: Comparison) -> None:
    names = [name for name in COLUMNS if any(np.isfinite(row).any() for row in comparison.column(name))]
    print(f"\n{comparison.title}: mean and largest difference")
    print(f"{'':44} {'found':>6}" + "".join(f"{name:>19}" for name in names))
    for photo in comparison.photos:
        if comparison.kind != PHOTOS and photo.ours == photo.theirs:
            continue  # hundreds of rows, alike
        counts = f"{photo.ours}/{photo.theirs}"
        cells = "".join(_cell(name, photo.columns.get(name)) for name in names)
        print(f"{photo.photo.removeprefix('images/'):44.44} {counts:>6}{cells}")
    cells = "".join(_cell(name, np.concatenate(comparison.column(name))) for name in names)
    counts = f"{sum(photo.ours for photo in comparison.photos)}"
    print(f"{'all landmarks':44} {counts:>6}{cells}")


def _cell(name: str, column: NDArray[np.float64] | None) -> str:
    if column is None or not column.size:
        return f"{'':>19}"
    return f"{column.mean():10.5f} {column.min() if name == MASK else column.max():8.4f}"


def _print_marks(comparison: Comparison, task: str) -> bool:
    """Print whether each mark is reached, and return whether all are."""
    others = [photo.photo for photo in comparison.photos if photo.ours != photo.theirs]
    passed = not others
    what = f"{'photos' if comparison.kind == PHOTOS else 'frames'} with another number of {_NAMES[task]}"
    print(f"  {'pass' if passed else 'MISS'}  {what}: {len(others)} {others or ''}")
    for mark in BODY_MARKS if task == POSE else HAND_MARKS[comparison.kind]:
        rows = comparison.column(mark.column)
        if rows and np.isfinite(np.concatenate(rows)).all():
            value = mark.measure(rows)
            passed &= mark.reached(value)
            verdict, sign = "pass" if mark.reached(value) else "MISS", ">=" if mark.at_least else "<="
            print(f"  {verdict}  {mark.title}: {value:.5f} ({sign} {mark.limit})")
    return passed


if __name__ == "__main__":
    sys.exit(main())
