"""The open photos, decoded once, so that everybody who is compared sees the same pixels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = [
    "BUNDLE",
    "DATA",
    "SHARED",
    "Photo",
    "body_photos",
    "folder_photos",
    "hand_photos",
    "labels",
    "save",
]

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data"
BUNDLE = SHARED / "models" / "pose_landmarker_lite.task"


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes:
        name: As the labels and the stored predictions call it.
        pixels: (H, W, 3) uint8 RGB, contiguous.
    """

    name: str
    pixels: NDArray[np.uint8]


def labels() -> list[dict[str, Any]]:
    """Return the rows of the evaluation set's ``labels.json``."""
    rows: list[dict[str, Any]] = json.loads((DATA / "eval" / "labels.json").read_text("utf-8"))["images"]
    return rows


def body_photos() -> list[Photo]:
    """Return the evaluation photos in which bodies are labelled."""
    return [_photo(DATA / "eval", row["file"]) for row in labels() if "body" in row["tasks"]]


def hand_photos() -> list[Photo]:
    """Return the other photos: those of the evaluation set with hands only, and those of hand gestures."""
    gestures = json.loads((DATA / "hands" / "index.json").read_text("utf-8"))["images"]
    return [
        *(_photo(DATA / "eval", row["file"]) for row in labels() if "body" not in row["tasks"]),
        *(_photo(DATA / "hands", row["file"]) for row in gestures),
    ]


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
