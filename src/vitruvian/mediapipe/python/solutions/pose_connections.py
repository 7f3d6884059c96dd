"""The limbs of the 33-point body."""

from vitruvian.skeleton import Skeleton

__all__ = ["POSE_CONNECTIONS"]

POSE_CONNECTIONS = frozenset(Skeleton.named("body33").edges)
"""Pairs of landmark indices."""
