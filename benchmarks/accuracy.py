"""Accuracy: Vitruvian's bodies or hands on the labelled evaluation photos, scored with those of its peers.

Of hands, also how many are found, and marks: the exit status is 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import HANDS, PIPELINE, POSE, Engine, Found, Setup, open_engine
from photos import BUNDLES, DATA, SHARED, View, gesture_photos, labelled_photos, open_photos, views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from photos import Photo

    Predictions = Mapping[str, Sequence[Mapping[str, Any]]]

TASKS, LEGACY = "tasks_1.2.2", "legacy_0.10.21"
PEERS = {
    (POSE, "full"): (f"pose_{TASKS}_lite_n5", f"pose_{LEGACY}_full"),
    (POSE, "crop"): (f"pose_{TASKS}_lite_crop", f"pose_{LEGACY}_full_crop"),
    (HANDS, "full"): (f"hand_{TASKS}", f"hand_{LEGACY}"),
    (HANDS, "crop"): (f"hand_{TASKS}_crop", f"hand_{LEGACY}_crop"),
}
LABELS = {POSE: "body", HANDS: "hand"}
OURS, ONCE, COMPATIBLE = "vitruvian", "vitruvian, looks=1", "vitruvian, looks=1, upright=False"
_RECALL = 0.60  # of hands, on whole pictures
_MARKS = {
    "recall": "recall",
    "PCK.2": "PCK.2 of the hands found",
    "PCK.2 all": "PCK.2, all points of a hand not found wrong",
}


def main() -> int:
    """Write predictions, score them, and return the exit status."""
    options, others = _parser().parse_known_args()
    model = options.model or str(BUNDLES[options.task])
    setups = {OURS: Setup(model, options.task, options.most or 5)}
    if options.task == HANDS:
        setups = {
            OURS: Setup(model, HANDS, options.most, own=True),
            ONCE: Setup(model, HANDS, options.most, upright=True),
            COMPATIBLE: Setup(model, HANDS, options.most),
        }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [_written(folder / f"{title}.json", predictions(setup)) for title, setup in setups.items()]
        peers = [DATA / "eval" / "peers" / f"{peer}.json" for peer in PEERS[options.task, options.mode]]
        report = folder / "report.json"
        choice = ["--task", LABELS[options.task], "--mode", options.mode, "--json", report, *others]
        status = score("--labels", DATA / "eval" / "labels.json", "--predictions", *files, *peers, *choice)
        if status or options.task == POSE:
            return status
        counts = _counts(setups, folder)
        return 0 if _print_marks(json.loads(report.read_text("utf-8")), options.mode, counts) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Other options go to the scoring, such as --by tag."
    )
    parser.add_argument("--task", choices=(POSE, HANDS), default=POSE, help="what is scored")
    parser.add_argument("--mode", choices=("full", "crop"), default="full", help="whole photos, or cut out")
    parser.add_argument("--model", help="path of a bundle, or the name of a model")
    parser.add_argument("--most", type=int, help="most people (5) or hands (all) in a photo")
    return parser


def predictions(setup: Setup) -> Predictions:
    """Return photo or cut-out → what is there, in the form that the scoring reads."""
    engines = {True: open_engine(PIPELINE, setup), False: open_engine(PIPELINE, replace(setup, most=1))}
    return {view.name: _instances(engines[view.whole], view) for view in views(setup.task)}


def score(*arguments: str | Path) -> int:
    """Run the scoring, which prints, and return its exit status."""
    command = [sys.executable, SHARED / "tools" / "eval_landmarks.py", *arguments]
    sys.stdout.flush()
    return subprocess.run(command, check=False).returncode


def _written(file: Path, content: Predictions) -> Path:
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def _instances(engine: Engine, view: View) -> list[dict[str, Any]]:
    found = engine.read(engine.detect(view.pixels), view.pixels)
    found.points[..., :2] += view.corner
    return _hands(found) if len(found.right) else _people(found)


def _people(people: Found) -> list[dict[str, Any]]:
    return [
        {
            "layout": "mediapipe33",
            "score": float(points[:, 3].mean()),
            "keypoints": points[:, [0, 1, 3]].round(4).tolist(),
        }
        for points in people.points
    ]


def _hands(hands: Found) -> list[dict[str, Any]]:
    """Return hands as the peers have them: the score is that of the side."""
    return [
        {
            "layout": "hand21",
            "score": max(right, 1 - right),
            "keypoints": points[:, :2].round(4).tolist(),
            "handedness": "right" if right > 0.5 else "left",
        }
        for points, right in zip(hands.points, hands.right.tolist(), strict=True)
    ]


def _counts(setups: Mapping[str, Setup], folder: Path) -> dict[str, int]:
    """Print how many hands are found, of gestures and on all open photos; return the last."""
    print("\nhow many hands are found on the photos of gestures")
    files = []
    for title, setup in setups.items():
        engine = open_engine(PIPELINE, setup)
        found = {photo.name: _instances(engine, _whole(photo)) for photo in gesture_photos()}
        files.append(_written(folder / f"{title}.json", found))
    peers = [DATA / "hands" / "peers" / f"{peer}.json" for peer in PEERS[HANDS, "full"]]
    score("--photos", DATA / "hands" / "index.json", "--predictions", *files, *peers)
    print("\nhow many hands are found on the open photos")
    return {title: _count(title, setup) for title, setup in setups.items()}


def _count(title: str, setup: Setup) -> int:
    """Print how many hands are found on the open photos, and return it."""
    engine = open_engine(PIPELINE, setup)
    sets = {
        "all": open_photos(),
        "with labelled hands": labelled_photos(HANDS),
        "of gestures": gesture_photos(),
    }
    counts = {
        name: [len(engine.read(engine.detect(photo.pixels), photo.pixels).points) for photo in photos]
        for name, photos in sets.items()
    }
    rows = (
        f"{sum(found)} on {sum(map(bool, found))} of {len(found)} {name}" for name, found in counts.items()
    )
    print(f"  {title:36}" + ", ".join(rows))
    return sum(counts["all"])


def _whole(photo: Photo) -> View:
    return View(photo.name, photo.pixels, (0, 0))


def _print_marks(
    report: Mapping[str, Mapping[str, Mapping[str, float]]], mode: str, counts: Mapping[str, int]
) -> bool:
    """Print whether each mark is reached, and return whether all are."""
    ours, theirs = (report[name]["hand"] for name in (OURS, PEERS[HANDS, mode][0]))
    marks = [
        (f"{title}, no lower than MediaPipe's", ours[name], theirs[name]) for name, title in _MARKS.items()
    ]
    if mode == "full":
        marks.append(("recall", ours["recall"], _RECALL))
    marks.append(("hands on the open photos, as many as by upright=False", counts[OURS], counts[COMPATIBLE]))
    print()
    for title, value, least in marks:
        print(f"  {'pass' if value >= least else 'MISS'}  {title}: {value:.4g} (>= {least:.4g})")
    return all(value >= least for _, value, least in marks)


if __name__ == "__main__":
    sys.exit(main())
