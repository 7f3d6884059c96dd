"""Motion capture as C3D, the format of biomechanics laboratories."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from vitruvian.errors import SinkError
from vitruvian.sinks.motion import MotionSink
from vitruvian.sinks.sink import refuse_foreign

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.recording import Recording
    from vitruvian.sinks.motion import Motion

__all__ = ["C3D_MARK", "C3dSink", "write_c3d"]

C3D_MARK = b"Vitruvian"
"""The company in the group MANUFACTURER of every written file."""

_MARK_WITHIN = 1 << 16  # bytes: parameters come first
_MOST_FRAMES = 65_535  # the header counts with 16 bits
_BYTES = 16  # of a marker in a frame: three coordinates and the residual


class C3dSink(MotionSink):
    """Writes the world landmarks of one person, or one hand, as markers.

    What is written is what ``TrcSink`` writes, with its names: millimetres, x to the right in the picture, y
    up, z towards the viewer, from the middle of the hips (or of a hand's finger bases), at a constant rate.
    An unknown marker has the residual -1. At most 65,535 frames. Needs the extra ``c3d``.

    Args:
        path: The file to write.
        track_id: Whom to write; ``None`` is the person with most frames (or, in streams without identities,
            the first of each frame). Where nobody comes, all residuals are -1.
        everyone: Write each person to a file ``NAME.ID.c3d`` instead.

    Raises:
        OptionError: Both ``track_id`` and ``everyone`` are given.
        SinkError: ezc3d is not installed.
    """

    def __init__(self, path: Path, *, track_id: int | None = None, everyone: bool = False) -> None:
        _ezc3d(path)
        super().__init__(path, _save, _check, track_id=track_id, everyone=everyone)


def write_c3d(recording: Recording, path: Path, *, track_id: int | None = None) -> None:
    """Write one person of a recording, as ``C3dSink`` does.

    Raises:
        SinkError: It cannot be written, nobody has this track id, there are no world landmarks or times,
            the recording is too long, or ezc3d is not installed.
    """
    sink = C3dSink(path, track_id=track_id)
    for stamp, landmarks in recording:
        sink.add(stamp, landmarks)
    sink.finish()


def _ezc3d(path: Path) -> Any:  # noqa: ANN401  # a module
    try:
        return import_module("ezc3d")
    except ImportError as error:
        raise SinkError("C3D needs ezc3d; pip install 'vitruvian[c3d]'", path=path) from error


def _check(place: Path) -> None:
    refuse_foreign(place, C3D_MARK, within=_MARK_WITHIN)


def _save(part: Path, motion: Motion, place: Path) -> None:
    count, markers = motion.points.shape[:2]
    if count > _MOST_FRAMES:
        message = f"C3D holds at most {_MOST_FRAMES:,} frames, not {count:,}; write TRC, or a part of it"
        raise SinkError(message, path=place)
    unknown: NDArray[np.bool_] = np.asarray(np.isnan(motion.points).any(axis=2)).T
    points = np.ones((4, markers, count))
    points[:3] = np.where(unknown, np.nan, motion.points.transpose(2, 1, 0))
    file = _ezc3d(place).c3d()
    parameters = file["parameters"]["POINT"]
    parameters["LABELS"]["value"] = list(motion.markers)
    parameters["RATE"]["value"] = [motion.rate]
    parameters["UNITS"]["value"] = ["mm"]
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", ["+Y"])
    file.add_parameter("MANUFACTURER", "COMPANY", [C3D_MARK.decode("ascii")])
    file["data"]["points"] = points
    file["data"]["meta_points"]["residuals"] = -np.expand_dims(unknown, 0).astype(float)
    file["data"]["meta_points"]["camera_masks"] = np.zeros((7, markers, count), bool)
    _written(file, part, place, points.shape[1] * count * _BYTES)


def _written(file: Any, part: Path, place: Path, least: int) -> None:  # noqa: ANN401  # ezc3d has no types
    """Write the file and make sure that it is there: ezc3d says nothing if the disk is full."""
    named = part.with_name(f"{part.name}.c3d")  # ezc3d appends this to any other name
    try:
        str(named).encode("utf-8")
    except UnicodeEncodeError as error:
        raise SinkError("ezc3d cannot write to a path that is no text; choose another", path=place) from error
    try:
        file.write(str(named))
        if not named.exists() or named.stat().st_size < least:
            raise SinkError("cannot be written: the disk may be full", path=place)
        named.replace(part)
    finally:
        named.unlink(missing_ok=True)
