"""Segmentation masks as pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Self

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vitruvian.errors import SinkError
from vitruvian.sinks.sink import only_frame, refuse_foreign, write_result

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks

__all__ = ["MASK_MARK", "MaskSink"]

MASK_MARK = b"mask by Vitruvian"
"""The comment by which a written picture says that it is a mask; near the file's beginning."""


class MaskSink:
    """Writes ``NAME.mask.N.png`` for each instance N of one picture: grey, same size, 255 is certain.

    Args:
        folder: Where to write.
        name: The picture's name without ending.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def write(self, frame: Frame | Gap, landmarks: Landmarks) -> None:
        """Write the masks; see ``Sink.write``.

        Raises:
            SinkError: They cannot be written, the landmarks have no masks, or a file that is no mask of ours
                is in the way.
        """
        stamp = only_frame(frame, self._folder).stamp
        if landmarks.mask is None:
            raise SinkError("there are no masks; make the pipeline with masks=True", path=self._folder)
        self.check(len(landmarks))
        for i, mask in enumerate(landmarks.mask):
            image = mask.image(stamp.width, stamp.height)
            write_result(self._place(i), _encoded(np.rint(image * 255).astype(np.uint8)))
        self._remove_from(len(landmarks))

    def check(self, count: int) -> None:
        """Make sure that so many masks replace nothing but masks of ours.

        Raises:
            SinkError: They would.
        """
        for i in range(count):
            refuse_foreign(self._place(i), MASK_MARK)

    def _place(self, number: int) -> Path:
        return self._folder / f"{self._name}.mask.{number}.png"

    def _remove_from(self, number: int) -> None:
        """Remove masks of an earlier run that found more people, and nothing that is not ours."""
        while (place := self._place(number)).exists():
            refuse_foreign(place, MASK_MARK)
            try:
                place.unlink()
            except OSError as error:
                raise SinkError(f"an earlier mask cannot be removed: {error.strerror}", path=place) from error
            number += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to complete."""


def _encoded(grey: NDArray[np.uint8]) -> bytes:
    mark = PngInfo()
    mark.add_text("Comment", MASK_MARK.decode("ascii"))
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, format="PNG", pnginfo=mark)
    return buffer.getvalue()
