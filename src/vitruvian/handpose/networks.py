"""From what a user calls a model to the stages of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vitruvian import weights
from vitruvian.following import HandposeStages
from vitruvian.models.blazehand import HAND_LANDMARKER, PALM_DETECTOR
from vitruvian.models.handpose import (
    HANDPOSE_DETECTOR,
    HANDPOSE_SKELETON,
    HandposePalms,
    HandposeReader,
    StrictPalms,
)
from vitruvian.runtimes.openvino import OpenVINO
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from vitruvian.models.handpose import HandposeSettings
    from vitruvian.runtimes.session import ModelFile, Session

__all__ = ["Networks", "open_networks"]

_TASK = "hands"
_DETECTOR, _SKELETON = "handdetector", "handskeleton"  # folders, as the original's addresses call them


class Networks(NamedTuple):
    """Open networks.

    Attributes:
        stages: What the loop calls.
        sessions: What is to be closed.
    """

    stages: HandposeStages
    sessions: tuple[Session, Session]

    def close(self) -> None:
        """Release the networks; closing twice is fine."""
        for session in self.sessions:
            session.close()


def open_networks(
    model: str | Path | bytes | Mapping[str, ModelFile],
    settings: HandposeSettings,
    *,
    threads: int | None,
    offline: bool,
) -> Networks:
    """Open MediaPipe's hand networks, or the original's where ``model`` is a folder with these.

    Raises:
        OptionError: ``threads`` is below 1.
        WeightsError: The files are missing, damaged, or of another kind.
        SessionError: The networks cannot be opened.
    """
    runtime = OpenVINO(threads=threads)
    if isinstance(model, str | Path) and not _is_name(model) and _holds_originals(Path(model)):
        return _originals(Path(model), settings, runtime)
    files = model if isinstance(model, Mapping) else weights.load(model, task=_TASK, offline=offline)
    detector = runtime.open(files["detector"], PALM_DETECTOR, outputs=tuple(PALM_DETECTOR.outputs))
    reader = runtime.open(files["landmarker"], HAND_LANDMARKER, outputs=tuple(HAND_LANDMARKER.outputs))
    stages = HandposeStages(
        StrictPalms(detector, settings),
        HandposeReader(reader, HAND_LANDMARKER, settings),
        Skeleton.named("hand21"),
    )
    return Networks(stages, (detector, reader))


def _originals(folder: Path, settings: HandposeSettings, runtime: OpenVINO) -> Networks:
    graphs = [weights.load_graph(folder / name) for name in (_DETECTOR, _SKELETON)]
    detector, reader = (
        runtime.open_graph(graph, signature, outputs=tuple(signature.outputs))
        for graph, signature in zip(graphs, (HANDPOSE_DETECTOR, HANDPOSE_SKELETON), strict=True)
    )
    stages = HandposeStages(
        HandposePalms(detector, settings),
        HandposeReader(reader, HANDPOSE_SKELETON, settings),
        Skeleton.named("hand21"),
    )
    return Networks(stages, (detector, reader))


def _is_name(model: str | Path) -> bool:
    known = (each for each in weights.list_models() if each.task == _TASK)
    return isinstance(model, str) and any(model in (each.name, each.alias) for each in known)


def _holds_originals(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in (_DETECTOR, _SKELETON))
