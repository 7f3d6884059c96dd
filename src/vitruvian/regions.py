"""Where to look: turned rectangles in a picture."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.arrays import check_columns, fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NOWHERE", "Regions", "joined"]

_F32 = np.dtype(np.float32)


@dataclass(frozen=True, eq=False)
class Regions:
    """N turned rectangles in one picture: what a detector returns.

    float32 throughout, since the last bits of a region decide which pixels the network sees
    (pose specification, section 13).

    Attributes:
        centre: (N, 2) x, y in pixels; may lie outside the picture.
        size: (N, 2) width and height in pixels, measured along the turned sides.
        rotation: (N,) radians, clockwise on the screen; 0 is upright.
        score: (N,) the detector's probability.

    Raises:
        ArrayError: The columns do not fit together.
    """

    centre: NDArray[np.float32]
    size: NDArray[np.float32]
    rotation: NDArray[np.float32]
    score: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check shapes once."""
        n = len(self.score)
        if (
            fits(self.centre, (n, 2), _F32)
            and fits(self.size, (n, 2), _F32)
            and fits(self.rotation, (n,), _F32)
            and fits(self.score, (n,), _F32)
        ):
            return
        columns = check_columns(
            {
                "centre": (self.centre, ("N", 2), np.float32),
                "size": (self.size, ("N", 2), np.float32),
                "rotation": (self.rotation, ("N",), np.float32),
                "score": (self.score, ("N",), np.float32),
            }
        )
        for name, column in columns.items():
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Regions:
        return Regions(self.centre[rows], self.size[rows], self.rotation[rows], self.score[rows])


_NOTHING = np.empty(0, np.float32)
NOWHERE = Regions(_NOTHING.reshape(0, 2), _NOTHING.reshape(0, 2), _NOTHING, _NOTHING)
"""No regions."""


def joined(*regions: Regions) -> Regions:
    """Return all these regions, in this order."""
    if len(regions) < 2:
        return regions[0] if regions else NOWHERE
    columns = (each.name for each in fields(Regions))
    return Regions(*(np.concatenate([getattr(one, name) for one in regions]) for name in columns))
