import numpy as np
import pytest
from PIL import Image

import vitruvian
from vitruvian import MaskSink, SinkError


def test_one_picture_for_each_person(full_files, astronaut, tmp_path):
    frame = vitruvian.read_image(astronaut)
    with vitruvian.pose(full_files, masks=True) as pipeline, MaskSink(tmp_path, "a") as sink:
        people = pipeline.estimate(frame)
        sink.write(frame, people)
    mask = np.asarray(Image.open(tmp_path / "a.mask.0.png"))
    assert mask.shape == (512, 512)
    assert mask.dtype == np.uint8
    assert np.abs(mask / 255 - people.mask[0].image(512, 512)).max() <= 0.5 / 255 + 1e-6
    assert 0.2 < (mask > 127).mean() < 0.8


def test_landmarks_without_masks_are_refused(astronaut, astronaut_people, tmp_path):
    with pytest.raises(SinkError, match="masks=True"):
        MaskSink(tmp_path, "a").write(vitruvian.read_image(astronaut), astronaut_people)
