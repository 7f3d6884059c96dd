"""Stills as JSON: one file, one picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vitruvian.errors import SourceError
from vitruvian.sinks.sink import only_frame, write_result
from vitruvian.skeleton import Skeleton
from vitruvian.wire import from_wire, to_wire

if TYPE_CHECKING:
    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks
    from vitruvian.provenance import Provenance

__all__ = ["JSON_MARK", "JsonSink", "read_json"]

JSON_MARK = b'{"image": {"path": '
"""How every written file begins."""


class JsonSink:
    """Writes the landmarks of one picture.

    The file holds one object::

        {
            "image": {"path", "width", "height"},
            "model": {"name", "files", "runtime"},
            "skeleton": "body33",  # or hand21, ...: what the points are called, and their order
            "instances": [
                {
                    "bbox": [x0, y0, x1, y1],  # pixels
                    "score": 0.98,  # of the instance
                    "keypoints": [[x, y], ...],  # pixels
                    "keypoint_scores": [...],
                    "presence": [...],
                    "depth": [...],  # pixels
                    "world_keypoints": [[x, y, z], ...],  # metres
                    "handedness": "right",  # or left: the person's own hand
                    "handedness_score": 0.97,  # probability of the side that is named
                    "track_id": null,
                }
            ],
        }

    What a model does not give is null: scores of single points of hands, the side of bodies. So is an unknown
    point.

    Args:
        path: The file to write.
        model: What made the landmarks.
    """

    def __init__(self, path: Path, model: Provenance) -> None:
        self._path, self._model = path, model

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Write the file; see ``Sink.write``."""
        stamp, model = only_frame(frame, self._path).stamp, self._model
        result = {
            "image": {"path": stamp.source, "width": stamp.width, "height": stamp.height},
            "model": {"name": model.name, "files": list(model.files), "runtime": model.runtime},
            "skeleton": landmarks.skeleton.name,
            "instances": to_wire(landmarks),
        }
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
        # A path may hold bytes that are no text: JSON has escapes for them, and Python reads these back.
        write_result(self._path, (text + "\n").encode("utf-8", "backslashreplace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to complete."""


def read_json(path: str | Path) -> Landmarks:
    """Read the landmarks of one picture that ``JsonSink`` wrote.

    Raises:
        SourceError: There is no such file, or it holds something else.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        return from_wire(data["instances"], Skeleton.named(data["skeleton"]))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=path) from error
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"not landmarks of a picture as Vitruvian writes them: {error}", path=path
        ) from error
