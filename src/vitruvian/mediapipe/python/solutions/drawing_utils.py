"""Drawings on pictures; those of the Tasks, which take the older lists of landmarks as well."""

from vitruvian.mediapipe.tasks.python.vision.drawing_utils import (
    BLACK_COLOR,
    BLUE_COLOR,
    GREEN_COLOR,
    RED_COLOR,
    WHITE_COLOR,
    DrawingSpec,
    _normalized_to_pixel_coordinates,
    draw_landmarks,
    plot_landmarks,
)

__all__ = [
    "BLACK_COLOR",
    "BLUE_COLOR",
    "GREEN_COLOR",
    "RED_COLOR",
    "WHITE_COLOR",
    "DrawingSpec",
    "_normalized_to_pixel_coordinates",
    "draw_landmarks",
    "plot_landmarks",
]
