"""Whole scripts written for MediaPipe, with nothing changed but their import lines."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., dict[str, Any]]

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def run(lite_bundle: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_script(name: str, picture: Path = photo, model: Path = lite_bundle) -> dict[str, Any]:
        text = (SCRIPTS / name).read_text(encoding="utf-8")
        ported = re.sub(r"^(from|import) mediapipe\b", r"\1 vitruvian.mediapipe", text, flags=re.MULTILINE)
        monkeypatch.setattr(sys, "argv", [name, str(model), str(picture)])
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


def test_live_camera_with_a_callback(run: Run, clips: Path) -> None:
    names = run("live_camera.py", clips / "pose_squats.mp4")
    submitted, calls = names["submitted"], names["calls"]
    assert len(submitted) == 65
    assert set(calls) <= set(submitted)
    assert calls == sorted(calls)
    assert (calls[0], calls[-1]) == (submitted[0], submitted[-1])
    assert names["COUNTER"] == len(calls) > 10
    assert len(names["DETECTION_RESULT"].pose_landmarks[0]) == 33
    assert names["drawn"][-1] > 0.5  # the mask turns everything around the person grey


def test_webcam_loop_with_solutions(run: Run, clips: Path, full_files: object) -> None:
    names = run("webcam_loop.py", clips / "pose_squats.mp4")
    angles = names["angles"]
    assert len(angles) == len(names["changed"]) == 65
    assert min(angles) < 110
    assert max(angles) > 160
    assert all(0.005 < share < 0.1 for share in names["changed"])


def test_live_camera_with_hands(run: Run, hand_clip: Path, hand_bundle: Path) -> None:
    names = run("hands_live_camera.py", hand_clip, hand_bundle)
    submitted, calls = names["submitted"], names["calls"]
    assert len(submitted) == 202
    assert set(calls) <= set(submitted)
    assert calls == sorted(calls)
    assert (calls[0], calls[-1]) == (submitted[0], submitted[-1])
    assert [len(each) for each in names["DETECTION_RESULT"].hand_landmarks] == [21]
    assert names["DETECTION_RESULT"].handedness[0][0].category_name == "Left"  # a right one, mirrored
    assert 0.005 < names["drawn"][-1] < 0.2


def test_webcam_loop_with_hands(run: Run, hand_clip: Path, hands_files: object) -> None:
    names = run("hands_webcam_loop.py", hand_clip)
    assert len(names["changed"]) == 202
    assert all(0.005 < share < 0.2 for share in names["changed"])
    pinches = names["pinches"]  # seen with the eye: closed at first, then the hand opens
    assert len(pinches) == 202
    assert max(pinches[:8]) < 10
    assert min(pinches[100:]) > 100
    assert set(names["labels"][30:]) == {"Right"}
