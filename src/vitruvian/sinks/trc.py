"""Motion capture as TRC, the track row column format that OpenSim reads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vitruvian.errors import shown
from vitruvian.sinks.motion import MotionSink
from vitruvian.sinks.sink import refuse_foreign

if TYPE_CHECKING:
    from pathlib import Path

    from vitruvian.recording import Recording
    from vitruvian.sinks.motion import Motion

__all__ = ["TRC_MARK", "TrcSink", "write_trc"]

TRC_MARK = b", written by Vitruvian"
"""What follows the file's name in the first line of every written file."""


class TrcSink(MotionSink):
    """Writes the world landmarks of one person, or one hand, as markers.

    Millimetres; x to the right in the picture, y up, z towards the viewer. World landmarks start anew in
    every frame: those of a body from the middle of the hips, those of a hand from about the middle of its
    finger bases. So nobody moves through the room, and a hand has no place beside a body or another hand.

    Markers have the names of the landmarks; in streams with identities those of a hand begin with the side
    that is the more probable one over the stream, such as ``right_wrist``.

    The rate is constant, as the format wants: the typical one of the stream, over which positions are
    interpolated linearly; where the person was not seen for more than a quarter of a second, cells are empty.
    ``Time`` is that of the stream.

    The stream waits in memory until the end, about 600 bytes for each instance. The file is written under a
    hidden name and moved to its place, also after an interruption.

    Args:
        path: The file to write.
        track_id: Whom to write; ``None`` is the person with most frames (or, in streams without identities,
            the first of each frame). Where nobody comes, all cells are empty.
        everyone: Write each person to a file ``NAME.ID.trc`` instead.

    Raises:
        OptionError: Both ``track_id`` and ``everyone`` are given.
    """

    def __init__(self, path: Path, *, track_id: int | None = None, everyone: bool = False) -> None:
        super().__init__(path, _save, _check, track_id=track_id, everyone=everyone)


def write_trc(recording: Recording, path: Path, *, track_id: int | None = None) -> None:
    """Write one person of a recording, as ``TrcSink`` does.

    Raises:
        SinkError: It cannot be written, nobody has this track id, or there are no world landmarks or times.
    """
    sink = TrcSink(path, track_id=track_id)
    for stamp, landmarks in recording:
        sink.add(stamp, landmarks)
    sink.finish()


def _check(place: Path) -> None:
    refuse_foreign(place, TRC_MARK)


def _save(part: Path, motion: Motion, place: Path) -> None:
    count, rate = len(motion.points), f"{motion.rate:.6g}"
    names = "".join(f"\t{name}\t\t" for name in motion.markers)
    axes = "".join(f"\tX{i}\tY{i}\tZ{i}" for i in range(1, len(motion.markers) + 1))
    with part.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(f"PathFileType\t4\t(X/Y/Z)\t{shown(place.name)}{TRC_MARK.decode('ascii')}\n")
        file.write("DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\t")
        file.write("OrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n")
        file.write(f"{rate}\t{rate}\t{count}\t{len(motion.markers)}\tmm\t{rate}\t1\t{count}\n")
        file.write(f"Frame#\tTime{names}\n\t{axes}\n\n")
        for i, row in enumerate(motion.points.reshape(count, -1).tolist()):
            cells = "".join("\t" if math.isnan(value) else f"\t{value:.3f}" for value in row)
            file.write(f"{i + 1}\t{motion.start + i / motion.rate:.6f}{cells}\n")
