"""``load`` and ``estimate_hands`` on the default networks: the original's expectations, and its shapes."""

import inspect
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import vitruvian.handpose
from vitruvian import (
    ArrayError,
    OpenVINO,
    OptionError,
    SessionError,
    SourceError,
    WeightsMissingError,
    handpose,
    read_image,
)
from vitruvian.handpose import BoundingBox, Prediction
from vitruvian.models.blazehand import PALM_DETECTOR, BlazePalmDetector, HandSettings
from vitruvian.models.handpose import HANDPOSE_SKELETON, HandposeReader, HandposeSettings, StrictPalms
from vitruvian.regions import Regions
from vitruvian.weights import GraphFile, GraphNode

FINGERS = ["thumb", "indexFinger", "middleFinger", "ringFinger", "pinky"]


@pytest.fixture
def hand(model, open_hand):
    [hand] = model.estimate_hands(open_hand)
    return hand


@pytest.mark.parametrize("flip", [False, True])
def test_a_black_picture_shows_nobody(model, flip):
    assert model.estimate_hands(np.zeros((128, 128, 3), np.uint8), flip) == []


def test_an_open_hand_has_all_four_parts_on_the_second_call(hands_files, open_hand):
    with handpose.load(hands_files, detection_confidence=0) as model:
        model.estimate_hands(open_hand)
        [hand] = model.estimate_hands(open_hand)
    assert all(math.isfinite(number) for corner in hand.bounding_box for number in corner)
    assert hand.landmarks.shape == (21, 3)
    assert 0.9 < hand.hand_in_view_confidence <= 1


def test_01_keys_and_nesting_are_the_originals(hand):
    """Section 7.2, point 1; the following tests count on."""
    plain = json.loads(json.dumps(hand.to_json()))
    extras = {"handedness", "score", "worldLandmarks"}
    assert set(plain) - extras == {"handInViewConfidence", "boundingBox", "landmarks", "annotations"}
    assert list(plain["boundingBox"]) == ["topLeft", "bottomRight"]
    assert [len(corner) for corner in plain["boundingBox"].values()] == [2, 2]
    assert np.shape(plain["landmarks"]) == (21, 3)
    assert list(plain["annotations"]) == [*FINGERS, "palmBase"]
    assert [len(points) for points in plain["annotations"].values()] == [4, 4, 4, 4, 4, 1]
    assert isinstance(plain["handInViewConfidence"], float)


def test_02_one_hand_the_best_palms(hands_files, hand_photos):
    photo = np.hstack([read_image(hand_photos / f"{name}.jpg").pixels for name in ("rock_0cc7ad09",) * 2])
    with handpose.load(hands_files) as model:
        assert len(model.estimate_hands(photo)) == 1


def test_03_defaults_are_the_documented_ones():
    defaults = {name: each.default for name, each in inspect.signature(handpose.load).parameters.items()}
    assert defaults["max_continuous_checks"] == math.inf
    assert defaults["detection_confidence"] == 0.8
    assert defaults["iou_threshold"] == 0.3
    assert defaults["score_threshold"] == 0.75
    assert defaults["max_hands"] == 1
    assert "0.5" in handpose.load.__doc__


def _constant(signature, **outputs):
    """Return an open network that puts out the same whatever it sees."""
    nodes = tuple(GraphNode(name, "Const") for name in outputs)
    tensors = {name: value[None] for name, value in outputs.items()}
    graph = GraphFile("constant", "", (GraphNode("in", "Placeholder"), *nodes), tensors, ("in",), (*outputs,))
    return OpenVINO(threads=1).open_graph(graph, signature, outputs=tuple(outputs))


def _palm(logit):
    boxes = np.zeros((2016, 18), np.float32)
    boxes[:, 2:4] = 30
    scores = np.full((2016, 1), -50, np.float32)
    scores[700] = logit
    return _constant(PALM_DETECTOR, boxes=boxes, scores=scores)


@pytest.mark.parametrize("threshold", [0.5, 1])
def test_04_a_palm_must_exceed_the_score_threshold(picture, threshold):
    exact = _palm(np.float32(0 if threshold == 0.5 else 50))
    inclusive = BlazePalmDetector(exact, HandSettings(min_hand_detection_confidence=threshold))
    assert inclusive.palms([picture])[0].score == [threshold]
    strict = StrictPalms(exact, HandposeSettings(score_threshold=threshold))
    assert len(strict([picture])[0].score) == 0
    below = StrictPalms(_palm(np.float32(1e-3)), HandposeSettings(score_threshold=0.5))
    assert len(below([picture])[0].score) == 1


@pytest.mark.parametrize(("presence", "count"), [(0.75, 1), (np.nextafter(np.float32(0.75), 0), 0)])
def test_04_presence_may_equal_the_detection_confidence(picture, presence, count):
    points = np.arange(63, dtype=np.float32)
    session = _constant(HANDPOSE_SKELETON, presence=np.array([presence], np.float32), landmarks=points)
    reader = HandposeReader(session, HANDPOSE_SKELETON, HandposeSettings(detection_confidence=0.75))
    one = np.ones(1, np.float32)
    region = Regions(np.full((1, 2), 100, np.float32), np.full((1, 2), 64, np.float32), 0 * one, one)
    assert len(reader([picture], [region])[0]) == count


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_landmarks_that_are_no_numbers_are_no_hand(picture, value):
    points = np.full(63, value, np.float32)
    session = _constant(HANDPOSE_SKELETON, presence=np.ones(1, np.float32), landmarks=points)
    reader = HandposeReader(session, HANDPOSE_SKELETON, HandposeSettings())
    one = np.ones(1, np.float32)
    region = Regions(np.full((1, 2), 100, np.float32), np.full((1, 2), 64, np.float32), 0 * one, one)
    assert len(reader([picture], [region])[0]) == 0


def test_05_the_iou_threshold_is_checked_and_decides_nothing(hands_files, open_hand):
    for value in (-0.01, 1.01):
        with pytest.raises(OptionError, match="iou_threshold"):
            handpose.load(hands_files, iou_threshold=value)
    landmarks = []
    for value in (0, 1):
        with handpose.load(hands_files, iou_threshold=value) as model:
            landmarks.append(model.estimate_hands(open_hand)[0].landmarks)
    assert (landmarks[0] == landmarks[1]).all()


@pytest.fixture
def looks(monkeypatch):
    """How often the detector ran."""
    runs = []
    find = StrictPalms.__call__
    monkeypatch.setattr(StrictPalms, "__call__", lambda self, frames: runs.append(1) or find(self, frames))
    return runs


@pytest.mark.parametrize(("checks", "runs"), [(0, 60), (1, 30), (5, 10), (math.inf, 1)])
def test_06_the_detector_runs_in_every_n_plus_first_picture(hands_files, open_hand, looks, checks, runs):
    frame = read_image(open_hand)
    with handpose.load(hands_files, max_continuous_checks=checks) as model:
        assert all(len(model.estimate_hands(frame)) == 1 for _ in range(60))
    assert len(looks) == runs


def test_06_a_lost_hand_costs_one_picture(hands_files, open_hand):
    frame = read_image(open_hand)
    black = np.zeros_like(frame.pixels)
    with handpose.load(hands_files) as model:
        counts = [len(model.estimate_hands(each)) for each in (frame, frame, black, frame, frame)]
        assert counts == [1, 1, 0, 1, 1]
        moved = np.roll(frame.pixels, frame.stamp.width // 2, axis=1)  # away from where it was
        assert [len(model.estimate_hands(each)) for each in (moved, moved)] == [0, 1]


def test_07_and_08_and_10_the_second_picture_is_read_where_the_first_showed_the_hand(
    hands_files, open_hand, original
):
    """Fresh region, followed region, z: against the landmark network, called by itself."""
    frame = read_image(open_hand)
    with handpose.load(hands_files, sticky=False) as model:
        first, second, third = (model.estimate_hands(frame)[0] for _ in range(3))
    for before, after in ((first, second), (second, third)):
        points = before.landmarks[:, :2].tolist()
        x0, y0, x1, y1 = original.box(points)
        region = Regions(
            np.array([[(x0 + x1) / 2, (y0 + y1) / 2]], np.float32),
            np.array([[x1 - x0, y1 - y0]], np.float32),
            np.array([original.rotation([points[0], points[5], points[9]])], np.float32),
            np.ones(1, np.float32),
        )
        with handpose.load(hands_files) as other:
            [read] = other._networks.stages.read([frame], [region])
        assert np.abs(read.xy[0] - after.landmarks[:, :2]).max() < 0.3
        unscaled = read.depth[0] * 256 / (x1 - x0)
        assert np.abs(unscaled - after.landmarks[:, 2]).max() < 0.3
        assert abs(after.landmarks[0, 2]) < 0.01
        assert np.abs(after.landmarks[:, 2]).max() > 5


def test_08_stickiness_can_be_switched_off(hands_files, open_hand):
    frame = read_image(open_hand)
    moved = [np.roll(frame.pixels, 2 * i, axis=1) for i in range(4)]
    results = []
    for sticky in (True, False):
        with handpose.load(hands_files, sticky=sticky) as model:
            results.append([model.estimate_hands(each)[0].landmarks for each in moved])
    for kept, followed in zip(*(each[:2] for each in results), strict=True):
        assert (kept == followed).all()
    assert any((kept != followed).any() for kept, followed in zip(*results, strict=True))


def test_09_the_box_is_the_enlarged_square_around_the_landmarks(hand, original):
    expected = original.box(hand.landmarks[:, :2].tolist())
    assert (*hand.bounding_box.top_left, *hand.bounding_box.bottom_right) == pytest.approx(expected, abs=0.01)


def test_09_the_box_is_not_clipped(model, open_hand, hand):
    x, y = (int(number) for number in hand.landmarks[:, :2].min(axis=0))
    close = read_image(open_hand).pixels[y - 5 :, x - 5 :]
    with model:
        model.estimate_hands(close)
        [cut] = model.estimate_hands(close)
    assert min(cut.bounding_box.top_left) < 0


def test_11_flipping_is_of_the_output_alone(hands_files, open_hand):
    frame = read_image(open_hand)
    width = frame.stamp.width
    with handpose.load(hands_files) as model, handpose.load(hands_files) as other:
        for flip in (True, False, True):
            [plain], [result] = model.estimate_hands(frame), other.estimate_hands(frame, flip_horizontal=flip)
            expected = plain.landmarks.copy()
            if flip:
                expected[:, 0] = width - 1 - expected[:, 0]
                assert result.bounding_box.top_left[0] > result.bounding_box.bottom_right[0]
                assert result.bounding_box.top_left == pytest.approx(
                    (width - 1 - plain.bounding_box.top_left[0], plain.bounding_box.top_left[1])
                )
                assert (result.world_landmarks == plain.world_landmarks * [-1, 1, 1]).all()
            assert result.landmarks == pytest.approx(expected, abs=1e-3)
            assert result.handedness == plain.handedness


def test_12_annotations_are_the_landmarks_by_finger(model, open_hand):
    [hand] = model.estimate_hands(open_hand, flip_horizontal=True)
    assert list(hand.annotations) == [
        "thumb",
        "index_finger",
        "middle_finger",
        "ring_finger",
        "pinky",
        "palm_base",
    ]
    together = np.concatenate([hand.annotations["palm_base"], *list(hand.annotations.values())[:5]])
    assert (together == hand.landmarks).all()
    plain = hand.to_json()
    assert plain["annotations"]["palmBase"] == [plain["landmarks"][0]]
    assert plain["annotations"]["pinky"] == plain["landmarks"][17:]


def test_12_the_map_of_annotations():
    expected = {
        "thumb": [1, 2, 3, 4],
        "index_finger": [5, 6, 7, 8],
        "middle_finger": [9, 10, 11, 12],
        "ring_finger": [13, 14, 15, 16],
        "pinky": [17, 18, 19, 20],
        "palm_base": [0],
    }
    assert handpose.get_annotations() == handpose.Handpose.get_annotations() == expected


def test_13_each_model_object_has_its_own_memory(hands_files, open_hand, looks):
    frame = read_image(open_hand)
    with handpose.load(hands_files) as one, handpose.load(hands_files) as other:
        one.estimate_hands(frame)
        other.estimate_hands(frame)
        assert len(looks) == 2
        one.estimate_hands(
            replace(frame, stamp=replace(frame.stamp, index=7, time=-3.0))
        )  # times say nothing
        assert len(looks) == 2


def test_14_landmarks_are_pixels_of_the_picture(hands_files, open_hand):
    """They move with the hand, pixel by pixel, and agree with the pipeline's."""
    pixels = read_image(open_hand).pixels
    shifted = np.pad(pixels, ((10, 0), (20, 0), (0, 0)), mode="edge")
    with handpose.load(hands_files, max_continuous_checks=0) as model:
        [here], [there] = model.estimate_hands(pixels), model.estimate_hands(shifted)
    moved = there.landmarks[:, :2] - here.landmarks[:, :2]
    assert np.median(moved, axis=0) == pytest.approx((20, 10), abs=1)
    with vitruvian.hands(hands_files, num_hands=1) as hands:
        [peer] = hands.estimate(pixels).xy
    assert np.hypot(*(peer - here.landmarks[:, :2]).T).mean() < 0.03 * np.ptp(peer, axis=0).max()


def test_a_path_an_array_and_a_frame_are_one(hands_files, open_hand):
    frame = read_image(open_hand)
    results = []
    for picture in (open_hand, str(open_hand), frame, frame.pixels):
        with handpose.load(hands_files) as model:
            results.append(model.estimate_hands(picture)[0].landmarks)
    assert all((each == results[0]).all() for each in results)


@pytest.mark.parametrize(
    "picture", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32), np.zeros((9, 9, 4), np.uint8)]
)
def test_other_arrays_are_refused_and_change_nothing(model, open_hand, looks, picture):
    model.estimate_hands(open_hand)
    with pytest.raises(ArrayError, match="RGB"):
        model.estimate_hands(picture)
    assert len(model.estimate_hands(open_hand)) == 1
    assert len(looks) == 1


def test_a_picture_that_is_not_there(model):
    with pytest.raises(SourceError, match=r"nowhere\.jpg"):
        model.estimate_hands("nowhere.jpg")


def test_handedness_and_metres(hands_files, open_hand):
    with handpose.load(hands_files) as model, handpose.load(hands_files, mirrored=True) as other:
        [hand], [mirrored] = model.estimate_hands(open_hand), other.estimate_hands(open_hand)
    assert {hand.handedness, mirrored.handedness} == {"Left", "Right"}
    assert 0.9 < hand.score <= 1
    assert mirrored.score == pytest.approx(hand.score)
    assert np.ptp(hand.world_landmarks, axis=0).max() < 0.25
    assert hand.to_json()["handedness"] == hand.handedness


def test_what_is_not_known_is_not_in_the_json():
    box = BoundingBox((1.0, 2.0), (3.0, 4.0))
    plain = Prediction(0.9, box, np.zeros((21, 3), np.float32)).to_json()
    assert list(plain) == ["handInViewConfidence", "boundingBox", "landmarks", "annotations"]


def test_two_hands(hands_files, hand_photos, looks):
    photo = np.hstack([read_image(hand_photos / f"{name}.jpg").pixels for name in ("rock_0cc7ad09",) * 2])
    width = photo.shape[1] // 2
    with handpose.load(hands_files, max_hands=2) as model:
        for _ in range(4):
            both = model.estimate_hands(photo)
            assert len(both) == 2
            centres = sorted(hand.landmarks[:, 0].mean() for hand in both)
            assert centres[0] < width < centres[1]
    assert len(looks) == 1


def test_a_closed_model_says_so(model, open_hand):
    model.estimate_hands(open_hand)
    model.close()
    model.close()
    with pytest.raises(SessionError, match="closed"):
        model.estimate_hands(open_hand)


def test_after_a_failure_the_detector_begins(model, open_hand, looks, monkeypatch):
    model.estimate_hands(open_hand)
    with monkeypatch.context() as patch:
        patch.setattr(HandposeReader, "__call__", _fail)
        with pytest.raises(SessionError, match="power"):
            model.estimate_hands(open_hand)
    assert len(model.estimate_hands(open_hand)) == 1
    assert len(looks) == 2


def _fail(*_):
    raise SessionError("the power is off")


def test_threads_take_turns(hands_files, open_hand, looks):
    frame = read_image(open_hand)
    with handpose.load(hands_files, max_continuous_checks=1) as model, ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: model.estimate_hands(frame), range(24)))
    assert all(len(hands) == 1 for hands in results)
    assert len(looks) == 12


def test_models_that_are_not_there(tmp_path):
    with pytest.raises(WeightsMissingError, match="known models"):
        handpose.load(tmp_path / "nothing")
    with pytest.raises(WeightsMissingError, match="no file for the detector"):
        handpose.load(tmp_path)
