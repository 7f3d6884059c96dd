"""The bones of the 21-point hand, as pairs of landmark indices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitruvian.mediapipe.tasks.python.vision.hand_names import HandLandmarksConnections
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "HAND_CONNECTIONS",
    "HAND_INDEX_FINGER_CONNECTIONS",
    "HAND_MIDDLE_FINGER_CONNECTIONS",
    "HAND_PALM_CONNECTIONS",
    "HAND_PINKY_FINGER_CONNECTIONS",
    "HAND_RING_FINGER_CONNECTIONS",
    "HAND_THUMB_CONNECTIONS",
]


def _pairs(bones: Iterable[HandLandmarksConnections.Connection]) -> tuple[tuple[int, int], ...]:
    return tuple((bone.start, bone.end) for bone in bones)


HAND_PALM_CONNECTIONS = _pairs(HandLandmarksConnections.HAND_PALM_CONNECTIONS)
HAND_THUMB_CONNECTIONS = _pairs(HandLandmarksConnections.HAND_THUMB_CONNECTIONS)
HAND_INDEX_FINGER_CONNECTIONS = _pairs(HandLandmarksConnections.HAND_INDEX_FINGER_CONNECTIONS)
HAND_MIDDLE_FINGER_CONNECTIONS = _pairs(HandLandmarksConnections.HAND_MIDDLE_FINGER_CONNECTIONS)
HAND_RING_FINGER_CONNECTIONS = _pairs(HandLandmarksConnections.HAND_RING_FINGER_CONNECTIONS)
HAND_PINKY_FINGER_CONNECTIONS = _pairs(HandLandmarksConnections.HAND_PINKY_FINGER_CONNECTIONS)
HAND_CONNECTIONS = frozenset(Skeleton.named("hand21").edges)
