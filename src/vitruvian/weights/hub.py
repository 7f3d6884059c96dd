"""The models that come from the Hugging Face hub, and their licences: rows of ``data/weights.json``."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import json
from dataclasses import dataclass
from typing import Any

from vitruvian.errors import OptionError

__all__ = ["Hub", "HubFile", "HubModel", "Licence", "builtin_hub"]


@dataclass(frozen=True)
class Licence:
    """What a model may be used for.

    Attributes:
        name: Short and unique, such as ``sapiens2``.
        title: For people.
        url: Where its text is.
        asks: Whether its terms are to be accepted before anything is fetched.
        terms: A summary, a line each.
    """

    name: str
    title: str
    url: str
    asks: bool
    terms: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the title, the address and the summary: what was shown to whoever accepted."""
        return hashlib.sha256("\n".join((self.title, self.url, *self.terms)).encode()).hexdigest()


@dataclass(frozen=True)
class HubFile:
    """A file of a repository.

    Attributes:
        name: In the repository.
        place: Below the root of the checkpoints.
        url: Where it is fetched from.
        needed: Whether we read it; what only the original reads is fetched as well.
    """

    name: str
    place: str
    url: str
    needed: bool = True


@dataclass(frozen=True)
class HubModel:
    """A model that has a name and comes from the hub.

    Attributes:
        name: Such as ``sapiens-0.4b``.
        title: A line about it for people.
        repository: Its id on the hub.
        licence: What it is under.
        files: Its files.
    """

    name: str
    title: str
    repository: str
    licence: Licence
    files: tuple[HubFile, ...]


@dataclass(frozen=True)
class Hub:
    """All models that come from the hub."""

    models: tuple[HubModel, ...]

    @classmethod
    def parse(cls, text: str) -> Hub:
        """Return what ``hub`` in the JSON ``text`` describes; ``data/weights.json`` is the example."""
        rows = json.loads(text)["hub"]
        licences = {
            name: Licence(name, row["title"], row["url"], row["asks"], tuple(row["terms"]))
            for name, row in rows["licences"].items()
        }
        return cls(tuple(_model(row, licences, rows["address"]) for row in rows["models"]))

    def find(self, name: str) -> HubModel:
        """Return the model called ``name``.

        Raises:
            OptionError: There is none.
        """
        for model in self.models:
            if model.name == name:
                return model
        known = ", ".join(model.name for model in self.models)
        raise OptionError(f"no model of the hub is called {name!r}; known are: {known}")

    def knows(self, name: str) -> bool:
        """Return whether a model is called ``name``."""
        return any(model.name == name for model in self.models)


@functools.cache
def builtin_hub() -> Hub:
    """Return what comes with the package."""
    file = importlib.resources.files("vitruvian") / "data" / "weights.json"
    return Hub.parse(file.read_text(encoding="utf-8"))


def _model(row: dict[str, Any], licences: dict[str, Licence], address: str) -> HubModel:
    repository = row["repository"]
    files = tuple(
        HubFile(
            file["name"],
            file["place"],
            address.format(repository=repository, name=file["name"]),
            file.get("needed", True),
        )
        for file in row["files"]
    )
    return HubModel(row["name"], row["title"], repository, licences[row["licence"]], files)
