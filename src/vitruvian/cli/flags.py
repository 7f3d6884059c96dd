"""Flags that several commands share, and what they stand for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitruvian.cli.console import downloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitruvian.models.blazepose import PoseSettings
    from vitruvian.pipeline import Pipeline

__all__ = ["Cache", "Model", "Networks", "Offline", "Threads", "format_names"]

_MACHINE = "Model and machine"

Model = Annotated[
    str,
    typer.Option(
        help="full, lite, heavy or another name from 'vitruvian models list' (downloaded at first use); or "
        "the path of a .task bundle or of a folder with .tflite files.",
        rich_help_panel=_MACHINE,
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads; default: all cores.", rich_help_panel=_MACHINE)
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline", help="Never connect; the model must be here already.", rich_help_panel=_MACHINE
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder for models; default: the platform's cache folder.", rich_help_panel=_MACHINE),
]


@dataclass(frozen=True)
class Networks:
    """Which networks, and where they run: the four flags."""

    model: str
    threads: int | None
    offline: bool
    cache: Path | None

    @contextmanager
    def pipeline(self, settings: PoseSettings) -> Iterator[Pipeline]:
        """Yield the open pipeline; a model that is not here yet is downloaded, with a progress bar."""
        from vitruvian import weights  # noqa: PLC0415  # --help need not wait for the world of pixels
        from vitruvian.runtimes.openvino import OpenVINO  # noqa: PLC0415
        from vitruvian.zoo import pose_pipeline  # noqa: PLC0415

        with downloads() as progress:
            files = weights.load(
                self.model, task="pose", cache=self.cache, offline=self.offline, progress=progress
            )
        runtime = OpenVINO(threads=self.threads)
        with pose_pipeline(files, settings, runtime=runtime, name=self.model) as pipeline:
            yield pipeline


def format_names(given: list[str]) -> list[str]:
    """Return the formats that ``--format`` names, by commas or by giving it again."""
    from vitruvian.sinks.formats import FORMATS  # noqa: PLC0415  # opens NumPy, which --help need not wait for

    names = list(dict.fromkeys(name.strip().lower() for words in given for name in words.split(",")))
    for name in names:
        if name not in FORMATS:
            raise typer.BadParameter(f"no format is called {name!r}; there are: {', '.join(FORMATS)}")
    return names
