"""What the 21 landmarks of a hand are called, and which of them are connected."""

from __future__ import annotations

import enum
from itertools import starmap
from typing import ClassVar

from vitruvian.mediapipe.tasks.python.vision.core import connection
from vitruvian.skeleton import Skeleton

__all__ = ["HandLandmark", "HandLandmarksConnections"]


class HandLandmark(enum.IntEnum):
    """The landmarks of the skeleton ``hand21``, spelled out so that editors and type checkers know them."""

    WRIST = 0
    THUMB_CMC = 1
    THUMB_MCP = 2
    THUMB_IP = 3
    THUMB_TIP = 4
    INDEX_FINGER_MCP = 5
    INDEX_FINGER_PIP = 6
    INDEX_FINGER_DIP = 7
    INDEX_FINGER_TIP = 8
    MIDDLE_FINGER_MCP = 9
    MIDDLE_FINGER_PIP = 10
    MIDDLE_FINGER_DIP = 11
    MIDDLE_FINGER_TIP = 12
    RING_FINGER_MCP = 13
    RING_FINGER_PIP = 14
    RING_FINGER_DIP = 15
    RING_FINGER_TIP = 16
    PINKY_MCP = 17
    PINKY_PIP = 18
    PINKY_DIP = 19
    PINKY_TIP = 20


_SKELETON = Skeleton.named("hand21")
_FINGERS = {
    part: [edge for edge in _SKELETON.edges if set(edge) <= set(points)]
    for part, points in _SKELETON.parts.items()
    if part != "palm"
}
_PALM = [edge for edge in _SKELETON.edges if not any(edge in finger for finger in _FINGERS.values())]


class HandLandmarksConnections:
    """The bones of a hand."""

    class Connection(connection.Connection):
        """A bone, or an edge of the palm."""

    HAND_PALM_CONNECTIONS: ClassVar[list[Connection]] = list(starmap(Connection, _PALM))
    HAND_THUMB_CONNECTIONS: ClassVar[list[Connection]] = list(starmap(Connection, _FINGERS["thumb"]))
    HAND_INDEX_FINGER_CONNECTIONS: ClassVar[list[Connection]] = list(
        starmap(Connection, _FINGERS["index_finger"])
    )
    HAND_MIDDLE_FINGER_CONNECTIONS: ClassVar[list[Connection]] = list(
        starmap(Connection, _FINGERS["middle_finger"])
    )
    HAND_RING_FINGER_CONNECTIONS: ClassVar[list[Connection]] = list(
        starmap(Connection, _FINGERS["ring_finger"])
    )
    HAND_PINKY_FINGER_CONNECTIONS: ClassVar[list[Connection]] = list(starmap(Connection, _FINGERS["pinky"]))
    HAND_CONNECTIONS: ClassVar[list[Connection]] = list(starmap(Connection, _SKELETON.edges))
