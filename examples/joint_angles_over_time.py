"""Write the joint angles of everybody in a clip, over time: a table (CSV) and, if wanted, a plot.

python examples/joint_angles_over_time.py clip.mp4 -o angles.csv --plot angles.png

The table has a row for each person and each frame that shows them, and replaces a file of that name. Times
are seconds from the beginning of the clip, angles are degrees, an angle with a hidden point is empty.

  knee, hip, elbow   180 is straight; the more bent, the smaller
  shoulder           between trunk and upper arm: 0 hanging, 90 level, 180 overhead
  trunk_lean         between the trunk and the vertical of the picture: 0 upright; hold the camera level

Angles come from the landmarks in metres, so that they do not depend on how far away somebody is. They are the
estimate of one camera: what happens along its line of sight is known least. Film knees from the side.
"""

import argparse
import csv
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vitruvian

# The angle is at the middle one of the three points.
JOINTS = {
    "knee": ("hip", "knee", "ankle"),
    "hip": ("shoulder", "hip", "knee"),
    "elbow": ("shoulder", "elbow", "wrist"),
    "shoulder": ("hip", "shoulder", "elbow"),
}
SIDES = ("left", "right")
COLUMNS = [*(f"{side}_{joint}" for joint in JOINTS for side in SIDES), "trunk_lean"]
PLOTS = (".png", ".svg", ".pdf")
SEEN = 0.5  # probability that a point is visible, and that it is in the picture, above which it counts
UP = np.array([0.0, -1.0, 0.0])  # y points down

Series = dict[int, dict[float, dict[str, float]]]  # person → time → column → degrees


def between(one: NDArray[np.float32], other: NDArray[Any]) -> float:
    """Return the angle between two directions in degrees; NaN if one is unknown."""
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return math.degrees(np.arccos(np.clip(cosine, -1, 1)))


def points_of(person: vitruvian.Landmarks) -> dict[str, NDArray[np.float32]]:
    """Return where each point is, in metres: x right, y down, z away; NaN if out of sight."""
    assert person.world is not None  # noqa: S101  # the 33-point body has all three columns
    assert person.score is not None  # noqa: S101
    assert person.presence is not None  # noqa: S101
    seen = np.minimum(person.score, person.presence)[0] > SEEN
    metres = np.where(seen[:, None], person.world[0], np.nan)
    return dict(zip(person.skeleton.landmarks, metres, strict=True))


def angles_of(person: vitruvian.Landmarks) -> dict[str, float]:
    """Return every column's angle of one person in degrees; NaN where a point is hidden."""
    at = points_of(person)
    angles = {}
    for joint, points in JOINTS.items():
        for side in SIDES:
            start, middle, end = (at[f"{side}_{point}"] for point in points)
            angles[f"{side}_{joint}"] = between(start - middle, end - middle)
    shoulders = at["left_shoulder"] + at["right_shoulder"]
    hips = at["left_hip"] + at["right_hip"]
    angles["trunk_lean"] = between(shoulders - hips, UP)
    return angles


def record(clip: str, model: str, cutoff: float | None) -> vitruvian.Recording:
    """Follow everybody through the clip."""
    smoothing = "live" if cutoff is None else "off"
    with vitruvian.pose(model) as body, vitruvian.open_source(clip) as source:
        recording = vitruvian.Recording.of(body.stream(source, smoothing=smoothing))
    return recording if cutoff is None else vitruvian.smooth_offline(recording, cutoff=cutoff)


def write_table(path: Path, recording: vitruvian.Recording) -> Series:
    """Write the rows, and return their angles."""
    series: Series = {}
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["time", "track_id", *COLUMNS])
        for stamp, people in recording:
            for person in people:
                assert stamp.time is not None and person.track_id is not None  # noqa: PT018, S101  # stream() sees to it
                track, angles = int(person.track_id[0]), angles_of(person)
                series.setdefault(track, {})[stamp.time] = angles
                cells = ("" if math.isnan(angles[name]) else f"{angles[name]:.1f}" for name in COLUMNS)
                table.writerow([f"{stamp.time:.3f}", track, *cells])
    return series


def draw_plot(path: Path, recording: vitruvian.Recording, series: Series) -> None:
    """Draw a panel for each joint, a line for each person and side; lines break where nothing is known."""
    try:
        # Only who wants a plot needs it; a type checker does not.
        from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        sys.exit(f"error: {error}; a plot needs matplotlib: pip install matplotlib")
    times = [stamp.time for stamp in recording.stamps]
    figure = Figure(figsize=(10, 12), layout="constrained")
    panels = figure.subplots(len(JOINTS) + 1, sharex=True)
    for panel, joint in zip(panels, [*JOINTS, "trunk_lean"], strict=True):
        for track, angles in series.items():
            for name in (name for name in COLUMNS if name.endswith(joint)):
                values = [angles[time][name] if time in angles else np.nan for time in times]
                panel.plot(times, values, marker=".", label=f"person {track}, {name.replace('_', ' ')}")
        panel.set_ylabel(f"{joint.replace('_', ' ')} (degrees)")
        if series:
            panel.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    panels[-1].set_xlabel("time (s)")
    figure.savefig(path)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", help="a video file")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("angles.csv"), help="the table (%(default)s)"
    )
    parser.add_argument(
        "--plot", type=Path, help="a picture of the angles (.png, .svg, .pdf; needs matplotlib)"
    )
    parser.add_argument("--cutoff", type=float, help="hertz: filter without lag (6 is usual; needs SciPy)")
    parser.add_argument("--model", default="full", help="full, lite, heavy or a .task file (%(default)s)")
    arguments = parser.parse_args()
    if arguments.output.suffix != ".csv":
        parser.error("--output: a name that ends with .csv")
    if arguments.plot and arguments.plot.suffix not in PLOTS:
        parser.error(f"--plot: a name that ends with one of {', '.join(PLOTS)}")
    try:
        recording = record(arguments.clip, arguments.model, arguments.cutoff)
        series = write_table(arguments.output, recording)
        print(f"{len(recording)} frames, people: {len(series)} -> {arguments.output}")
        if arguments.plot:
            draw_plot(arguments.plot, recording, series)
            print(f"plot -> {arguments.plot}")
    except (vitruvian.VitruvianError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
