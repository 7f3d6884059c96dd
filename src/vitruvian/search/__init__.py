"""Looking again: closer and closer, in stills at once, in streams beside the frames."""

from vitruvian.search.background import Background
from vitruvian.search.thorough import SHARES, Thorough

__all__ = ["SHARES", "Background", "Thorough"]
