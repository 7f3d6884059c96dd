import json

import numpy as np
import pytest

import vitruvian
from vitruvian import JsonSink, SourceError, read_json


@pytest.fixture
def written(full, astronaut, astronaut_people, tmp_path):
    path = tmp_path / "astronaut.json"
    with JsonSink(path, full.model) as sink:
        sink.write(vitruvian.read_image(astronaut), astronaut_people)
    return path


def test_the_file_says_what_it_is_about(written, astronaut, full_files):
    data = json.loads(written.read_text())
    assert data["image"] == {"path": str(astronaut), "width": 512, "height": 512}
    assert data["model"]["files"] == [full_files["detector"].sha256, full_files["landmarker"].sha256]
    assert data["skeleton"] == "body33"
    (person,) = data["instances"]
    assert len(person["keypoints"]) == len(person["world_keypoints"]) == len(person["keypoint_scores"]) == 33
    assert len(person["presence"]) == len(person["depth"]) == 33
    assert 0.9 < person["score"] <= 1
    x, y = np.array(person["keypoints"]).T
    assert person["bbox"] == pytest.approx([x.min(), y.min(), x.max(), y.max()])


def test_it_reads_back(written, astronaut_people):
    people = read_json(written)
    assert np.abs(people.xy - astronaut_people.xy).max() < 1e-3
    assert np.abs(people.world - astronaut_people.world).max() < 1e-5
    assert people.box_score == pytest.approx(astronaut_people.box_score, abs=1e-6)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"skeleton": "body33"}', '{"skeleton": "x", "instances": []}']
)
def test_another_file_is_said_to_be_another(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(SourceError, match=r"other\.json: not landmarks"):
        read_json(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_json(tmp_path / "none.json")


def test_a_name_that_is_no_text_survives(tmp_path, full, astronaut_people):
    frame = vitruvian.Frame.of(np.zeros((4, 4, 3), np.uint8), "caf\udce9.jpg")
    with JsonSink(tmp_path / "x.json", full.model) as sink:
        sink.write(frame, astronaut_people)
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert data["image"]["path"] == "caf\udce9.jpg"
    assert len(read_json(tmp_path / "x.json")) == 1
