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


def stream_of(path: Path) -> vitruvian.Recording:
    tracking = vitruvian.Tracking(redetect=0.5)
    with vitruvian.pose("lite") as body, vitruvian.open_source(path, start=1.0) as source:
        for frame, people in body.stream(source, smoothing="smooth", tracking=tracking):
            assert_type(frame, vitruvian.Frame | vitruvian.Gap)
            assert_type(frame.stamp.time, float | None)
            assert_type(people.track_id, NDArray[np.int64] | None)
            if isinstance(frame, vitruvian.Frame):
                vitruvian.draw_landmarks(frame.pixels, people)
        recording = vitruvian.Recording.of(body.stream(source, smoothing="off"))
        return vitruvian.smooth_offline(recording, cutoff=6.0)
