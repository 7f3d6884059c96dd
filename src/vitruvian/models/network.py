"""Pictures through a network: crop, stack, run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vitruvian.crop import Border, Crop
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
