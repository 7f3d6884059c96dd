"""MediaPipe in an environment of its own, made once and kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from engines import PEER
from processes import Contestant

from vitruvian.weights import default_cache

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["VERSION", "peer"]

VERSION = "1.2.2"


def peer(python: Path | None) -> Contestant:
    """Return MediaPipe, installed if need be.

    Args:
        python: An interpreter that has it; by default one in Vitruvian's cache folder.

    Raises:
        SystemExit: It cannot be installed, or ``python`` has another version.
    """
    contestant = Contestant(PEER, python or _installed())
    _check(contestant.python)
    return contestant


def _installed() -> Path:
    folder = default_cache() / "benchmarks" / f"mediapipe-{VERSION}"
    complete = folder / "complete"
    python = folder / "bin" / "python"
    if not complete.exists():
        print(f"installing MediaPipe {VERSION} into {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", f"mediapipe=={VERSION}"]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"pip could not install MediaPipe {VERSION}; its message is above")
        complete.touch()
    return python


def _check(python: Path) -> None:
    question = "from importlib.metadata import version; print(version('mediapipe'))"
    asked = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    answer = asked.stdout.strip() or "none"
    if answer != VERSION:
        raise SystemExit(f"{python}: has MediaPipe {answer}; the comparison is with {VERSION}")
