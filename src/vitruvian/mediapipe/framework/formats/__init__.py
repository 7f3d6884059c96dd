"""The data formats that drawing code builds."""

from vitruvian.mediapipe.framework.formats import landmark_pb2

__all__ = ["landmark_pb2"]
