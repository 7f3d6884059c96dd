"""Accuracy: Vitruvian's bodies on the labelled evaluation photos, scored with those of its peers."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import PIPELINE, People, Setup, open_engine
from photos import BUNDLE, DATA, SHARED, body_photos

if TYPE_CHECKING:
    from collections.abc import Sequence

PEERS = ("pose_tasks_1.2.2_lite_n5.json", "pose_legacy_0.10.21_full.json")


def main() -> int:
    """Write predictions, score them, and return the exit status of the scoring."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Other options go to the scoring, such as --by tag."
    )
    parser.add_argument("--model", default=str(BUNDLE), help="path of a bundle, or the name of a model")
    parser.add_argument("--num-poses", type=int, default=5, help="most people in a photo")
    options, others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = Path(folder) / "vitruvian.json"
        ours.write_text(json.dumps(predictions(Setup(options.model, options.num_poses))), encoding="utf-8")
        return score([ours, *(DATA / "eval" / "peers" / name for name in PEERS)], others)


def predictions(setup: Setup) -> dict[str, list[dict[str, Any]]]:
    """Return photo → its people, in the form that the scoring reads."""
    engine = open_engine(PIPELINE, setup)
    return {
        photo.name: _instances(engine.read(engine.detect(photo.pixels), photo.pixels))
        for photo in body_photos()
    }


def score(files: Sequence[Path], options: Sequence[str]) -> int:
    """Print the scores of some predictions and return the exit status."""
    command: list[str | Path] = [sys.executable, SHARED / "tools" / "eval_landmarks.py", *options]
    command += ["--labels", DATA / "eval" / "labels.json", "--task", "body", "--predictions", *files]
    return subprocess.run(command, check=False).returncode


def _instances(people: People) -> list[dict[str, Any]]:
    return [
        {
            "layout": "mediapipe33",
            "score": float(points[:, 3].mean()),
            "keypoints": points[:, [0, 1, 3]].round(4).tolist(),
        }
        for points in people.points
    ]


if __name__ == "__main__":
    sys.exit(main())
