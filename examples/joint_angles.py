"""Print the angles of elbows and knees of everybody in a photo, in degrees.

python examples/joint_angles.py photo.jpg
"""

import sys

import numpy as np
from numpy.typing import NDArray

import vitruvian

JOINTS = {
    f"{side} {joint}": tuple(f"{side}_{point}" for point in points)
    for side in ("left", "right")
    for joint, points in {"elbow": ("shoulder", "elbow", "wrist"), "knee": ("hip", "knee", "ankle")}.items()
}


def angle(world: NDArray[np.float32], points: tuple[int, ...]) -> float:
    """Return the angle at the middle one of three points, in degrees."""
    start, middle, end = world[list(points)]
    a, b = start - middle, end - middle
    return float(np.degrees(np.arccos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))))


def main(path: str) -> None:
    """Find everybody and print a line for each joint that is in sight."""
    with vitruvian.pose() as body:
        people = body.estimate(vitruvian.read_image(path))
    names = people.skeleton.landmarks
    for number, person in enumerate(people):
        assert person.world is not None  # noqa: S101  # the 33-point body has both columns
        assert person.score is not None  # noqa: S101
        for joint, parts in JOINTS.items():
            points = tuple(names.index(part) for part in parts)
            seen = person.score[0, list(points)].min() > 0.5
            degrees = f"{angle(person.world[0], points):.0f}" if seen else "hidden"
            print(f"person {number}, {joint}: {degrees}")


if __name__ == "__main__":
    main(sys.argv[1])
