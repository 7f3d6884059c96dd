"""Where to look in the next frame: regions out of this frame's landmarks, and the originals' loops."""

from vitruvian.following.bodies import Compatible, compatible, follow_bodies
from vitruvian.following.hands import CompatibleHands, compatible_hands, follow_hands
from vitruvian.following.stages import (
    NOWHERE,
    Follow,
    Look,
    Read,
    Stages,
    joined,
    overlap,
    pushed,
    scaled,
    seconds,
)

__all__ = [
    "NOWHERE",
    "Compatible",
    "CompatibleHands",
    "Follow",
    "Look",
    "Read",
    "Stages",
    "compatible",
    "compatible_hands",
    "follow_bodies",
    "follow_hands",
    "joined",
    "overlap",
    "pushed",
    "scaled",
    "seconds",
]
