"""Which files a run writes, and what they must not replace."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.errors import SinkError
from vitruvian.provenance import Provenance
from vitruvian.sinks.formats import open_sink
from vitruvian.sinks.json import JSON_MARK, JsonSink
from vitruvian.sinks.mask import MaskSink
from vitruvian.sinks.overlay import OVERLAY_MARK, OverlaySink
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.video import OverlayVideoSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitruvian.cli.inputs import Input
    from vitruvian.draw import Style
    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks
    from vitruvian.sinks.formats import Format
    from vitruvian.sinks.sink import Sink
    from vitruvian.sources.source import VideoInfo

__all__ = ["Results"]

_FPS = 30.0  # where nobody knows; an encoder plans with it, times do not depend on it
_SLOWEST, _FASTEST = 1.0, 240.0
_ENDINGS = {
    "c3d": r"(\.\d+)?\.c3d",
    "coco": r"\.coco\.json",
    "csv": r"\.csv",
    "jsonl": r"\.jsonl",
    "npz": r"\.npz",
    "parquet": r"\.parquet",
    "trc": r"(\.\d+)?\.trc",
}


@dataclass(frozen=True)
class Results:
    """Which files to write.

    Attributes:
        folder: Where to.
        overlay: Whether to write ``NAME.jpg``, beside ``NAME.json``, and ``NAME.mp4`` of a video.
        masks: Whether to write ``NAME.mask.N.png``.
        formats: Of the landmarks of videos.
        style: How to draw; ``None``: as the library does.
    """

    folder: Path
    overlay: bool = True
    masks: bool = False
    formats: Sequence[Format] = ("jsonl",)
    style: Style | None = None

    def prepare(self, inputs: Sequence[Input]) -> None:
        """Make the folder, and make sure that results can be written and no input is going to be overwritten.

        Raises:
            SinkError: The folder cannot be made, a format needs an extra that is not installed, or a result
                would replace a file that is none.
        """
        for one in [one for one in inputs if one.video][:1]:
            for kind in self.formats:
                open_sink(kind, self.folder, one.name, Provenance("not open yet", (), ""))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"this folder cannot be made: {error.strerror}", path=self.folder) from error
        folder = os.path.realpath(self.folder)
        for one in inputs:
            place = Path(one.path)  # a link in the folder is in the folder, wherever it leads
            if os.path.realpath(place.parent) == folder and self._written(place.name, inputs):
                what = "video" if one.video else "picture"
                message = f"is a {what} to work on, and a result would replace it"
                raise SinkError(f"{message}; choose another folder with -o", path=one.path)

    def files(self, one: Input) -> list[Path]:
        """Return the result files of an input that are there."""
        if one.video:
            places = self.folder.glob(f"{glob.escape(one.name)}.*")
            ending = re.compile(self._endings(video=True))
            return sorted(place for place in places if ending.fullmatch(place.name.removeprefix(one.name)))
        masks = (self.folder / f"{one.name}.mask.{i}.png" for i in count())
        return [
            self.folder / f"{one.name}.json",
            *([self.folder / f"{one.name}.jpg"] if self.overlay else []),
            *(takewhile(Path.exists, masks) if self.masks else []),
        ]

    def sinks(self, one: Input, info: VideoInfo, origin: float, model: Provenance) -> list[Sink]:
        """Return what writes the files of one video; the overlay is completed last.

        Args:
            one: The video.
            info: What is known of it.
            origin: Time in seconds that is 0 in the overlay.
            model: What makes the landmarks.

        Raises:
            SinkError: A format needs an extra that is not installed.
        """
        landmarks = [open_sink(kind, self.folder, one.name, model) for kind in self.formats]
        if not self.overlay:
            return landmarks
        fps = min(max(info.fps or _FPS, _SLOWEST), _FASTEST)
        place = self.folder / f"{one.name}.mp4"
        return [OverlayVideoSink(place, self.style, sound=one.path, origin=origin, fps=fps), *landmarks]

    def write(self, one: Input, frame: Frame, people: Landmarks, model: Provenance) -> Path:
        """Write the files of one picture; the JSON comes last, so where it is all are."""
        sinks: list[Sink] = []
        # All that may be refused is refused before anything is written.
        if self.overlay:
            overlay = self.folder / f"{one.name}.jpg"
            refuse_foreign(overlay, OVERLAY_MARK)
            sinks.append(OverlaySink(overlay, self.style))
        if self.masks:
            masks = MaskSink(self.folder, one.name)
            masks.check(len(people))
            sinks.append(masks)
        landmarks = self.folder / f"{one.name}.json"
        refuse_foreign(landmarks, JSON_MARK)
        sinks.append(JsonSink(landmarks, model))
        for sink in sinks:
            with sink:
                sink.write(frame, people)
        return landmarks

    def _written(self, name: str, inputs: Sequence[Input]) -> bool:
        """Say whether a file of this name is going to be written."""
        for video in (False, True):
            result = re.fullmatch(f"(?P<name>.*?){self._endings(video=video)}", name, re.DOTALL)
            if result and any(one.name == result["name"] for one in inputs if one.video == video):
                return True
        return False

    def _endings(self, *, video: bool) -> str:
        """Return a pattern of what stands behind the name of an input in those of its results."""
        if video:
            endings = [_ENDINGS[kind] for kind in self.formats]
            endings += [r"\.mp4"] if self.overlay else []
        else:
            endings = [r"\.json"]
            endings += [r"\.jpg"] if self.overlay else []
            endings += [r"\.mask\.\d+\.png"] if self.masks else []
        return f"({'|'.join(endings)})"
