"""Count the squats or push-ups of everybody in a clip.

python examples/count_repetitions.py clip.mp4 --exercise squat

A repetition goes from straight (up) to bent (down) and back to straight. It counts when the person is up.

  squat    the knees bend to 100 degrees or less, and stretch to 145 or more
  pushup   the elbows bend to 100 degrees or less, and stretch to 150 or more, while the trunk is within
           45 degrees of the horizontal

What lies between the two angles changes nothing: trembling near one of them is not counted twice, and half
a repetition is none. Who is down at first must come up once before anything counts. Who is out of sight (or,
for push-ups, upright) for more than a second starts afresh. Film from the side, with a level camera.
"""

import argparse
import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import vitruvian

SEEN = 0.5  # probability that a point is visible, and that it is in the picture, above which it counts
HELD = 0.1  # seconds that up or down must last, so that a wrong picture or two do not count
LOST = 1.0  # seconds out of sight, after which nothing is known of how somebody stands
LYING = 45.0  # degrees between trunk and horizontal


@dataclass(frozen=True)
class Exercise:
    """What is watched: the angle at the middle one of three points, in degrees."""

    points: tuple[str, str, str]
    bent: float
    straight: float
    lying: bool = False


EXERCISES = {
    "squat": Exercise(("hip", "knee", "ankle"), bent=100, straight=145),
    "pushup": Exercise(("shoulder", "elbow", "wrist"), bent=100, straight=150, lying=True),
}


@dataclass(frozen=True)
class Repetition:
    """One of them, in seconds: when it began, was deepest and ended; and how deep it was, in degrees."""

    start: float
    lowest_at: float
    end: float
    lowest: float


class Counter:
    """Counts the repetitions of one person: first unknown, then up, down, up, and so on."""

    def __init__(self, exercise: Exercise) -> None:
        self.count = 0
        self.phase = "unknown"
        self._exercise = exercise
        self._last, self._reached, self._since = -math.inf, "", 0.0
        self._start, self._lowest, self._lowest_at = 0.0, math.inf, 0.0

    def add(self, time: float, angle: float) -> Repetition | None:
        """Take the next angle (NaN: out of sight); return the repetition that is complete with it."""
        if math.isnan(angle):
            return None
        if time - self._last > LOST:
            self.phase, self._reached = "unknown", ""
        self._last = time
        bent, straight = angle <= self._exercise.bent, angle >= self._exercise.straight
        if self.phase != "down" and straight:
            self._start, self._lowest = time, math.inf
        if angle < self._lowest:
            self._lowest, self._lowest_at = angle, time
        reached = "down" if bent else "up" if straight else ""
        if reached != self._reached:
            self._reached, self._since = reached, time
        return self._step(time) if reached and time - self._since >= HELD else None

    def _step(self, time: float) -> Repetition | None:
        before = self.phase
        if (before, self._reached) == ("unknown", "down"):
            return None
        self.phase = self._reached
        if (before, self.phase) != ("down", "up"):
            return None
        self.count += 1
        done = Repetition(self._start, self._lowest_at, self._since, self._lowest)
        self._start, self._lowest = time, math.inf
        return done


def angle_at(start: NDArray[np.float32], middle: NDArray[np.float32], end: NDArray[np.float32]) -> float:
    """Return the angle at the middle one of three points in degrees; NaN if one is unknown."""
    a, b = start - middle, end - middle
    return math.degrees(np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1)))


def points_of(person: vitruvian.Landmarks) -> dict[str, NDArray[np.float32]]:
    """Return where each point is, in metres: x right, y down, z away; NaN if out of sight."""
    assert person.world is not None  # noqa: S101  # the 33-point body has all three columns
    assert person.score is not None  # noqa: S101
    assert person.presence is not None  # noqa: S101
    seen = np.minimum(person.score, person.presence)[0] > SEEN
    metres = np.where(seen[:, None], person.world[0], np.nan)
    return dict(zip(person.skeleton.landmarks, metres, strict=True))


def joint_angle(person: vitruvian.Landmarks, exercise: Exercise) -> float:
    """Return the mean angle of the sides that are in sight and in position; NaN if none is."""
    at = points_of(person)
    angles = []
    for side in ("left", "right"):
        trunk = at[f"{side}_shoulder"] - at[f"{side}_hip"]
        slope = math.degrees(np.arcsin(abs(trunk[1]) / np.linalg.norm(trunk)))
        angle = angle_at(*(at[f"{side}_{point}"] for point in exercise.points))
        if not math.isnan(angle) and (slope <= LYING or not exercise.lying):
            angles.append(angle)
    return sum(angles) / len(angles) if angles else math.nan


def count(clip: str, model: str, name: str) -> None:
    """Follow everybody through the clip and print what they do."""
    exercise = EXERCISES[name]
    counters: dict[int, Counter] = {}
    with vitruvian.pose(model) as body, vitruvian.open_source(clip) as source:
        for frame, people in body.stream(source):
            for person in people:
                time = frame.stamp.time
                assert time is not None and person.track_id is not None  # noqa: PT018, S101  # stream() sees to it
                track = int(person.track_id[0])
                counter = counters.setdefault(track, Counter(exercise))
                done = counter.add(time, joint_angle(person, exercise))
                if done:
                    when = f"from {done.start:.1f} s to {done.end:.1f} s, deepest at {done.lowest_at:.1f} s"
                    depth = f"{exercise.points[1]} {done.lowest:.0f} degrees"
                    print(f"person {track}: {name} {counter.count} {when}: {depth}", flush=True)
    for track, counter in counters.items():
        begun = ", one more begun and not finished" if counter.phase == "down" else ""
        print(f"person {track}: {counter.count} x {name}{begun}")
    if not counters:
        print("nobody in sight")


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", help="a video file, or the address of a stream")
    parser.add_argument("--exercise", choices=EXERCISES, required=True, help="what to count")
    parser.add_argument("--model", default="full", help="full, lite, heavy or a .task file (%(default)s)")
    arguments = parser.parse_args()
    try:
        count(arguments.clip, arguments.model, arguments.exercise)
    except vitruvian.VitruvianError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
