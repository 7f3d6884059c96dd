"""Landmarks ⇄ the objects that JSON carries, and the rows of tables: the only place that knows both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np

from vitruvian.arrays import check_array
from vitruvian.errors import OptionError
from vitruvian.landmarks import Landmarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.frame import Stamp
    from vitruvian.skeleton import Skeleton

__all__ = [
    "FrameStatus",
    "WireInstance",
    "frame_status",
    "from_table",
    "from_wire",
    "side",
    "stamp_status",
    "table_header",
    "table_values",
    "to_wire",
]

FrameStatus = Literal["detected", "tracked", "empty", "dropped", "failed"]
Handedness = Literal["left", "right"]
StampStatus = Literal["ok", "failed", "dropped"]

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
    handedness: Handedness | None
    handedness_score: float | None
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
    right = [None] * len(landmarks) if landmarks.handedness is None else landmarks.handedness.tolist()
    sides = [side(probability) for probability in right]
    side_scores = [_rounded_score(probability) for probability in right]
    return [
        WireInstance(
            bbox=boxes[i],
            score=scores[i],
            keypoints=keypoints[i],
            **{name: None if rows is None else rows[i] for name, rows in columns.items()},  # type: ignore[typeddict-item]
            handedness=sides[i],
            handedness_score=side_scores[i],
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
        handedness=_optional([_right(one) for one in instances], ()),
        track_id=_identities([one["track_id"] for one in instances]),
    )


def side(right: float | None) -> Handedness | None:
    """Return which hand of the person's own it is, by the probability that it is the right one."""
    if right is None or not math.isfinite(right):
        return None
    return "right" if right > 0.5 else "left"


def _rounded_score(right: float | None) -> float | None:
    """Return the probability of the side that is named."""
    if right is None or not math.isfinite(right):
        return None
    return round(max(right, 1 - right), _PROBABILITY)


def _right(instance: WireInstance) -> float | None:
    score = instance.get("handedness_score")
    if score is None:
        return None
    return score if instance["handedness"] == "right" else 1 - score


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


_INSTANCE = ("track_id", "followed", "score", "right_hand", "bbox_x0", "bbox_y0", "bbox_x1", "bbox_y1")
_INSTANCE_DECIMALS = (0, 0, _PROBABILITY, _PROBABILITY, _PIXELS, _PIXELS, _PIXELS, _PIXELS)
_POINT = ("x", "y", "depth", "score", "presence", "world_x", "world_y", "world_z")
_POINT_DECIMALS = (_PIXELS, _PIXELS, _PIXELS, _PROBABILITY, _PROBABILITY, _METRES, _METRES, _METRES)


def table_header(skeleton: Skeleton) -> list[str]:
    """Return what the M columns of ``table_values`` are called.

    First ``track_id``, ``followed`` (0 or 1), ``score``, ``right_hand`` (the probability that a hand is a
    right one) and ``bbox_x0`` to ``bbox_y1`` of the instance, then
    ``x``, ``y``, ``depth``, ``score``, ``presence``, ``world_x``, ``world_y`` and ``world_z`` of each
    landmark, after its name and a ``_``. Pixels, metres, probabilities.
    """
    return [*_INSTANCE, *(f"{name}_{field}" for name in skeleton.landmarks for field in _POINT)]


def table_values(landmarks: Landmarks) -> NDArray[np.float64]:
    """Return (N, M) numbers, one row for each instance, rounded as in JSON; NaN is absent."""
    count, points = landmarks.xy.shape[:2]
    instances = np.full((count, len(_INSTANCE)), np.nan)
    known = (landmarks.track_id, landmarks.followed, landmarks.box_score, landmarks.handedness)
    for i, column in enumerate(known):
        if column is not None:
            instances[:, i] = column
    instances[:, 4:] = landmarks.box
    values = np.full((count, points, len(_POINT)), np.nan)
    values[..., :2] = landmarks.xy
    for i, column in ((2, landmarks.depth), (3, landmarks.score), (4, landmarks.presence)):
        if column is not None:
            values[..., i] = column
    if landmarks.world is not None:
        values[..., 5:] = landmarks.world
    rounded = [
        _rounded(instances, _INSTANCE_DECIMALS),
        _rounded(values, _POINT_DECIMALS).reshape(count, points * len(_POINT)),
    ]
    return np.concatenate(rounded, axis=1)


def from_table(values: NDArray[np.float64], skeleton: Skeleton) -> Landmarks:
    """Return the landmarks whose ``table_values`` these are, without masks.

    A column of which no number is known counts as absent; of identities and of what was followed, all must
    be known.

    Raises:
        ArrayError: There is another number of columns.
    """
    values = check_array("values", values, ("R", len(_INSTANCE) + len(skeleton) * len(_POINT)), np.float64)
    instances = values[:, : len(_INSTANCE)]
    points = values[:, len(_INSTANCE) :].reshape(len(values), len(skeleton), len(_POINT)).astype(np.float32)
    track_id, followed = (None if np.isnan(instances[:, i]).any() else instances[:, i] for i in (0, 1))
    return Landmarks(
        skeleton,
        xy=points[..., :2],
        box=instances[:, 4:].astype(np.float32),
        box_score=instances[:, 2].astype(np.float32),
        score=_known(points[..., 3]),
        presence=_known(points[..., 4]),
        depth=_known(points[..., 2]),
        world=_known(points[..., 5:]),
        handedness=_known(instances[:, 3].astype(np.float32)),
        followed=None if followed is None else followed.astype(np.bool_),
        track_id=None if track_id is None else track_id.astype(np.int64),
    )


def _known(column: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return None if column.size and np.isnan(column).all() else column


def _rounded(values: NDArray[np.float64], decimals: Sequence[int]) -> NDArray[np.float64]:
    scale = 10.0 ** np.array(decimals)
    return np.rint(values * scale) / scale


def stamp_status(status: str) -> StampStatus:
    """Return the status of the stamp of a frame of which this became, the way back from ``frame_status``.

    Raises:
        OptionError: There is no such status.
    """
    known: dict[str, StampStatus] = {
        "detected": "ok", "tracked": "ok", "empty": "ok", "dropped": "dropped", "failed": "failed"
    }  # fmt: skip
    if status not in known:
        raise OptionError(f"status: one of {', '.join(known)}, got {status!r}")
    return known[status]


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
