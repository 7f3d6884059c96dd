"""The Pose Landmarker: 33 landmarks of everybody in a picture."""

from __future__ import annotations

import operator
import sys
import threading
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self, cast

import numpy as np

from vitruvian.errors import OptionError, SessionError
from vitruvian.following import Compatible, compatible
from vitruvian.mediapipe.errors import ClosedError, PoseCountError, TaskError
from vitruvian.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions
from vitruvian.mediapipe.tasks.python.core.models import check_delegate, load_networks
from vitruvian.mediapipe.tasks.python.vision.core.arguments import (
    RisingTimestamps,
    milliseconds,
    pixels_of,
    rotation_of,
    timed_frame,
)
from vitruvian.mediapipe.tasks.python.vision.core.frame_by_frame import FrameByFrame
from vitruvian.mediapipe.tasks.python.vision.core.image import Image, ImageFormat
from vitruvian.mediapipe.tasks.python.vision.core.live_worker import LiveWorker
from vitruvian.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from vitruvian.mediapipe.tasks.python.vision.pose_names import PoseLandmark, PoseLandmarksConnections
from vitruvian.models.blazepose import PoseSettings
from vitruvian.options import check_number
from vitruvian.zoo import pose_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import TypeAlias

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
    from vitruvian.pipeline import Pipeline

    Callback: TypeAlias = Callable[["PoseLandmarkerResult", Image, int], None]

__all__ = [
    "PoseLandmark",
    "PoseLandmarker",
    "PoseLandmarkerOptions",
    "PoseLandmarkerResult",
    "PoseLandmarksConnections",
]


@dataclass
class PoseLandmarkerResult:
    """Everybody in one picture; the lists have one entry for each person, in the same order.

    Attributes:
        pose_landmarks: 33 landmarks each, in fractions of the image; not clamped to it.
        pose_world_landmarks: 33 landmarks each, in metres around the hips.
        segmentation_masks: For each person a ``VEC32F1`` picture of the probability that a pixel belongs to
            them; ``None`` if masks were not asked for, or nobody was found.
    """

    pose_landmarks: list[list[NormalizedLandmark]]
    pose_world_landmarks: list[list[Landmark]]
    segmentation_masks: list[Image] | None = None


@dataclass
class PoseLandmarkerOptions:
    """What a Pose Landmarker shall do.

    Attributes:
        base_options: The model.
        running_mode: How pictures reach the task.
        num_poses: Most people in a result. In a stream, a single one is smoothed, and the detector rests
            while they are followed; several are not smoothed, and it rests when this many are followed.
        min_pose_detection_confidence: Least score of a detected person, 0 to 1.
        min_pose_presence_confidence: Presence that a person must exceed, 0 to 1; it also ends the following.
        min_tracking_confidence: Overlap, 0 to 1, above which two regions are one person; for streams.
        output_segmentation_masks: Whether to compute masks.
        result_callback: Receives result, picture and timestamp in milliseconds in ``LIVE_STREAM`` mode; must
            be ``None`` in the others.
    """

    base_options: BaseOptions
    running_mode: VisionTaskRunningMode = VisionTaskRunningMode.IMAGE
    num_poses: int = 1
    min_pose_detection_confidence: float = 0.5
    min_pose_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    output_segmentation_masks: bool = False
    result_callback: Callback | None = None


class _Shot(NamedTuple):
    """A frame on its way to the callback."""

    image: Image
    frame: Frame
    rotation: int
    timestamp_ms: int


class PoseLandmarker:
    """Finds the landmarks of everybody in a picture, or in the frames of a video or a camera.

    Made by ``create_from_options`` or ``create_from_model_path``; a context manager. One instance may be
    shared by threads, and stays usable after an error: after a failed network, a stream is followed afresh.

    Args:
        pipeline: Made for ``options``; closed by this task.
        options: What the task shall do.
    """

    def __init__(self, pipeline: Pipeline, options: PoseLandmarkerOptions) -> None:
        self._pipeline: Pipeline | None = pipeline
        self._running_mode = options.running_mode
        self._timestamps = RisingTimestamps()
        self._turn = threading.RLock()  # may be closed from a signal handler during a call
        following = Compatible(options.num_poses, options.min_tracking_confidence)
        self._follow = FrameByFrame(pipeline, partial(compatible, options=following))
        self._worker: LiveWorker[_Shot] | None = None
        if options.result_callback is not None:
            serve = partial(_serve, self._follow, options.result_callback)
            self._worker = LiveWorker(serve, pipeline.close, "vitruvian PoseLandmarker")
            # So that a task that is dropped without being closed leaves no thread behind.
            weakref.finalize(self, self._worker.stop).atexit = False

    @classmethod
    def create_from_model_path(cls, model_path: str | PathLike[str]) -> Self:
        """Create a task with the default options; see ``create_from_options``.

        Args:
            model_path: Path of a ``.task`` bundle.
        """
        return cls.create_from_options(PoseLandmarkerOptions(BaseOptions(model_asset_path=model_path)))

    @classmethod
    def create_from_options(cls, options: PoseLandmarkerOptions) -> Self:
        """Create a task.

        Raises:
            OptionError: An option is outside its range, or no model is given.
            PoseCountError: ``num_poses`` is below 1.
            UnavailableError: The delegate is not available in this version.
            WeightsMissingError: There is no model at the path.
            TaskError: The model cannot be used.
        """
        _check_callback(options)
        check_delegate(options.base_options)
        settings = _settings(options)
        files = load_networks(options.base_options, "pose-lite")
        try:
            pipeline = pose_pipeline(files, settings)
        except SessionError as error:
            raise TaskError(str(error)) from error
        return cls(pipeline, options)

    def detect(
        self, image: Image, image_processing_options: ImageProcessingOptions | None = None
    ) -> PoseLandmarkerResult:
        """Find everybody in one picture: for ``IMAGE`` mode.

        Args:
            image: SRGB, SRGBA (alpha is ignored) or GRAY8.
            image_processing_options: The picture's rotation.

        Raises:
            OptionError: The image has another format, its rotation is no multiple of 90, a region of interest
                is given, or the task was created in another mode.
            NotAnImageError: ``image`` is no ``Image``.
            ClosedError: The task is closed.
            TaskError: The image is empty, or a network failed.
        """
        pipeline = self._opened(VisionTaskRunningMode.IMAGE)
        pixels, rotation = pixels_of(image), rotation_of(image_processing_options)
        try:
            people = pipeline.estimate(pixels, rotation=rotation)
        except SessionError as error:
            raise TaskError(str(error)) from error
        return _result(people, image.width, image.height)

    def detect_for_video(
        self,
        image: Image,
        timestamp_ms: int,
        image_processing_options: ImageProcessingOptions | None = None,
    ) -> PoseLandmarkerResult:
        """Find everybody in the next frame of one video: for ``VIDEO`` mode.

        People are followed and smoothed as in the original (see ``following.compatible``). Calls from several
        threads take turns. A call that is refused changes nothing.

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
            return _followed(self._follow, shot)

    def detect_async(
        self,
        image: Image,
        timestamp_ms: int,
        image_processing_options: ImageProcessingOptions | None = None,
    ) -> None:
        """Hand over the next picture of a camera and return at once: for ``LIVE_STREAM`` mode.

        The callback gets the results in order, in one thread of the task's own, also if nobody is found. One
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
            raise ClosedError("this PoseLandmarker is closed; create another one")
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
        return _Shot(image, timed_frame(image, time), rotation_of(options), time)


def _check_callback(options: PoseLandmarkerOptions) -> None:
    mode, is_stream = options.running_mode, options.running_mode == VisionTaskRunningMode.LIVE_STREAM
    if is_stream and options.result_callback is None:
        raise OptionError("result_callback: LIVE_STREAM mode hands results to it, so it must be given")
    if is_stream and not callable(options.result_callback):
        raise OptionError(f"result_callback: a function of three arguments, got {options.result_callback!r}")
    if not is_stream and options.result_callback is not None:
        raise OptionError(f"result_callback: is for LIVE_STREAM mode; in {mode.name} mode it must be None")


def _settings(options: PoseLandmarkerOptions) -> PoseSettings:
    num_poses = operator.index(options.num_poses)
    if num_poses < 1:
        raise PoseCountError(f"num_poses: at least 1, got {num_poses}")
    check_number("min_tracking_confidence", options.min_tracking_confidence, 0, 1)
    return PoseSettings(
        num_poses=num_poses,
        min_pose_detection_confidence=options.min_pose_detection_confidence,
        min_pose_presence_confidence=options.min_pose_presence_confidence,
        masks=options.output_segmentation_masks,
    )


def _serve(follow: FrameByFrame, callback: Callback, shot: _Shot) -> None:
    """Do what the thread of a live stream does with a frame."""
    callback(_followed(follow, shot), shot.image, shot.timestamp_ms)


def _followed(follow: FrameByFrame, shot: _Shot) -> PoseLandmarkerResult:
    try:
        people = follow(shot.frame, shot.rotation)
    except SessionError as error:
        raise TaskError(str(error)) from error
    return _result(people, shot.image.width, shot.image.height)


def _result(people: Landmarks, width: int, height: int) -> PoseLandmarkerResult:
    """Turn pixels into fractions of the image, and columns into objects."""
    # The 33-point body has every column.
    depth, world = cast("tuple[NDArray[np.float32], ...]", (people.depth, people.world))
    fractions = np.concatenate([people.xy, depth[:, :, None]], axis=2)
    fractions /= np.array([width, height, width], np.float32)
    masks = [Image(ImageFormat.VEC32F1, mask.image(width, height)) for mask in people.mask or ()]
    return PoseLandmarkerResult(
        [[NormalizedLandmark(x, y, z, v, p) for x, y, z, v, p in rows] for rows in _rows(fractions, people)],
        [[Landmark(x, y, z, v, p) for x, y, z, v, p in rows] for rows in _rows(world, people)],
        masks or None,
    )


def _rows(places: NDArray[np.float32], people: Landmarks) -> list[list[list[float]]]:
    """Return x, y, z, visibility and presence of each point of each person."""
    confidences = cast("tuple[NDArray[np.float32], ...]", (people.score, people.presence))
    columns = [places, *(each[:, :, None] for each in confidences)]
    rows: list[list[list[float]]] = np.concatenate(columns, axis=2).tolist()
    return rows
