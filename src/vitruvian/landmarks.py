"""The one type that flows: everybody in one frame."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vitruvian.arrays import check_columns, fits
from vitruvian.errors import ArrayError
from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.arrays import Axes
    from vitruvian.crop import Crop
    from vitruvian.skeleton import Skeleton

__all__ = ["Landmarks", "Mask", "bounds", "concatenated", "picked", "sides_exchanged", "sure_points"]


@dataclass(frozen=True, eq=False)
class Mask:
    """Where one person is, in the resolution of the network.

    Attributes:
        values: (h, w) float32, the probability of person, over ``crop``.
        crop: The part of the image that ``values`` covers.
    """

    values: NDArray[np.float32]
    crop: Crop

    def image(self, width: int, height: int) -> NDArray[np.float32]:
        """Return the mask of a whole image of this size: (height, width) float32, 0 outside the crop.

        Raises:
            OptionError: The size is below 1 x 1.
        """
        check_number("width", width, 1, whole=True)
        check_number("height", height, 1, whole=True)
        return self.crop.mask_to_image(self.values, width, height)


_F32, _I64, _BOOL = np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.bool_)
_COLUMNS: dict[str, tuple[Axes, np.dtype[Any]]] = {
    "xy": (("N", "K", 2), _F32),
    "box": (("N", 4), _F32),
    "box_score": (("N",), _F32),
    "score": (("N", "K"), _F32),
    "presence": (("N", "K"), _F32),
    "depth": (("N", "K"), _F32),
    "world": (("N", "K", 3), _F32),
    "handedness": (("N",), _F32),
    "auxiliary": (("N", "A", 2), _F32),
    "region": (("N",), _I64),
    "followed": (("N",), _BOOL),
    "track_id": (("N",), _I64),
}


@dataclass(frozen=True, eq=False)
class Landmarks:
    """N instances of one skeleton with K landmarks, in one frame. Nobody there is N = 0.

    Columns are float32, if nothing else is said, and share their first axis; an index cuts all alike, so
    ``people[people.box_score > 0.9]`` is again ``Landmarks``. What a model does not give is ``None``;
    an unknown point is NaN.

    Attributes:
        skeleton: What the K points are called.
        xy: (N, K, 2) image pixels, in the convention that the skeleton names.
        box: (N, 4) x0, y0, x1, y1 in pixels, not clamped to the image.
        box_score: (N,) probability of the instance.
        score: (N, K) probability that a point is right (visibility for the 33-point body).
        presence: (N, K) probability that a point is inside the frame.
        depth: (N, K) relative to the root, in the pixels of ``xy``; negative is towards the camera.
        world: (N, K, 3) metres, root at the origin; x right, y down, z away from the camera.
        handedness: (N,) probability that the instance is the person's own right hand.
        mask: One ``Mask`` for each instance.
        auxiliary: (N, A, 2) image pixels: points of the model that are no landmarks, but tell where to look
            for the instance in the next frame.
        region: (N,) int64: which of the regions that the network was given the instance was read from.
        followed: (N,) bool: whether the instance was looked for where the frame before showed it; if not, a
            detector found it. Only in streams.
        track_id: (N,) int64, from 0: identity within the stream. Only in streams.

    Raises:
        ArrayError: The columns do not fit together, or do not have the skeleton's number of points.
    """

    skeleton: Skeleton
    xy: NDArray[np.float32]
    box: NDArray[np.float32]
    box_score: NDArray[np.float32]
    score: NDArray[np.float32] | None = None
    presence: NDArray[np.float32] | None = None
    depth: NDArray[np.float32] | None = None
    world: NDArray[np.float32] | None = None
    handedness: NDArray[np.float32] | None = None
    mask: tuple[Mask, ...] | None = None
    auxiliary: NDArray[np.float32] | None = None
    region: NDArray[np.int64] | None = None
    followed: NDArray[np.bool_] | None = None
    track_id: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Check shapes once."""
        if not self._fits():
            self._check()
        if self.mask is not None and len(self.mask) != len(self):
            raise ArrayError(f"mask: expected {len(self)} masks, got {len(self.mask)}")

    def _fits(self) -> bool:
        """Return whether every column is as it should be: the usual case, at a tenth of the check's price."""
        if type(self.xy) is not np.ndarray or self.xy.ndim != 3:
            return False
        n, k = self.xy.shape[0], len(self.skeleton)
        points = self.auxiliary.shape[1:2] if type(self.auxiliary) is np.ndarray else ()
        flat, scalar = (n,), (n, k)
        return (
            fits(self.xy, (n, k, 2), _F32)
            and fits(self.box, (n, 4), _F32)
            and fits(self.box_score, flat, _F32)
            and (self.score is None or fits(self.score, scalar, _F32))
            and (self.presence is None or fits(self.presence, scalar, _F32))
            and (self.depth is None or fits(self.depth, scalar, _F32))
            and (self.world is None or fits(self.world, (n, k, 3), _F32))
            and (self.handedness is None or fits(self.handedness, flat, _F32))
            and (self.auxiliary is None or fits(self.auxiliary, (n, *points, 2), _F32))
            and (self.region is None or fits(self.region, flat, _I64))
            and (self.followed is None or fits(self.followed, flat, _BOOL))
            and (self.track_id is None or fits(self.track_id, flat, _I64))
        )

    def _check(self) -> None:
        present = {name: getattr(self, name) for name in _COLUMNS}
        checked = check_columns(
            {
                name: (
                    column,
                    tuple(len(self.skeleton) if axis == "K" else axis for axis in axes),
                    dtype,
                )
                for name, (axes, dtype) in _COLUMNS.items()
                if (column := present[name]) is not None
            }
        )
        for name, column in checked.items():
            object.__setattr__(self, name, column)

    @staticmethod
    def nobody(skeleton: Skeleton) -> Landmarks:
        """Return the landmarks of a picture without anybody."""
        empty = np.empty((0,), np.float32)
        return Landmarks(
            skeleton, empty.reshape(0, len(skeleton), 2), box=empty.reshape(0, 4), box_score=empty
        )

    def __len__(self) -> int:
        return len(self.xy)

    def __iter__(self) -> Iterator[Landmarks]:
        return (self[i : i + 1] for i in range(len(self)))

    def __getitem__(self, rows: int | slice | list[int] | NDArray[np.bool_] | NDArray[np.intp]) -> Landmarks:
        """Cut every column alike; a single index keeps its axis, so the result is always ``Landmarks``."""
        kept = np.atleast_1d(np.arange(len(self))[rows])
        cut: dict[str, Any] = {
            name: column[kept] for name in _COLUMNS if (column := getattr(self, name)) is not None
        }
        if self.mask is not None:
            cut["mask"] = tuple(self.mask[i] for i in kept)
        return replace(self, **cut)

    def __repr__(self) -> str:
        columns = [field.name for field in fields(self)[1:] if getattr(self, field.name) is not None]
        return f"<Landmarks {self.skeleton.name}: {len(self)} instances; {', '.join(columns)}>"


def picked(people: Landmarks, rows: NDArray[np.intp]) -> Landmarks:
    """Return these rows; where they are all, no copy, for those who change nothing in place."""
    same = len(rows) == len(people) and (rows == np.arange(len(rows))).all()
    return people if same else people[rows]


def bounds(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the box around each of (N, K, 2) bodies: (N, 4) x0, y0, x1, y1."""
    return np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)


def sure_points(people: Landmarks, least: float) -> NDArray[np.float32]:
    """Return the (N, K, 2) points with NaN in place of those whose score is below ``least``.

    Where the model gives no scores, all points are sure.
    """
    if people.score is None:
        return people.xy
    return np.where(people.score[..., None] >= np.float32(least), people.xy, np.float32(np.nan))


def sides_exchanged(people: Landmarks) -> Landmarks:
    """Return the same with left and right exchanged: what a mirrored picture shows, set right."""
    order = list(people.skeleton.mirror)
    columns = {
        name: column[:, order]
        for name, (axes, _) in _COLUMNS.items()
        if "K" in axes and (column := getattr(people, name)) is not None
    }
    if people.handedness is not None:
        columns["handedness"] = 1 - people.handedness
    return replace(people, **columns)


def concatenated(people: Sequence[Landmarks]) -> Landmarks:
    """Return the instances of all, in order.

    A column that one of them lacks is absent, since no value stands for "unknown"; those without instances
    have no say in that.

    Raises:
        ArrayError: There is nothing to put together, or the skeletons differ.
    """
    if not people:
        raise ArrayError("people: at least one is needed, got none")
    if {one.skeleton.name for one in people} != {people[0].skeleton.name}:
        raise ArrayError("people: they have different skeletons")
    some = [one for one in people if len(one)]
    if len(some) < 2:
        return (some or people)[0]
    columns: dict[str, Any] = {}
    for name in _COLUMNS:
        parts = [getattr(one, name) for one in some]
        columns[name] = None if any(part is None for part in parts) else np.concatenate(parts)
    masks = [one.mask for one in some]
    columns["mask"] = None if None in masks else tuple(mask for each in masks for mask in each or ())
    return Landmarks(some[0].skeleton, **columns)
