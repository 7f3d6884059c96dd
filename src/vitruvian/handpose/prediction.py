"""One hand, as Handpose describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.following import Handposes
    from vitruvian.landmarks import Landmarks

__all__ = ["BoundingBox", "Prediction", "get_annotations", "predictions"]

_FINGERS = ("thumb", "index_finger", "middle_finger", "ring_finger", "pinky")
_PALM_BASE = "palm_base"
_EVEN = 0.5


def get_annotations() -> dict[str, list[int]]:
    """Return which landmarks each part of the hand has, from the palm outwards.

    The parts are ``thumb``, ``index_finger``, ``middle_finger``, ``ring_finger`` and ``pinky`` with four
    landmarks each, and ``palm_base``, which is the wrist.
    """
    skeleton = Skeleton.named("hand21")
    parts = {name: list(skeleton.parts[name]) for name in _FINGERS}
    return {**parts, _PALM_BASE: [skeleton.landmarks.index("wrist")]}


class BoundingBox(NamedTuple):
    """The square around a hand, in pixels; larger than the hand, and not clipped to the picture.

    Attributes:
        top_left: x, y.
        bottom_right: x, y. In a flipped result its x is the smaller one, as in the original.
    """

    top_left: tuple[float, float]
    bottom_right: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Prediction:
    """One hand in a picture.

    Attributes:
        hand_in_view_confidence: Probability that a hand is there, 0 to 1.
        bounding_box: Around the hand.
        landmarks: (21, 3) float32. x and y are pixels of the picture, not clipped to it; z is in pixels of a
            hand that is cut out and scaled to 256, near 0 at the wrist, negative towards the camera. It does
            not grow with the hand.
        handedness: ``"Left"`` or ``"Right"``, the person's own; ``None`` from the original's networks, which
            do not tell.
        score: Probability that ``handedness`` is right, 0.5 to 1; ``None`` likewise.
        world_landmarks: (21, 3) float32, metres; x right, y down, z away from the camera, the origin near the
            bases of the fingers; ``None`` likewise.
    """

    hand_in_view_confidence: float
    bounding_box: BoundingBox
    landmarks: NDArray[np.float32]
    handedness: str | None = None
    score: float | None = None
    world_landmarks: NDArray[np.float32] | None = None

    @property
    def annotations(self) -> dict[str, NDArray[np.float32]]:
        """The landmarks by part, as ``get_annotations`` lists them: (4, 3), and (1, 3) of ``palm_base``."""
        return {name: self.landmarks[points] for name, points in get_annotations().items()}

    def to_json(self) -> dict[str, Any]:
        """Return what the original's ``estimateHands`` gives for the hand, ready for ``json.dumps``.

        ``handInViewConfidence``, ``boundingBox`` with ``topLeft`` and ``bottomRight``, ``landmarks`` and
        ``annotations`` (``thumb``, ``indexFinger``, …, ``palmBase``) are the original's; ``handedness``,
        ``score`` and ``worldLandmarks`` are there beside them if they are known.
        """
        known = {
            "handedness": self.handedness,
            "score": self.score,
            "worldLandmarks": None if self.world_landmarks is None else self.world_landmarks.tolist(),
        }
        return {
            "handInViewConfidence": self.hand_in_view_confidence,
            "boundingBox": {
                "topLeft": list(self.bounding_box.top_left),
                "bottomRight": list(self.bounding_box.bottom_right),
            },
            "landmarks": self.landmarks.tolist(),
            "annotations": {_camel(name): points.tolist() for name, points in self.annotations.items()},
            **{key: value for key, value in known.items() if value is not None},
        }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def predictions(found: Handposes) -> list[Prediction]:
    """Return the hands of a picture one by one."""
    return [_prediction(found.hands[row : row + 1], found.places[row]) for row in range(len(found.hands))]


def _prediction(hand: Landmarks, places: NDArray[np.float32]) -> Prediction:
    left, top, right, bottom = hand.box[0].tolist()
    is_right = None if hand.handedness is None else float(hand.handedness[0])
    return Prediction(
        hand_in_view_confidence=float(hand.box_score[0]),
        bounding_box=BoundingBox((left, top), (right, bottom)),
        landmarks=places,
        handedness=None if is_right is None else "Right" if is_right > _EVEN else "Left",
        score=None if is_right is None else max(is_right, 1 - is_right),
        world_landmarks=None if hand.world is None else hand.world[0],
    )
