"""The flow from pictures to landmarks: detect, then estimate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self, overload

import numpy as np

from vitruvian.errors import OptionError
from vitruvian.following import Stages, Traits, turned_follow
from vitruvian.frame import Frame, Gap
from vitruvian.options import check_number, check_rotation
from vitruvian.search import Background
from vitruvian.smoothing import smoothing_named
from vitruvian.steady import Steadiness, steady
from vitruvian.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from vitruvian.following import Follow
    from vitruvian.landmarks import Landmarks
    from vitruvian.provenance import Provenance
    from vitruvian.regions import Regions
    from vitruvian.search import Thorough
    from vitruvian.skeleton import Skeleton
    from vitruvian.smoothing import Smoothing
    from vitruvian.whole import Whole

__all__ = ["Detect", "Estimate", "Pipeline"]


class Detect(Protocol):
    """Frames in, where the instances of each are, best first."""

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Find the instances in pictures that are upright once turned clockwise by ``rotation`` degrees."""


class Estimate(Protocol):
    """Frames and regions in, landmarks of each frame out."""

    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        """Read all regions of all frames as one batch."""


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Pictures in, landmarks out. Holds no memory of pictures: any number of threads may share one.

    Attributes:
        detect: Finds regions.
        landmark: Reads regions.
        follow: Makes regions for the next frame of a stream out of the landmarks of this one.
        skeleton: Of the landmarks that ``landmark`` reads.
        model: What makes the results.
        limit: Most instances in a picture, the detector's best first; ``None``: all.
        release: Frees what the stages hold; called by every ``close``.
        looks: How often each instance of a still is read: from the second time on in the region that its own
            landmarks give, and it is dropped if it is not found there. (A stream does that by following.)
        traits: How instances move, for telling them apart in a stream.
        whole: Adds hands to the bodies that come out, as ``body75``; ``None``: nothing is added.
        search: Finds the instances of stills in place of ``detect``, ``landmark`` and ``looks``; ``None``:
            those do.
        background: Whether it looks for newcomers in streams, too.
        together: How many pictures of many are best looked at in one call.
        beside: Finds regions in a stream while somebody is followed; ``None``: ``detect`` does.
    """

    detect: Detect
    landmark: Estimate
    follow: Follow
    skeleton: Skeleton
    model: Provenance
    limit: int | None
    release: Callable[[], None]
    looks: int = 1
    traits: Traits = field(default_factory=Traits)
    whole: Whole | None = None
    search: Thorough | None = None
    background: bool = False
    together: int = 1
    beside: Detect | None = None

    @overload
    def estimate(self, frames: Frame | NDArray[np.uint8], *, rotation: int = 0) -> Landmarks: ...

    @overload
    def estimate(
        self, frames: Sequence[Frame | NDArray[np.uint8]], *, rotation: int = 0
    ) -> list[Landmarks]: ...

    def estimate(
        self,
        frames: Frame | NDArray[np.uint8] | Sequence[Frame | NDArray[np.uint8]],
        *,
        rotation: int = 0,
    ) -> Landmarks | list[Landmarks]:
        """Find everybody in one picture, or in each of several.

        Args:
            frames: A frame, or an (H, W, 3) uint8 RGB array (OpenCV reads BGR: turn it round with
                ``image[..., ::-1]``), or a sequence of these.
            rotation: Degrees by which the pictures must be turned clockwise to be upright: a multiple of 90.
                Landmarks are in the pixels of the picture as it was given.

        Returns:
            ``Landmarks`` for one picture, a list of them for a sequence.

        Raises:
            ArrayError: An array is no RGB picture.
            OptionError: ``rotation`` is no multiple of 90.
            SessionError: A network failed, or the pipeline is closed.
        """
        check_rotation("rotation", rotation)
        # What is neither is told so as a picture.
        if isinstance(frames, Frame | np.ndarray | str | bytes) or not isinstance(frames, Iterable):
            return self._estimate([_frame(frames)], rotation)[0]
        return self._estimate([_frame(frame) for frame in frames], rotation)

    def stream(
        self,
        frames: Iterable[Frame | Gap | NDArray[np.uint8]],
        *,
        smoothing: str | Smoothing = "live",
        tracking: Tracking | None = None,
        fps: float | None = None,
        rotation: int = 0,
    ) -> Iterator[tuple[Frame | Gap, Landmarks]]:
        """Find everybody in each frame of a video or a camera, with identities, smoothed over time.

        People are followed from frame to frame, which takes one network call each; the detector looks for
        others now and then, and at once when somebody is lost. The memory of a stream is in the generator
        that this returns: one pipeline serves any number of streams, in any number of threads.

        >>> for frame, people in body.stream(vitruvian.open_source("clip.mp4")):  # doctest: +SKIP
        ...     print(frame.stamp.time, people.track_id, people.xy)

        Args:
            frames: In order; each needs a time, as ``open_source`` gives it, or ``fps``. (H, W, 3) uint8 RGB
                arrays are frames too.
            smoothing: ``"off"``; ``"live"``, MediaPipe's own filters, for every person; ``"smooth"``, calmer
                and slower to follow; or a ``Smoothing``. (``smooth_offline`` filters without lag.)
            tracking: When to look for people, and how long to remember them.
            fps: Frames per second of frames that carry no time.
            rotation: Degrees by which the frames must be turned clockwise to be upright: a multiple of 90.

        Yields:
            Each frame with everybody in it, by rising ``track_id``; a gap (a frame that failed or was
            dropped) with nobody.

        Raises:
            ArrayError: An array is no RGB picture.
            OptionError: An option is outside its range, or a frame has no time, or one before that of the
                frame before: two recordings are two streams.
            SessionError: A network failed, or the pipeline is closed.
            SourceError: As the source.
        """
        check_rotation("rotation", rotation)
        if fps is not None:
            check_number("fps", fps, 1e-3)
        options = Steadiness(self.limit, tracking or Tracking(), smoothing_named(smoothing))
        people = steady(_timed(frames, fps), self.stages(rotation), options)
        if self.whole is None:
            return people
        return self.whole.stream(
            people, tracking=options.tracking, smoothing=options.smoothing, rotation=rotation
        )

    def stages(self, rotation: int = 0) -> Stages:
        """Return what a loop over frames calls."""
        look = partial(self.detect, rotation=rotation)
        # A box does not tell which way up people are; other regions are made from points that do.
        follow = turned_follow(self.follow, rotation) if self.traits.boxed else self.follow
        wander = partial(self._wander, self.search, rotation) if self.search and self.background else None
        beside = self.beside and partial(self.beside, rotation=rotation)
        return Stages(look, self.landmark, follow, self.skeleton, self.traits, beside, wander)

    @staticmethod
    def _wander(search: Thorough, rotation: int, tracking: Tracking) -> Background:
        return Background(search, rotation, tracking.search_budget / 1000)

    def close(self) -> None:
        """Release the networks; closing twice is fine."""
        self.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _estimate(self, frames: Sequence[Frame], rotation: int) -> list[Landmarks]:
        if self.search is not None:
            people = [each[: self.limit] for each in self.search(frames, rotation)]
        else:
            people = self._read(frames, rotation)
        return people if self.whole is None else self.whole.complete(frames, people, rotation)

    def _read(self, frames: Sequence[Frame], rotation: int) -> list[Landmarks]:
        regions = [each[: self.limit] for each in self.detect(frames, rotation)]
        people = self.landmark(frames, regions)
        for _ in range(1, self.looks):
            regions = [self.follow(some, frame.stamp) for some, frame in zip(people, frames, strict=True)]
            people = self.landmark(frames, regions)
        return people


def _frame(picture: Frame | NDArray[np.uint8]) -> Frame:
    return picture if isinstance(picture, Frame) else Frame.of(picture)


def _timed(frames: Iterable[Frame | Gap | NDArray[np.uint8]], fps: float | None) -> Iterator[Frame | Gap]:
    """Give frames that carry no time the one that their place in the stream says, and see that time rises."""
    before = -math.inf
    for index, item in enumerate(frames):
        frame = item if isinstance(item, Gap) else _frame(item)
        if fps is not None and frame.stamp.time is None:
            frame = replace(frame, stamp=replace(frame.stamp, index=index, time=index / fps))
        stamp = frame.stamp
        if isinstance(frame, Frame) and stamp.time is not None:
            if stamp.time < before:
                message = f"frame {stamp.index} of {stamp.source}: its time {stamp.time:g} s comes after"
                raise OptionError(f"{message} {before:g} s; call stream() once for each recording")
            before = stamp.time
        yield frame
