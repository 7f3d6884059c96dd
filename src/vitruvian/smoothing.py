"""Steadier landmarks: MediaPipe's low-pass and One Euro filters, over whole arrays.

The One Euro filter (Casiez, Roussel and Vogel, "1€ Filter", CHI 2012) is written here, and not taken from its
authors' package, because that one filters a single scalar per object: a body would be 198 of them. Here one
call filters all points, to the last rounding of the original (pose specification, sections 10.1 and 10.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np

from vitruvian.errors import OptionError
from vitruvian.kernels import native
from vitruvian.landmarks import bounds
from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks

__all__ = [
    "SMOOTHING",
    "Cutoffs",
    "FilterBank",
    "LowPass",
    "OneEuro",
    "OriginalFilters",
    "Smoothing",
    "smoothing_named",
]

_K = TypeVar("_K")

_FIRST_FREQUENCY = 30.0  # hertz, until two times are known


@dataclass(frozen=True)
class Cutoffs:
    """How strongly a One Euro filter smooths.

    Attributes:
        min_cutoff: Hertz; the lower, the steadier is what hardly moves.
        beta: How much the cutoff rises with speed; the higher, the less a fast movement lags.
        derivative: Hertz; cutoff of the speed itself.

    Raises:
        OptionError: A value is not positive (``beta`` may be 0).
    """

    min_cutoff: float
    beta: float
    derivative: float = 1.0

    def __post_init__(self) -> None:
        """Refuse cutoffs that would divide by zero."""
        check_number("min_cutoff", self.min_cutoff, 1e-9)
        check_number("beta", self.beta, 0)
        check_number("derivative", self.derivative, 1e-9)


@dataclass(frozen=True)
class Smoothing:
    """How strongly a person's landmarks are smoothed over time.

    Attributes:
        image: For points in the picture. Speeds are in sizes of the person per second.
        world: For points in metres.
        scores: Seconds that a point's score takes to follow: the time constant of a low-pass filter.
    """

    image: Cutoffs
    world: Cutoffs
    scores: float

    def __post_init__(self) -> None:
        """Refuse a time constant that is none."""
        check_number("scores", self.scores, 1e-9)


SMOOTHING = {
    # The original's constants for one person; scores take a tenth of each new value: 0.3 s at 30 frames/s.
    "live": Smoothing(Cutoffs(0.05, 80.0), Cutoffs(0.1, 40.0), scores=0.3),
    # Half the speed coefficient: visibly calmer, at the price of a frame or two of lag in fast movements.
    "smooth": Smoothing(Cutoffs(0.03, 30.0), Cutoffs(0.06, 15.0), scores=0.5),
}
"""The presets by name; ``off`` is none of them."""


def smoothing_named(smoothing: str | Smoothing) -> Smoothing | None:
    """Return a preset; ``off`` is ``None``, and a ``Smoothing`` is itself.

    Raises:
        OptionError: There is no such preset.
    """
    if isinstance(smoothing, Smoothing):
        return smoothing
    if smoothing == "off":
        return None
    if smoothing not in SMOOTHING:
        names = ", ".join(["off", *SMOOTHING])
        raise OptionError(f"smoothing: one of {names}, or a Smoothing, got {smoothing!r}")
    return SMOOTHING[smoothing]


class LowPass:
    """An exponential low-pass filter over an array (section 10.1).

    The first values come out as they are; from then on ``share`` of each new one goes in. A NaN is "not
    known": it comes out as such, and the next value that is known is a first one. What comes out is the
    caller's to change.
    """

    def __init__(self) -> None:
        self._stored: NDArray[np.float32] | None = None

    def __call__(
        self, values: NDArray[np.float32], share: NDArray[np.float32] | np.float32
    ) -> NDArray[np.float32]:
        """Filter the next values: float32 of any one shape; ``share`` is from 0 to 1."""
        if self._stored is None:
            self._stored = values.copy()
        else:
            before = self._stored
            rest = before.astype(np.float64) * (1.0 - np.asarray(share, np.float64))
            self._stored = (share * values + rest).astype(np.float32)
            if math.isnan(before.sum()):
                self._stored = np.where(np.isnan(before), values, self._stored)
        return self._stored.copy()


class OneEuro:
    """A bank of One Euro filters that share their clock (section 10.2).

    What comes out is the caller's to change.

    Args:
        cutoffs: How strongly to smooth.
        zero_is_unset: Take the time 0 for "no time yet", as the original does: the value after one at time 0
            is then filtered with 30 Hz, whatever the real interval is.
    """

    def __init__(self, cutoffs: Cutoffs, *, zero_is_unset: bool = False) -> None:
        # The original keeps its constants in float32 and calculates in double.
        self._min_cutoff = float(np.float32(cutoffs.min_cutoff))
        self._beta = float(np.float32(cutoffs.beta))
        self._derivative = float(np.float32(cutoffs.derivative))
        self._zero_is_unset = zero_is_unset
        self._frequency, self._last = _FIRST_FREQUENCY, -1
        self._raw: NDArray[np.float64] | None = None
        self._value, self._speed = LowPass(), LowPass()
        # The same for the kernel: raw values, speeds, filtered values.
        self._state: tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]] | None = None

    def __call__(self, values: NDArray[np.float32], time: int, scale: float = 1.0) -> NDArray[np.float32]:
        """Filter the next values.

        Args:
            values: float32 of any one shape.
            time: Nanoseconds, rising; below 0 nothing is filtered.
            scale: What a speed is multiplied with: 1 / the size of the object.
        """
        if self._last >= time:
            return values
        known = self._last > 0 or (self._last == 0 and not self._zero_is_unset)
        if known:
            self._frequency = 1e9 / (time - self._last)
        self._last = time
        speed_share = np.float32(self._share(self._derivative))
        if native is not None and values.dtype == np.float32:
            return self._filtered_by_kernel(values, scale * self._frequency, speed_share)
        exact = values.astype(np.float64)
        before = exact if self._raw is None else self._raw
        if math.isnan(before.sum()):
            before = np.where(np.isnan(before), exact, before)
        speed = ((exact - before) * (scale * self._frequency)).astype(np.float32)
        self._raw = exact
        speed = self._speed(speed, speed_share)
        cutoff = self._min_cutoff + self._beta * np.abs(speed.astype(np.float64))
        return self._value(values, self._share(cutoff).astype(np.float32))

    def _filtered_by_kernel(
        self, values: NDArray[np.float32], rate: float, speed_share: np.float32
    ) -> NDArray[np.float32]:
        assert native is not None  # noqa: S101  # which is asked first
        values = np.asarray(values, order="C")
        new = (np.empty(values.shape), np.empty_like(values), np.empty_like(values))
        constants = (self._frequency, self._min_cutoff, self._beta, float(speed_share))
        native.smooth(values, self._state or new, new, self._state is None, rate, *constants)
        self._state = new
        return new[2].copy()

    def _share(self, cutoff: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.asarray(1 / (1 + self._frequency / (2 * math.pi * cutoff)))


_ORIGINAL_SCORES = np.float32(0.1)  # of each new value, whatever the time between frames
_LEAST_SIZE = 1e-6  # pixels
_AUXILIARY = Cutoffs(0.01, 10.0)


class OriginalFilters:
    """The original's filters of its one instance, and what it forgets of them and when (section 10).

    On a frame without anybody the filters of points in the picture start afresh; those of scores and of world
    points go on, even for another person seconds later.
    """

    def __init__(self) -> None:
        self._scores = LowPass()
        self._world = _original(SMOOTHING["live"].world)
        self._image = _original(SMOOTHING["live"].image)
        self._auxiliary = _original(_AUXILIARY)

    def __call__(self, people: Landmarks, size: float, time: int) -> Landmarks:
        """Smooth the landmarks of the next frame: of one instance, or of nobody.

        Args:
            people: With score, depth and world.
            size: Of the instance, in pixels.
            time: Nanoseconds.
        """
        if not len(people):
            self._image = _original(SMOOTHING["live"].image)
            return people
        if people.score is None or people.depth is None or people.world is None:
            raise ValueError("the original's filters need score, depth and world")
        xy: NDArray[np.float32] = people.xy
        depth: NDArray[np.float32] | None = people.depth
        if size >= _LEAST_SIZE:
            xy, depth = _parted(self._image(_stacked(xy, depth), time, 1 / size))
        return replace(
            people,
            xy=xy,
            box=bounds(xy),
            depth=depth,
            score=self._scores(people.score, _ORIGINAL_SCORES),
            world=self._world(people.world, time),
        )

    def aim(self, people: Landmarks, size: float, time: int) -> Landmarks:
        """Smooth the auxiliary points, as the legacy interface does (section 12)."""
        if not len(people):
            self._auxiliary = _original(_AUXILIARY)
        if not len(people) or people.auxiliary is None or size < _LEAST_SIZE:
            return people
        return replace(people, auxiliary=self._auxiliary(people.auxiliary, time, 1 / size))


class FilterBank(Generic[_K]):
    """The filters of everybody in a stream, each from the moment they come into sight until they leave it.

    Args:
        smoothing: How strongly; ``None``: landmarks stay as they are.
        boxed: Whether boxes are their own, which stay as they are; if not, they are those around the
            landmarks.
    """

    def __init__(self, smoothing: Smoothing | None, *, boxed: bool = False) -> None:
        self._smoothing, self._boxed = smoothing, boxed
        self._filters: dict[_K, _Filters] = {}

    def keep(self, names: Iterable[_K]) -> None:
        """Say who is in the next frame, in the order of its rows; the others' filters are forgotten."""
        self._filters = {name: self._filters.get(name) or _Filters(self._smoothing) for name in names}

    def aimed(self, people: Landmarks, sizes: Sequence[float], time: int) -> Landmarks:
        """Smooth the points that tell where to look next; arguments as below.

        These are the auxiliary points, or, where a model has none, the landmarks themselves.
        """
        points = people.xy if people.auxiliary is None else people.auxiliary
        rows = zip(self._filters.values(), _rows(points, len(people)), sizes, strict=True)
        aimed = _together([filters.aim(row, size, time) for filters, row, size in rows])
        if people.auxiliary is None:
            return replace(people, xy=aimed)
        return replace(people, auxiliary=aimed)

    def smoothed(self, people: Landmarks, sizes: Sequence[float], time: int) -> Landmarks:
        """Smooth the landmarks of the next frame.

        Args:
            people: Those who are kept.
            sizes: Of each, in pixels.
            time: Nanoseconds, rising.
        """
        if self._smoothing is None or not len(people):
            return people
        columns = (people.xy, people.depth, people.world, people.score)
        rows = zip(*(_rows(column, len(people)) for column in columns), strict=True)
        every = zip(self._filters.values(), rows, sizes, strict=True)
        smoothed = [
            filters(xy, depth, world, score, size, time) for filters, (xy, depth, world, score), size in every
        ]
        xy = _together([row.xy for row in smoothed])
        return replace(
            people,
            xy=xy,
            box=people.box if self._boxed else bounds(xy),
            depth=None if people.depth is None else _together([row.depth for row in smoothed]),
            world=None if people.world is None else _together([row.world for row in smoothed]),
            score=None if people.score is None else _together([row.score for row in smoothed]),
        )


class _Smoothed(NamedTuple):
    """Columns of one person."""

    xy: NDArray[np.float32]
    depth: NDArray[np.float32] | None
    world: NDArray[np.float32] | None
    score: NDArray[np.float32] | None


class _Filters:
    """The filters of one person."""

    def __init__(self, smoothing: Smoothing | None) -> None:
        self._smoothing = smoothing
        self._aimed = OneEuro(_AUXILIARY)
        if smoothing is not None:
            self._image, self._world = OneEuro(smoothing.image), OneEuro(smoothing.world)
            self._score = LowPass()
        self._before: int | None = None

    def aim(self, points: NDArray[np.float32], size: float, time: int) -> NDArray[np.float32]:
        return self._aimed(points, time, 1 / max(size, 1.0))

    def __call__(
        self,
        xy: NDArray[np.float32],
        depth: NDArray[np.float32] | None,
        world: NDArray[np.float32] | None,
        score: NDArray[np.float32] | None,
        size: float,
        time: int,
    ) -> _Smoothed:
        assert self._smoothing is not None  # noqa: S101  # which is asked before
        passed = 0.0 if self._before is None else (time - self._before) / 1e9
        share = np.float32(1 - math.exp(-passed / self._smoothing.scores))
        self._before = time
        xy, depth = _parted(self._image(_stacked(xy, depth), time, 1 / max(size, 1.0)))
        world = None if world is None else self._world(world, time)
        return _Smoothed(xy, depth, world, None if score is None else self._score(score, share))


def _rows(column: NDArray[np.float32] | None, count: int) -> Sequence[Any]:
    """Return each person's part of a column, with its first axis."""
    return [None if column is None else column[row : row + 1] for row in range(count)]


def _together(rows: Sequence[Any]) -> NDArray[np.float32]:
    """Undo that."""
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


def _stacked(xy: NDArray[np.float32], depth: NDArray[np.float32] | None) -> NDArray[np.float32]:
    return xy if depth is None else np.concatenate([xy, depth[..., None]], axis=2)


def _parted(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Undo that: columns that lie one behind the other need no second look."""
    if points.shape[2] == 2:
        return points, None
    return np.ascontiguousarray(points[..., :2]), np.ascontiguousarray(points[..., 2])


def _original(cutoffs: Cutoffs) -> OneEuro:
    return OneEuro(cutoffs, zero_is_unset=True)
