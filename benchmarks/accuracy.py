"""Accuracy: Vitruvian's bodies or hands on the labelled evaluation photos, scored with those of its peers.

Of hands, also how many are found. The exit status is 1 if a mark is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import HANDS, PIPELINE, POSE, Engine, Found, Setup, open_engine
from photos import BUNDLES, DATA, SHARED, View, gesture_photos, labelled_photos, open_photos, views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from photos import Photo

    Predictions = Mapping[str, Sequence[Mapping[str, Any]]]
    Report = Mapping[str, Mapping[str, Mapping[str, float]]]

TASKS, LEGACY = "tasks_1.2.2", "legacy_0.10.21"
PEERS = {
    (POSE, "full"): (f"pose_{TASKS}_lite_n5", f"pose_{LEGACY}_full"),
    (POSE, "crop"): (f"pose_{TASKS}_lite_crop", f"pose_{LEGACY}_full_crop"),
    (HANDS, "full"): (f"hand_{TASKS}", f"hand_{LEGACY}"),
    (HANDS, "crop"): (f"hand_{TASKS}_crop", f"hand_{LEGACY}_crop"),
}
LABELS = {POSE: "body", HANDS: "hand"}
MODELS = {POSE: {"full": "full", "lite": str(BUNDLES[POSE])}, HANDS: {"full": str(BUNDLES[HANDS])}}
"""Task → what our rows call a model, and its name or bundle; the marks are those of the first."""

_NO_LOWER = {
    "recall": "recall",
    "PCK.2": "PCK.2 of the hands found",
    "PCK.2 all": "PCK.2, all points of a hand not found wrong",
}


@dataclass(frozen=True)
class Mark:
    """What a number must reach.

    Attributes:
        title: What it is.
        value: What it came to.
        limit: Where the mark lies.
        most: Whether the number must not be larger, instead of not smaller.
    """

    title: str
    value: float
    limit: float
    most: bool = False

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.value <= self.limit if self.most else self.value >= self.limit

    def __str__(self) -> str:
        """Return the line that says so."""
        sign = "<=" if self.most else ">="
        verdict = "pass" if self.reached else "MISS"
        return f"  {verdict}  {self.title}: {self.value:.4g} ({sign} {self.limit:.4g})"


def main() -> int:
    """Write predictions, score them, and return the exit status."""
    options, others = _parser().parse_known_args()
    whole = options.mode == "full"
    rows = _setups(options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [_written(folder / f"{title}.json", predictions(rows[title], whole=whole)) for title in rows]
        peers = [DATA / "eval" / "peers" / f"{peer}.json" for peer in PEERS[options.task, options.mode]]
        report = folder / "report.json"
        choice = ["--task", LABELS[options.task], "--mode", options.mode, "--json", report, *others]
        status = score("--labels", DATA / "eval" / "labels.json", "--predictions", *files, *peers, *choice)
        if status:
            return status
        numbers = json.loads(report.read_text("utf-8"))
        if options.task == POSE:
            marks = _body_marks(numbers, list(rows)) if whole else []
        else:
            marks = _hand_marks(numbers, list(rows), _counts(rows, folder), options.mode)
    print("\n" + "\n".join(map(str, marks)))
    return 0 if all(mark.reached for mark in marks) else 1


def _setups(options: argparse.Namespace) -> dict[str, Setup]:
    """Return our rows: of each model first the thorough search, then the fast one."""
    task, models = options.task, MODELS[options.task]
    if options.model:
        models = {Path(options.model).stem: options.model}
    rows = {}
    for name, model in models.items():
        thorough = Setup(model, task, options.most, own=task == HANDS, search="auto")
        fast = replace(thorough, search="fast", most=options.most or (5 if task == POSE else None))
        rows[f"{name}, thorough"] = thorough
        rows[f"{name}, fast"] = fast
        rows[f"{name}, thorough, accuracy=high"] = replace(thorough, accuracy="high")
        if task == HANDS:
            rows[f"{name}, fast, looks=1"] = replace(fast, own=False, upright=True)
            rows[f"{name}, fast, looks=1, upright=False"] = replace(fast, own=False)
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Other options go to the scoring, such as --by tag."
    )
    parser.add_argument("--task", choices=(POSE, HANDS), default=POSE, help="what is scored")
    parser.add_argument("--mode", choices=("full", "crop"), default="full", help="whole photos, or cut out")
    parser.add_argument("--model", help="path of a bundle, or the name of a model, in place of ours")
    parser.add_argument(
        "--most", type=int, help="most people (thorough: all; fast: 5) or hands (all) in a photo"
    )
    return parser


def predictions(setup: Setup, *, whole: bool) -> Predictions:
    """Return photo or cut-out → what is there, in the form that the scoring reads."""
    engine = open_engine(PIPELINE, setup if whole else replace(setup, most=1))
    seen = (view for view in views(setup.task) if view.whole == whole)
    return {view.name: _instances(engine, view, setup) for view in seen}


def score(*arguments: str | Path) -> int:
    """Run the scoring, which prints, and return its exit status."""
    command = [sys.executable, SHARED / "tools" / "eval_landmarks.py", *arguments]
    sys.stdout.flush()
    return subprocess.run(command, check=False).returncode


def _written(file: Path, content: Predictions) -> Path:
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def _instances(engine: Engine, view: View, setup: Setup) -> list[dict[str, Any]]:
    """Return what is in a view, ranked by a thorough search; of a fast one, scored as the peers score."""
    found = engine.read(engine.detect(view.pixels), view.pixels)
    found.points[..., :2] += view.corner
    instances = _hands(found) if setup.task == HANDS else _people(found)
    if setup.search == "fast":
        return instances
    return [{**one, "score": rank} for one, rank in zip(instances, found.score.tolist(), strict=True)]


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
        found = {photo.name: _instances(engine, _whole(photo), setup) for photo in gesture_photos()}
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


def _body_marks(report: Report, rows: Sequence[str]) -> list[Mark]:
    """Return the marks of bodies on whole photos: those of the thorough search."""
    ours = report[rows[0]]["body"]
    return [
        Mark(f"{rows[0]}: recall50", ours["recall50"], 0.75),
        Mark(f"{rows[0]}: AP", ours["AP"], 0.55),
        Mark(f"{rows[0]}: PCK.2, all joints of all persons", ours["PCK.2 all"], 0.68),
        Mark(f"{rows[0]}: extra detections", ours["extra"], 12, most=True),
        *_turned(report, rows, "body", "recall50"),
    ]


def _hand_marks(report: Report, rows: Sequence[str], counts: Mapping[str, int], mode: str) -> list[Mark]:
    """Return the marks of hands: on whole photos those of the thorough search, and those of the fast one."""
    thorough, fast, compatible = rows[0], rows[1], rows[-1]
    marks = []
    if mode == "full":
        ours = report[thorough]["hand"]
        marks = [
            Mark(f"{thorough}: recall", ours["recall"], 0.75),
            Mark(f"{thorough}: PCK.2 of the hands found", ours["PCK.2"], 0.93),
            Mark(f"{thorough}: extra detections", ours["extra"], 3, most=True),
            *_turned(report, rows, "hand", "recall"),
            Mark(f"{fast}: recall", report[fast]["hand"]["recall"], 0.60),
        ]
    theirs = report[PEERS[HANDS, mode][0]]["hand"]
    for name, title in _NO_LOWER.items():
        value = report[fast]["hand"][name]
        marks.append(Mark(f"{fast}: {title}, no lower than MediaPipe's", value, theirs[name]))
    title = f"{fast}: hands on the open photos, as many as by upright=False"
    return [*marks, Mark(title, counts[fast], counts[compatible])]


def _turned(report: Report, rows: Sequence[str], task: str, name: str) -> list[Mark]:
    """Return that a thorough search loses nothing on the rotated copies, if they were scored."""
    thorough, fast = (report[row].get(f"{task}-rotatedcopies") for row in rows[:2])
    if thorough is None or fast is None:
        return []
    title = f"{rows[0]}: {name} on the rotated copies, no lower than the fast search's"
    return [Mark(title, thorough[name], fast[name])]


if __name__ == "__main__":
    sys.exit(main())
