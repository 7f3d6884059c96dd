"""From the options of a task to the networks that it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian import weights
from vitruvian.errors import OptionError, WeightsError, WeightsMissingError
from vitruvian.mediapipe.errors import TaskError, UnavailableError
from vitruvian.mediapipe.tasks.python.core.base_options import BaseOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitruvian.weights import WeightFile

__all__ = ["check_delegate", "load_networks", "usable_networks"]


def check_delegate(options: BaseOptions) -> None:
    """Refuse what cannot run a network.

    Raises:
        OptionError: The delegate is no delegate.
        UnavailableError: The delegate is the GPU.
    """
    if options.delegate is not None and not isinstance(options.delegate, BaseOptions.Delegate):
        raise OptionError(f"delegate: expected a BaseOptions.Delegate, got {options.delegate!r}")
    if options.delegate == BaseOptions.Delegate.GPU:
        raise UnavailableError("delegate: the GPU is not available in this version; use CPU or leave it out")


def load_networks(options: BaseOptions, task: str, example: str) -> Mapping[str, WeightFile]:
    """Return the networks; a path is never taken for the name of a model, so nothing is ever downloaded.

    Args:
        options: Where the bundle is.
        task: What the networks are for: ``pose`` or ``hands``.
        example: Name of a model that would do, for the message if there is none.

    Raises:
        OptionError: No model is given.
        WeightsMissingError: There is no model at the path.
        TaskError: The model cannot be used.
    """
    model: bytes | Path
    if options.model_asset_buffer:
        model = bytes(options.model_asset_buffer)
    elif options.model_asset_path:
        model = Path(options.model_asset_path)
    else:
        raise OptionError("base_options: give model_asset_path or model_asset_buffer, neither of them empty")
    if isinstance(model, Path) and not os.path.exists(model):  # noqa: PTH110  # raises for no path at all
        raise WeightsMissingError(
            f"there is no model file here; `vitruvian models pull {example}` fetches one, "
            f"and `vitruvian models path {example}` says where it is then",
            path=model,
        )
    return usable_networks(model, task)


def usable_networks(model: str | Path | bytes, task: str) -> Mapping[str, WeightFile]:
    """Return the networks of a task: by a model's name (downloaded if need be), path or content.

    Raises:
        WeightsMissingError: They are not there, and cannot be fetched.
        TaskError: They cannot be used.
    """
    try:
        return weights.load(model, task=task)
    except WeightsMissingError:
        raise
    except WeightsError as error:
        raise TaskError(str(error)) from error
