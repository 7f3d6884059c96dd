"""What the tasks that find landmarks share: three running modes, what may be asked in which, and the end."""

from __future__ import annotations

import sys
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar, cast

from vitruvian.errors import OptionError
from vitruvian.mediapipe.errors import ClosedError, failures_as_task_errors
from vitruvian.mediapipe.tasks.python.core.models import check_delegate
from vitruvian.mediapipe.tasks.python.vision.core.arguments import (
    RisingTimestamps,
    Taken,
    milliseconds,
    pixels_of,
    rotation_of,
    timed_frame,
)
from vitruvian.mediapipe.tasks.python.vision.core.frame_by_frame import FrameByFrame
from vitruvian.mediapipe.tasks.python.vision.core.live_worker import LiveWorker
from vitruvian.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions
    from vitruvian.mediapipe.tasks.python.vision.core.frame_by_frame import Loop
    from vitruvian.mediapipe.tasks.python.vision.core.image import Image
    from vitruvian.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
    from vitruvian.pipeline import Pipeline

__all__ = ["LandmarkTask", "TaskOptions", "check_task"]

_R = TypeVar("_R")

if TYPE_CHECKING:
    Translate: TypeAlias = Callable[[Landmarks, int, int], _R]
    Callback: TypeAlias = Callable[[_R, Image, int], None]


class TaskOptions(Protocol):
    """What the options of every task have."""

    @property
    def base_options(self) -> BaseOptions:
        """The model."""

    @property
    def running_mode(self) -> VisionTaskRunningMode:
        """How pictures reach the task."""

    @property
    def result_callback(self) -> Callable[..., None] | None:
        """What receives results in ``LIVE_STREAM`` mode."""


def check_task(options: TaskOptions) -> None:
    """Refuse a callback where there must be none, none where there must be one, and the GPU.

    Raises:
        OptionError: The running mode is none, or the callback does not fit it.
        UnavailableError: The delegate is not available in this version.
    """
    if not isinstance(options.running_mode, VisionTaskRunningMode):
        raise OptionError(f"running_mode: expected a VisionTaskRunningMode, got {options.running_mode!r}")
    mode, is_stream = options.running_mode, options.running_mode == VisionTaskRunningMode.LIVE_STREAM
    if is_stream and options.result_callback is None:
        raise OptionError("result_callback: LIVE_STREAM mode hands results to it, so it must be given")
    if is_stream and not callable(options.result_callback):
        raise OptionError(f"result_callback: a function of three arguments, got {options.result_callback!r}")
    if not is_stream and options.result_callback is not None:
        raise OptionError(f"result_callback: is for LIVE_STREAM mode; in {mode.name} mode it must be None")
    check_delegate(options.base_options)


class _Shot(NamedTuple):
    """A frame on its way through a stream."""

    image: Image
    frame: Frame
    rotation: int
    timestamp_ms: int


class LandmarkTask(Generic[_R]):
    """A task that finds landmarks in a picture, or in the frames of a video or a camera.

    Args:
        pipeline: Closed by this task.
        loop: Follows from frame to frame.
        translate: Makes a result out of landmarks, and of the width and height of their picture.
        mode: How pictures reach the task.
        callback: Receives result, picture and timestamp in milliseconds in ``LIVE_STREAM`` mode.
    """

    _taken: ClassVar[Taken]

    def __init__(
        self,
        pipeline: Pipeline,
        loop: Loop,
        translate: Translate[_R],
        mode: VisionTaskRunningMode,
        callback: Callback[_R] | None,
    ) -> None:
        self._pipeline: Pipeline | None = pipeline
        self._running_mode = mode
        self._translate = translate
        self._timestamps = RisingTimestamps()
        self._turn = threading.RLock()  # may be closed from a signal handler during a call
        self._follow = FrameByFrame(pipeline, loop)
        self._worker: LiveWorker[_Shot] | None = None
        if callback is not None:
            serve = partial(_serve, self._follow, translate, callback)
            self._worker = LiveWorker(serve, pipeline.close, f"vitruvian {self._taken.task}")
            # So that a task that is dropped without being closed leaves no thread behind.
            weakref.finalize(self, self._worker.stop).atexit = False

    def detect(self, image: Image, image_processing_options: ImageProcessingOptions | None = None) -> _R:
        """Find everything in one picture: for ``IMAGE`` mode.

        Args:
            image: SRGB or SRGBA (alpha is ignored); for poses GRAY8 as well.
            image_processing_options: The picture's rotation.

        Raises:
            OptionError: The image has another format, its rotation is no multiple of 90, a region of interest
                is given, or the task was created in another mode.
            NotAnImageError: ``image`` is no ``Image``.
            ClosedError: The task is closed.
            TaskError: The image is empty, or a network failed.
        """
        pipeline = self._opened(VisionTaskRunningMode.IMAGE)
        pixels = pixels_of(image, self._taken)
        rotation = rotation_of(image_processing_options, self._taken)
        with failures_as_task_errors():
            landmarks = pipeline.estimate(pixels, rotation=rotation)
        return self._translate(landmarks, image.width, image.height)

    def detect_for_video(
        self,
        image: Image,
        timestamp_ms: int,
        image_processing_options: ImageProcessingOptions | None = None,
    ) -> _R:
        """Find everything in the next frame of one video: for ``VIDEO`` mode.

        Bodies and hands are followed, and bodies smoothed, as in the original (see ``following.compatible``
        and ``following.compatible_hands``). Calls from several threads take turns. A call that is refused
        changes nothing.

        Args:
            image: As for ``detect``.
            timestamp_ms: When the frame is shown: whole milliseconds, later than in the call before. The
                filters depend on them. May be negative, but is not filtered then.
            image_processing_options: The frame's rotation; may differ from frame to frame.

        Raises:
            OptionError: As for ``detect``, or the timestamp is not later than the one before.
            NotATimestampError: ``timestamp_ms`` is no whole number.
            ArrayError: The image is longer than 32,766 pixels on a side.
            NotAnImageError: As for ``detect``.
            ClosedError: As for ``detect``.
            TaskError: The image is empty, or a network failed; then the next frame is followed afresh.
        """
        shot = self._shot(VisionTaskRunningMode.VIDEO, image, timestamp_ms, image_processing_options)
        with self._turn:
            self._opened(VisionTaskRunningMode.VIDEO)  # it may have been closed while waiting for the turn
            self._timestamps.accept(shot.timestamp_ms)
            return _followed(self._follow, self._translate, shot)

    def detect_async(
        self,
        image: Image,
        timestamp_ms: int,
        image_processing_options: ImageProcessingOptions | None = None,
    ) -> None:
        """Hand over the next picture of a camera and return at once: for ``LIVE_STREAM`` mode.

        The callback gets the results in order, in one thread of the task's own, also if nothing is found. One
        frame is worked on and one waits; a newer one takes the place of the one that waits, which is dropped
        without notice and has used up its timestamp.

        An exception in the callback, or a network that fails, is logged at once as an error with its
        traceback (logger ``vitruvian.mediapipe``) and does not end the stream; ``close`` raises the first.

        Args:
            image: As for ``detect``.
            timestamp_ms: When the picture was taken; as for ``detect_for_video``.
            image_processing_options: The picture's rotation; may differ from picture to picture.

        Raises:
            OptionError: As for ``detect_for_video``.
            NotATimestampError: As for ``detect_for_video``.
            ArrayError: As for ``detect_for_video``.
            NotAnImageError: As for ``detect``.
            ClosedError: As for ``detect``.
            TaskError: The image is empty.
        """
        shot = self._shot(VisionTaskRunningMode.LIVE_STREAM, image, timestamp_ms, image_processing_options)
        # In LIVE_STREAM mode there is one: a callback must be given.
        worker = cast("LiveWorker[_Shot]", self._worker)
        with self._turn:
            self._timestamps.accept(shot.timestamp_ms)
            worker.submit(shot)

    def close(self) -> None:
        """Release the networks; possible from any thread, and closing twice is fine.

        A video call under way ends normally. In ``LIVE_STREAM`` mode, the frame in work and the one that
        waits still reach the callback, and none does after this has returned. Two exceptions: called from
        within the callback, this drops the frame that waits and returns at once; and a callback that blocks
        is waited for no longer than 10 seconds, which is logged.

        Raises:
            TaskError: A frame of a ``LIVE_STREAM`` failed, in the callback or in a network: the first failure
                is the cause. Not raised twice, nor while another exception is being handled.
        """
        pipeline, self._pipeline = self._pipeline, None
        if self._worker is not None:  # which closes the pipeline at its end
            if self._worker.close() and sys.exception() is None:
                self._worker.raise_failure()
        elif pipeline is not None:
            with self._turn:
                pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self, mode: VisionTaskRunningMode) -> Pipeline:
        if self._running_mode != mode:
            raise OptionError(
                f"this call is for {mode.name} mode; the task was created in {self._running_mode.name} mode"
            )
        if self._pipeline is None:
            raise ClosedError(f"this {self._taken.task} is closed; create another one")
        return self._pipeline

    def _shot(
        self,
        mode: VisionTaskRunningMode,
        image: Image,
        timestamp_ms: int,
        options: ImageProcessingOptions | None,
    ) -> _Shot:
        """Check everything about a frame but its place in the stream."""
        self._opened(mode)
        time = milliseconds(timestamp_ms)
        frame = timed_frame(image, time, self._taken)
        return _Shot(image, frame, rotation_of(options, self._taken), time)


def _serve(follow: FrameByFrame, translate: Translate[Any], callback: Callback[Any], shot: _Shot) -> None:
    """Do what the thread of a live stream does with a frame."""
    callback(_followed(follow, translate, shot), shot.image, shot.timestamp_ms)


def _followed(follow: FrameByFrame, translate: Translate[_R], shot: _Shot) -> _R:
    with failures_as_task_errors():
        landmarks = follow(shot.frame, shot.rotation)
    return translate(landmarks, shot.image.width, shot.image.height)
