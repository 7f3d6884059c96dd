"""Drawings on pictures, pixel by pixel those of the original."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2

from vitruvian.errors import ArrayError, OptionError
from vitruvian.mediapipe.errors import UnavailableError
from vitruvian.mediapipe.framework.formats import landmark_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from vitruvian.mediapipe.tasks.python.components.containers import landmark
    from vitruvian.mediapipe.tasks.python.vision.core import connection

    Message: TypeAlias = landmark_pb2.NormalizedLandmark | landmark_pb2.Landmark
    Point: TypeAlias = landmark.NormalizedLandmark | landmark.Landmark | Message
    PointList: TypeAlias = Sequence[Point] | landmark_pb2.NormalizedLandmarkList | landmark_pb2.LandmarkList
    Connection: TypeAlias = connection.Connection | tuple[int, int]

__all__ = [
    "BLACK_COLOR",
    "BLUE_COLOR",
    "GREEN_COLOR",
    "RED_COLOR",
    "WHITE_COLOR",
    "DrawingSpec",
    "draw_landmarks",
    "plot_landmarks",
]

WHITE_COLOR = (224, 224, 224)
BLACK_COLOR = (0, 0, 0)
RED_COLOR = (0, 0, 255)
GREEN_COLOR = (0, 128, 0)
BLUE_COLOR = (255, 0, 0)

_LEAST_CONFIDENCE = 0.5
"""Points whose visibility or presence is known and below this are left out."""


@dataclass
class DrawingSpec:
    """How a point or a line is drawn.

    Attributes:
        color: In the order of the picture's channels; the constants are BGR.
        thickness: Of lines, in pixels; -1 fills circles.
        circle_radius: In pixels.
    """

    color: tuple[int, int, int] = WHITE_COLOR
    thickness: int = 2
    circle_radius: int = 2


_RED_POINT = DrawingSpec(color=RED_COLOR)
_WHITE_LINE = DrawingSpec()
_RED_DOT = DrawingSpec(color=RED_COLOR, thickness=5)
_BLACK_LINE = DrawingSpec(color=BLACK_COLOR, thickness=5)


def draw_landmarks(
    image: NDArray[Any],
    landmark_list: PointList | None,
    connections: Iterable[Connection] | None = None,
    landmark_drawing_spec: DrawingSpec | Mapping[int, DrawingSpec] | None = _RED_POINT,
    connection_drawing_spec: DrawingSpec | Mapping[tuple[int, int], DrawingSpec] | None = _WHITE_LINE,
    is_drawing_landmarks: bool = True,  # noqa: FBT001, FBT002 - the original's signature
) -> None:
    """Draw one person's or one hand's landmarks and their connections on a picture, in place.

    Points whose visibility or presence is below 0.5, and points outside of the picture, are left out.

    Args:
        image: (H, W, 3), writable; BGR if the colours are those of this module.
        landmark_list: In fractions of the image: a list out of a result, or a ``landmark_pb2`` message.
        connections: Pairs of landmark indices.
        landmark_drawing_spec: For all points, or by index; ``None`` draws no points.
        connection_drawing_spec: For all connections, or by pair of indices; ``None`` draws no connections.
        is_drawing_landmarks: Whether to draw the points.

    Raises:
        ArrayError: ``image`` is not a writable picture of three channels.
        OptionError: A connection names a landmark that is not in the list.
    """
    if not landmark_list:
        return
    _check_image(image)
    points = _points(landmark_list)
    height, width, _ = image.shape
    pixels = {
        index: pixel
        for index, point in enumerate(points)
        if _is_shown(point) and (pixel := _normalized_to_pixel_coordinates(point.x, point.y, width, height))
    }
    if connection_drawing_spec:
        for pair in _pairs(connections, len(points)):
            if pair[0] in pixels and pair[1] in pixels:
                spec = _spec_of(pair, connection_drawing_spec)
                cv2.line(image, pixels[pair[0]], pixels[pair[1]], spec.color, spec.thickness)
    if is_drawing_landmarks and landmark_drawing_spec:
        for index, pixel in pixels.items():
            _draw_point(image, pixel, _spec_of(index, landmark_drawing_spec))


def plot_landmarks(
    landmark_list: PointList | None,
    connections: Iterable[Connection] | None = None,
    landmark_drawing_spec: DrawingSpec = _RED_DOT,
    connection_drawing_spec: DrawingSpec = _BLACK_LINE,
    elevation: int = 10,
    azimuth: int = 10,
) -> None:
    """Show one person's or one hand's landmarks in three dimensions, in a window of matplotlib.

    Args:
        landmark_list: A list out of a result, or a ``landmark_pb2`` message.
        connections: Pairs of landmark indices.
        landmark_drawing_spec: Of the points.
        connection_drawing_spec: Of the connections.
        elevation: From which the points are seen, in degrees.
        azimuth: From which the points are seen, in degrees.

    Raises:
        UnavailableError: Matplotlib is not installed.
        OptionError: A connection names a landmark that is not in the list.
    """
    if not landmark_list:
        return
    pyplot = _pyplot()
    points = _points(landmark_list)
    pyplot.figure(figsize=(10, 10))
    axes = pyplot.axes(projection="3d")
    axes.view_init(elev=elevation, azim=azimuth)
    # Depth to the front, the body upright.
    places = {
        index: (-(point.z or 0), point.x or 0, -(point.y or 0))
        for index, point in enumerate(points)
        if _is_shown(point)
    }
    dot, line = _plot_style(landmark_drawing_spec), _plot_style(connection_drawing_spec)
    for x, y, z in places.values():
        axes.scatter3D(xs=[x], ys=[y], zs=[z], **dot)
    for start, end in _pairs(connections, len(points)):
        if start in places and end in places:
            xs, ys, zs = zip(places[start], places[end], strict=True)
            axes.plot3D(xs=xs, ys=ys, zs=zs, **line)
    pyplot.show()


def _normalized_to_pixel_coordinates(
    normalized_x: float | None, normalized_y: float | None, image_width: int, image_height: int
) -> tuple[int, int] | None:
    """Return the pixel at a point in fractions of the image; ``None`` outside of it.

    Scripts call this function by its private name.
    """
    if normalized_x is None or normalized_y is None:
        return None
    if not (_is_fraction(normalized_x) and _is_fraction(normalized_y)):
        return None
    x = min(math.floor(normalized_x * image_width), image_width - 1)
    y = min(math.floor(normalized_y * image_height), image_height - 1)
    return x, y


def _is_fraction(value: float) -> bool:
    return value >= 0 and (value < 1 or math.isclose(1, value))


def _check_image(image: NDArray[Any]) -> None:
    if image.ndim != 3 or image.shape[2] != 3:
        raise ArrayError(f"image: expected (H, W, 3), got shape {image.shape}")
    if not image.flags.writeable:
        raise ArrayError("image: is read-only; draw on a copy, as numpy.copy(image) makes it")


def _points(landmark_list: PointList) -> Sequence[Point]:
    if isinstance(landmark_list, landmark_pb2.NormalizedLandmarkList | landmark_pb2.LandmarkList):
        return landmark_list.landmark
    return landmark_list


def _is_shown(point: Point) -> bool:
    confidences = (_set_or_none(point, "visibility"), _set_or_none(point, "presence"))
    return not any(value is not None and value < _LEAST_CONFIDENCE for value in confidences)


def _set_or_none(point: Point, field: str) -> float | None:
    if isinstance(point, landmark_pb2.NormalizedLandmark | landmark_pb2.Landmark) and not point.HasField(
        field
    ):
        return None
    value: float | None = getattr(point, field)
    return value


def _pairs(connections: Iterable[Connection] | None, count: int) -> list[tuple[int, int]]:
    """Return the connections as pairs of indices below ``count``."""
    pairs = [each if isinstance(each, tuple) else (each.start, each.end) for each in connections or ()]
    for start, end in pairs:
        if not (0 <= start < count and 0 <= end < count):
            raise OptionError(f"connections: from landmark {start} to {end}, but there are {count} landmarks")
    return pairs


def _spec_of(key: Any, specs: DrawingSpec | Mapping[Any, DrawingSpec]) -> DrawingSpec:  # noqa: ANN401
    return specs[key] if isinstance(specs, Mapping) else specs


def _draw_point(image: NDArray[Any], pixel: tuple[int, int], spec: DrawingSpec) -> None:
    """Draw a circle with a white rim."""
    rim = max(spec.circle_radius + 1, int(spec.circle_radius * 1.2))
    cv2.circle(image, pixel, rim, WHITE_COLOR, spec.thickness)
    cv2.circle(image, pixel, spec.circle_radius, spec.color, spec.thickness)


def _plot_style(spec: DrawingSpec) -> dict[str, Any]:
    blue, green, red = spec.color
    return {"color": (red / 255, green / 255, blue / 255), "linewidth": spec.thickness}


def _pyplot() -> Any:  # noqa: ANN401 - matplotlib is no dependency
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise UnavailableError("plot_landmarks needs matplotlib: pip install matplotlib") from error
