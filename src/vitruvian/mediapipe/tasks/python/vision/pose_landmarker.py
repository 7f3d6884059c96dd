"""The Pose Landmarker: 33 landmarks of everybody in a picture."""

from __future__ import annotations

import enum
import operator
import os
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, cast

import numpy as np

from vitruvian import weights
from vitruvian.errors import OptionError, SessionError, WeightsError, WeightsMissingError
from vitruvian.mediapipe.errors import NotAnImageError, PoseCountError, TaskError, UnavailableError
from vitruvian.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions
from vitruvian.mediapipe.tasks.python.vision.core.image import Image, ImageFormat, rgb_pixels
from vitruvian.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from vitruvian.models.blazepose import PoseSettings
from vitruvian.options import check_number
from vitruvian.skeleton import Skeleton
from vitruvian.zoo import pose_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
    from vitruvian.mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
    from vitruvian.pipeline import Pipeline
    from vitruvian.weights import WeightFile

__all__ = [
    "PoseLandmark",
    "PoseLandmarker",
    "PoseLandmarkerOptions",
    "PoseLandmarkerResult",
    "PoseLandmarksConnections",
]


class PoseLandmark(enum.IntEnum):
    """The landmarks of the skeleton ``body33``, spelled out so that editors and type checkers know them."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32


class PoseLandmarksConnections:
    """The limbs of a body."""

    @dataclass
    class Connection:
        """A limb.

        Attributes:
            start: Index of the landmark at one end.
            end: Index of the landmark at the other end.
        """

        start: int
        end: int

    POSE_LANDMARKS: ClassVar[list[Connection]] = list(starmap(Connection, Skeleton.named("body33").edges))


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
        running_mode: How pictures reach the task. Only ``IMAGE`` is available in this version.
        num_poses: Most people in a result.
        min_pose_detection_confidence: Least score of a detected person, 0 to 1.
        min_pose_presence_confidence: Presence that a person must exceed, 0 to 1.
        min_tracking_confidence: Overlap, 0 to 1, above which two regions are one person; for videos.
        output_segmentation_masks: Whether to compute masks.
        result_callback: Receives the results in ``LIVE_STREAM`` mode; must be ``None`` in the others.
    """

    base_options: BaseOptions
    running_mode: VisionTaskRunningMode = VisionTaskRunningMode.IMAGE
    num_poses: int = 1
    min_pose_detection_confidence: float = 0.5
    min_pose_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    output_segmentation_masks: bool = False
    result_callback: Callable[[PoseLandmarkerResult, Image, int], None] | None = None


class PoseLandmarker:
    """Finds the landmarks of everybody in a picture.

    Made by ``create_from_options`` or ``create_from_model_path``; a context manager. One instance may be
    shared by threads, and stays usable after an error.
    """

    def __init__(self, pipeline: Pipeline, running_mode: VisionTaskRunningMode) -> None:
        self._pipeline: Pipeline | None = pipeline
        self._running_mode = running_mode

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
            UnavailableError: The running mode or the delegate is not available in this version.
            WeightsMissingError: There is no model at the path.
            TaskError: The model cannot be used.
        """
        _check_callback(options)
        _check_available(options)
        settings = _settings(options)
        files = _load(options.base_options)
        try:
            pipeline = pose_pipeline(files, settings)
        except SessionError as error:
            raise TaskError(str(error)) from error
        return cls(pipeline, options.running_mode)

    def detect(
        self, image: Image, image_processing_options: ImageProcessingOptions | None = None
    ) -> PoseLandmarkerResult:
        """Find everybody in one picture.

        Args:
            image: SRGB, SRGBA (alpha is ignored) or GRAY8.
            image_processing_options: The picture's rotation.

        Raises:
            OptionError: The image has another format, its rotation is no multiple of 90, or a region of
                interest is given.
            NotAnImageError: ``image`` is no ``Image``.
            TaskError: The image is empty, a network failed, or the task is closed.
        """
        pipeline = self._pipeline
        if pipeline is None:
            raise TaskError("this PoseLandmarker is closed; create another one")
        pixels, rotation = _pixels(image), _rotation(image_processing_options)
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
        """Refuse: ``VIDEO`` mode is not available in this version.

        Raises:
            OptionError: Always, since the task runs in another mode.
        """
        del image, timestamp_ms, image_processing_options
        raise self._wrong_mode(VisionTaskRunningMode.VIDEO)

    def detect_async(
        self,
        image: Image,
        timestamp_ms: int,
        image_processing_options: ImageProcessingOptions | None = None,
    ) -> None:
        """Refuse: ``LIVE_STREAM`` mode is not available in this version.

        Raises:
            OptionError: Always, since the task runs in another mode.
        """
        del image, timestamp_ms, image_processing_options
        raise self._wrong_mode(VisionTaskRunningMode.LIVE_STREAM)

    def close(self) -> None:
        """Release the networks; closing twice is fine."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wrong_mode(self, needed: VisionTaskRunningMode) -> OptionError:
        return OptionError(
            f"this call is for {needed.name} mode; the task was created in {self._running_mode.name} mode"
        )


def _check_callback(options: PoseLandmarkerOptions) -> None:
    mode, is_stream = options.running_mode, options.running_mode == VisionTaskRunningMode.LIVE_STREAM
    if is_stream and options.result_callback is None:
        raise OptionError("result_callback: LIVE_STREAM mode hands results to it, so it must be given")
    if not is_stream and options.result_callback is not None:
        raise OptionError(f"result_callback: is for LIVE_STREAM mode; in {mode.name} mode it must be None")


def _check_available(options: PoseLandmarkerOptions) -> None:
    if options.running_mode != VisionTaskRunningMode.IMAGE:
        raise UnavailableError(
            f"running_mode: {options.running_mode.name} is not available in this version; "
            "use IMAGE and call detect() on each frame"
        )
    if options.base_options.delegate == BaseOptions.Delegate.GPU:
        raise UnavailableError("delegate: the GPU is not available in this version; use CPU or leave it out")


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


def _load(options: BaseOptions) -> Mapping[str, WeightFile]:
    """Return the networks; a path is never taken for the name of a model, so nothing is ever downloaded."""
    model: bytes | Path
    if options.model_asset_buffer:
        model = bytes(options.model_asset_buffer)
    elif options.model_asset_path:
        model = Path(options.model_asset_path)
    else:
        raise OptionError("base_options: give model_asset_path or model_asset_buffer, neither of them empty")
    if isinstance(model, Path) and not os.path.exists(model):  # noqa: PTH110  # raises for no path at all
        raise WeightsMissingError(
            "there is no model file here; `vitruvian models pull pose-lite` fetches one, "
            "and `vitruvian models path pose-lite` says where it is then",
            path=model,
        )
    try:
        return weights.load(model)
    except WeightsMissingError:
        raise
    except WeightsError as error:
        raise TaskError(str(error)) from error


def _pixels(image: Image) -> NDArray[np.uint8]:
    if not isinstance(image, Image):
        raise NotAnImageError(
            f"image: expected an Image, got {type(image).__name__}; "
            "wrap an array: Image(image_format=ImageFormat.SRGB, data=array)"
        )
    if image.is_empty():
        raise TaskError(f"image: has no pixels, {image.width} x {image.height}")
    return rgb_pixels(image)


def _rotation(options: ImageProcessingOptions | None) -> int:
    """Return the degrees to turn; that they are a multiple of 90 is checked by the pipeline."""
    if options is None:
        return 0
    if options.region_of_interest is not None:
        raise OptionError("region_of_interest: a PoseLandmarker takes none; cut the picture instead")
    return options.rotation_degrees


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
