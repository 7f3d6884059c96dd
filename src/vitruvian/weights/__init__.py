"""Find, fetch and verify model files.

``load`` turns a name, a path or bytes into the networks of a task; ``load_graph`` reads a TensorFlow.js model
from a folder; ``pull`` puts a named model into the cache; ``verify``, ``present`` and ``paths`` look at what
is there; ``list_models`` says what has a name.
"""

from vitruvian.weights.bundle import open_bundle
from vitruvian.weights.cache import FileStatus, default_cache
from vitruvian.weights.catalogue import Catalogue, FileInfo, ModelInfo, Role, UrlOrigin, Wheel, WheelOrigin
from vitruvian.weights.fetching import Progress
from vitruvian.weights.store import list_models, load, paths, present, pull, verify
from vitruvian.weights.tfjs import GraphFile, GraphNode, load_graph
from vitruvian.weights.weight_file import WeightFile

__all__ = [
    "Catalogue",
    "FileInfo",
    "FileStatus",
    "GraphFile",
    "GraphNode",
    "ModelInfo",
    "Progress",
    "Role",
    "UrlOrigin",
    "WeightFile",
    "Wheel",
    "WheelOrigin",
    "default_cache",
    "list_models",
    "load",
    "load_graph",
    "open_bundle",
    "paths",
    "present",
    "pull",
    "verify",
]
