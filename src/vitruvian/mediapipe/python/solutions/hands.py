"""The 21 landmarks of several hands, as MediaPipe's ``solutions.hands`` gave them until 0.10.21."""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from vitruvian.errors import OptionError
from vitruvian.following import CompatibleHands, compatible_hands
from vitruvian.mediapipe.errors import HandCountError, failures_as_task_errors
from vitruvian.mediapipe.framework.formats.classification_pb2 import Classification, ClassificationList
from vitruvian.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from vitruvian.mediapipe.python.landmark_solution import LandmarkSolution, message_of
from vitruvian.mediapipe.python.solutions.hands_connections import HAND_CONNECTIONS
from vitruvian.mediapipe.tasks.python.core.models import usable_networks
from vitruvian.mediapipe.tasks.python.vision.core.fractions_of_the_image import in_fractions
from vitruvian.mediapipe.tasks.python.vision.core.handedness import likelier_sides
from vitruvian.mediapipe.tasks.python.vision.hand_landmarker import HandLandmark
from vitruvian.models.blazehand import HandSettings
from vitruvian.options import check_number
from vitruvian.zoo.blaze import hands_pipeline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline

__all__ = ["HAND_CONNECTIONS", "HandLandmark", "Hands", "SolutionOutputs"]

_MODELS = ("lite", "full")
_SIDES = ("Left", "Right")  # those of a mirrored picture


class SolutionOutputs(NamedTuple):
    """The hands in a picture, in the same order in each field; each field is ``None`` if there are none.

    Attributes:
        multi_hand_landmarks: 21 landmarks each, in fractions of the image, not clamped to it; ``visibility``
            and ``presence`` are not set.
        multi_hand_world_landmarks: 21 landmarks each, in metres around the middle of the knuckles.
        multi_handedness: For each hand a list of one: ``Left`` (index 0) or ``Right`` (index 1) and its
            probability. As in the original, that is the person's own hand if the picture is mirrored, as a
            selfie is; in other pictures it is the other one.
    """

    multi_hand_landmarks: list[NormalizedLandmarkList] | None
    multi_hand_world_landmarks: list[LandmarkList] | None
    multi_handedness: list[ClassificationList] | None


class Hands(LandmarkSolution[SolutionOutputs]):
    """Follows hands from picture to picture, or finds them in each one anew.

    A context manager. Calls from several threads take turns; a failed call leaves it usable, and the next
    picture is then followed afresh. As in the original, now and then a hand comes out twice, and more hands
    than were asked for.

    Args:
        static_image_mode: Whether every picture stands for itself; else they are the frames of one video.
        max_num_hands: Most palms that the detector finds; it rests while this many hands are followed.
        model_complexity: 0 or 1: the model ``lite`` or ``full``. It is downloaded at its first use, and kept;
            ``vitruvian models pull hands-full`` does so beforehand.
        min_detection_confidence: Least score of a detected palm, 0 to 1.
        min_tracking_confidence: Presence that a hand must exceed, 0 to 1, or it is lost.

    Raises:
        OptionError: An option is outside its range.
        HandCountError: ``max_num_hands`` is below 1.
        WeightsMissingError: The model is not on this machine and cannot be fetched.
        TaskError: The model cannot be used.
    """

    _name = "Hands"

    def __init__(
        self,
        static_image_mode: bool = False,  # noqa: FBT001, FBT002 - the original's signature
        max_num_hands: int = 2,
        model_complexity: int = 1,
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
    ) -> None:
        check_number("min_detection_confidence", min_detection_confidence, 0, 1)
        check_number("min_tracking_confidence", min_tracking_confidence, 0, 1)
        most = operator.index(max_num_hands)
        if most < 1:
            raise HandCountError(f"max_num_hands: at least 1, got {most}")
        settings = HandSettings(
            min_hand_detection_confidence=min_detection_confidence,
            min_hand_presence_confidence=min_tracking_confidence,
            distinct=False,
            looks=1,
        )
        loop = partial(compatible_hands, options=CompatibleHands(most, legacy=True))
        pipeline = _pipeline(model_complexity, settings)
        super().__init__(pipeline, loop, _outputs, still=bool(static_image_mode))


def _pipeline(complexity: int, settings: HandSettings) -> Pipeline:
    if complexity not in range(len(_MODELS)):
        raise OptionError(f"model_complexity: 0 or 1, got {complexity!r}")
    name = _MODELS[complexity]
    with failures_as_task_errors():
        return hands_pipeline(usable_networks(name, "hands"), settings, name=name)


def _outputs(hands: Landmarks, width: int, height: int) -> SolutionOutputs:
    """Turn pixels into fractions of the image, and columns into messages."""
    if not len(hands):
        return SolutionOutputs(None, None, None)
    # Hands have this column.
    world = cast("NDArray[np.float32]", hands.world)
    return SolutionOutputs(
        [message_of(NormalizedLandmarkList, places) for places in in_fractions(hands, width, height)],
        [message_of(LandmarkList, places) for places in world],
        [
            ClassificationList(classification=[Classification(index=side, score=score, label=_SIDES[side])])
            for side, score in likelier_sides(hands)
        ],
    )
