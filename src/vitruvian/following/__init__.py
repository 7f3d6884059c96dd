"""Where to look in the next frame: regions out of this frame's landmarks, and the originals' loops."""

from vitruvian.following.bodies import Compatible, compatible, follow_bodies
from vitruvian.following.boxes import SURE, follow_boxes, turned_follow
from vitruvian.following.handpose import (
    CompatibleHandpose,
    FindPalms,
    Handposes,
    HandposeStages,
    compatible_handpose,
    flipped,
)
from vitruvian.following.hands import CompatibleHands, compatible_hands, follow_hands
from vitruvian.following.one_by_one import OneByOne
from vitruvian.following.stages import (
    NOWHERE,
    Follow,
    Look,
    Read,
    Stages,
    Traits,
    joined,
    overlap,
    pushed,
    scaled,
    seconds,
)

__all__ = [
    "NOWHERE",
    "SURE",
    "Compatible",
    "CompatibleHandpose",
    "CompatibleHands",
    "FindPalms",
    "Follow",
    "HandposeStages",
    "Handposes",
    "Look",
    "OneByOne",
    "Read",
    "Stages",
    "Traits",
    "compatible",
    "compatible_handpose",
    "compatible_hands",
    "flipped",
    "follow_bodies",
    "follow_boxes",
    "follow_hands",
    "joined",
    "overlap",
    "pushed",
    "scaled",
    "seconds",
    "turned_follow",
]
