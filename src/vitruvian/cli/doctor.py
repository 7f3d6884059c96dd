"""``vitruvian doctor``."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

import vitruvian
from vitruvian import kernels
from vitruvian.errors import WeightsError

__all__ = ["doctor"]

_DEPENDENCIES = ("av", "lap", "numpy", "opencv-python-headless", "openvino", "pillow", "pip")


def doctor(
    *,
    cache: Annotated[Path | None, typer.Option(help="Folder for models; default: the platform's.")] = None,
) -> None:
    """Print what a bug report needs: versions, runtime, devices, cache, models present."""
    import openvino  # noqa: PLC0415  # opens a foreign world

    from vitruvian import weights  # noqa: PLC0415
    from vitruvian.runtimes.openvino import OpenVINO  # noqa: PLC0415

    core = openvino.Core()
    folder = cache or weights.default_cache()
    rows = {
        "vitruvian": vitruvian.__version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{name: _version(name) for name in _DEPENDENCIES},
        "runtime": OpenVINO().name,
        "kernels": kernels.described(),
        "devices": ", ".join(
            f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')})" for device in core.available_devices
        ),
        "cores": str(os.cpu_count()),
        "cache": f"{folder} ({_access(folder)})",
        **{f"model {model.name}": _state(model.name, cache) for model in weights.list_models()},
    }
    for name, value in rows.items():
        typer.echo(f"{name:24} {value}")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed under this name"


def _access(folder: Path) -> str:
    nearest = next(place for place in (folder, *folder.parents) if os.path.exists(place))  # noqa: PTH110  # raises for no path
    return "writable" if os.access(nearest, os.W_OK) else "not writable"


def _state(name: str, cache: Path | None) -> str:
    from vitruvian import weights  # noqa: PLC0415

    try:
        here = weights.present(name, cache=cache)
    except WeightsError as error:
        return str(error)
    if not here:
        return f"not here (vitruvian models pull {name})"
    states = {file.state for file in weights.verify(name, cache=cache)}
    return "verified" if states == {"ok"} else f"damaged (vitruvian models pull {name})"
