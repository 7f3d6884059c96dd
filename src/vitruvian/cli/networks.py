"""From the flags about model and machine to an open pipeline."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.cli.console import downloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vitruvian.models.blazehand import HandSettings
    from vitruvian.models.blazepose import PoseSettings
    from vitruvian.pipeline import Pipeline
    from vitruvian.weights import WeightFile

__all__ = ["Networks"]


@dataclass(frozen=True)
class Networks:
    """Which networks, and where they run.

    Attributes:
        model: Name or path.
        threads: CPU threads; ``None``: all cores.
        offline: Never connect.
        cache: Folder of the models; ``None``: the platform's.
        hands: Whether bodies get hands as well.
    """

    model: str
    threads: int | None
    offline: bool
    cache: Path | None
    hands: bool = False

    @contextmanager
    def pipeline(self, settings: PoseSettings | HandSettings) -> Iterator[Pipeline]:
        """Yield the open pipeline that has these settings.

        A model that is not here yet is downloaded, with a progress bar.

        Raises:
            WeightsError: The model files are missing, damaged, or of another kind.
            SessionError: The networks cannot be opened.
        """
        from vitruvian.models.blazepose import PoseSettings  # noqa: PLC0415  # --help need not wait for pixels
        from vitruvian.runtimes.openvino import OpenVINO  # noqa: PLC0415
        from vitruvian.zoo.blaze import hands_pipeline, pose_pipeline  # noqa: PLC0415

        runtime = OpenVINO(threads=self.threads)
        if isinstance(settings, PoseSettings):
            hands = self._files("hands", "full") if self.hands else None
            opened = pose_pipeline(
                self._files("pose"), settings, hands=hands, runtime=runtime, name=self.model
            )
        else:
            opened = hands_pipeline(self._files("hands"), settings, runtime=runtime, name=self.model)
        with opened as pipeline:
            yield pipeline

    def _files(self, task: str, model: str | None = None) -> Mapping[str, WeightFile]:
        from vitruvian import weights  # noqa: PLC0415

        with downloads() as progress:
            return weights.load(
                model or self.model, task=task, cache=self.cache, offline=self.offline, progress=progress
            )
