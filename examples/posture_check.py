"""Watch the posture of everybody in a clip, or look at it once in a photo.

python examples/posture_check.py clip.mp4
python examples/posture_check.py photo.jpg

Three angles, in degrees, from the landmarks in metres:

  forward head    of the line from shoulders to ears against the vertical, in front; below 0 it leans back
  shoulder tilt   of the line through the shoulders against the horizontal, whichever side is lower
  trunk lean      of the line from hips to shoulders against the vertical, in any direction

Each is "good" up to its limit and needs "attention" above it. In a clip a state is reported once it has
lasted for --hold seconds: a glance at the floor is no posture. A photo is judged at once. The camera must be
level. The limits are rules of thumb for standing and sitting, and no diagnosis. Forward head is known least
when seen from the front, since a single camera can only guess at depth; where hips are not in the picture,
the tilt of shoulders is read too small.
"""

import argparse
import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import vitruvian

SEEN = 0.5  # probability that a point is visible, and that it is in the picture, above which it counts
HINTS = {
    "forward head": "draw the chin back, ears above the shoulders",
    "shoulder tilt": "let both shoulders sink to one height",
    "trunk lean": "straighten up, shoulders above the hips",
}


@dataclass
class Watch:
    """The state of one angle of one person, which changes when the other one has lasted."""

    limit: float
    hold: float
    state: str = "not in sight"
    _next: str = ""
    _since: float = 0.0
    _last: float = -math.inf

    def add(self, time: float, degrees: float) -> float | None:
        """Take the next angle (NaN: not in sight); return since when there is a new state, if there is."""
        if math.isnan(degrees):
            return None
        state = "attention" if degrees > self.limit else "good"
        # What was not seen for so long may have been anything in between.
        if state != self._next or time - self._last > max(self.hold, 1.0):
            self._next, self._since = state, time
        self._last = time
        if state == self.state or time - self._since < self.hold:
            return None
        self.state = state
        return self._since


def slope(rise: float, run: float) -> float:
    """Return the angle of a slope; NaN if it is unknown."""
    return math.degrees(math.atan2(rise, run))


def points_of(person: vitruvian.Landmarks) -> dict[str, NDArray[np.float32]]:
    """Return where each point is, in metres: x right, y down, z away; NaN if out of sight."""
    assert person.world is not None  # noqa: S101  # the 33-point body has all three columns
    assert person.score is not None  # noqa: S101
    assert person.presence is not None  # noqa: S101
    seen = np.minimum(person.score, person.presence)[0] > SEEN
    metres = np.where(seen[:, None], person.world[0], np.nan)
    return dict(zip(person.skeleton.landmarks, metres, strict=True))


def posture(person: vitruvian.Landmarks) -> dict[str, float]:
    """Return the three angles in degrees; NaN where a point is hidden."""
    at = points_of(person)
    across = at["left_shoulder"] - at["right_shoulder"]
    shoulders = (at["left_shoulder"] + at["right_shoulder"]) / 2
    neck = (at["left_ear"] + at["right_ear"]) / 2 - shoulders
    trunk = shoulders - (at["left_hip"] + at["right_hip"]) / 2
    width = np.hypot(across[0], across[2])
    # Level, and at a right angle to the shoulders: where the chest points.
    ahead = np.array([across[2], 0, -across[0]]) / width
    return {
        "forward head": slope(neck @ ahead, -neck[1]),
        "shoulder tilt": slope(abs(across[1]), width),
        "trunk lean": slope(np.hypot(trunk[0], trunk[2]), -trunk[1]),
    }


def check(where: str, model: str, limits: dict[str, float], hold: float) -> None:
    """Follow everybody and print each new state."""
    everybody: dict[int, dict[str, Watch]] = {}
    with vitruvian.pose(model) as body, vitruvian.open_source(where) as source:
        still = isinstance(source, vitruvian.ImageSource)
        hold = 0.0 if still else hold
        # A photo has no time of its own; any rate gives it the time 0.
        for frame, people in body.stream(source, fps=1.0 if still else None):
            for person in people:
                time = frame.stamp.time
                assert time is not None and person.track_id is not None  # noqa: PT018, S101  # stream() sees to it
                track = int(person.track_id[0])
                if track not in everybody:
                    everybody[track] = {name: Watch(limit, hold) for name, limit in limits.items()}
                for name, degrees in posture(person).items():
                    watch = everybody[track][name]
                    since = watch.add(time, degrees)
                    if since is not None:
                        when = "" if still else f" since {since:.1f} s"
                        hint = f": {HINTS[name]}" if watch.state == "attention" else ""
                        print(f"person {track}: {name} {watch.state}{when}, {degrees:.0f} degrees{hint}")
    for track, watches in everybody.items():
        for name, watch in watches.items():
            if watch.state == "not in sight":
                print(f"person {track}: {name} not in sight{'' if still else ' for long enough'}")
    if not everybody:
        print("nobody in sight")


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("where", metavar="CLIP|PHOTO", help="a video, the address of a stream, or a photo")
    parser.add_argument("--forward-head", type=float, default=25.0, help="limit in degrees (%(default)s)")
    parser.add_argument("--shoulder-tilt", type=float, default=7.0, help="limit in degrees (%(default)s)")
    parser.add_argument("--trunk-lean", type=float, default=15.0, help="limit in degrees (%(default)s)")
    parser.add_argument("--hold", type=float, default=1.0, help="seconds a state must last (%(default)s)")
    parser.add_argument("--model", default="full", help="full, lite, heavy or a .task file (%(default)s)")
    arguments = parser.parse_args()
    limits = {name: getattr(arguments, name.replace(" ", "_")) for name in HINTS}
    try:
        check(arguments.where, arguments.model, limits, arguments.hold)
    except vitruvian.VitruvianError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
