"""What made a result."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Provenance"]


@dataclass(frozen=True)
class Provenance:
    """The model behind a result, as files carry it.

    Attributes:
        name: Of the model, as the user asked for it.
        files: SHA-256 of each network, in hexadecimal.
        runtime: What ran them, with its version.
    """

    name: str
    files: tuple[str, ...]
    runtime: str
