"""Pictures with the landmarks drawn in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Self

from PIL import Image

from vitruvian.draw import Style, draw_landmarks
from vitruvian.sinks.sink import only_frame, write_result

if TYPE_CHECKING:
    from pathlib import Path

    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks

__all__ = ["OVERLAY_MARK", "OverlaySink"]

OVERLAY_MARK = b"landmarks drawn by Vitruvian"
"""The comment by which a written picture says that it is an overlay; near the file's beginning."""

_JPEG_QUALITY = 92


class OverlaySink:
    """Writes one picture of the same size with everybody's landmarks, as JPEG.

    Args:
        path: The file to write.
        style: How to draw.
    """

    def __init__(self, path: Path, style: Style | None = None) -> None:
        self._path, self._style = path, style or Style()

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Write the picture; see ``Sink.write``."""
        buffer = io.BytesIO()
        picture = draw_landmarks(only_frame(frame, self._path).pixels, landmarks, self._style)
        # Full chroma: thin coloured limbs smear otherwise.
        Image.fromarray(picture).save(
            buffer, format="JPEG", quality=_JPEG_QUALITY, subsampling=0, comment=OVERLAY_MARK
        )
        write_result(self._path, buffer.getvalue())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to complete."""
