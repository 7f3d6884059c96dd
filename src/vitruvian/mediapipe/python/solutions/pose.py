"""One person's 33 landmarks, as MediaPipe's ``solutions.pose`` gave them until 0.10.21."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self, cast

import numpy as np

from vitruvian.errors import ArrayError, OptionError, SessionError
from vitruvian.following import Compatible, compatible
from vitruvian.frame import Frame, Stamp
from vitruvian.mediapipe.errors import ClosedError, NotAnImageError, TaskError
from vitruvian.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from vitruvian.mediapipe.python.solutions.pose_connections import POSE_CONNECTIONS
from vitruvian.mediapipe.tasks.python.core.models import usable_networks
from vitruvian.mediapipe.tasks.python.vision.core.frame_by_frame import FrameByFrame
from vitruvian.mediapipe.tasks.python.vision.pose_landmarker import PoseLandmark
from vitruvian.models.blazepose import PoseSettings
from vitruvian.options import check_number
from vitruvian.zoo import pose_pipeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.landmarks import Landmarks
    from vitruvian.pipeline import Pipeline

__all__ = ["POSE_CONNECTIONS", "Pose", "PoseLandmark", "SolutionOutputs"]

_MODELS = ("lite", "full", "heavy")
_FRAME_TIME = 33_333  # microseconds: whatever the camera does, the original counts 30 frames per second


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


class Pose:
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
        self._pipeline: Pipeline | None = _pipeline(model_complexity, settings)
        self._follow: FrameByFrame | None = None
        if not static_image_mode:
            options = Compatible(smooth=bool(smooth_landmarks), legacy=True)
            self._follow = FrameByFrame(self._pipeline, partial(compatible, options=options))
        self._time = 0  # microseconds
        self._turn = threading.RLock()  # may be closed from a signal handler during a call

    def process(self, image: NDArray[np.uint8]) -> SolutionOutputs:
        """Find the person in the next picture.

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
                raise ClosedError("this Pose is closed; create another one")
            height, width = image.shape[:2]
            time = self._time + _FRAME_TIME
            frame = Frame(image, Stamp("stream", width=width, height=height, time=time / 1e6))
            self._time = time
            try:
                people = self._people(self._pipeline, frame)
            except SessionError as error:
                raise TaskError(str(error)) from error
        return _outputs(people, width, height)

    def reset(self) -> None:
        """Follow nobody: the next picture is the first of another video."""
        with self._turn:
            if self._follow is not None:
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

    def _people(self, pipeline: Pipeline, frame: Frame) -> Landmarks:
        return pipeline.estimate(frame) if self._follow is None else self._follow(frame)


def _pipeline(complexity: int, settings: PoseSettings) -> Pipeline:
    if complexity not in range(len(_MODELS)):
        raise OptionError(f"model_complexity: 0, 1 or 2, got {complexity!r}")
    try:
        return pose_pipeline(usable_networks(_MODELS[complexity]), settings, name=_MODELS[complexity])
    except SessionError as error:
        raise TaskError(str(error)) from error


def _check_image(image: NDArray[np.uint8]) -> None:
    if not isinstance(image, np.ndarray):
        raise NotAnImageError(
            f"image: expected an RGB array, got {type(image).__name__}; "
            "if it comes from a camera or a file, was it read?"
        )
    if image.ndim != 3 or image.shape[2] != 3:
        raise ArrayError(f"image: Input image must contain three channel rgb data, got shape {image.shape}")


def _outputs(people: Landmarks, width: int, height: int) -> SolutionOutputs:
    """Turn pixels into fractions of the image, and columns into messages."""
    if not len(people):
        return SolutionOutputs(None, None, None)
    # The 33-point body has every column.
    depth, world, score = cast("tuple[NDArray[np.float32], ...]", (people.depth, people.world, people.score))
    fractions = np.concatenate([people.xy[0], depth[0][:, None]], axis=1)
    fractions /= np.array([width, height, width], np.float32)
    pose, metres = NormalizedLandmarkList(), LandmarkList()
    for message, places in ((pose, fractions), (metres, world[0])):
        for (x, y, z), visibility in zip(places.tolist(), score[0].tolist(), strict=True):
            message.landmark.add(x=x, y=y, z=z, visibility=visibility)
    mask = people.mask[0].image(width, height) if people.mask else None
    return SolutionOutputs(pose, metres, mask)
