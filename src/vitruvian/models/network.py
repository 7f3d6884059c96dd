"""Pictures through a network: crop, stack, run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.crop import Crop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.crop import Border
    from vitruvian.frame import Frame
    from vitruvian.regions import Regions
    from vitruvian.runtimes.session import Session

__all__ = ["Network"]


@dataclass(frozen=True, eq=False)
class Network:
    """An image network.

    Attributes:
        session: Runs it; its one input is called ``image``.
        border: What the network sees beyond the edge of the picture.
    """

    session: Session
    border: Border

    def look(self, views: Sequence[tuple[NDArray[np.uint8], Crop]]) -> dict[str, NDArray[np.float32]]:
        """Cut crops out of pictures and run them as one batch.

        Args:
            views: Pictures (H, W, 3) uint8 RGB, each with the crop to see of it; at least one.

        Returns:
            Output name → (N, …) float32.
        """
        columns, rows = views[0][1].output
        batch = np.empty((len(views), rows, columns, 3), np.uint8)
        for item, (pixels, crop) in zip(batch, views, strict=True):
            crop.warp(pixels, self.border, out=item)
        return self.session.run({"image": batch})

    def read(
        self, frames: Sequence[Frame], regions: Sequence[Regions], side: int, *, flipped: bool = False
    ) -> list[tuple[dict[str, NDArray[np.float32]], list[Crop]]]:
        """Read all regions of all frames as one batch; without regions the network is not called.

        Args:
            frames: Pictures.
            regions: Of each of them.
            side: Of the network's square input in pixels.
            flipped: Whether the network sees them in a mirror.

        Returns:
            For each frame its rows of the outputs, by name, and the crop of each row; no outputs at all where
            there are no regions in any frame.
        """
        crops = [Crop.around(each, (side, side), flipped=flipped) for each in regions]
        views = [(frame.pixels, crop) for frame, some in zip(frames, crops, strict=True) for crop in some]
        out = self.look(views) if views else {}
        ends = accumulate(len(some) for some in crops)
        return [
            ({name: tensor[end - len(some) : end] for name, tensor in out.items()}, some)
            for some, end in zip(crops, ends, strict=True)
        ]
