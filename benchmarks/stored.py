"""Stored predictions of MediaPipe, and on which pixels they were made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from clips import PALM, frames
from engines import POINTS, POSE, Found, Setup
from photos import DATA, View, gesture_photos, views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Stored", "stored"]


@dataclass(frozen=True)
class Stored:
    """The file of a version of MediaPipe.

    Attributes:
        name: Its path in the folder of data, without suffix.
        setup: With which we are to find the same.
    """

    name: str
    setup: Setup

    def views(self) -> Iterator[tuple[View, Found]]:
        """Yield the pictures in the file, and what was found in each; NaN is what the file does not say."""
        predictions = json.loads((DATA / f"{self.name}.json").read_text("utf-8"))
        for view in self._pictures():
            if view.name in predictions:
                yield view, _found(predictions[view.name], self.setup.task)

    def _pictures(self) -> Iterator[View]:
        if self.name.startswith("eval/"):
            yield from views(self.setup.task)
        elif self.name.startswith("hands/"):
            yield from (View(photo.name, photo.pixels, (0, 0)) for photo in gesture_photos())
        else:
            for index, pixels in enumerate(frames(PALM)):
                yield View(f"{PALM.name}#f{index:04}", pixels, (0, 0))


def stored(task: str, bundle: str) -> list[Stored]:
    """Return what there is of a task."""
    if task == POSE:
        legacy = Setup("full", nms_iou=0.3, heatmap_kernel=9)
        return [
            Stored("eval/peers/pose_tasks_1.2.2_lite_n1", Setup(bundle)),
            Stored("eval/peers/pose_tasks_1.2.2_lite_n5", Setup(bundle, most=5)),
            Stored("eval/peers/pose_tasks_1.2.2_lite_crop", Setup(bundle)),
            Stored("eval/peers/pose_legacy_0.10.21_full", legacy),
            Stored("eval/peers/pose_legacy_0.10.21_full_crop", legacy),
        ]
    old: dict[str, Any] = {"upright": True, "distinct": False}
    return [
        Stored("eval/peers/hand_tasks_1.2.2", Setup(bundle, task, 2)),
        Stored("eval/peers/hand_tasks_1.2.2_crop", Setup(bundle, task, 1)),
        Stored("hands/peers/hand_tasks_1.2.2", Setup(bundle, task, 2)),
        Stored(
            "clips/peers/hand_open_palm_hand_tasks_1.2.2",
            Setup(bundle, task, 2, video=True, loop="compatible"),
        ),
        Stored("eval/peers/hand_legacy_0.10.21", Setup(bundle, task, 2, **old)),
        Stored("eval/peers/hand_legacy_0.10.21_crop", Setup(bundle, task, 1, **old)),
        Stored("hands/peers/hand_legacy_0.10.21", Setup(bundle, task, 2, **old)),
        Stored(
            "clips/peers/hand_open_palm_hand_legacy_0.10.21",
            Setup(bundle, task, 2, video=True, loop="legacy", **old),
        ),
    ]


def _found(rows: Sequence[Mapping[str, Any]], task: str) -> Found:
    """Return one picture's predictions: x, y and, of people, visibility."""
    stored_ = np.array([row["keypoints"] for row in rows], np.float64).reshape(-1, POINTS[task], 3)
    unknown = np.full_like(stored_[..., :1], np.nan)
    columns = [stored_[..., :2], unknown]
    if task == POSE:
        columns += [stored_[..., 2:], unknown]
    right = [
        row["score"] if row["handedness"] == "right" else 1 - row["score"] for row in rows if task != POSE
    ]
    world = np.full_like(stored_, np.nan)
    return Found(np.concatenate(columns, axis=2), world, right=np.array(right, np.float64))
