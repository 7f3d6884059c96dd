"""Motion capture: world landmarks of one person or hand, at a constant rate, as biomechanics expects them."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from vitruvian.errors import OptionError, SinkError
from vitruvian.sinks.staged import Staged, unwritable
from vitruvian.sinks.table import check_skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.frame import Frame, Gap, Stamp
    from vitruvian.landmarks import Landmarks
    from vitruvian.skeleton import Skeleton

__all__ = ["Motion", "MotionSink", "People"]

_GAP = 0.25  # seconds between two samples, over which nothing is known
_HIT = 0.1  # of an interval: a sample this near is that of the moment
_AXES = np.array([1000, -1000, -1000])  # metres, y down, z away → millimetres, y up, z to the viewer


@dataclass(frozen=True, eq=False)
class Motion:
    """One person's way through time.

    Attributes:
        markers: Names of the K landmarks; of a hand whose side is known, with that in front.
        rate: Moments a second.
        start: Time of the first moment in seconds.
        points: (F, K, 3) millimetres from the root of the world landmarks, which is the middle of the hips or
            of a hand's finger bases in every frame: x to the right in the picture, y up, z towards the viewer
            (right-handed). NaN is unknown.
    """

    markers: tuple[str, ...]
    rate: float
    start: float
    points: NDArray[np.float64]


@dataclass
class _Track:
    """One person's samples.

    Attributes:
        times: Seconds.
        worlds: (K, 3) metres at each of these.
        right: Probabilities of a right hand, where they are known.
    """

    times: list[float] = field(default_factory=list)
    worlds: list[NDArray[np.float32]] = field(default_factory=list)
    right: list[float] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """What to put in front of a marker's name."""
        right = [probability for probability in self.right if np.isfinite(probability)]
        return "" if not right else "right_" if np.mean(right) > 0.5 else "left_"


class People:
    """Gathers where everybody was, and when: 600 bytes for each instance."""

    def __init__(self, path: Path, skeleton: Skeleton) -> None:
        self._path, self._skeleton = path, skeleton
        self._times: list[float] = []
        self._seen: dict[int | None, _Track] = {}

    def add(self, stamp: Stamp, landmarks: Landmarks) -> None:
        """Take one frame, gaps included: time passes in them.

        Raises:
            SinkError: There is no time, no world landmarks, or another skeleton than before.
        """
        check_skeleton(self._skeleton, landmarks, self._path)
        if stamp.time is None:
            raise SinkError("a still has no time and is no motion; write it as JSON", path=self._path)
        if landmarks.world is None and len(landmarks):
            raise SinkError("there are no world landmarks, which motion capture is made of", path=self._path)
        self._times.append(stamp.time)
        if landmarks.world is None:
            return
        # Without identities it is the first of each frame, the best.
        ids = [None] if landmarks.track_id is None else landmarks.track_id.tolist()
        for row, number in enumerate(ids[: len(landmarks)]):
            track = self._seen.setdefault(number, _Track())
            track.times.append(stamp.time)
            track.worlds.append(landmarks.world[row].copy())  # a view would keep the whole frame
            if number is not None and landmarks.handedness is not None:
                track.right.append(float(landmarks.handedness[row]))

    def motions(self, track_id: int | None = None, *, everyone: bool = False) -> dict[int | None, Motion]:
        """Return track id → motion over all of the stream.

        Args:
            track_id: Of whom; ``None`` is the person with most frames, or, where nobody came, a motion of
                which nothing is known.
            everyone: Of all there are instead; where nobody came, as above.

        Raises:
            SinkError: Nobody has this track id.
        """
        most: int | None = max(self._seen, key=lambda one: len(self._seen[one].times), default=None)
        chosen = (list(self._seen) or [None]) if everyone else [most if track_id is None else track_id]
        if track_id is not None and track_id not in self._seen:
            there = ", ".join(map(str, self._seen)) or "nobody at all"
            raise SinkError(f"nobody has the track id {track_id}; there is {there}", path=self._path)
        times = np.unique(self._times)
        rate = _rate(times)
        moments = times[0] + np.arange(round((times[-1] - times[0]) * rate) + 1) / rate
        return {one: self._motion(one, moments, rate) for one in chosen}

    def _motion(self, number: int | None, moments: NDArray[np.float64], rate: float) -> Motion:
        track = self._seen.get(number, _Track())
        points = np.full((len(moments), len(self._skeleton), 3), np.nan)
        if track.worlds:
            points = _resampled(np.array(track.times), np.stack(track.worlds), moments, rate) * _AXES
        markers = tuple(f"{track.prefix}{name}" for name in self._skeleton.landmarks)
        return Motion(markers, rate, float(moments[0]), points)


def _rate(times: NDArray[np.float64]) -> float:
    """Return how many frames a second are typical: containers round times, so it is a mean of many."""
    intervals = np.diff(times)
    if not len(intervals):
        return 1.0  # of a single moment there is no rate, but the formats want one
    median = np.sort(intervals)[(len(intervals) - 1) // 2]  # one of them, also of an even number
    typical = intervals[np.abs(intervals - median) <= 0.1 * median].mean()
    rate = 1 / float(typical)
    return round(rate) if abs(rate - round(rate)) < 1e-4 * rate else round(rate, 4)


def _resampled(
    times: NDArray[np.float64], worlds: NDArray[np.float32], moments: NDArray[np.float64], rate: float
) -> NDArray[np.float64]:
    """Interpolate (S, K, 3) samples linearly at F moments; what lies in a long gap, or outside, is NaN."""
    times, first = np.unique(times, return_index=True)
    known = worlds[first].astype(np.float64)
    after = np.searchsorted(times, moments).clip(1, max(1, len(times) - 1))
    before = after - 1
    after = after.clip(max=len(times) - 1)
    span = times[after] - times[before]
    share = np.divide(moments - times[before], span, out=np.zeros_like(span), where=span > 0)
    points: NDArray[np.float64] = known[before] + (known[after] - known[before]) * share[:, None, None]
    points[(span > max(_GAP, 1.5 / rate)) | (share < 0) | (share > 1)] = np.nan
    for near in (before, after):
        hit = np.abs(times[near] - moments) <= _HIT / rate
        # Between points of which one is unknown there is nothing to interpolate, but at a sample there is.
        points[hit] = np.where(np.isnan(points[hit]), known[near[hit]], points[hit])
    return points


class MotionSink:
    """Gathers a stream, and at the end writes one person of it to a file, or everybody to one each.

    Args:
        path: The file to write.
        save: Writes a motion to a file that is there, and is going to be at the second path.
        check: Refuses to replace what is no file of ours.
        track_id: Whom to write; ``None`` is the person with most frames.
        everyone: Write each person to ``NAME.ID.ENDING`` instead.

    Raises:
        OptionError: Both one person and everyone are asked for.
    """

    def __init__(
        self,
        path: Path,
        save: Callable[[Path, Motion, Path], None],
        check: Callable[[Path], None],
        *,
        track_id: int | None = None,
        everyone: bool = False,
    ) -> None:
        if everyone and track_id is not None:
            raise OptionError("track_id: everyone is written, so there is no one to choose; give one of them")
        self._path, self._save, self._check = path, save, check
        self._track_id, self._everyone = track_id, everyone
        self._people: People | None = None

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Take the frame; see ``Sink.write``.

        Raises:
            SinkError: There are no world landmarks, or no time; as ``Sink.write``.
        """
        self.add(frame.stamp, landmarks)

    def add(self, stamp: Stamp, landmarks: Landmarks) -> None:
        """Take one frame, gaps included.

        Raises:
            SinkError: As ``People.add``; at the first, also that a file cannot be written there.
        """
        people = self._people
        if people is None:
            self._check(self._path)
            Staged(self._path).discard()  # better known now than after an hour
            people = People(self._path, landmarks.skeleton)
        people.add(stamp, landmarks)
        self._people = people

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write what there is; raises as ``finish``."""
        self.finish()

    def finish(self) -> None:
        """Write the files, each whole or not at all.

        Raises:
            SinkError: One cannot be written, the person to write never came, or the stream is longer than the
                format can tell.
        """
        people, self._people = self._people, None
        if people is None:
            return
        motions = people.motions(self._track_id, everyone=self._everyone)
        written = {self._save_one(number, motion) for number, motion in motions.items()}
        if self._everyone:
            self._remove_all_but(written)

    def _save_one(self, number: int | None, motion: Motion) -> Path:
        """Write one person to their file, and return where it is."""
        place = self._path
        if self._everyone and number is not None:
            place = place.with_name(f"{place.stem}.{number}{place.suffix}")
            self._check(place)
        with Staged(place) as staged:
            try:
                self._save(staged.part, motion, place)
            except OSError as error:
                raise unwritable(error, place) from error
        return place

    def _remove_all_but(self, written: Container[Path]) -> None:
        """Remove the files of an earlier run that found others, and nothing that is not ours.

        Raises:
            SinkError: One cannot be removed.
        """
        stem, ending = self._path.stem, self._path.suffix
        numbered = re.compile(rf"{re.escape(stem)}(\.\d+)?{re.escape(ending)}")
        for place in self._path.parent.glob(f"{glob.escape(stem)}*{ending}"):
            if place in written or not numbered.fullmatch(place.name):
                continue
            try:
                self._check(place)
                place.unlink()
            except SinkError:
                continue
            except OSError as error:
                raise SinkError(f"an earlier file cannot be removed: {error.strerror}", path=place) from error
