"""The models that have a name, as data: ``data/weights.json`` read into values."""

from __future__ import annotations

import functools
import importlib.resources
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitruvian.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BUNDLE",
    "DEFAULT_TASK",
    "Catalogue",
    "FileInfo",
    "ModelInfo",
    "Role",
    "UrlOrigin",
    "Wheel",
    "WheelOrigin",
    "builtin_catalogue",
]

BUNDLE = "bundle"
"""The role of a file that holds all networks of its task."""

DEFAULT_TASK = "pose"


@dataclass(frozen=True)
class Role:
    """A network that a task needs.

    Attributes:
        name: What the network does, such as ``detector``.
        member: Its name inside a bundle.
        names: The names that it may have in a folder.
    """

    name: str
    member: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class FileInfo:
    """A file of a model as it lies in the cache.

    Attributes:
        role: The role that it plays in its task, or ``bundle``.
        name: Its name.
        size: Its size in bytes, or None if that is known only after the first fetch.
        sha256: Its digest, or None if that is known only after the first fetch.
    """

    role: str
    name: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries model files; fetched with pip, never installed.

    Attributes:
        requirement: What pip is asked for, such as ``mediapipe==0.10.21``.
        python: The version of Python that the wheel is for, such as ``3.11``.
        implementation: The implementation of Python that it is for, such as ``cp``.
        abi: The binary interface that it is for, such as ``cp311``.
        platform: The platform that it is for, such as ``manylinux_2_28_x86_64``.
        file: The wheel's name.
        size: Its size in bytes.
        sha256: Its digest.
    """

    requirement: str
    python: str
    implementation: str
    abi: str
    platform: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class WheelOrigin:
    """Files that come out of a wheel: ``members`` maps a file's name to its path inside the wheel."""

    wheel: Wheel
    members: Mapping[str, str]

    def __str__(self) -> str:
        return self.wheel.file


@dataclass(frozen=True)
class UrlOrigin:
    """One file that comes from an address."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class ModelInfo:
    """A model that has a name.

    Attributes:
        name: The name, unique in the catalogue.
        alias: A shorter name, unique within the task.
        task: What it is for, such as ``pose``.
        title: A line about it for people.
        origin: Where its files come from; ``str(origin)`` names the place.
        files: Its files.
    """

    name: str
    alias: str
    task: str
    title: str
    origin: WheelOrigin | UrlOrigin
    files: tuple[FileInfo, ...]


@dataclass(frozen=True)
class Catalogue:
    """All models that have a name, and the roles of each task."""

    tasks: Mapping[str, tuple[Role, ...]]
    models: tuple[ModelInfo, ...]

    @classmethod
    def parse(cls, text: str) -> Catalogue:
        """Return the catalogue that the JSON ``text`` describes; ``data/weights.json`` is the example."""
        document = json.loads(text)
        tasks = {task: tuple(_role(row) for row in rows) for task, rows in document["tasks"].items()}
        wheels = {name: Wheel(**row) for name, row in document["wheels"].items()}
        return cls(tasks, tuple(_model(row, wheels) for row in document["models"]))

    def roles(self, task: str) -> tuple[Role, ...]:
        """Return the roles of ``task``."""
        if task not in self.tasks:
            raise OptionError(f"task is {task!r}; expected one of: {', '.join(self.tasks)}")
        return self.tasks[task]

    def find(self, name: str, *, task: str = DEFAULT_TASK) -> ModelInfo | None:
        """Return the model called ``name`` or, within ``task``, by that alias; None if there is none."""
        for model in self.models:
            if name == model.name or (name == model.alias and task == model.task):
                return model
        return None


@functools.cache
def builtin_catalogue() -> Catalogue:
    """Return the catalogue that comes with the package."""
    file = importlib.resources.files("vitruvian") / "data" / "weights.json"
    return Catalogue.parse(file.read_text(encoding="utf-8"))


def _role(row: Mapping[str, Any]) -> Role:
    return Role(row["role"], row["member"], tuple(row["names"]))


def _model(row: Mapping[str, Any], wheels: Mapping[str, Wheel]) -> ModelInfo:
    files = tuple(
        FileInfo(file["role"], file["name"], file.get("size"), file.get("sha256")) for file in row["files"]
    )
    return ModelInfo(row["name"], row["alias"], row["task"], row["title"], _origin(row, wheels), files)


def _origin(row: Mapping[str, Any], wheels: Mapping[str, Wheel]) -> WheelOrigin | UrlOrigin:
    origin = row["origin"]
    if "url" in origin:
        return UrlOrigin(origin["url"])
    return WheelOrigin(wheels[origin["wheel"]], {file["name"]: file["member"] for file in row["files"]})
