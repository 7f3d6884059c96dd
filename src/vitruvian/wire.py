"""Landmarks ⇄ the objects that JSON carries: the only place that knows both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np

from vitruvian.landmarks import Landmarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Stamp
    from vitruvian.skeleton import Skeleton

__all__ = ["FrameStatus", "WireInstance", "frame_status", "from_wire", "to_wire"]

FrameStatus = Literal["detected", "tracked", "empty", "dropped", "failed"]

Numbers = list[float | None]

_PIXELS = 4  # decimals: far below what any network resolves, without float32's noise digits
_METRES = 6
_PROBABILITY = 7


class WireInstance(TypedDict):
    """One instance, in the field's own names. Pixels, metres, probabilities; absent is null."""

    bbox: Numbers
    score: float | None
    keypoints: list[Numbers]
    keypoint_scores: Numbers | None
    presence: Numbers | None
    depth: Numbers | None
    world_keypoints: list[Numbers] | None
    track_id: int | None


def to_wire(landmarks: Landmarks) -> list[WireInstance]:
    """Return one object for each instance; NaN becomes null, and so does a column that is absent."""
    boxes = _numbers(landmarks.box, _PIXELS)
    scores = _numbers(landmarks.box_score, _PROBABILITY)
    keypoints = _numbers(landmarks.xy, _PIXELS)
    columns = {
        "keypoint_scores": _numbers(landmarks.score, _PROBABILITY),
        "presence": _numbers(landmarks.presence, _PROBABILITY),
        "depth": _numbers(landmarks.depth, _PIXELS),
        "world_keypoints": _numbers(landmarks.world, _METRES),
    }
    return [
        WireInstance(
            bbox=boxes[i],
            score=scores[i],
            keypoints=keypoints[i],
            **{name: None if rows is None else rows[i] for name, rows in columns.items()},  # type: ignore[typeddict-item]
            track_id=None if landmarks.track_id is None else int(landmarks.track_id[i]),
        )
        for i in range(len(landmarks))
    ]


def from_wire(instances: Sequence[WireInstance], skeleton: Skeleton) -> Landmarks:
    """Return the landmarks that ``to_wire`` made these objects from, without masks.

    Raises:
        ArrayError: The objects do not have this skeleton's number of points, or differ in their columns.
    """
    count = len(skeleton)
    return Landmarks(
        skeleton,
        xy=_column([one["keypoints"] for one in instances], (count, 2)),
        box=_column([one["bbox"] for one in instances], (4,)),
        box_score=_column([one["score"] for one in instances], ()),
        score=_optional([one["keypoint_scores"] for one in instances], (count,)),
        presence=_optional([one["presence"] for one in instances], (count,)),
        depth=_optional([one["depth"] for one in instances], (count,)),
        world=_optional([one["world_keypoints"] for one in instances], (count, 3)),
        track_id=_identities([one["track_id"] for one in instances]),
    )


def frame_status(stamp: Stamp, landmarks: Landmarks) -> FrameStatus:
    """Return what became of one frame of a stream.

    ``detected`` if anybody in it was found by a detector, ``tracked`` if all were followed from the frame
    before, ``empty`` if nobody is there; ``failed`` and ``dropped`` as the stamp says.
    """
    if stamp.status != "ok":
        return stamp.status
    if not len(landmarks):
        return "empty"
    return "tracked" if landmarks.followed is not None and landmarks.followed.all() else "detected"


def _identities(rows: Sequence[int | None]) -> NDArray[np.int64] | None:
    known = [row for row in rows if row is not None]
    return np.array(known, np.int64) if known and len(known) == len(rows) else None


def _numbers(column: NDArray[np.float32] | None, decimals: int) -> Any:  # noqa: ANN401  # nested lists of any depth
    if column is None:
        return None
    return _without_nan(np.round(column.astype(np.float64), decimals).tolist())


def _without_nan(value: Any) -> Any:  # noqa: ANN401  # nested lists of any depth
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value if math.isfinite(value) else None


def _column(rows: Sequence[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape((-1, *shape)) if rows else np.empty((0, *shape), np.float32)


def _optional(rows: Sequence[Any], shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    return None if any(row is None for row in rows) else _column(rows, shape)
