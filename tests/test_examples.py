"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

import cv2

EXAMPLES = Path(__file__).parents[1] / "examples"


def _run(name: str, *arguments: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_joint_angles(full_files, astronaut):
    lines = _run("joint_angles.py", astronaut).splitlines()
    assert len(lines) == 4
    assert any(line.endswith("hidden") for line in lines)


def test_mediapipe_script(lite_bundle, astronaut, tmp_path):
    printed = _run("mediapipe_script.py", lite_bundle, astronaut, tmp_path / "a.png")
    assert printed.startswith("1 people, 1 masks")
    picture, original = cv2.imread(str(tmp_path / "a.png")), cv2.imread(str(astronaut))
    assert 0.001 < (picture != original).any(axis=2).mean() < 0.2


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"joint_angles.py", "mediapipe_script.py"}
