"""Segmentation masks as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from vitruvian.errors import SinkError
from vitruvian.sinks.sink import write_result

if TYPE_CHECKING:
    from pathlib import Path

    from vitruvian.frame import Frame
    from vitruvian.landmarks import Landmarks

__all__ = ["MaskSink"]


class MaskSink:
    """Writes ``NAME.mask.N.png`` for each instance N of one picture: grey, same size, 255 is certain.

    Args:
        folder: Where to write.
        name: The picture's name without ending.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def write(self, frame: Frame, landmarks: Landmarks) -> None:
        """Write the masks; see ``Sink.write``.

        Raises:
            SinkError: They cannot be written, or the landmarks have no masks.
        """
        if landmarks.mask is None:
            raise SinkError("there are no masks; make the pipeline with masks=True", path=self._folder)
        for i, mask in enumerate(landmarks.mask):
            image = mask.image(frame.stamp.width, frame.stamp.height)
            _, encoded = cv2.imencode(".png", np.rint(image * 255).astype(np.uint8))
            write_result(self._place(i), encoded.tobytes())
        self._remove_from(len(landmarks))

    def _place(self, number: int) -> Path:
        return self._folder / f"{self._name}.mask.{number}.png"

    def _remove_from(self, number: int) -> None:
        """Remove masks of an earlier run that found more people."""
        try:
            while (place := self._place(number)).exists():
                place.unlink()
                number += 1
        except OSError as error:
            raise SinkError(f"an earlier mask cannot be removed: {error.strerror}", path=place) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to complete."""
