"""The parts that options and results are made of."""

from vitruvian.mediapipe.tasks.python.components import containers

__all__ = ["containers"]
