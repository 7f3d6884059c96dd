"""The flow from pictures to landmarks: detect, then estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, overload

import numpy as np

from vitruvian.errors import OptionError
from vitruvian.frame import Frame
from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
    from vitruvian.provenance import Provenance
    from vitruvian.regions import Regions
    from vitruvian.skeleton import Skeleton

__all__ = ["Detect", "Estimate", "Pipeline"]

_QUARTER_TURN = 90


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
        skeleton: Of the landmarks that come out.
        model: What makes the results.
        limit: Most instances in a picture, the detector's best first; ``None``: all.
        release: Frees what the stages hold; called by every ``close``.
    """

    detect: Detect
    landmark: Estimate
    skeleton: Skeleton
    model: Provenance
    limit: int | None
    release: Callable[[], None]

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
        check_number("rotation", rotation, whole=True)
        if rotation % _QUARTER_TURN:
            raise OptionError(f"rotation: a multiple of 90 degrees, got {rotation}")
        if isinstance(frames, Frame | np.ndarray):
            return self._estimate([_frame(frames)], rotation)[0]
        return self._estimate([_frame(frame) for frame in frames], rotation)

    def close(self) -> None:
        """Release the networks; closing twice is fine."""
        self.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _estimate(self, frames: Sequence[Frame], rotation: int) -> list[Landmarks]:
        regions = [each[: self.limit] for each in self.detect(frames, rotation)]
        return self.landmark(frames, regions)


def _frame(picture: Frame | NDArray[np.uint8]) -> Frame:
    return picture if isinstance(picture, Frame) else Frame.of(picture)
