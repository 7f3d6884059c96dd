"""One person's 33 landmarks, as MediaPipe's ``solutions.pose`` gave them until 0.10.21."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from vitruvian.errors import OptionError
from vitruvian.following import Compatible, compatible
from vitruvian.mediapipe.errors import failures_as_task_errors
from vitruvian.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from vitruvian.mediapipe.python.landmark_solution import LandmarkSolution, message_of
from vitruvian.mediapipe.python.solutions.pose_connections import POSE_CONNECTIONS
from vitruvian.mediapipe.tasks.python.core.models import usable_networks
from vitruvian.mediapipe.tasks.python.vision.core.fractions_of_the_image import in_fractions
from vitruvian.mediapipe.tasks.python.vision.pose_landmarker import PoseLandmark
from vitruvian.models.blazepose import PoseSettings
from vitruvian.options import check_number
from vitruvian.zoo.blaze import pose_pipeline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline

__all__ = ["POSE_CONNECTIONS", "Pose", "PoseLandmark", "SolutionOutputs"]

_MODELS = ("lite", "full", "heavy")


class SolutionOutputs(NamedTuple):
    """The most prominent person in a picture; each field is ``None`` if nobody is found.

    Attributes:
        pose_landmarks: 33 landmarks in fractions of the image, not clamped to it; ``presence`` is not set.
        pose_world_landmarks: 33 landmarks in metres around the hips; ``presence`` is not set.
        segmentation_mask: (H, W) float32, the probability that a pixel belongs to the person; ``None`` also
            if masks were not asked for.
    """

    pose_landmarks: NormalizedLandmarkList | None
    pose_world_landmarks: LandmarkList | None
    segmentation_mask: NDArray[np.float32] | None


class Pose(LandmarkSolution[SolutionOutputs]):
    """Follows the most prominent person from picture to picture, or finds them in each one anew.

    A context manager. Calls from several threads take turns; a failed call leaves it usable, and the next
    picture is then followed afresh.

    Args:
        static_image_mode: Whether every picture stands for itself; else they are the frames of one video, at
            30 frames per second whatever their real rate is.
        model_complexity: 0, 1 or 2: the model ``lite``, ``full`` or ``heavy``. It is downloaded at its first
            use, and kept; ``vitruvian models pull full`` does so beforehand.
        smooth_landmarks: Whether landmarks are smoothed from frame to frame.
        enable_segmentation: Whether to compute a mask.
        smooth_segmentation: Has no effect, as in the original, whose Python package lost the setting on its
            way to the graph: masks are those of each frame alone.
        min_detection_confidence: Least score of a detected person, 0 to 1.
        min_tracking_confidence: Presence that the person must exceed, 0 to 1, or they are lost.

    Raises:
        OptionError: An option is outside its range.
        WeightsMissingError: The model is not on this machine and cannot be fetched.
        TaskError: The model cannot be used.
    """

    _name = "Pose"

    def __init__(
        self,
        static_image_mode: bool = False,  # noqa: FBT001, FBT002 - the original's signature
        model_complexity: int = 1,
        smooth_landmarks: bool = True,  # noqa: FBT001, FBT002
        enable_segmentation: bool = False,  # noqa: FBT001, FBT002
        smooth_segmentation: bool = True,  # noqa: FBT001, FBT002
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
    ) -> None:
        del smooth_segmentation
        check_number("min_detection_confidence", min_detection_confidence, 0, 1)
        check_number("min_tracking_confidence", min_tracking_confidence, 0, 1)
        settings = PoseSettings(
            num_poses=1,
            min_pose_detection_confidence=min_detection_confidence,
            min_pose_presence_confidence=min_tracking_confidence,
            masks=bool(enable_segmentation),
            nms_iou=0.3,
            heatmap_kernel=9,
        )
        still = bool(static_image_mode)
        following = Compatible(smooth=bool(smooth_landmarks) and not still, legacy=True)
        loop = partial(compatible, options=following)
        super().__init__(_pipeline(model_complexity, settings), loop, _outputs, still=still)


def _pipeline(complexity: int, settings: PoseSettings) -> Pipeline:
    if complexity not in range(len(_MODELS)):
        raise OptionError(f"model_complexity: 0, 1 or 2, got {complexity!r}")
    name = _MODELS[complexity]
    with failures_as_task_errors():
        return pose_pipeline(usable_networks(name, "pose"), settings, name=name)


def _outputs(people: Landmarks, width: int, height: int) -> SolutionOutputs:
    """Turn pixels into fractions of the image, and columns into messages."""
    if not len(people):
        return SolutionOutputs(None, None, None)
    # The 33-point body has these columns.
    world, score = cast("tuple[NDArray[np.float32], ...]", (people.world, people.score))
    return SolutionOutputs(
        message_of(NormalizedLandmarkList, in_fractions(people, width, height)[0], score[0]),
        message_of(LandmarkList, world[0], score[0]),
        people.mask[0].image(width, height) if people.mask else None,
    )
