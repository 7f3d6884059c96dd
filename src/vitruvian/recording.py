"""Landmarks at rest: a whole stream, one row per instance and frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.arrays import check_array
from vitruvian.errors import ArrayError
from vitruvian.landmarks import concatenated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from vitruvian.frame import Frame, Gap, Stamp
    from vitruvian.landmarks import Landmarks

__all__ = ["Recording"]


@dataclass(frozen=True, eq=False)
class Recording:
    """What a stream gave, frame after frame.

    Attributes:
        stamps: Of every frame in order, those without a picture included.
        frame: (R,) int64: for each row of ``landmarks`` its place in ``stamps``; never falls.
        landmarks: R rows, all instances of all frames; without masks.

    Raises:
        ArrayError: There is not one frame for each row, or the frames are out of order or out of range.
    """

    stamps: tuple[Stamp, ...]
    frame: NDArray[np.int64]
    landmarks: Landmarks

    def __post_init__(self) -> None:
        """Check the columns once."""
        frame = check_array("frame", self.frame, (len(self.landmarks),), np.int64)
        if (np.diff(frame) < 0).any() or not ((frame >= 0) & (frame < len(self.stamps))).all():
            raise ArrayError(f"frame: places in {len(self.stamps)} stamps, in order, got {frame}")
        object.__setattr__(self, "frame", frame)

    @staticmethod
    def of(frames: Iterable[tuple[Frame | Gap, Landmarks]]) -> Recording:
        """Collect a stream; pixels and masks are let go at once.

        Raises:
            ArrayError: There is no frame at all, or the skeletons differ.
        """
        stamps, people = [], []
        for frame, landmarks in frames:
            stamps.append(frame.stamp)
            people.append(landmarks)
        return Recording.from_rows(stamps, people)

    @staticmethod
    def from_rows(stamps: Iterable[Stamp], people: Iterable[Landmarks]) -> Recording:
        """Put a recording together from the landmarks of each frame.

        Raises:
            ArrayError: There is no frame at all, there is not one ``Landmarks`` for each stamp, or the
                skeletons differ.
        """
        stamps, people = tuple(stamps), list(people)
        if len(stamps) != len(people):
            raise ArrayError(f"people: expected landmarks of {len(stamps)} frames, got {len(people)}")
        frame = np.repeat(np.arange(len(people)), [len(one) for one in people])
        return Recording(stamps, frame.astype(np.int64), replace(concatenated(people), mask=None))

    def __len__(self) -> int:
        return len(self.stamps)

    def __iter__(self) -> Iterator[tuple[Stamp, Landmarks]]:
        """Yield each frame's stamp and landmarks."""
        ends = np.searchsorted(self.frame, np.arange(len(self)), side="right").tolist()
        start = 0
        for stamp, end in zip(self.stamps, ends, strict=True):
            yield stamp, self.landmarks[start:end]
            start = end
