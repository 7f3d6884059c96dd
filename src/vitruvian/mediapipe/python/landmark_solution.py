"""What the solutions that find landmarks share: pictures in, messages out, and a stream in between."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

import numpy as np

from vitruvian.errors import ArrayError
from vitruvian.frame import Frame, Stamp
from vitruvian.mediapipe.errors import ClosedError, NotAnImageError, failures_as_task_errors
from vitruvian.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from vitruvian.mediapipe.tasks.python.vision.core.frame_by_frame import FrameByFrame

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
    from vitruvian.mediapipe.tasks.python.vision.core.frame_by_frame import Loop
    from vitruvian.pipeline import Pipeline

__all__ = ["LandmarkSolution", "message_of"]

_R = TypeVar("_R")
_L = TypeVar("_L", LandmarkList, NormalizedLandmarkList)

if TYPE_CHECKING:
    Translate: TypeAlias = Callable[[Landmarks, int, int], _R]

_FRAME_TIME = 33_333  # microseconds: whatever the camera does, the original counts 30 frames per second


class LandmarkSolution(Generic[_R]):
    """Finds landmarks in picture after picture.

    Args:
        pipeline: Closed by this solution.
        loop: Follows from picture to picture.
        translate: Makes messages out of landmarks, and of the width and height of their picture.
        still: Whether every picture stands for itself.
    """

    _name: ClassVar[str]

    def __init__(self, pipeline: Pipeline, loop: Loop, translate: Translate[_R], *, still: bool) -> None:
        self._pipeline: Pipeline | None = pipeline
        self._follow = FrameByFrame(pipeline, loop)
        self._translate = translate
        self._still = still
        self._time = 0  # microseconds
        self._turn = threading.RLock()  # may be closed from a signal handler during a call

    def process(self, image: NDArray[np.uint8]) -> _R:
        """Find what this solution finds in the next picture.

        Args:
            image: (H, W, 3) uint8, RGB; OpenCV reads BGR.

        Raises:
            NotAnImageError: ``image`` is no array.
            ArrayError: It has another shape or type.
            ClosedError: After ``close``.
            TaskError: A network failed.
        """
        _check_image(image)
        with self._turn:
            if self._pipeline is None:
                raise ClosedError(f"this {self._name} is closed; create another one")
            height, width = image.shape[:2]
            time = self._time + _FRAME_TIME
            frame = Frame(image, Stamp("stream", width=width, height=height, time=time / 1e6))
            self._time = time
            if self._still:
                self._follow.forget()
            with failures_as_task_errors():
                landmarks = self._follow(frame)
        return self._translate(landmarks, width, height)

    def reset(self) -> None:
        """Follow nobody: the next picture is the first of another video."""
        with self._turn:
            self._follow.forget()

    def close(self) -> None:
        """Release the networks; possible from any thread, and closing twice is fine."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            with self._turn:
                pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_image(image: NDArray[np.uint8]) -> None:
    if not isinstance(image, np.ndarray):
        raise NotAnImageError(
            f"image: expected an RGB array, got {type(image).__name__}; "
            "if it comes from a camera or a file, was it read?"
        )
    if image.ndim != 3 or image.shape[2] != 3:
        raise ArrayError(f"image: Input image must contain three channel rgb data, got shape {image.shape}")


def message_of(
    kind: type[_L], places: NDArray[np.float32], visibility: NDArray[np.float32] | None = None
) -> _L:
    """Return points as a message.

    Args:
        kind: Class of the message.
        places: (K, 3) x, y and z.
        visibility: (K,); not set if there is none.
    """
    message = kind()
    seen = [None] * len(places) if visibility is None else visibility.tolist()
    for (x, y, z), each in zip(places.tolist(), seen, strict=True):
        message.landmark.add(x=x, y=y, z=z, visibility=each)
    return message
