"""The engines that are compared: Vitruvian by either of its doors, and MediaPipe.

This file runs under the peer's interpreter as well: it imports an engine only to open it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DOOR",
    "HANDS",
    "PEER",
    "PIPELINE",
    "POINTS",
    "POSE",
    "Engine",
    "Found",
    "Setup",
    "found_of",
    "open_engine",
]

PIPELINE = "vitruvian"
DOOR = "vitruvian.mediapipe"
PEER = "mediapipe"

POSE, HANDS = "pose", "hands"
"""The tasks."""

POINTS = {POSE: 33, HANDS: 21}
"""How many landmarks each has."""


@dataclass(frozen=True)
class Setup:
    """What an engine shall do. From ``nms_iou`` on: only the pipeline can have another.

    Attributes:
        model: Path of a bundle or, for the pipeline, also the name of a model.
        task: ``POSE`` or ``HANDS``.
        most: Most people or hands in a result; the pipeline knows ``None``: all.
        masks: Whether to compute masks, in the size of the photo; of people.
        video: Whether pictures are the frames of one video.
        nms_iou: The detector's overlap; of people.
        heatmap_kernel: The refinement's window; of people.
        smoothing: Of videos.
        upright: Whether the region around a palm is turned as the hand is; MediaPipe's is not.
        distinct: Whether a hand that is there twice is dropped once; MediaPipe's legacy interface does not.
        loop: Over the frames of videos: ``steady``; of hands also ``compatible`` or ``legacy``, as
            MediaPipe's, or its legacy interface's.
        own: Whether hands are found with Vitruvian's own defaults, the search aside; ``upright`` and
            ``distinct`` are without effect then.
        search: ``fast``, as MediaPipe's; or another of the pipeline's; of hands with ``own`` alone.
        accuracy: Of the pipeline, ``normal`` or ``high``; of hands with ``own`` alone.
    """

    model: str
    task: str = POSE
    most: int | None = 1
    masks: bool = False
    video: bool = False
    nms_iou: float = 0.5
    heatmap_kernel: int = 7
    smoothing: str = "live"
    upright: bool = False
    distinct: bool = True
    loop: str = "steady"
    own: bool = False
    search: str = "fast"
    accuracy: str = "normal"


@dataclass(frozen=True, eq=False)
class Found:
    """A result, in the form in which results are compared.

    Attributes:
        points: (N, K, 5) float64: x, y and z in pixels, visibility, presence; of hands without the last two.
        world: (N, K, 3) float64, metres.
        masks: (N, H, W) bool: where the probability of person is above one half; N = 0 without masks.
        right: (N,) float64, the probability of a right hand; N = 0 for people.
        score: (N,) float64, by which the pipeline ranks instances; N = 0 for MediaPipe, which tells none.
    """

    points: NDArray[np.float64]
    world: NDArray[np.float64]
    masks: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0, 0), np.bool_))
    right: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    score: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


class Engine(Protocol):
    """Finds people or hands, in photos or in the frames of one video."""

    def detect(self, pixels: NDArray[np.uint8], time: int = 0) -> Any:  # noqa: ANN401  # each has its own
        """Return the engine's own result: all that a user waits for, masks in the photo's size included.

        ``time``, in milliseconds, counts in videos.
        """

    def places(self, result: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:  # noqa: ANN401
        """Return (N, K, 2) pixels of what ``detect`` found in this picture."""

    def read(self, result: Any, pixels: NDArray[np.uint8]) -> Found:  # noqa: ANN401  # the same
        """Return all that ``detect`` found in this picture."""


def open_engine(name: str, setup: Setup) -> Engine:
    """Return the engine called ``PIPELINE``, ``DOOR`` or ``PEER``, ready to detect."""
    return _Pipeline(setup) if name == PIPELINE else _Tasks(name, setup)


class _Pipeline:
    """Vitruvian's own interface."""

    def __init__(self, setup: Setup) -> None:
        self._vitruvian = import_module("vitruvian")
        self._pipeline = _pipeline(self._vitruvian, setup)
        self._next: list[Any] = []
        self._results = self._stream(setup) if setup.video else None

    def _stream(self, setup: Setup) -> Any:  # noqa: ANN401  # foreign at this place
        """Return a generator that is handed one frame at a time."""
        frames = iter(self._next.pop, None)
        if setup.loop == "steady":
            return self._pipeline.stream(frames, smoothing=setup.smoothing)
        following = import_module("vitruvian.following")
        options = following.CompatibleHands(setup.most, legacy=setup.loop == "legacy")
        return following.compatible_hands(frames, self._pipeline.stages(), options)

    def detect(self, pixels: NDArray[np.uint8], time: int = 0) -> Any:  # noqa: ANN401  # foreign at this place
        height, width = pixels.shape[:2]
        if self._results is None:
            found = self._pipeline.estimate(pixels)
        else:
            stamp = self._vitruvian.Stamp("clip", width, height, time=time / 1000)
            self._next.append(self._vitruvian.Frame(pixels, stamp))
            _, found = next(self._results)
        return found, [mask.image(width, height) for mask in found.mask or ()]

    def places(self, result: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:  # noqa: ANN401, ARG002
        xy: NDArray[np.float32] = result[0].xy
        return xy

    def read(self, result: Any, pixels: NDArray[np.uint8]) -> Found:  # noqa: ANN401  # the same
        found, masks = result
        return replace(found_of(found), masks=_masks(masks, pixels))


def found_of(landmarks: Any) -> Found:  # noqa: ANN401  # foreign at this place
    """Return Vitruvian's landmarks in the form in which results are compared, without masks."""
    columns = [landmarks.depth, landmarks.score, landmarks.presence]
    points = [landmarks.xy, *(each[:, :, None] for each in columns if each is not None)]
    right = np.zeros(0) if landmarks.handedness is None else landmarks.handedness
    return Found(
        np.concatenate(points, axis=2).astype(np.float64),
        landmarks.world.astype(np.float64),
        right=right.astype(np.float64),
        score=landmarks.box_score.astype(np.float64),
    )


def _pipeline(vitruvian: Any, setup: Setup) -> Any:  # noqa: ANN401  # foreign at this place
    if setup.own:
        return vitruvian.hands(
            setup.model, num_hands=setup.most, search=setup.search, accuracy=setup.accuracy
        )
    files = import_module("vitruvian.weights").load(setup.model, task=setup.task)
    if setup.task == HANDS:
        settings = vitruvian.HandSettings(setup.most, upright=setup.upright, distinct=setup.distinct, looks=1)
        return vitruvian.hands_pipeline(files, settings)
    settings = vitruvian.PoseSettings(
        num_poses=setup.most,
        masks=setup.masks,
        nms_iou=setup.nms_iou,
        heatmap_kernel=setup.heatmap_kernel,
        search=setup.search,
        accuracy=setup.accuracy,
    )
    return vitruvian.pose_pipeline(files, settings)


class _Tasks:
    """MediaPipe's interface: MediaPipe itself, or the door that is shaped like it."""

    def __init__(self, module: str, setup: Setup) -> None:
        self._mp = import_module(module)
        self._task, self._video = setup.task, setup.video
        vision = self._mp.tasks.vision
        base = self._mp.tasks.BaseOptions(model_asset_path=setup.model)
        mode = vision.RunningMode.VIDEO if setup.video else vision.RunningMode.IMAGE
        self._landmarker: Any
        if self._task == HANDS:
            hands = vision.HandLandmarkerOptions(base_options=base, running_mode=mode, num_hands=setup.most)
            self._landmarker = vision.HandLandmarker.create_from_options(hands)
        else:
            poses = vision.PoseLandmarkerOptions(
                base_options=base,
                running_mode=mode,
                num_poses=setup.most,
                output_segmentation_masks=setup.masks,
            )
            self._landmarker = vision.PoseLandmarker.create_from_options(poses)

    def detect(self, pixels: NDArray[np.uint8], time: int = 0) -> Any:  # noqa: ANN401  # foreign at this place
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=pixels)
        if self._video:
            result = self._landmarker.detect_for_video(image, time)
        else:
            result = self._landmarker.detect(image)
        if self._task == HANDS:
            return result, []
        return result, [mask.numpy_view() for mask in result.segmentation_masks or ()]

    def places(self, result: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:  # noqa: ANN401  # the same
        size = np.array(pixels.shape[1::-1], np.float32)
        points = [[(p.x, p.y) for p in one] for one in self._landmarks(result[0])]
        return np.array(points, np.float32).reshape(-1, POINTS[self._task], 2) * size

    def read(self, result: Any, pixels: NDArray[np.uint8]) -> Found:  # noqa: ANN401  # the same
        found, masks = result
        height, width = pixels.shape[:2]
        size = np.array([width, height, width], np.float64)
        points = [[(p.x, p.y, p.z) for p in one] for one in self._landmarks(found)]
        placed = np.array(points, np.float64).reshape(-1, POINTS[self._task], 3) * size
        if self._task == HANDS:
            world = [[(p.x, p.y, p.z) for p in hand] for hand in found.hand_world_landmarks]
            sides = [(best.category_name, best.score) for (best,) in found.handedness]
            right = [score if name == "Right" else 1 - score for name, score in sides]
            return Found(placed, np.array(world, np.float64).reshape(placed.shape), right=np.array(right))
        seen = [[(p.visibility, p.presence) for p in pose] for pose in found.pose_landmarks]
        world = [[(p.x, p.y, p.z) for p in pose] for pose in found.pose_world_landmarks]
        return Found(
            np.concatenate([placed, np.array(seen, np.float64).reshape(*placed.shape[:2], 2)], axis=2),
            np.array(world, np.float64).reshape(placed.shape),
            _masks(masks, pixels),
        )

    def _landmarks(self, result: Any) -> Any:  # noqa: ANN401  # the same
        return result.hand_landmarks if self._task == HANDS else result.pose_landmarks


def _masks(masks: list[NDArray[np.float32]], pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.array(masks, np.float32).reshape(len(masks), *pixels.shape[:2]) > 0.5
