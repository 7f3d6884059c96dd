"""The Hand Landmarker: 21 landmarks of every hand in a picture, and which hand it is."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self, cast

from vitruvian.errors import OptionError
from vitruvian.following import CompatibleHands, compatible_hands
from vitruvian.mediapipe.errors import HandCountError, failures_as_task_errors
from vitruvian.mediapipe.tasks.python.components.containers.category import Category
from vitruvian.mediapipe.tasks.python.components.containers.landmark import Landmark, NormalizedLandmark
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions
from vitruvian.mediapipe.tasks.python.core.models import load_networks
from vitruvian.mediapipe.tasks.python.vision.core.arguments import Taken
from vitruvian.mediapipe.tasks.python.vision.core.fractions_of_the_image import in_fractions
from vitruvian.mediapipe.tasks.python.vision.core.handedness import likelier_sides
from vitruvian.mediapipe.tasks.python.vision.core.image import Image, ImageFormat
from vitruvian.mediapipe.tasks.python.vision.core.landmark_task import LandmarkTask, check_task
from vitruvian.mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from vitruvian.mediapipe.tasks.python.vision.hand_names import HandLandmark, HandLandmarksConnections
from vitruvian.models.blazehand import HandSettings
from vitruvian.options import check_number
from vitruvian.zoo.blaze import hands_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline

    Callback: TypeAlias = Callable[["HandLandmarkerResult", Image, int], None]

__all__ = [
    "HandLandmark",
    "HandLandmarker",
    "HandLandmarkerOptions",
    "HandLandmarkerResult",
    "HandLandmarksConnections",
]

_SIDES = ("Right", "Left")


@dataclass
class HandLandmarkerResult:
    """Every hand in one picture; the lists have one entry for each hand, in the same order.

    Attributes:
        handedness: A list of one ``Category``: ``Right`` (index 0) or ``Left`` (index 1), the person's own
            hand if the picture is not mirrored, and its probability, which is at least 0.5.
        hand_landmarks: 21 landmarks each, in fractions of the image; not clamped to it.
        hand_world_landmarks: 21 landmarks each, in metres around the middle of the knuckles.
    """

    handedness: list[list[Category]]
    hand_landmarks: list[list[NormalizedLandmark]]
    hand_world_landmarks: list[list[Landmark]]


@dataclass
class HandLandmarkerOptions:
    """What a Hand Landmarker shall do.

    Attributes:
        base_options: The model.
        running_mode: How pictures reach the task.
        num_hands: Most hands in a result. In a stream the detector rests while this many are followed.
        min_hand_detection_confidence: Least score of a detected palm, 0 to 1.
        min_hand_presence_confidence: Presence that a hand must exceed, 0 to 1; it also ends the following.
        min_tracking_confidence: Overlap, above 0 and up to 1, above which a detected hand is one that is
            followed; for streams.
        result_callback: Receives result, picture and timestamp in milliseconds in ``LIVE_STREAM`` mode; must
            be ``None`` in the others.
    """

    base_options: BaseOptions
    running_mode: VisionTaskRunningMode = VisionTaskRunningMode.IMAGE
    num_hands: int = 1
    min_hand_detection_confidence: float = 0.5
    min_hand_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    result_callback: Callback | None = None


class HandLandmarker(LandmarkTask[HandLandmarkerResult]):
    """Finds the landmarks of every hand in a picture, or in the frames of a video or a camera.

    Made by ``create_from_options`` or ``create_from_model_path``; a context manager. One instance may be
    shared by threads, and stays usable after an error: after a failed network, a stream is followed afresh.
    It finds what the original finds, its oddities included: the region around a detected palm is turned 26.6
    degrees too far. ``vitruvian.hands`` does without.

    Args:
        pipeline: Made for ``options``; closed by this task.
        options: What the task shall do.
    """

    _taken: ClassVar[Taken] = Taken("HandLandmarker", "hands", (ImageFormat.SRGB, ImageFormat.SRGBA))

    def __init__(self, pipeline: Pipeline, options: HandLandmarkerOptions) -> None:
        following = CompatibleHands(options.num_hands, options.min_tracking_confidence)
        loop = partial(compatible_hands, options=following)
        super().__init__(pipeline, loop, _result, options.running_mode, options.result_callback)

    @classmethod
    def create_from_model_path(cls, model_path: str | PathLike[str]) -> Self:
        """Create a task with the default options; see ``create_from_options``.

        Args:
            model_path: Path of a ``.task`` bundle.
        """
        return cls.create_from_options(HandLandmarkerOptions(BaseOptions(model_asset_path=model_path)))

    @classmethod
    def create_from_options(cls, options: HandLandmarkerOptions) -> Self:
        """Create a task.

        Raises:
            OptionError: An option is outside its range, or no model is given.
            HandCountError: ``num_hands`` is below 1.
            UnavailableError: The delegate is not available in this version.
            WeightsMissingError: There is no model at the path.
            TaskError: The model cannot be used.
        """
        check_task(options)
        settings = _settings(options)
        files = load_networks(options.base_options, "hands", "hands-task")
        with failures_as_task_errors():
            pipeline = hands_pipeline(files, settings)
        return cls(pipeline, options)


def _settings(options: HandLandmarkerOptions) -> HandSettings:
    num_hands = operator.index(options.num_hands)
    if num_hands < 1:
        raise HandCountError(f"num_hands: at least 1, got {num_hands}")
    check_number("min_tracking_confidence", options.min_tracking_confidence, 0, 1)
    still = options.running_mode is VisionTaskRunningMode.IMAGE  # in which nothing is followed
    if not options.min_tracking_confidence and not still:  # with which the original ends the process
        raise OptionError("min_tracking_confidence: a number above 0 and up to 1, got 0")
    return HandSettings(
        num_hands=num_hands,
        min_hand_detection_confidence=options.min_hand_detection_confidence,
        min_hand_presence_confidence=options.min_hand_presence_confidence,
        upright=False,
        looks=1,
    )


def _result(hands: Landmarks, width: int, height: int) -> HandLandmarkerResult:
    """Turn pixels into fractions of the image, and columns into objects."""
    if not len(hands):
        return HandLandmarkerResult([], [], [])
    # Hands have this column.
    world = cast("NDArray[np.float32]", hands.world)
    places = in_fractions(hands, width, height).tolist()
    return HandLandmarkerResult(
        [[Category(side, score, _SIDES[side], _SIDES[side])] for side, score in likelier_sides(hands)],
        [[NormalizedLandmark(x, y, z) for x, y, z in points] for points in places],
        [[Landmark(x, y, z) for x, y, z in points] for points in world.tolist()],
    )
