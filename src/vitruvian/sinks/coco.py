"""Streams as COCO keypoint results, for tools that evaluate and annotate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np

from vitruvian.conversion import convert
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.staged import Staged, unwritable
from vitruvian.wire import to_wire

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks

__all__ = ["COCO_MARK", "CocoSink"]

COCO_MARK = b"[\n  \n"
"""How every written file begins: a list of results has no place for a comment, but it has white space."""

_SEEN = 0.5
_EXTRA = {"track_id", "handedness", "handedness_score"}


class CocoSink:
    """Writes the list of results that COCO's evaluation reads.

    One object for each instance::

        {
            "image_id": 12,  # position of the frame in the stream
            "category_id": 1,  # the only one: a person, or a hand of hand21
            "keypoints": [x, y, v, ...],  # three numbers for each landmark
            "score": 0.98,  # of the instance
            "bbox": [x, y, width, height],
            "track_id": 3,  # in streams with identities
            "handedness": "right",  # of hands, with "handedness_score"
        }

    Pixels keep the convention of the skeleton that the model gives. ``v`` is 2, visible, for a point whose
    score is 0.5 or more (or that has none), and 1, hidden, below; an unknown point is 0, 0, 0. The format has
    no place for frames without anybody.

    The file grows under a hidden name and is moved to its place at the end, also after an interruption.

    Args:
        path: The file to write.
        skeleton: Which points to write, such as ``coco17``; by default those of the landmarks. See
            ``convert``.
    """

    def __init__(self, path: Path, *, skeleton: str | None = None) -> None:
        self._path, self._skeleton = path, skeleton
        self._staged: Staged | None = None
        self._file: BinaryIO
        self._any = False

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Write the objects; see ``Sink.write``.

        Raises:
            OptionError: The landmarks cannot become those of ``skeleton``.
            SinkError: As ``Sink.write``.
        """
        people = convert(landmarks, self._skeleton or landmarks.skeleton.name)
        results = [json.dumps(one, allow_nan=False) for one in _results(frame.stamp.index, people)]
        try:
            if self._staged is None:
                self._open()
            for result in results:
                self._file.write(((",\n" if self._any else "") + result).encode("ascii"))
                self._any = True
        except OSError as error:
            raise unwritable(error, self._path) from error

    def _open(self) -> None:
        refuse_foreign(self._path, COCO_MARK, within=len(COCO_MARK))
        staged = Staged(self._path)
        with staged.opening():
            self._file = staged.part.open("wb")
        self._staged = staged
        self._file.write(COCO_MARK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Complete the file.

        Raises:
            SinkError: It cannot be completed; nothing is left behind.
        """
        staged, self._staged = self._staged, None
        if staged is not None:
            with staged:
                try:
                    self._file.write(b"\n]\n")
                finally:
                    self._file.close()


def _results(image: int, people: Landmarks) -> list[dict[str, Any]]:
    results = []
    for one, person in zip(to_wire(people), people, strict=True):
        known = np.isfinite(person.xy[0]).all(axis=1)
        seen = known if person.score is None else known & ~(person.score[0] < _SEEN)
        views = (known.astype(int) + seen).tolist()
        keypoints = [
            value
            for (x, y), view in zip(one["keypoints"], views, strict=True)
            for value in ((x, y, view) if view else (0, 0, 0))
        ]
        x0, y0, x1, y1 = person.box[0].astype(float).tolist()
        result = {
            "image_id": image,
            "category_id": 1,
            "keypoints": keypoints,
            "score": one["score"],
            "bbox": [round(value, 4) for value in (x0, y0, x1 - x0, y1 - y0)],
        }
        extra = {key: value for key, value in one.items() if key in _EXTRA and value is not None}
        results.append(result | extra)
    return results
