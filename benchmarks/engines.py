"""The engines that are compared: Vitruvian by either of its doors, and MediaPipe.

This file runs under the peer's interpreter as well: it imports an engine only to open it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DOOR", "PEER", "PIPELINE", "Engine", "People", "Setup", "Watcher", "open_engine", "open_watcher"]

PIPELINE = "vitruvian"
DOOR = "vitruvian.mediapipe"
PEER = "mediapipe"


@dataclass(frozen=True)
class Setup:
    """What an engine shall do.

    Attributes:
        model: Path of a bundle or, for the pipeline, also the name of a model.
        num_poses: Most people in a result.
        masks: Whether to compute masks, in the size of the photo.
        nms_iou: The detector's overlap; only the pipeline can have another.
        heatmap_kernel: The refinement's window; only the pipeline can have another.
        smoothing: Of streams; only the pipeline can have another.
    """

    model: str
    num_poses: int = 1
    masks: bool = False
    nms_iou: float = 0.5
    heatmap_kernel: int = 7
    smoothing: str = "live"


@dataclass(frozen=True, eq=False)
class People:
    """A result, in the form in which results are compared.

    Attributes:
        points: (N, 33, 5) float64: x, y and z in pixels, visibility, presence.
        world: (N, 33, 3) float64, metres.
        masks: (N, H, W) bool: where the probability of person is above one half; N = 0 without masks.
    """

    points: NDArray[np.float64]
    world: NDArray[np.float64]
    masks: NDArray[np.bool_]


class Engine(Protocol):
    """Finds people in photos."""

    def detect(self, pixels: NDArray[np.uint8]) -> Any:  # noqa: ANN401  # each engine has its own
        """Return the engine's own result: all that a user waits for, masks in the photo's size included."""

    def read(self, result: Any, pixels: NDArray[np.uint8]) -> People:  # noqa: ANN401  # the same
        """Return what ``detect`` found in this photo."""


def open_engine(name: str, setup: Setup) -> Engine:
    """Return the engine called ``PIPELINE``, ``DOOR`` or ``PEER``, ready to detect."""
    return _Pipeline(setup) if name == PIPELINE else _Tasks(name, setup)


class Watcher(Protocol):
    """Finds people in the frames of one video."""

    def watch(self, pixels: NDArray[np.uint8], time: int) -> list[NDArray[np.float32]]:
        """Return (33, 2) pixels of each person in the next frame, at a time in milliseconds.

        Masks, if they were asked for, have been made in the frame's size.
        """


def open_watcher(name: str, setup: Setup) -> Watcher:
    """Return the engine called ``PIPELINE``, ``DOOR`` or ``PEER``, ready for a video."""
    return _Stream(setup) if name == PIPELINE else _Video(name, setup)


class _Stream:
    """Vitruvian's own interface: a generator, handed one frame at a time."""

    def __init__(self, setup: Setup) -> None:
        self._vitruvian, weights = import_module("vitruvian"), import_module("vitruvian.weights")
        settings = self._vitruvian.PoseSettings(num_poses=setup.num_poses, masks=setup.masks)
        pipeline = self._vitruvian.pose_pipeline(weights.load(setup.model), settings)
        self._next: list[Any] = []
        self._results = pipeline.stream(iter(self._next.pop, None), smoothing=setup.smoothing)

    def watch(self, pixels: NDArray[np.uint8], time: int) -> list[NDArray[np.float32]]:
        height, width = pixels.shape[:2]
        stamp = self._vitruvian.Stamp("clip", width, height, time=time / 1000)
        self._next.append(self._vitruvian.Frame(pixels, stamp))
        _, people = next(self._results)
        for mask in people.mask or ():
            mask.image(width, height)
        return list(people.xy)


class _Video:
    """MediaPipe's interface: MediaPipe itself, or the door that is shaped like it."""

    def __init__(self, module: str, setup: Setup) -> None:
        self._mp = import_module(module)
        vision = self._mp.tasks.vision
        options = vision.PoseLandmarkerOptions(
            base_options=self._mp.tasks.BaseOptions(model_asset_path=setup.model),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=setup.num_poses,
            output_segmentation_masks=setup.masks,
        )
        self._landmarker = vision.PoseLandmarker.create_from_options(options)

    def watch(self, pixels: NDArray[np.uint8], time: int) -> list[NDArray[np.float32]]:
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=pixels)
        result = self._landmarker.detect_for_video(image, time)
        for mask in result.segmentation_masks or ():
            mask.numpy_view()
        size = np.array(pixels.shape[1::-1], np.float32)
        return [np.array([(p.x, p.y) for p in pose], np.float32) * size for pose in result.pose_landmarks]


class _Pipeline:
    """Vitruvian's own interface."""

    def __init__(self, setup: Setup) -> None:
        vitruvian, weights = import_module("vitruvian"), import_module("vitruvian.weights")
        settings = vitruvian.PoseSettings(
            num_poses=setup.num_poses,
            masks=setup.masks,
            nms_iou=setup.nms_iou,
            heatmap_kernel=setup.heatmap_kernel,
        )
        self._pipeline = vitruvian.pose_pipeline(weights.load(setup.model), settings)

    def detect(self, pixels: NDArray[np.uint8]) -> Any:  # noqa: ANN401  # foreign at this place
        people = self._pipeline.estimate(pixels)
        height, width = pixels.shape[:2]
        return people, [mask.image(width, height) for mask in people.mask or ()]

    def read(self, result: Any, pixels: NDArray[np.uint8]) -> People:  # noqa: ANN401  # the same
        people, masks = result
        columns = [people.xy, *(each[:, :, None] for each in (people.depth, people.score, people.presence))]
        points = np.concatenate(columns, axis=2).astype(np.float64)
        return People(points, people.world.astype(np.float64), _masks(masks, pixels))


class _Tasks:
    """MediaPipe's interface: MediaPipe itself, or the door that is shaped like it."""

    def __init__(self, module: str, setup: Setup) -> None:
        self._mp = import_module(module)
        vision = self._mp.tasks.vision
        options = vision.PoseLandmarkerOptions(
            base_options=self._mp.tasks.BaseOptions(model_asset_path=setup.model),
            num_poses=setup.num_poses,
            output_segmentation_masks=setup.masks,
        )
        self._landmarker = vision.PoseLandmarker.create_from_options(options)

    def detect(self, pixels: NDArray[np.uint8]) -> Any:  # noqa: ANN401  # foreign at this place
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=pixels)
        result = self._landmarker.detect(image)
        return result, [mask.numpy_view() for mask in result.segmentation_masks or ()]

    def read(self, result: Any, pixels: NDArray[np.uint8]) -> People:  # noqa: ANN401  # the same
        poses, masks = result
        height, width = pixels.shape[:2]
        points = [
            [(p.x * width, p.y * height, p.z * width, p.visibility, p.presence) for p in pose]
            for pose in poses.pose_landmarks
        ]
        world = [[(p.x, p.y, p.z) for p in pose] for pose in poses.pose_world_landmarks]
        return People(
            np.array(points, np.float64).reshape(-1, 33, 5),
            np.array(world, np.float64).reshape(-1, 33, 3),
            _masks(masks, pixels),
        )


def _masks(masks: list[NDArray[np.float32]], pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.array(masks, np.float32).reshape(len(masks), *pixels.shape[:2]) > 0.5
