"""Whole scripts written for MediaPipe, with nothing changed but their import lines."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[[str], dict[str, Any]]

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def run(lite_bundle: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_script(name: str) -> dict[str, Any]:
        text = (SCRIPTS / name).read_text(encoding="utf-8")
        ported = re.sub(r"^(from|import) mediapipe\b", r"\1 vitruvian.mediapipe", text, flags=re.MULTILINE)
        monkeypatch.setattr(sys, "argv", [name, str(lite_bundle), str(photo)])
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(ported, name, "exec"), names)  # noqa: S102 - the scripts beside this file
        return names

    return run_script


def test_short_names_and_a_with_statement(run: Run) -> None:
    names = run("aliases.py")
    assert len(names["points"]) == 33
    assert names["points"][0] == pytest.approx((0.56314 * 640, 0.20469 * 425), abs=0.1)


def test_notebook_with_protocol_buffers_and_masks(run: Run) -> None:
    names = run("notebook.py")
    before, after = names["image"].numpy_view(), names["annotated_image"]
    nose = (87, 360)
    assert tuple(after[nose]) == (224, 224, 224) != tuple(before[nose])
    assert names["visualized_mask"].shape == (425, 640, 3)
    assert (names["segmentation_mask"] > 0.5).mean() == pytest.approx(0.0977, abs=0.001)


def test_full_import_paths_and_the_drawing_of_the_tasks(run: Run) -> None:
    names = run("tasks_drawing.py")
    changed = (names["annotated_image"] != names["frame"]).any(axis=2)
    assert 0.005 < changed.mean() < 0.05
    assert np.any(np.all(names["annotated_image"] == (0, 138, 255), axis=2))
    assert names["left_shoulder"].x == pytest.approx(0.625906, abs=0.0002)
