"""The data formats of results, and those that drawing code builds."""

from vitruvian.mediapipe.framework.formats import classification_pb2, landmark_pb2

__all__ = ["classification_pb2", "landmark_pb2"]
