"""A real photo and clips, a task with the original's default options, and a pipeline made of functions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from vitruvian.errors import SessionError
from vitruvian.following import NOWHERE
from vitruvian.landmarks import Landmarks
from vitruvian.mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarker
from vitruvian.pipeline import Pipeline
from vitruvian.provenance import Provenance
from vitruvian.regions import Regions
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitruvian.frame import Frame, Stamp


@pytest.fixture(scope="session")
def photo(eval_photos: Path) -> Path:
    return eval_photos / "coco_000000000785.jpg"


@pytest.fixture(scope="session")
def landmarker(lite_bundle: Path) -> Iterator[PoseLandmarker]:
    with PoseLandmarker.create_from_model_path(lite_bundle) as task:
        yield task


@pytest.fixture(scope="session")
def clips(lite_bundle: Path) -> Path:
    folder = lite_bundle.parents[1] / "data" / "clips"
    if not folder.exists():
        pytest.skip(f"needs {folder}, which only the project's own machines have")
    return folder


@pytest.fixture(scope="session")
def squats(clips: Path) -> list[NDArray[np.uint8]]:
    """The first two seconds of a clip: RGB."""
    capture = cv2.VideoCapture(str(clips / "pose_squats.mp4"))
    frames = [cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB) for _ in range(10)]
    capture.release()
    return frames


@pytest.fixture(scope="session")
def hand_bundle(lite_bundle: Path) -> Path:
    bundle = lite_bundle.with_name("hand_landmarker.task")
    if not bundle.exists():
        pytest.skip(f"needs {bundle}, which only the project's own machines have")
    return bundle


@dataclass
class Made:
    """A pipeline that finds one person or hand in every picture that is not black, and what it was asked.

    ``before`` is called with each frame that is read, and may wait or raise.
    """

    kind: Callable[[int], Landmarks]
    before: Callable[[Frame], None] = lambda _: None
    rotations: list[int] = field(default_factory=list)
    times: list[float | None] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def pipeline(self) -> Pipeline:
        return Pipeline(
            self.detect,
            self.read,
            self.follow,
            self.kind(0).skeleton,
            Provenance("made", (), "functions"),
            None,
            self.closed.set,
        )

    def detect(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        self.rotations.append(rotation)
        return [one_region() if frame.pixels.any() else NOWHERE for frame in frames]

    def read(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        if self.closed.is_set():
            raise SessionError("the session is closed")
        self.times.extend(frame.stamp.time for frame in frames)
        for frame in frames:
            self.before(frame)
        return [self.kind(len(each)) for each in regions]

    def follow(self, landmarks: Landmarks, stamp: Stamp) -> Regions:
        del stamp
        return one_region() if len(landmarks) else NOWHERE


@pytest.fixture
def made() -> Made:
    return Made(people)


@pytest.fixture
def made_hands() -> Made:
    return Made(hands)


def one_region() -> Regions:
    one = np.ones(1, np.float32)
    return Regions(np.full((1, 2), 50, np.float32), np.full((1, 2), 40, np.float32), one * 0, one)


def people(count: int) -> Landmarks:
    points = np.full((count, 33), 10, np.float32)
    return Landmarks(
        Skeleton.named("body33"),
        xy=np.stack([points, points], axis=2),
        box=np.zeros((count, 4), np.float32),
        box_score=np.ones(count, np.float32),
        score=points / 20,
        presence=points / 20,
        depth=points,
        world=np.stack([points] * 3, axis=2),
        auxiliary=np.zeros((count, 2, 2), np.float32),
        region=np.arange(count),
    )


def hands(count: int) -> Landmarks:
    """Hands of which each second is a left one."""
    points = np.full((count, 21), 10, np.float32)
    return Landmarks(
        Skeleton.named("hand21"),
        xy=np.stack([points, points], axis=2),
        box=np.zeros((count, 4), np.float32),
        box_score=np.ones(count, np.float32),
        depth=points,
        world=np.stack([points] * 3, axis=2),
        handedness=np.where(np.arange(count) % 2, 0.25, 0.875).astype(np.float32),
        region=np.arange(count),
    )


@pytest.fixture(scope="session")
def palm(hand_clip: Path) -> list[tuple[NDArray[np.uint8], int]]:
    """The frames of a hand that opens: RGB, and their milliseconds."""
    with av.open(hand_clip) as container:
        return [
            (frame.to_ndarray(format="rgb24"), round(1000 * frame.time))
            for frame in container.decode(video=0)
        ]
