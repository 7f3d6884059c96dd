"""One point of a result."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Landmark", "NormalizedLandmark"]


@dataclass
class Landmark:
    """A point in metres; the origin is near the middle of the hips, or of the hand.

    Attributes:
        x: To the right in the image.
        y: Downwards in the image.
        z: Away from the camera.
        visibility: Probability that the point is in view and not hidden; ``None`` for hands.
        presence: Probability that the point is inside the image; ``None`` for hands.
        name: Unused by poses and hands.
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    visibility: float | None = None
    presence: float | None = None
    name: str | None = None


@dataclass
class NormalizedLandmark:
    """A point in fractions of the image; outside of the image they leave the range from 0 to 1.

    Attributes:
        x: From the left edge, as a fraction of the width.
        y: From the top edge, as a fraction of the height.
        z: Away from the camera, relative to the hips or the wrist, as a fraction of the width.
        visibility: Probability that the point is in view and not hidden; ``None`` for hands.
        presence: Probability that the point is inside the image; ``None`` for hands.
        name: Unused by poses and hands.
    """

    x: float | None = None
    y: float | None = None
    z: float | None = None
    visibility: float | None = None
    presence: float | None = None
    name: str | None = None
