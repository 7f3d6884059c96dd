"""The files of Sapiens2: where they are looked for, and what is known of them before anything is loaded.

The folders are those of the original tool: ``ROOT/pose/sapiens2_SIZE_pose.safetensors`` and
``ROOT/detector/detr-resnet-101-dc5/``, where ``ROOT`` is ``$SAPIENS_CHECKPOINT_ROOT`` or ``~/sapiens2_host``.
Behind them come folders as the Hugging Face hub has them, and the hub's cache on this machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vitruvian.errors import OptionError, WeightsError, WeightsMissingError, shown
from vitruvian.weights.disk import read_file
from vitruvian.weights.entry import Entry
from vitruvian.weights.safetensors_header import read_header
from vitruvian.weights.sapiens_layout import SIZES, SapiensLayout, check_layout, read_layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vitruvian.weights.safetensors_header import StoredTensor

__all__ = [
    "DETECTOR",
    "PoseCheckpoint",
    "PoseOrigin",
    "check_detector",
    "detector_places",
    "find_detector",
    "find_pose",
    "open_pose",
    "pose_path",
    "pose_places",
    "pose_size",
    "sapiens_root",
]

DETECTOR = "detr-resnet-101-dc5"

PoseOrigin = Literal["original", "folder", "hub-cache"]

_WEIGHTS = "model.safetensors"
_CONFIG = "config.json"
_PICKLE = "pytorch_model.bin"
_CONFIG_LIMIT = 1 << 20


@dataclass(frozen=True)
class PoseCheckpoint:
    """A file with a Sapiens2 pose network whose header has been checked.

    Attributes:
        size: ``0.4b``, ``0.8b``, ``1b``, ``5b``, or ``custom`` for a network of none of these shapes.
        path: The safetensors file.
        layout: The network's shape.
        origin: ``original`` for a file with the original tool's name or any file given by its path,
            ``folder`` for a folder as the hub has it, ``hub-cache`` for the hub's cache.
    """

    size: str
    path: Path
    layout: SapiensLayout
    origin: PoseOrigin = "original"


def sapiens_root(given: Path | None = None) -> Path:
    """Return the folder of the checkpoints: the given, ``$SAPIENS_CHECKPOINT_ROOT``, or ``~/sapiens2_host``.

    Raises:
        WeightsError: There is no home folder that a ``~`` could stand for.
    """
    if given is not None:
        return given
    return _expanded(os.environ.get("SAPIENS_CHECKPOINT_ROOT") or "~/sapiens2_host")


def pose_size(size: str) -> str:
    """Return the name of a released size in lower case.

    Raises:
        OptionError: There is no such size.
    """
    name = size.lower()
    if name not in SIZES:
        raise OptionError(f"size is {size!r}; expected one of: {', '.join(SIZES)}")
    return name


def pose_path(size: str, root: Path | None = None) -> Path:
    """Return where the original tool has the checkpoint of ``size``, whether it is there or not."""
    return sapiens_root(root) / "pose" / f"sapiens2_{size}_pose.safetensors"


def pose_places(size: str, root: Path | None = None) -> list[tuple[PoseOrigin, Path]]:
    """Return every file that a size is looked for in, in order, whether it is there or not."""
    repository = f"sapiens2-pose-{size}"
    root = sapiens_root(root)
    places: list[tuple[PoseOrigin, Path]] = [("original", pose_path(size, root))]
    places += [("folder", folder / repository / _WEIGHTS) for folder in (root / "pose", root)]
    places += [("hub-cache", folder / _WEIGHTS) for folder in _hub_snapshots(repository)]
    return places


def detector_places(root: Path | None = None) -> list[Path]:
    """Return every folder that the person detector is looked for in, in order, there or not."""
    return [sapiens_root(root) / "detector" / DETECTOR, *_hub_snapshots(DETECTOR)]


def find_pose(model: str | Path, root: Path | None = None) -> PoseCheckpoint:
    """Return the checkpoint of a pose network; only its header is read.

    Args:
        model: A size (``0.4b``, ``0.8b``, ``1b``, ``5b``), which is looked for in ``pose_places``; or the
            path of a safetensors file, or of a folder with ``config.json`` and ``model.safetensors``, both
            with the tensors under the original's names.
        root: The folder of the checkpoints; ``sapiens_root()`` if None.

    Raises:
        WeightsMissingError: It is in none of the places; the message names them all.
        WeightsError: The file is cut short, damaged, of another size, or holds something else.
    """
    if isinstance(model, Path) or model.lower() not in SIZES:
        path = _expanded(model)
        if path.is_dir():
            return _open_folder(path)
        if not path.exists():
            raise WeightsMissingError(
                f"there is no such file or folder; give one, or a size: {', '.join(SIZES)}", path=path
            )
        return open_pose(path)
    size = pose_size(model)
    places = pose_places(size, root)
    for origin, path in places:
        if path.is_file():
            if origin != "original":
                _check_config(path.with_name(_CONFIG), "sapiens2")
            return open_pose(path, size=size, origin=origin)
    looked = "".join(f"\n  {shown(path)}" for _, path in places)
    raise WeightsMissingError(
        f"there is no Sapiens2 pose checkpoint of size {size}. Looked for:{looked}\n"
        f"Run `vitruvian models pull sapiens-{size}` while connected, or put the file there by hand: it is "
        f"{_WEIGHTS} of facebook/sapiens2-pose-{size} on the Hugging Face hub"
    )


def open_pose(path: Path, *, size: str | None = None, origin: PoseOrigin = "original") -> PoseCheckpoint:
    """Return what the header of a file says; nothing is allocated.

    Args:
        path: The file.
        size: The size that it must have, or None for any.
        origin: Where it was found.

    Raises:
        WeightsMissingError: There is no such file.
        WeightsError: It is cut short, damaged, of another size, or holds something else.
    """
    header = read_header(path)
    layout = read_layout(header, path)
    actual = next((name for name, known in SIZES.items() if known == layout), "custom")
    if size is not None and actual != size:
        if actual != "custom":
            raise WeightsError(
                f"this is the network of size {actual}, not {size}; ask for that, or replace the file",
                path=path,
            )
        check_layout(header, SIZES[size], path)
    return PoseCheckpoint(actual, path, layout, origin)


def find_detector(path: str | Path | None = None, root: Path | None = None) -> Path:
    """Return the folder of the person detector, DETR; its header has been checked.

    Args:
        path: The folder, with ``config.json`` and ``model.safetensors``; or None to look in
            ``detector_places``.
        root: The folder of the checkpoints; ``sapiens_root()`` if None.

    Raises:
        WeightsMissingError: It is in none of the places; the message names them all.
        WeightsError: The file is cut short, damaged, a pickle, or holds something else.
    """
    places = detector_places(root) if path is None else [_expanded(path)]
    for folder in places:
        if (folder / _WEIGHTS).is_file():
            check_detector(folder)
            return folder
    for folder in places:
        if (folder / _PICKLE).is_file():
            raise WeightsError(
                f"{_PICKLE} is a pickle, which can run code when opened and is never loaded; put "
                f"{_WEIGHTS} of facebook/{DETECTOR} beside it, "
                "or run `vitruvian models pull sapiens-detector`",
                path=folder,
            )
    looked = "".join(f"\n  {shown(folder)}" for folder in places)
    raise WeightsMissingError(
        f"the person detector is not there. Looked for {_CONFIG} and {_WEIGHTS} in:{looked}\n"
        "Run `vitruvian models pull sapiens-detector` while connected, or put both files of "
        f"facebook/{DETECTOR} on the Hugging Face hub there by hand{_legacy(places)}"
    )


def check_detector(folder: Path) -> Mapping[str, StoredTensor]:
    """Return the header of the detector in ``folder``, which is one.

    Raises:
        WeightsError: The file is cut short, damaged, or holds something else.
    """
    header = read_header(folder / _WEIGHTS)
    _check_config(folder / _CONFIG, "detr")
    missing = [name for name in _OF_DETR if name not in header]
    if missing:
        raise WeightsError(f"this holds no DETR: it has no {', '.join(missing)}", path=folder / _WEIGHTS)
    return header


_OF_DETR = (
    "class_labels_classifier.weight",
    "bbox_predictor.layers.0.weight",
    "model.query_position_embeddings.weight",
    "model.input_projection.weight",
)


def _open_folder(folder: Path) -> PoseCheckpoint:
    path = folder / _WEIGHTS
    if not path.is_file():
        found = _PICKLE if (folder / _PICKLE).is_file() else None
        found = "model.safetensors.index.json" if (folder / f"{_WEIGHTS}.index.json").is_file() else found
        beside = f", only {found}, which is not read" if found else ""
        raise WeightsMissingError(f"the folder has no {_WEIGHTS}{beside}", path=folder)
    _check_config(folder / _CONFIG, "sapiens2")
    return open_pose(path, origin="folder")


def _check_config(path: Path, kind: str) -> None:
    """Refuse a folder of the hub for another kind of model."""
    found = Entry.parse(read_file(path, limit=_CONFIG_LIMIT), path).at("model_type")
    if found.is_a(str) != kind:
        raise found.error(f"expected a model of type {kind}, got {found.value!r}")


def _hub_snapshots(repository: str) -> Iterator[Path]:
    """Yield the folders in which the hub's own cache would keep a repository, the newest version first."""
    home = os.environ.get("HF_HOME") or str(
        Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    )
    cache = _expanded(os.environ.get("HF_HUB_CACHE") or str(Path(home) / "hub"))
    folder = cache / f"models--facebook--{repository}"
    try:
        revision = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        revision = ""
    snapshots = folder / "snapshots"
    if revision and not set(revision) & set("/\\\0") and revision not in (".", ".."):
        yield snapshots / revision
        return
    try:
        kept = sorted(snapshots.iterdir(), key=lambda place: place.stat().st_mtime, reverse=True)
    except OSError:
        kept = []
    yield from kept or [snapshots / "*"]  # what was fetched by its revision alone has no "main"


def _legacy(places: list[Path]) -> str:
    """Return a clause about the detector of earlier versions, if it is there."""
    found = [
        folder.parent / "rtmdet_m.pth" for folder in places if (folder.parent / "rtmdet_m.pth").is_file()
    ]
    return f". {shown(found[0])} is the detector of an earlier version, and is not read" if found else ""


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as problem:
        raise WeightsError("there is no home folder for ~; write the path in full", path=path) from problem
