"""The composition root: names become objects here, and nowhere else."""

from vitruvian.zoo.blaze import hands, hands_pipeline, pose, pose_pipeline
from vitruvian.zoo.sapiens2 import sapiens, sapiens_pipeline

__all__ = ["hands", "hands_pipeline", "pose", "pose_pipeline", "sapiens", "sapiens_pipeline"]
