"""What the 33 landmarks of a body are called, and which of them are connected."""

from __future__ import annotations

import enum
from itertools import starmap
from typing import ClassVar

from vitruvian.mediapipe.tasks.python.vision.core import connection
from vitruvian.skeleton import Skeleton

__all__ = ["PoseLandmark", "PoseLandmarksConnections"]


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

    class Connection(connection.Connection):
        """A limb."""

    POSE_LANDMARKS: ClassVar[list[Connection]] = list(starmap(Connection, Skeleton.named("body33").edges))
