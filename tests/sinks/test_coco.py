import json

import numpy as np
import pytest

from vitruvian import CocoSink, OptionError


def test_the_results_are_as_coco_wants_them(people_of, frame_at, tmp_path):
    people = people_of(3, 8)
    people.xy[1, 0] = np.nan
    with CocoSink(tmp_path / "a.json") as sink:
        sink.write(frame_at(4), people)
        sink.write(frame_at(5), people_of())
        sink.write(frame_at(6), people_of(8))
    results = json.loads((tmp_path / "a.json").read_text())
    assert [one["image_id"] for one in results] == [4, 4, 6]
    assert {one["category_id"] for one in results} == {1}
    assert [one["track_id"] for one in results] == [3, 8, 8]
    x0, y0, x1, y1 = people.box[0].tolist()
    assert results[0]["bbox"] == pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=1e-3)
    assert results[0]["score"] == pytest.approx(people.box_score[0], abs=1e-6)
    points = np.array(results[0]["keypoints"]).reshape(33, 3)
    assert np.abs(points[:, :2] - people.xy[0]).max() < 1e-4
    assert (points[:, 2] == np.where(people.score[0] >= 0.5, 2, 1)).all()
    assert results[1]["keypoints"][:3] == [0, 0, 0]


def test_seventeen_points(people_of, frame_at, tmp_path):
    people = people_of(3)
    with CocoSink(tmp_path / "a.json", skeleton="coco17") as sink:
        sink.write(frame_at(0), people)
    (result,) = json.loads((tmp_path / "a.json").read_text())
    points = np.array(result["keypoints"]).reshape(17, 3)
    order = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
    assert np.abs(points[:, :2] - people.xy[0, order]).max() < 1e-4


def test_nobody_is_an_empty_list(people_of, frame_at, tmp_path):
    for _ in range(2):  # and may be replaced
        with CocoSink(tmp_path / "a.json") as sink:
            sink.write(frame_at(0), people_of())
        assert json.loads((tmp_path / "a.json").read_text()) == []


def test_a_skeleton_that_cannot_be_reached(people_of, frame_at, tmp_path):
    with (
        pytest.raises(OptionError, match="body33 becomes coco17"),
        CocoSink(tmp_path / "a.json", skeleton="hand21") as sink,
    ):
        sink.write(frame_at(0), people_of(1))
    assert not list(tmp_path.iterdir())
