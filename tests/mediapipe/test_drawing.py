"""Drawings against those of MediaPipe 1.2.2 and 0.10.21, of which the digests are the pixels' SHA-256."""

from __future__ import annotations

import hashlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vitruvian.mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList
from vitruvian.mediapipe.python import solutions
from vitruvian.mediapipe.tasks.python import vision
from vitruvian.mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark
from vitruvian.mediapipe.tasks.python.vision import drawing_styles, drawing_utils
from vitruvian.mediapipe.tasks.python.vision.drawing_utils import DrawingSpec, draw_landmarks

if TYPE_CHECKING:
    from collections.abc import Callable

LIMBS = vision.PoseLandmarksConnections.POSE_LANDMARKS
STYLE = drawing_styles.get_default_pose_landmarks_style()

DRAWINGS: dict[str, tuple[dict[str, Any], str]] = {
    "defaults": ({}, "b54eabf8d2d5b067"),
    "no limbs": ({"connections": None}, "6ab6578b016a2d8d"),
    "style": ({"landmark_drawing_spec": STYLE}, "7e6ed72f0fe8c453"),
    "limbs only": ({"is_drawing_landmarks": False}, "cd69db4afb6f18f4"),
    "no points": ({"landmark_drawing_spec": None}, "cd69db4afb6f18f4"),
    "filled": (
        {
            "landmark_drawing_spec": DrawingSpec(color=(1, 2, 250), thickness=-1, circle_radius=9),
            "connection_drawing_spec": DrawingSpec(color=(0, 255, 0), thickness=5),
        },
        "58d96887e2f7aad0",
    ),
    "limb by limb": (
        {
            "connection_drawing_spec": {
                (limb.start, limb.end): DrawingSpec(
                    color=(7 * limb.start, 200, 0), thickness=1 + limb.end % 3
                )
                for limb in LIMBS
            }
        },
        "19fd629e100c276b",
    ),
}


def numbers() -> list[dict[str, float]]:
    """33 points over and around the picture, some of them doubtful, some on its edges."""
    points = []
    for i in range(33):
        point = {"x": i * 11 % 34 / 32, "y": i * 7 % 33 / 32, "z": 0.0}
        if i % 3:
            point["visibility"] = 0.25 + i % 5 / 8
        if i % 4 == 1:
            point["presence"] = 0.375 + i % 6 / 8
        points.append(point)
    return points


def canvas() -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[:240, :320]
    return np.stack([rows, columns // 2, rows ^ columns], axis=2).astype(np.uint8)


def digest(image: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("name", DRAWINGS)
def test_landmarks_of_a_result(name: str) -> None:
    options, expected = DRAWINGS[name]
    image = canvas()
    draw_landmarks(
        image, [NormalizedLandmark(**point) for point in numbers()], **{"connections": LIMBS} | options
    )
    assert digest(image) == expected


@pytest.mark.parametrize("name", DRAWINGS)
def test_landmarks_of_a_message(name: str) -> None:
    options, expected = DRAWINGS[name]
    message = NormalizedLandmarkList()
    for point in numbers():
        message.landmark.add(**point)
    image = canvas()
    # In the order of the limbs: a set has none, and neighbouring limbs overlap.
    pairs = [(limb.start, limb.end) for limb in LIMBS]
    solutions.drawing_utils.draw_landmarks(image, message, **{"connections": pairs} | options)
    assert digest(image) == expected


def test_one_point_to_the_pixel() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    spec = DrawingSpec(color=(9, 8, 7), thickness=-1, circle_radius=0)
    draw_landmarks(image, [NormalizedLandmark(x=0.5, y=0.999)], landmark_drawing_spec=spec)
    assert tuple(image[19, 10]) == (9, 8, 7)
    assert tuple(image[18, 10]) == tuple(image[19, 9]) == tuple(image[19, 11]) == drawing_utils.WHITE_COLOR
    assert np.count_nonzero(image.any(axis=2)) == 4


@pytest.mark.parametrize(
    ("x", "y", "pixel"),
    [
        (0.0, 0.0, (0, 0)),
        (1.0, 1.0, (639, 479)),
        (1 + 1e-12, 0.5, (639, 240)),
        (0.5, 0.25, (320, 120)),
        (-1e-9, 0.5, None),
        (0.5, 1.001, None),
        (float("nan"), 0.5, None),
        (None, 0.5, None),
    ],
)
def test_pixel_of_a_point(x: float | None, y: float, pixel: tuple[int, int] | None) -> None:
    assert drawing_utils._normalized_to_pixel_coordinates(x, y, 640, 480) == pixel


@pytest.mark.parametrize(
    ("point", "drawn"),
    [
        ({}, True),
        ({"visibility": 0.5, "presence": 0.5}, True),
        ({"visibility": 0.49, "presence": 1.0}, False),
        ({"visibility": 1.0, "presence": 0.49}, False),
        ({"x": 1.1}, False),
    ],
)
def test_what_is_left_out(point: dict[str, float], *, drawn: bool) -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    draw_landmarks(image, [NormalizedLandmark(**{"x": 0.5, "y": 0.5} | point)])
    assert image.any() == drawn


def test_nobody_is_drawn() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    for nobody in (None, [], NormalizedLandmarkList()):
        draw_landmarks(image, nobody, LIMBS[:0])
    drawing_utils.plot_landmarks([])
    assert not image.any()


def test_no_connections_without_a_spec() -> None:
    image, other = canvas(), canvas()
    points = [NormalizedLandmark(**point) for point in numbers()]
    draw_landmarks(image, points, LIMBS, connection_drawing_spec=None)
    draw_landmarks(other, points)
    assert np.array_equal(image, other)


def test_pictures_that_cannot_be_drawn_on() -> None:
    point = [NormalizedLandmark(x=0.5, y=0.5)]
    for shape in ((20, 20), (20, 20, 4), (20, 20, 1)):
        with pytest.raises(ValueError, match=r"image: expected \(H, W, 3\), got shape"):
            draw_landmarks(np.zeros(shape, np.uint8), point)
    image = np.zeros((20, 20, 3), np.uint8)
    image.setflags(write=False)
    with pytest.raises(ValueError, match=r"draw on a copy, as numpy.copy\(image\) makes it"):
        draw_landmarks(image, point)


def test_connection_to_a_landmark_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="from landmark 0 to 1, but there are 1 landmarks"):
        draw_landmarks(canvas(), [NormalizedLandmark(x=0.5, y=0.5)], [(0, 1)])


def test_style_is_by_side() -> None:
    names = vision.PoseLandmark
    assert set(STYLE) == set(names)
    assert STYLE[names.NOSE] == DrawingSpec(color=(224, 224, 224), thickness=2, circle_radius=2)
    assert STYLE[names.MOUTH_LEFT] == STYLE[names.LEFT_HEEL] == DrawingSpec(color=(0, 138, 255))
    assert STYLE[names.MOUTH_RIGHT] == STYLE[names.RIGHT_EYE_INNER] == DrawingSpec(color=(231, 217, 0))


HAND_STYLES = (
    drawing_styles.get_default_hand_landmarks_style(),
    drawing_styles.get_default_hand_connections_style(),
)


@pytest.mark.parametrize(
    ("styles", "expected"), [((), "74aa69d224d04895"), (HAND_STYLES, "7f0e3a5331b75bf4")]
)
def test_hands(styles: tuple[Any, ...], expected: str) -> None:
    points = [NormalizedLandmark(x=i * 11 % 31 / 32, y=i * 8 % 31 / 32, z=0.0) for i in range(21)]
    image, other, message = canvas(), canvas(), NormalizedLandmarkList()
    bones = vision.HandLandmarksConnections.HAND_CONNECTIONS
    draw_landmarks(image, points, bones, *styles)
    assert digest(image) == expected
    for point in points:
        message.landmark.add(x=point.x, y=point.y)
    pairs = [(bone.start, bone.end) for bone in bones]  # in order: a set has none, and neighbours overlap
    solutions.drawing_utils.draw_landmarks(other, message, pairs, *styles)
    assert np.array_equal(image, other)


def test_style_of_hands_is_by_finger() -> None:
    names, (points, bones) = vision.HandLandmark, HAND_STYLES
    assert set(points) == set(names)
    assert set(bones) == solutions.hands.HAND_CONNECTIONS
    assert points[names.WRIST] == DrawingSpec(color=(48, 48, 255), thickness=-1, circle_radius=5)
    assert points[names.THUMB_CMC] == points[names.PINKY_MCP] == points[names.WRIST]
    assert bones[0, 17] == DrawingSpec(color=(128, 128, 128), thickness=3)
    for tip, color in {
        names.THUMB_TIP: (180, 229, 255),
        names.INDEX_FINGER_TIP: (128, 64, 128),
        names.MIDDLE_FINGER_TIP: (0, 204, 255),
        names.RING_FINGER_TIP: (48, 255, 48),
        names.PINKY_TIP: (192, 101, 21),
    }.items():
        assert points[tip] == DrawingSpec(color=color, thickness=-1, circle_radius=5)
        assert bones[tip - 1, tip] == DrawingSpec(color=color)
    styles = solutions.drawing_styles
    assert styles.get_default_hand_landmarks_style() == points
    assert styles.get_default_hand_connections_style() == bones


def test_plot_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(NotImplementedError, match="pip install matplotlib"):
        drawing_utils.plot_landmarks([NormalizedLandmark(x=0.5, y=0.5)])


class Axes:
    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda **values: self.calls.append((name, values))


def test_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    axes, pyplot = Axes(), ModuleType("matplotlib.pyplot")
    vars(pyplot).update(figure=lambda **_: None, axes=lambda **_: axes, show=lambda: None)
    monkeypatch.setitem(sys.modules, "matplotlib", ModuleType("matplotlib"))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    hidden = NormalizedLandmark(x=1, y=1, z=1, visibility=0.1)
    points = [NormalizedLandmark(x=1, y=2, z=3), NormalizedLandmark(x=4, y=5, z=6), hidden]
    drawing_utils.plot_landmarks(points, [(0, 1), (1, 2)], azimuth=20)
    assert axes.calls == [
        ("view_init", {"elev": 10, "azim": 20}),
        ("scatter3D", {"xs": [-3], "ys": [1], "zs": [-2], "color": (1, 0, 0), "linewidth": 5}),
        ("scatter3D", {"xs": [-6], "ys": [4], "zs": [-5], "color": (1, 0, 0), "linewidth": 5}),
        ("plot3D", {"xs": (-3, -6), "ys": (1, 4), "zs": (-2, -5), "color": (0, 0, 0), "linewidth": 5}),
    ]
