"""Hands of whole people: how many more are found than by the palm detector alone, how right, at what cost.

    python benchmarks/whole.py [--overlays FOLDER]

The search is the fast one everywhere: a thorough one finds more bodies and hands, which is another question.
Found means: reported. Where a hand is labelled, it is right if its points are on average within 0.3 of the
longer side of the labelled box, as in ``../shared/tools/eval_landmarks.py``, and each hand serves one label.
Of the other hands nobody but you can tell: ``--overlays`` draws them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from clips import SQUATS
from photos import POSE, Photo, gesture_photos, labelled_photos, labels, open_photos

import vitruvian
from vitruvian import Landmarks, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_NEAR = 0.3  # of the longer side of the labelled box
_SIDES = ("left", "right")

Hand = tuple["NDArray[np.float32]", str]
"""(21, 2) pixels, and which hand of the person's own it is."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--overlays", type=Path, metavar="FOLDER", help="draw the hands of whole people here")
    parser.add_argument("--repeats", type=int, default=5, help="times each photo is timed (default 5)")
    options = parser.parse_args()
    with (
        vitruvian.pose(search="fast") as bodies,
        vitruvian.pose(search="fast", hands=True) as whole,
        vitruvian.hands(search="fast", looks=1) as once,
        vitruvian.hands(search="fast") as hands,
    ):
        engines = {
            "palms, read once": lambda photo: _hands(once.estimate(photo.pixels)),
            "vitruvian.hands()": lambda photo: _hands(hands.estimate(photo.pixels)),
            "vitruvian.pose(hands=True)": lambda photo: _whole_hands(whole.estimate(photo.pixels)),
        }
        _found(engines)
        _right(engines)
        _time({"pose()": bodies, "pose(hands=True)": whole, "hands()": hands}, options.repeats)
        _clip(bodies, whole, hands)
        if options.overlays:
            _draw(whole, options.overlays)


def _hands(found: Landmarks) -> list[Hand]:
    right = np.empty(0) if found.handedness is None else found.handedness
    return [(xy, _SIDES[int(side > 0.5)]) for xy, side in zip(found.xy, right, strict=True)]


def _whole_hands(people: Landmarks) -> list[Hand]:
    parts = [(side, list(people.skeleton.parts[f"{side}_hand"])) for side in _SIDES]
    hands = [(person.xy[0, points], side) for person in people for side, points in parts]
    return [(xy, side) for xy, side in hands if np.isfinite(xy).all()]


def _found(engines: dict[str, Callable[[Photo], list[Hand]]]) -> None:
    turned = {row["file"] for row in labels() if row["derived"]}
    people = {photo.name for photo in labelled_photos(POSE)}
    gestures = {photo.name for photo in gesture_photos()}
    photos = [photo for photo in open_photos() if photo.name not in turned]
    print(f"Hands found on the {len(photos)} open photos (turned copies left out)\n")
    print("| | of people | of gestures | of hands alone | all | photos with a hand |")
    print("|---|---|---|---|---|---|")
    for name, engine in engines.items():
        counts = {photo.name: len(engine(photo)) for photo in photos}
        kinds = [
            sum(count for photo, count in counts.items() if photo in people),
            sum(count for photo, count in counts.items() if photo in gestures),
            sum(count for photo, count in counts.items() if photo not in people | gestures),
        ]
        seen = sum(count > 0 for count in counts.values())
        print(f"| {name} | {' | '.join(map(str, kinds))} | {sum(kinds)} | {seen} |")


def _right(engines: dict[str, Callable[[Photo], list[Hand]]]) -> None:
    rows = {row["file"]: row for row in labels() if row.get("hands") and not row["derived"]}
    photos = [photo for photo in open_photos() if photo.name in rows]
    total = sum(len(row["hands"]) for row in rows.values())
    difficult = sum(hand["difficult"] for row in rows.values() for hand in row["hands"])
    print(f"\nAgainst {total} labelled hands, of which {difficult} are difficult\n")
    print("| | right | of these on the right side |")
    print("|---|---|---|")
    for name, engine in engines.items():
        pairs = [pair for photo in photos for pair in _matched(engine(photo), rows[photo.name]["hands"])]
        sides = sum(side == label["handedness"] for (_, side), label in pairs)
        print(f"| {name} | {len(pairs)} | {sides} |")


def _matched(found: Sequence[Hand], wanted: Sequence[dict[str, Any]]) -> list[tuple[Hand, dict[str, Any]]]:
    """Return the hands that are right with their labels, best first, each once."""
    pairs = sorted(
        (error, row, column)
        for row, hand in enumerate(found)
        for column, label in enumerate(wanted)
        if (error := _error(hand[0], label)) <= _NEAR
    )
    matched: dict[int, int] = {}
    for _, row, column in pairs:
        if row not in matched and column not in matched.values():
            matched[row] = column
    return [(found[row], wanted[column]) for row, column in matched.items()]


def _error(xy: NDArray[np.float32], label: dict[str, Any]) -> float:
    """Return the mean distance of the labelled points, in longer sides of the labelled box."""
    keypoints = np.array(label["keypoints"], np.float64)
    known = keypoints[:, 2] > 0
    distances = np.hypot(*(xy[known] - keypoints[known, :2]).T)
    return float(distances.mean() / max(label["bbox"][2:]))


def _time(pipelines: dict[str, Pipeline], repeats: int) -> None:
    photos = open_photos()
    print(f"\nMilliseconds per photo: median over {len(photos)} photos of the best of {repeats}\n")
    print("| | ms |")
    print("|---|---|")
    for name, pipeline in pipelines.items():
        times = [min(_clock(pipeline, photo) for _ in range(repeats)) for photo in photos]
        print(f"| {name} | {statistics.median(times) * 1e3:.1f} |")


def _clock(pipeline: Pipeline, photo: Photo) -> float:
    start = time.perf_counter()
    pipeline.estimate(photo.pixels)
    return time.perf_counter() - start


def _clip(bodies: Pipeline, whole: Pipeline, hands: Pipeline) -> None:
    with vitruvian.open_source(SQUATS) as source:
        frames = list(source)
    print(f"\n{SQUATS.name} as a stream: {len(frames)} frames\n")
    print("| | ms per frame | both hands | one | none | identities |")
    print("|---|---|---|---|---|---|")
    for name, pipeline in (("pose()", bodies), ("pose(hands=True)", whole), ("hands()", hands)):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            results = [people for _, people in pipeline.stream(frames)]
            times.append(time.perf_counter() - start)
        cells = _counted(results) if pipeline is not bodies else ["", "", ""]
        ids = [people.track_id for people in results if people.track_id is not None]
        names = set(np.concatenate(ids).tolist())
        print(f"| {name} | {min(times) / len(frames) * 1e3:.1f} | {' | '.join(cells)} | {len(names)} |")


def _counted(results: Sequence[Landmarks]) -> list[str]:
    """Return how many frames have at least two hands, one, and none."""
    counts = [len(_whole_hands(people) if people.skeleton.name == "body75" else people) for people in results]
    return [str(sum(test)) for test in zip(*((n >= 2, n == 1, n == 0) for n in counts), strict=True)]


def _draw(whole: Pipeline, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for photo in open_photos():
        people = whole.estimate(photo.pixels)
        picture = vitruvian.draw_landmarks(photo.pixels, people)
        cv2.imwrite(str(folder / f"{Path(photo.name).stem}.jpg"), picture[..., ::-1])


if __name__ == "__main__":
    main()
