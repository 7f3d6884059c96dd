"""Exactness: how far Vitruvian's landmarks are from MediaPipe's, on the same arrays.

Against a run of MediaPipe made here and now, and against stored predictions of two of its versions. The exit
status is 1 if a mark is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from engines import PIPELINE, People, Setup, open_engine
from peer import VERSION, peer
from photos import BUNDLE, DATA, Photo, body_photos, folder_photos, hand_photos, labels, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from processes import Contestant


@dataclass(frozen=True, eq=False)
class Difference:
    """What separates two results for one photo.

    Attributes:
        photo: Its name.
        ours: Number of people that we found.
        theirs: Number of people that the peer found.
        columns: Name → absolute differences, one for each landmark (for each mask its overlap); empty where
            the numbers of people differ, or nobody is there.
    """

    photo: str
    ours: int
    theirs: int
    columns: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Comparison:
    """The differences on a set of photos.

    Attributes:
        title: What is compared with what.
        photos: One row for each.
    """

    title: str
    photos: Sequence[Difference]

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


PX, WORLD, MASK = "px", "world mm", "mask IoU"
MARKS = (
    Mark(
        "mean px of a photo, on average", PX, lambda rows: float(np.mean([row.mean() for row in rows])), 0.1
    ),
    Mark("mean px of the worst photo", PX, lambda rows: float(max(row.mean() for row in rows)), 0.5),
    Mark("world mm, on average", WORLD, lambda rows: float(np.concatenate(rows).mean()), 0.5),
    Mark("world mm of the worst point", WORLD, lambda rows: float(np.concatenate(rows).max()), 5.0),
    Mark("IoU of the worst mask", MASK, lambda rows: float(np.concatenate(rows).min()), 0.998, at_least=True),
)


def main() -> int:
    """Run the comparisons, print them, and return the exit status."""
    parser = _parser()
    options = parser.parse_args()
    if options.photos and options.stored_only:
        parser.error("there are no stored predictions for --photos")
    passed = True
    for comparison in _comparisons(options):
        _print_table(comparison)
        passed &= _print_marks(comparison)
    return 0 if passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="the lite .task bundle")
    parser.add_argument("--photos", type=Path, help="a folder of other photos, for the run made here and now")
    parser.add_argument("--stored-only", action="store_true", help="do not run MediaPipe")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has MediaPipe")
    return parser


def _comparisons(options: argparse.Namespace) -> Iterator[Comparison]:
    bundle = str(options.bundle)
    if not options.stored_only:
        photos = folder_photos(options.photos) if options.photos else [*body_photos(), *hand_photos()]
        them = peer(options.peer_python)
        for count in (1, 5):
            yield _here_and_now(photos, Setup(bundle, num_poses=count, masks=True), them)
    if not options.photos:
        yield from _stored(bundle)


def _here_and_now(photos: Sequence[Photo], setup: Setup, them: Contestant) -> Comparison:
    """Compare with a run of MediaPipe."""
    engine = open_engine(PIPELINE, setup)
    with tempfile.TemporaryDirectory() as folder:
        save(photos, Path(folder))
        them.work("landmarks", setup, folder, folder)
        found = (People(**np.load(file)) for file in sorted(Path(folder).glob("*.npz")))
        rows = [
            _difference(photo.name, engine.read(engine.detect(photo.pixels), photo.pixels), theirs)
            for photo, theirs in zip(photos, found, strict=True)
        ]
    return Comparison(f"MediaPipe {VERSION}, lite, num_poses={setup.num_poses}, run here", rows)


def _difference(photo: str, ours: People, theirs: People) -> Difference:
    counts = len(ours.points), len(theirs.points)
    if counts[0] != counts[1]:
        return Difference(photo, *counts, columns={})
    apart = np.abs(ours.points - theirs.points)
    columns = {
        PX: np.hypot(apart[..., 0], apart[..., 1]),
        "z px": apart[..., 2],
        "visibility": apart[..., 3],
        "presence": apart[..., 4],
        WORLD: np.linalg.norm(ours.world - theirs.world, axis=2) * 1000,
        MASK: _overlaps(ours.masks, theirs.masks),
    }
    return Difference(photo, *counts, columns={name: column.ravel() for name, column in columns.items()})


def _overlaps(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the intersection over union of each pair of masks; 1 where both are empty."""
    shared, union = (ours & theirs).sum(axis=(1, 2)), (ours | theirs).sum(axis=(1, 2))
    return np.where(union, shared / np.maximum(union, 1), 1.0)


def _stored(bundle: str) -> Iterator[Comparison]:
    """Compare with stored predictions, of which pixels and visibility are known, to 0.005 px and 0.0005."""
    legacy = Setup("full", num_poses=1, nms_iou=0.3, heatmap_kernel=9)
    folder = DATA / "eval" / "peers"
    for name, setup in (
        ("pose_tasks_1.2.2_lite_n1", Setup(bundle, num_poses=1)),
        ("pose_tasks_1.2.2_lite_n5", Setup(bundle, num_poses=5)),
        ("pose_tasks_1.2.2_lite_crop", Setup(bundle, num_poses=1)),
        ("pose_legacy_0.10.21_full", legacy),
        ("pose_legacy_0.10.21_full_crop", legacy),
    ):
        stored = json.loads((folder / f"{name}.json").read_text("utf-8"))
        engine = open_engine(PIPELINE, setup)
        rows = [
            _difference_from_stored(name_, engine.read(engine.detect(pixels), pixels), stored[name_], corner)
            for name_, pixels, corner in _views()
            if name_ in stored
        ]
        yield Comparison(f"stored {name}", rows)


def _views() -> Iterator[tuple[str, NDArray[np.uint8], tuple[int, int]]]:
    """Yield each labelled photo, and each labelled person cut out of it.

    Yields:
        The name in stored predictions, the pixels, and where their corner lies in the photo.
    """
    persons = {row["file"]: row.get("persons", ()) for row in labels()}
    for photo in body_photos():
        yield photo.name, photo.pixels, (0, 0)
        for index, person in enumerate(persons[photo.name]):
            x, y, width, height = person["crop"]
            pixels = np.ascontiguousarray(photo.pixels[y : y + height, x : x + width])
            yield f"{photo.name}#p{index}", pixels, (x, y)


def _difference_from_stored(
    name: str, ours: People, stored: Sequence[Mapping[str, Any]], corner: tuple[int, int]
) -> Difference:
    if len(ours.points) != len(stored):
        return Difference(name, len(ours.points), len(stored), columns={})
    theirs = np.array([one["keypoints"] for one in stored], np.float64).reshape(-1, 33, 3)
    apart = ours.points[..., :2] + corner - theirs[..., :2]
    columns = {
        PX: np.hypot(apart[..., 0], apart[..., 1]).ravel(),
        "visibility": np.abs(ours.points[..., 3] - theirs[..., 2]).ravel(),
    }
    return Difference(name, len(ours.points), len(stored), columns)


def _print_table(comparison: Comparison) -> None:
    names = [name for name in (PX, "z px", "visibility", "presence", WORLD, MASK) if comparison.column(name)]
    print(f"\n{comparison.title}: mean and largest difference")
    print(f"{'':44} {'poses':>6}" + "".join(f"{name:>19}" for name in names))
    for photo in comparison.photos:
        poses = f"{photo.ours}/{photo.theirs}"
        cells = "".join(_cell(name, photo.columns.get(name)) for name in names)
        print(f"{photo.photo.removeprefix('images/'):44.44} {poses:>6}{cells}")
    cells = "".join(_cell(name, np.concatenate(comparison.column(name))) for name in names)
    print(f"{'all landmarks':44} {'':>6}{cells}")


def _cell(name: str, column: NDArray[np.float64] | None) -> str:
    if column is None or not column.size:
        return f"{'':>19}"
    return f"{column.mean():10.5f} {column.min() if name == MASK else column.max():8.4f}"


def _print_marks(comparison: Comparison) -> bool:
    """Print whether each mark is reached, and return whether all are."""
    others = [photo.photo for photo in comparison.photos if photo.ours != photo.theirs]
    passed = not others
    print(
        f"  {'pass' if passed else 'MISS'}  photos with another number of poses: {len(others)} {others or ''}"
    )
    for mark in MARKS:
        if rows := comparison.column(mark.column):
            value = mark.measure(rows)
            passed &= mark.reached(value)
            verdict, sign = "pass" if mark.reached(value) else "MISS", ">=" if mark.at_least else "<="
            print(f"  {verdict}  {mark.title}: {value:.5f} ({sign} {mark.limit})")
    return passed


if __name__ == "__main__":
    sys.exit(main())
