"""The network on OpenVINO against PyTorch: one crop, one forward pass, on the CPU."""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vitruvian.weights.sapiens import PoseCheckpoint

__all__ = ["compare"]

_ENGINES = (("torch", "fp32"), ("torch", "bf16"), ("openvino", "fp32"), ("openvino", "bf16"))


def compare(checkpoint: PoseCheckpoint, repeats: int) -> dict[str, dict[str, float]]:
    """Print and return seconds, gibibytes and differences, each engine in a process of its own."""
    context = multiprocessing.get_context("spawn")
    report: dict[str, dict[str, float]] = {}
    exact: NDArray[np.float32] | None = None
    print(
        "\n| engine | s a pass | to open, s | peak GiB | mean difference | largest |\n"
        "|---|---|---|---|---|---|"
    )
    for engine, numbers in _ENGINES:
        process = context.Process(target=_measure, args=(checkpoint, engine, numbers, repeats))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"{engine} {numbers}: failed with status {process.exitcode}")
        folder = checkpoint.path.parent
        row = json.loads((folder / "report.json").read_text("utf-8"))
        maps = np.load(folder / "maps.npy")
        exact = maps if exact is None else exact
        off = np.abs(maps - exact)
        row |= {"mean": float(off.mean()), "max": float(off.max())}
        report[f"{engine} {numbers}"] = row
        cells = [f"{row[key]:.4g}" for key in ("pass", "open", "memory", "mean", "max")]
        print(f"| {engine} {numbers} | {' | '.join(cells)} |", flush=True)
    return report


def _measure(checkpoint: PoseCheckpoint, engine: str, numbers: str, repeats: int) -> None:
    """Write the heat maps and the numbers of one engine beside the checkpoint."""
    import torch  # noqa: PLC0415  # not in the process that only waits

    from vitruvian.runtimes.openvino.sapiens import OpenVINOSapiens  # noqa: PLC0415  # the same
    from vitruvian.runtimes.torch.sapiens import TorchSapiens  # noqa: PLC0415  # the same

    crop = np.random.default_rng(0).integers(0, 256, (*checkpoint.layout.image, 3), np.uint8)
    start = time.perf_counter()
    if engine == "torch":
        session = TorchSapiens(checkpoint, device="cpu", dtype=numbers, flip=False, parity=False)
    else:
        fast = OpenVINOSapiens(checkpoint, dtype=numbers, flip=False)
    opened, times = time.perf_counter() - start, []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        maps = (
            session.heatmaps(torch.tensor(crop[None])).numpy() if engine == "torch" else fast.heatmaps(crop)
        )
        times.append(time.perf_counter() - start)
    folder: Path = checkpoint.path.parent
    np.save(folder / "maps.npy", maps.reshape(-1, *maps.shape[-2:]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {"open": opened, "pass": min(times[1:]), "memory": memory}
    (folder / "report.json").write_text(json.dumps(row), encoding="utf-8")
