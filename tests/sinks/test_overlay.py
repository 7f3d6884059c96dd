import numpy as np
from PIL import Image

import vitruvian
from vitruvian import OverlaySink


def test_the_overlay_is_the_photo_with_something_on_it(astronaut, astronaut_people, tmp_path):
    frame = vitruvian.read_image(astronaut)
    with OverlaySink(tmp_path / "a.jpg") as sink:
        sink.write(frame, astronaut_people)
    picture = np.asarray(Image.open(tmp_path / "a.jpg")).astype(int)
    assert picture.shape == frame.pixels.shape
    changed = np.abs(picture - frame.pixels).max(axis=2) > 60
    assert 0.005 < changed.mean() < 0.2
