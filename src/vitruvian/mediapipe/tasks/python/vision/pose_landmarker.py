"""The Pose Landmarker: 33 landmarks of everybody in a picture."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self, cast

import numpy as np

from vitruvian.following import Compatible, compatible
from vitruvian.mediapipe.errors import PoseCountError, failures_as_task_errors
from vitruvian.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions
from vitruvian.mediapipe.tasks.python.core.models import load_networks
from vitruvian.mediapipe.tasks.python.vision.core.arguments import Taken
from vitruvian.mediapipe.tasks.python.vision.core.fractions_of_the_image import in_fractions
from vitruvian.mediapipe.tasks.python.vision.core.image import Image, ImageFormat
from vitruvian.mediapipe.tasks.python.vision.core.landmark_task import LandmarkTask, check_task
from vitruvian.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from vitruvian.mediapipe.tasks.python.vision.pose_names import PoseLandmark, PoseLandmarksConnections
from vitruvian.models.blazepose import PoseSettings
from vitruvian.options import check_number
from vitruvian.zoo.blaze import pose_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import TypeAlias

    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
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


class PoseLandmarker(LandmarkTask[PoseLandmarkerResult]):
    """Finds the landmarks of everybody in a picture, or in the frames of a video or a camera.

    Made by ``create_from_options`` or ``create_from_model_path``; a context manager. One instance may be
    shared by threads, and stays usable after an error: after a failed network, a stream is followed afresh.

    Args:
        pipeline: Made for ``options``; closed by this task.
        options: What the task shall do.
    """

    _taken: ClassVar[Taken] = Taken("PoseLandmarker", "poses")

    def __init__(self, pipeline: Pipeline, options: PoseLandmarkerOptions) -> None:
        following = Compatible(options.num_poses, options.min_tracking_confidence)
        loop = partial(compatible, options=following)
        super().__init__(pipeline, loop, _result, options.running_mode, options.result_callback)

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
        check_task(options)
        settings = _settings(options)
        files = load_networks(options.base_options, "pose", "pose-lite")
        with failures_as_task_errors():
            pipeline = pose_pipeline(files, settings)
        return cls(pipeline, options)


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


def _result(people: Landmarks, width: int, height: int) -> PoseLandmarkerResult:
    """Turn pixels into fractions of the image, and columns into objects."""
    # The 33-point body has every column.
    world = cast("NDArray[np.float32]", people.world)
    places = _rows(in_fractions(people, width, height), people)
    masks = [Image(ImageFormat.VEC32F1, mask.image(width, height)) for mask in people.mask or ()]
    return PoseLandmarkerResult(
        [[NormalizedLandmark(x, y, z, v, p) for x, y, z, v, p in rows] for rows in places],
        [[Landmark(x, y, z, v, p) for x, y, z, v, p in rows] for rows in _rows(world, people)],
        masks or None,
    )


def _rows(places: NDArray[np.float32], people: Landmarks) -> list[list[list[float]]]:
    """Return x, y, z, visibility and presence of each point of each person."""
    confidences = cast("tuple[NDArray[np.float32], ...]", (people.score, people.presence))
    columns = [places, *(each[:, :, None] for each in confidences)]
    rows: list[list[list[float]]] = np.concatenate(columns, axis=2).tolist()
    return rows
