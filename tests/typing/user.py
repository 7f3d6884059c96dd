"""What a user's type checker sees; checked by the strict type checker, never run."""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import vitruvian


def people_in(path: Path) -> NDArray[np.float32]:
    with vitruvian.pose("lite", num_poses=2, masks=True) as body:
        frame = vitruvian.read_image(path)
        people = body.estimate(frame)
        assert_type(people, vitruvian.Landmarks)
        assert_type(body.estimate([frame]), list[vitruvian.Landmarks])
        assert_type(people.world, NDArray[np.float32] | None)
        assert_type(people[0], vitruvian.Landmarks)
        assert_type(vitruvian.draw_landmarks(frame.pixels, people), NDArray[np.uint8])
        return people.xy
