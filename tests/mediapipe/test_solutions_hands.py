"""``solutions.hands.Hands``: what a result is, its options, its errors."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

import vitruvian.mediapipe as mp
from vitruvian.errors import SessionError, VitruvianError
from vitruvian.mediapipe.framework.formats.classification_pb2 import Classification, ClassificationList
from vitruvian.mediapipe.framework.formats.landmark_pb2 import LandmarkList, NormalizedLandmarkList
from vitruvian.mediapipe.python.solutions import hands as module
from vitruvian.mediapipe.python.solutions.hands import Hands

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.mediapipe.python.solutions.hands import SolutionOutputs
    from vitruvian.models.blazehand import HandSettings
    from vitruvian.pipeline import Pipeline

WHITE = np.full((50, 100, 3), 255, np.uint8)
BLACK = np.zeros((50, 100, 3), np.uint8)


@pytest.fixture
def hands_on_made(made_hands, monkeypatch: pytest.MonkeyPatch):
    """Hands on functions instead of networks, which need not be there then."""
    monkeypatch.setattr(module, "_pipeline", lambda *_: made_hands.pipeline())
    return Hands


def numbers(outputs: SolutionOutputs) -> NDArray[np.float64]:
    assert outputs.multi_hand_landmarks is not None
    return np.array(
        [[(point.x, point.y, point.z) for point in hand.landmark] for hand in outputs.multi_hand_landmarks]
    )


def test_what_a_result_is(hands_on_made) -> None:
    with hands_on_made() as hands:
        found, nobody = hands.process(WHITE), hands_on_made().process(BLACK)
    assert nobody == (None, None, None)
    assert [type(each) for each in found] == [list] * 3
    image, world, side = (each[0] for each in found)
    assert (type(image), type(world)) == (NormalizedLandmarkList, LandmarkList)
    for message in (image, world):
        assert len(message.landmark) == 21
        for point in message.landmark:
            fields = ("x", "y", "z", "visibility", "presence")
            assert [point.HasField(name) for name in fields] == [True] * 3 + [False] * 2
    tip = image.landmark[mp.solutions.hands.HandLandmark.INDEX_FINGER_TIP]
    assert (tip.x, tip.y, tip.z) == pytest.approx((0.1, 0.2, 0.1))
    assert world.landmark[0].x == 10
    # In a mirrored picture, which this interface supposes, it is the other hand.
    assert side == ClassificationList(classification=[Classification(index=0, score=0.875, label="Left")])
    assert not side.classification[0].HasField("display_name")


def test_sides_of_two_hands(made_hands) -> None:
    outputs = module._outputs(made_hands.kind(2), 100, 50)
    sides = [message.classification[0] for message in outputs.multi_handedness]
    assert [(side.index, side.label, side.score) for side in sides] == [
        (0, "Left", 0.875),
        (1, "Right", 0.75),
    ]


def test_options_reach_the_networks(made_hands, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, HandSettings]] = []

    def pipeline(complexity: int, settings: HandSettings) -> Pipeline:
        asked.append((complexity, settings))
        return made_hands.pipeline()

    monkeypatch.setattr(module, "_pipeline", pipeline)
    Hands(False, 3, 0, 0.25, 0.75).close()  # noqa: FBT003 - positional, as the original allows
    ((complexity, settings),) = asked
    assert complexity == 0
    assert (settings.min_hand_detection_confidence, settings.min_hand_presence_confidence) == (0.25, 0.75)
    assert (settings.upright, settings.distinct, settings.mirrored) == (True, False, False)


def test_pictures_stand_for_themselves_or_follow_each_other(palm, hands_files) -> None:
    pictures = [pixels for pixels, _ in palm[:60:12]]
    with Hands(static_image_mode=True) as still, Hands() as video:
        alone = [numbers(still.process(pixels)) for pixels in pictures]
        again = [numbers(still.process(pixels)) for pixels in pictures]
        followed = [numbers(video.process(pixels)) for pixels in pictures]
        video.reset()
        anew = numbers(video.process(pictures[0]))
    assert np.array_equal(alone, again)
    assert np.array_equal(followed[0], alone[0])
    assert np.array_equal(anew, alone[0])
    assert not np.array_equal(followed[4], alone[4])
    assert np.abs(followed[4] - alone[4]).max() < 0.05


def test_static_pictures_ask_the_detector_each_time(hands_on_made, made_hands) -> None:
    with hands_on_made(static_image_mode=True) as hands:
        for _ in range(3):
            hands.process(WHITE)
        hands.reset()
    assert made_hands.rotations == [0, 0, 0]


@pytest.mark.parametrize(("most", "looks"), [(1, 1), (2, 3)])
def test_the_detector_rests_while_enough_hands_are_followed(
    hands_on_made, made_hands, most: int, looks: int
) -> None:
    with hands_on_made(max_num_hands=most) as hands:
        for _ in range(3):
            assert len(hands.process(WHITE).multi_hand_landmarks) == 1
    assert made_hands.rotations == [0] * looks


def test_both_models(hand_photos: Path, hands_files) -> None:
    pixels = cv2.cvtColor(cv2.imread(str(hand_photos / "four_06aa70cc.jpg")), cv2.COLOR_BGR2RGB)
    with Hands(static_image_mode=True, model_complexity=0) as lite, Hands(static_image_mode=True) as full:
        light, heavy = numbers(lite.process(pixels)), numbers(full.process(pixels))
    assert light.shape == heavy.shape == (1, 21, 3)
    assert 0 < np.abs(light - heavy)[..., :2].max() < 0.02


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((5, 5, 4), np.uint8), ValueError, "Input image must contain three channel rgb data"),
        (np.zeros((5, 5), np.uint8), ValueError, "Input image must contain three channel rgb data"),
        (np.zeros((5, 5, 3), np.float32), ValueError, "expected uint8"),
        (None, AttributeError, "was it read"),
    ],
)
def test_what_is_no_picture(hands_on_made, image: Any, error: type[Exception], message: str) -> None:
    with hands_on_made() as hands:
        with pytest.raises(error, match=message) as caught:
            hands.process(image)
        assert hands.process(WHITE).multi_hand_landmarks is not None
    assert isinstance(caught.value, VitruvianError)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_num_hands": 0}, RuntimeError, "max_num_hands: at least 1, got 0"),
        ({"max_num_hands": -2}, ValueError, "max_num_hands: at least 1, got -2"),
        ({"max_num_hands": 1.5}, TypeError, "float"),
        ({"model_complexity": 2}, ValueError, "model_complexity: 0 or 1, got 2"),
        ({"min_detection_confidence": 1.5}, ValueError, "min_detection_confidence: a number from 0 to 1"),
        ({"min_tracking_confidence": -1}, ValueError, "min_tracking_confidence: a number from 0 to 1"),
    ],
)
def test_options_outside_their_range(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Hands(**options)


def test_a_failed_network_leaves_it_usable(hands_on_made, made_hands) -> None:
    def fail(frame: Frame) -> None:
        if frame.stamp.time == 0.033333:
            raise SessionError("it broke")

    made_hands.before = fail
    with hands_on_made() as hands:
        with pytest.raises(RuntimeError, match="it broke"):
            hands.process(WHITE)
        assert hands.process(WHITE).multi_hand_landmarks is not None


def test_closing(hands_on_made, made_hands) -> None:
    with hands_on_made() as hands:
        assert hands.process(BLACK) == (None, None, None)
    hands.close()
    hands.reset()
    assert made_hands.closed.is_set()
    for error in (ValueError, RuntimeError):
        with pytest.raises(error, match="this Hands is closed; create another one"):
            hands.process(WHITE)


def test_shared_by_threads(hands_on_made, made_hands) -> None:
    with hands_on_made() as hands, ThreadPoolExecutor(8) as pool:
        list(pool.map(hands.process, itertools.repeat(WHITE, 100)))
    assert len(made_hands.times) == 100
    assert made_hands.times == sorted(made_hands.times)
