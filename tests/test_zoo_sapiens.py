"""308 points from files to landmarks: small random networks in the original's layout, real sessions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import vitruvian
from vitruvian import (
    ArrayError,
    Frame,
    OptionError,
    Regions,
    Stamp,
    Tracking,
    WeightsError,
    WeightsMissingError,
)
from vitruvian.models.detr import whole_pictures
from vitruvian.weights.sapiens_layout import SapiensLayout
from vitruvian.zoo.sapiens2 import sapiens

torch = pytest.importorskip("torch", reason="needs the extra: pip install 'vitruvian[sapiens]'")
import detr_reference  # noqa: E402  # only where there is torch
import sapiens_reference  # noqa: E402

SMALL = SapiensLayout(32, 2, (2, 2), (16, 12), (12, 12, 8))
BOX = [60.0, 20.0, 200.0, 300.0]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A network of 308 points that is sure of most of them."""
    from safetensors.torch import save_file  # noqa: PLC0415  # comes with the extra

    path = tmp_path_factory.mktemp("pose") / "small.safetensors"
    tensors = sapiens_reference.random_tensors(SMALL)
    # A weak answer above one half everywhere.
    tensors["decode_head.conv_pose.weight"] *= 0.1
    tensors["decode_head.conv_pose.bias"] = torch.full((308,), 0.5)
    save_file(tensors, path)
    return path


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detector") / "detr"
    detr_reference.write_folder(folder, detr_reference.TINY)
    return folder


@pytest.fixture(scope="module")
def picture():
    pixels = np.random.default_rng(3).integers(0, 256, (320, 260, 3), np.uint8)
    pixels.setflags(write=False)  # as those of files are
    return pixels


@pytest.fixture(scope="module")
def boxed(checkpoint):
    """The pipeline whose people are always in one box."""
    with sapiens(checkpoint, device="cpu", boxes=[BOX], flip=False) as pipeline:
        yield pipeline


def test_files_to_landmarks(boxed, picture):
    people = boxed.estimate(picture)
    assert people.xy.shape == (1, 308, 2)
    assert people.score.shape == (1, 308)
    assert people.skeleton.name == "sapiens308"
    assert people.box.tolist() == [BOX]
    assert people.box_score.tolist() == [1.0]
    assert people.world is people.depth is people.presence is None
    assert boxed.skeleton is people.skeleton


def test_what_made_the_result_is_told(boxed, checkpoint):
    import hashlib  # noqa: PLC0415  # for this one line

    assert boxed.model.name == "sapiens2-custom"
    assert boxed.model.files == (hashlib.sha256(checkpoint.read_bytes()).hexdigest(),)
    assert boxed.model.runtime.startswith("torch ")
    assert "cpu" in boxed.model.runtime


def test_the_real_detector_runs_and_finds_nobody_or_boxes(checkpoint, detector, picture):
    with sapiens(checkpoint, device="cpu", detector=detector, flip=False) as pipeline:
        assert len(pipeline.model.files) == 2
        found = pipeline.detect([Frame.of(picture)])[0]
        people = pipeline.estimate(picture)
        assert len(people) == len(found)


def test_nobody_found_is_nobody_and_costs_no_network(checkpoint, picture):
    with sapiens(checkpoint, device="cpu", detector=lambda frames: [[] for _ in frames]) as pipeline:
        people = pipeline.estimate(picture)
    assert people.xy.shape == (0, 308, 2)


def test_the_whole_image_only_when_asked(checkpoint, picture):
    def blind(frames):
        return [np.empty((0, 4)) for _ in frames]

    with sapiens(checkpoint, device="cpu", detector=blind, whole_image=True, flip=False) as pipeline:
        people = pipeline.estimate(picture)
    assert people.box.tolist() == [[0, 0, 259, 319]]
    with sapiens(checkpoint, device="cpu", detector=whole_pictures, flip=False) as pipeline:
        same = pipeline.estimate(picture)
    assert np.array_equal(same.xy, people.xy, equal_nan=True)


@pytest.mark.parametrize(
    ("answer", "scores"),
    [
        ([BOX], [1.0]),
        ([[*BOX, 0.25]], [0.25]),
        (np.array([BOX, [0, 0, 100, 100]], np.float32), [1.0, 1.0]),
        (torch.tensor([BOX]), [1.0]),
        (
            Regions(
                np.array([[130, 160]], np.float32),
                np.array([[140, 280]], np.float32),
                np.zeros(1, np.float32),
                np.array([0.5], np.float32),
            ),
            [0.5],
        ),
    ],
)
def test_any_function_detects(checkpoint, boxed, picture, answer, scores):
    with sapiens(checkpoint, device="cpu", detector=lambda _: [answer], flip=False) as pipeline:
        people = pipeline.estimate(picture)
    assert people.box_score.tolist() == scores
    assert people.xy[0] == pytest.approx(boxed.estimate(picture).xy[0], abs=1e-3, nan_ok=True)


def test_most_people_the_best_first(checkpoint, picture):
    boxes = [BOX, [0, 0, 100, 100]]
    with sapiens(checkpoint, device="cpu", boxes=boxes, num_poses=1, flip=False) as pipeline:
        assert pipeline.estimate(picture).box.tolist() == [BOX]


def test_boxes_by_the_name_of_the_picture(checkpoint, picture):
    boxes = {"a.jpg": [BOX], "/photos/b.jpg": [], "c.jpg": [[0, 0, 0, 50]]}
    with sapiens(checkpoint, device="cpu", boxes=boxes, flip=False) as pipeline:
        names = ("/somewhere/a.jpg", "/photos/b.jpg", "c.jpg")
        people = pipeline.estimate([Frame.of(picture, name) for name in names])
        assert [len(each) for each in people] == [1, 0, 0], "a box without an area is left out"
        with pytest.raises(OptionError, match=r"boxes: there are none for d\.jpg"):
            pipeline.estimate(Frame.of(picture, "d.jpg"))


@pytest.mark.parametrize(
    "boxes", [[1, 2, 3, 4], [[1, 2, 3]], [["a", "b", "c", "d"]], [[0, 0, np.nan, 1]], [[5, 0, 4, 1]]]
)
def test_what_is_no_box_is_refused(checkpoint, picture, boxes):
    with sapiens(checkpoint, device="cpu", boxes=boxes) as pipeline, pytest.raises(ArrayError, match="boxes"):
        pipeline.estimate(picture)


def test_a_detector_answers_for_each_picture(checkpoint, picture):
    with (
        sapiens(checkpoint, device="cpu", detector=lambda _: []) as pipeline,
        pytest.raises(ArrayError, match="expected 1 answers"),
    ):
        pipeline.estimate(picture)


def test_many_people_of_many_pictures_are_the_same_as_one_by_one(checkpoint, picture):
    pictures = [Frame.of(picture, "a"), Frame.of(picture[:, ::-1], "b"), Frame.of(picture[::-1], "c")]
    boxes = {"a": [BOX, [0, 0, 90, 200]], "b": [], "c": [BOX]}
    with sapiens(checkpoint, device="cpu", boxes=boxes, batch=2) as pipeline:
        together = pipeline.estimate(pictures)
        alone = [pipeline.estimate(each) for each in pictures]
    assert [len(people) for people in together] == [2, 0, 1]
    for one, other in zip(together, alone, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)


def test_a_turned_picture_gives_the_turned_points(checkpoint, picture):
    turned = np.ascontiguousarray(np.rot90(picture, 1))  # to the left: 90 degrees clockwise make it upright
    width = picture.shape[1]
    x0, y0, x1, y1 = BOX
    there = [y0, width - 1 - x1, y1, width - 1 - x0]
    with (
        sapiens(checkpoint, device="cpu", boxes=[BOX], flip=False) as upright,
        sapiens(checkpoint, device="cpu", boxes=[there], flip=False) as pipeline,
    ):
        expected, people = upright.estimate(picture), pipeline.estimate(turned, rotation=90)
    assert people.box[0] == pytest.approx(there, abs=1e-3)
    assert people.score == pytest.approx(expected.score, abs=2e-2)
    points = np.stack([expected.xy[0, :, 1], width - 1 - expected.xy[0, :, 0]], axis=1)
    assert np.nanmedian(np.abs(people.xy[0] - points)) < 0.5


def test_a_stream_follows_in_boxes_between_looks(checkpoint, picture):
    looks = []

    def detector(frames):
        looks.append(len(frames))
        return [[BOX] for _ in frames]

    frames = [Frame(picture, Stamp("x", 260, 320, index, index / 20)) for index in range(4)]
    with sapiens(checkpoint, device="cpu", detector=detector, flip=False) as pipeline:
        results = [people for _, people in pipeline.stream(frames, tracking=Tracking(redetect=0.1))]
    assert [people.track_id.tolist() for people in results] == [[0]] * 4
    assert [bool(people.followed[0]) for people in results] == [False, True, False, True]
    assert looks == [1, 1]
    assert results[2].box.tolist() == [BOX]
    assert results[1].box.tolist() != [BOX]


def test_options_that_contradict_each_other_are_refused_before_anything_is_opened():
    for more in ({"whole_image": True}, {"detector": whole_pictures}):
        with pytest.raises(OptionError, match="boxes: they say where people are"):
            sapiens("no such size", boxes=[BOX], **more)
    with pytest.raises(OptionError, match="batch"):
        sapiens("no such size", batch=0)
    with pytest.raises(OptionError, match="threads"):
        sapiens("no such size", threads=0)


def test_openvino_runs_the_network_when_asked_and_only_without_parity(checkpoint, picture):
    for more in ({}, {"parity": False, "device": "cuda:0"}, {"parity": False, "compile": True}):
        with pytest.raises(OptionError, match="parity=False"):
            sapiens(checkpoint, boxes=[BOX], runtime="openvino", **more)
    with pytest.raises(OptionError, match='"torch" or "openvino"'):
        sapiens(checkpoint, boxes=[BOX], runtime="tensorrt")
    options = {"boxes": [BOX], "device": "cpu", "parity": False, "flip": False}
    with (
        sapiens(checkpoint, runtime="openvino", **options) as fast,
        sapiens(checkpoint, **options) as plain,
    ):
        assert fast.model.runtime.startswith("openvino ")
        people, expected = fast.estimate(picture), plain.estimate(picture)
    assert people.score == pytest.approx(expected.score, abs=1e-3)


def test_a_missing_checkpoint_or_detector_says_where_it_was_looked_for(tmp_path, checkpoint, monkeypatch):
    with pytest.raises(WeightsMissingError, match=r"sapiens2_0\.4b_pose\.safetensors"):
        sapiens(root=tmp_path)
    with pytest.raises(WeightsMissingError, match=r"give one, or a size: 0\.4b, 0\.8b, 1b, 5b"):
        sapiens("7b", root=tmp_path)
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", str(tmp_path))
    with pytest.raises(WeightsMissingError, match="detr-resnet-101-dc5") as caught:
        sapiens(checkpoint)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_never_replaced(checkpoint):
    with pytest.raises(OptionError, match='device="cpu"'):
        sapiens(checkpoint, device="cuda:0", boxes=[BOX])


def test_a_closed_pipeline_says_so(checkpoint, picture):
    pipeline = sapiens(checkpoint, device="cpu", boxes=[BOX])
    pipeline.close()
    pipeline.close()
    with pytest.raises(vitruvian.SessionError, match="closed"):
        pipeline.estimate(picture)


def test_in_a_stream_the_whole_image_replaces_nobody_who_is_followed(checkpoint, picture):
    answers = iter([[], [BOX], [], [BOX]])
    options = {"device": "cpu", "detector": lambda frames: [next(answers) for _ in frames], "flip": False}
    frames = [Frame(picture, Stamp("film", 260, 320, index, index * 1.0)) for index in range(4)]
    with sapiens(checkpoint, whole_image=True, **options) as pipeline:
        boxes = [people.box.tolist() for _, people in pipeline.stream(frames, smoothing="off")]
    assert boxes[0] == [[0, 0, 259, 319]]  # nobody is there, so it is asked for
    assert len(boxes[2]) == 1  # somebody is
    assert boxes[2] != boxes[0]


def test_another_pose_network_is_refused_before_it_is_loaded(tmp_path):
    from safetensors.torch import save_file  # noqa: PLC0415  # comes with the extra

    path = tmp_path / "other.safetensors"
    save_file(sapiens_reference.random_tensors(replace(SMALL, points=133)), path)
    with pytest.raises(WeightsError, match="133 points"):
        sapiens(path, device="cpu", boxes=[BOX])


def test_threads_of_what_cannot_be_opened_change_nothing(checkpoint):
    before = torch.get_num_threads()
    with pytest.raises(WeightsMissingError):
        sapiens("nowhere.safetensors", device="cpu", boxes=[BOX], threads=1)
    assert torch.get_num_threads() == before
