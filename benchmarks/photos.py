"""The open photos, decoded once, so that everybody who is compared sees the same pixels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from engines import HANDS, POSE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = [
    "BUNDLE",
    "BUNDLES",
    "DATA",
    "HANDS",
    "POSE",
    "SHARED",
    "Photo",
    "View",
    "add_task",
    "bundle",
    "folder_photos",
    "gesture_photos",
    "labelled_photos",
    "labels",
    "open_photos",
    "save",
    "views",
]

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data"
BUNDLE = SHARED / "models" / "pose_landmarker_lite.task"
BUNDLES = {POSE: BUNDLE, HANDS: SHARED / "models" / "hand_landmarker.task"}
"""Task → what everybody runs."""

_LABELS = {POSE: ("body", "persons", "p"), HANDS: ("hand", "hands", "h")}
"""Task → its name in ``tasks``, the column of its instances, and their letter in stored predictions."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes:
        name: As the labels and the stored predictions call it.
        pixels: (H, W, 3) uint8 RGB, contiguous.
    """

    name: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class View:
    """A photo, or somebody or a hand cut out of it.

    Attributes:
        name: As the stored predictions call it.
        pixels: (H, W, 3) uint8 RGB, contiguous.
        corner: Where the first pixel lies in the photo.
    """

    name: str
    pixels: NDArray[np.uint8]
    corner: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Whether it is the photo itself."""
        return "#" not in self.name


def add_task(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which task is measured, and with which networks."""
    parser.add_argument("--task", choices=(POSE, HANDS), default=POSE, help="what is measured")
    parser.add_argument("--bundle", type=Path, help="another .task bundle for everybody")


def bundle(options: argparse.Namespace) -> str:
    """Return the path of the bundle that everybody runs."""
    return str(options.bundle or BUNDLES[options.task])


def labels() -> list[dict[str, Any]]:
    """Return the rows of the evaluation set's ``labels.json``."""
    rows: list[dict[str, Any]] = json.loads((DATA / "eval" / "labels.json").read_text("utf-8"))["images"]
    return rows


def labelled_photos(task: str) -> list[Photo]:
    """Return the evaluation photos in which bodies, or hands, are labelled."""
    return [_photo(DATA / "eval", row["file"]) for row in labels() if _LABELS[task][0] in row["tasks"]]


def gesture_photos() -> list[Photo]:
    """Return the photos of hand gestures, of which no landmark is labelled."""
    rows = json.loads((DATA / "hands" / "index.json").read_text("utf-8"))["images"]
    return [_photo(DATA / "hands", row["file"]) for row in rows]


def open_photos() -> list[Photo]:
    """Return all photos: those with labelled bodies, those with labelled hands only, those of gestures."""
    bodies = labelled_photos(POSE)
    others = [_photo(DATA / "eval", row["file"]) for row in labels() if "body" not in row["tasks"]]
    return [*bodies, *others, *gesture_photos()]


def views(task: str) -> Iterator[View]:
    """Yield each labelled photo, and each labelled person or hand cut out of it."""
    _, column, letter = _LABELS[task]
    rows = {row["file"]: row.get(column, ()) for row in labels()}
    for photo in labelled_photos(task):
        yield View(photo.name, photo.pixels, (0, 0))
        for index, one in enumerate(rows[photo.name]):
            x, y, width, height = one["crop"]
            pixels = np.ascontiguousarray(photo.pixels[y : y + height, x : x + width])
            yield View(f"{photo.name}#{letter}{index}", pixels, (x, y))


def folder_photos(folder: Path) -> list[Photo]:
    """Return the photos of a folder, by name; files that OpenCV cannot read are left out.

    Raises:
        SystemExit: There is none.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and cv2.haveImageReader(str(path)))
    if not files:
        raise SystemExit(f"{folder}: no photo in it that OpenCV can read")
    return [_photo(folder, file.name) for file in files]


def save(photos: Iterable[Photo], folder: Path) -> None:
    """Write the pixels as ``0000.npy``, ``0001.npy`` and so on, in their order."""
    for index, photo in enumerate(photos):
        np.save(folder / f"{index:04}.npy", photo.pixels)


def _photo(folder: Path, name: str) -> Photo:
    bgr = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SystemExit(f"{folder / name}: cannot be read")
    return Photo(name, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))  # type: ignore[arg-type]  # OpenCV's loose stubs
