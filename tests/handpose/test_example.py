"""The example runs as it stands."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "handpose_script.py"


def test_the_script(hand_files, open_hand, tmp_path):
    results = tmp_path / "hands.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(open_hand), str(results)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"1 hands -> {results}\n")
    [hand] = json.loads(results.read_text())
    tip = hand["annotations"]["middleFinger"][-1]
    assert f"middle_finger {tip[0]:6.1f} {tip[1]:6.1f}" in done.stdout
