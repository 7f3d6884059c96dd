"""308 points: where the time goes, and against the way the original script works.

    python benchmarks/sapiens.py [--size 0.4b] [--device auto] [--people 4] [--openvino]

The networks have random weights of the full size, under the original's names, in a temporary folder: time
does not depend on their values. Nobody would be found by them, so that the boxes of people are given; the
detector runs all the same, and its time counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from sapiens_baseline import original_decode, original_heatmaps, transformers_network

import vitruvian
from vitruvian import Landmarks, Regions, draw_landmarks, read_image
from vitruvian.models.detr import DetrDetector
from vitruvian.models.sapiens import CROP, SapiensLandmarker, SapiensSettings, UdpCrop
from vitruvian.runtimes.torch.crop import cut, read_views
from vitruvian.runtimes.torch.detr import TorchDetr
from vitruvian.runtimes.torch.extra import choose_device
from vitruvian.runtimes.torch.heatmap import decode
from vitruvian.runtimes.torch.sapiens import TorchSapiens
from vitruvian.weights.sapiens import PoseCheckpoint, find_pose
from vitruvian.weights.sapiens_layout import SIZES

if TYPE_CHECKING:
    from collections.abc import Callable

TFLOP = {"0.4b": 3.86, "0.8b": 7.09, "1b": 12.28, "5b": 37.02}
"""Of one forward pass of one crop, two for each multiplication and addition (specification, section 2.1)."""

_WIDTH, _HEIGHT = 1920, 1080
_REFERENCES = Path(__file__).resolve().parents[1] / "tests" / "runtimes"


@dataclass(frozen=True)
class Stage:
    """What one step takes.

    Attributes:
        name: Of the step.
        ms: Milliseconds for a picture with all its people.
        passes: Forward passes of the pose network in it.
    """

    name: str
    ms: float
    passes: int = 0


def main() -> None:
    """Print the tables."""
    options = _parser().parse_args()
    device = choose_device(options.device)
    people = options.people or (8 if device.type == "cuda" else 1)
    repeats = options.repeats or (20 if device.type == "cuda" else 1)
    with tempfile.TemporaryDirectory() as name:
        bench = _Bench(Path(name), options.size, device, people, repeats)
        peak = _peak(device)
        print(f"{bench.title}\n\nmeasured peak of matrix products: {peak}\n")
        ours = bench.ours(compiled=options.compile)
        _print_stages(ours, options.size, people, peak[bench.numbers], device)
        baseline = bench.baseline()
        _print_baseline(ours, baseline)
        single = None if options.no_single else bench.single(compiled=options.compile)
        exported = bench.openvino() if options.openvino else None
    if options.json:
        report = {"peak": peak, "single": single, "openvino": exported, "people": people}
        report |= {"ours": [asdict(stage) for stage in ours], "size": options.size, "device": str(device)}
        report["baseline"] = [asdict(stage) for stage in baseline]
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=list(TFLOP), default="0.4b")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0")
    parser.add_argument("--people", type=int, help="in the picture (default: 8 on a GPU, 1 on a CPU)")
    parser.add_argument("--repeats", type=int, help="of which the median counts (default: 20 and 1)")
    parser.add_argument(
        "--compile", action="store_true", help="compile our network: minutes before it starts"
    )
    parser.add_argument("--no-single", action="store_true", help="leave out the network alone at batch 1")
    parser.add_argument("--openvino", action="store_true", help="also compare the engines of a CPU")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


def _peak(device: torch.device) -> dict[str, float]:
    """Return the TFLOP/s that matrix products reach on the device, for each kind of number."""
    side = 8192 if device.type == "cuda" else 3072
    peaks = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        one = torch.randn(side, side, device=device).to(dtype)
        seconds = min(_times(lambda one=one: one @ one, 5, device))  # type: ignore[misc]  # bound at once
        peaks[name] = round(2 * side**3 / seconds / 1e12, 3)
    return peaks


def _times(work: Callable[[], object], repeats: int, device: torch.device) -> list[float]:
    """Return the seconds of each run; on a GPU after one that does not count."""
    if device.type == "cuda":
        work()
    return [_seconds(work, device) for _ in range(repeats)]


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _reference(name: str) -> Any:  # noqa: ANN401  # a module of the tests
    """Return the tests' module that makes random checkpoints."""
    spec = importlib.util.spec_from_file_location(name, _REFERENCES / f"{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{_REFERENCES / name}.py: cannot be imported; run this in a checkout")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class _Bench:
    """Files, a picture and people in it."""

    def __init__(self, folder: Path, size: str, device: torch.device, people: int, repeats: int) -> None:
        self.size, self.device, self.people, self.repeats = size, device, people, repeats
        path = folder / "pose" / f"sapiens2_{size}_pose.safetensors"
        _reference("sapiens_reference").write_checkpoint(path, SIZES[size])
        self.checkpoint: PoseCheckpoint = find_pose(path)
        detr = _reference("detr_reference")
        self.detector = folder / "detr-resnet-101-dc5"
        detr.write_folder(self.detector, detr.FULL)
        self.photo = folder / "photo.jpg"
        noise = np.random.default_rng(0).integers(0, 256, (_HEIGHT // 8, _WIDTH // 8, 3), np.uint8)
        cv2.imwrite(str(self.photo), cv2.resize(noise, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC))
        across = np.linspace(250, _WIDTH - 250, people, dtype=np.float32)
        centre = np.stack([across, np.full(people, _HEIGHT / 2, np.float32)], axis=1)
        extent = np.tile(np.array([[350, 900]], np.float32), (people, 1))
        self.regions = Regions(centre, extent, np.zeros(people, np.float32), np.ones(people, np.float32))
        self.numbers = "bf16" if device.type == "cuda" else "fp32"

    @property
    def title(self) -> str:
        """What is measured."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        threads = "" if self.device.type == "cuda" else f", {torch.get_num_threads()} threads"
        return (
            f"Sapiens2 {self.size} on {name}{threads}, torch {torch.__version__}: {_WIDTH} x {_HEIGHT}, "
            f"{self.people} people, flip test on"
        )

    def ours(self, *, compiled: bool) -> list[Stage]:
        """Time each of our stages, and all of them in a row."""
        _forget_peak(self.device)
        frame = read_image(self.photo)
        pixels = frame.pixels.copy()  # PyTorch warns of arrays that must not be written to
        detr = TorchDetr(self.detector, device=str(self.device))
        session = TorchSapiens(self.checkpoint, device=str(self.device), compile=compiled)
        gpu = self.device.type == "cuda"
        settings = SapiensSettings(batch=max(8, self.people))
        look = (lambda views: read_views(session, views, size=CROP)) if gpu else None
        landmarker, detect = SapiensLandmarker(session, settings, look=look), DetrDetector(detr)
        crops = UdpCrop.around(self.regions)
        picture = torch.from_numpy(pixels).to(self.device)
        cuts = cut(picture, crops, CROP)
        maps = session.heatmaps(cuts)
        found = landmarker([frame], [self.regions])[0]

        def crop() -> object:
            if gpu:
                return cut(torch.from_numpy(pixels).to(self.device), crops, CROP)
            return [each.warp(pixels) for each in crops]

        def everything() -> Landmarks:
            again = read_image(self.photo)
            detect([again])
            people = landmarker([again], [self.regions])[0]
            draw_landmarks(again.pixels, people)
            return people

        steps: list[tuple[str, Callable[[], object], int]] = [
            ("read", lambda: read_image(self.photo), 0),
            ("detect", lambda: detect([frame]), 0),
            ("crop", crop, 0),
            ("network", lambda: session.heatmaps(cuts), 2 * self.people),
            ("decode", lambda: [part.cpu() for part in decode(maps)], 0),
            ("draw", lambda: draw_landmarks(pixels, found), 0),
            ("end to end", everything, 2 * self.people),
        ]
        stages = [self._stage(*step) for step in steps]
        session.close()
        detr.close()
        return stages

    def baseline(self) -> list[Stage]:
        """Time the original's way: fp32, one crop after the other, heat maps to the host."""
        device = str(self.device)
        detect = DetrDetector(TorchDetr(self.detector, device=device, dtype="fp32"))
        session = TorchSapiens(self.checkpoint, device=device, dtype="fp32", flip=False)
        mirror = list(vitruvian.Skeleton.named("sapiens308").mirror)
        crops = UdpCrop.around(self.regions)
        frame = read_image(self.photo)
        cuts = [crop.warp(frame.pixels) for crop in crops]
        maps = [original_heatmaps(session, some, mirror) for some in cuts[:1]]
        found = Landmarks(
            vitruvian.Skeleton.named("sapiens308"),
            np.stack([crop.points_to_image(original_decode(maps[0])[0]) for crop in crops]),
            box=np.zeros((self.people, 4), np.float32),
            box_score=np.ones(self.people, np.float32),
            score=np.ones((self.people, 308), np.float32),
        )

        def everything() -> object:
            again = read_image(self.photo)
            detect([again])
            points = []
            for crop in crops:
                heatmaps = original_heatmaps(session, crop.warp(again.pixels), mirror)
                points.append(crop.points_to_image(original_decode(heatmaps)[0]))
            return draw_landmarks(again.pixels, found), points

        steps: list[tuple[str, Callable[[], object], int]] = [
            ("read", lambda: read_image(self.photo), 0),
            ("detect", lambda: detect([frame]), 0),
            ("crop", lambda: [crop.warp(frame.pixels) for crop in crops], 0),
            ("network", lambda: [original_heatmaps(session, some, mirror) for some in cuts], 2 * self.people),
            ("decode", lambda: [original_decode(maps[0]) for _ in cuts], 0),
            ("draw", lambda: draw_landmarks(frame.pixels, found), 0),
            ("end to end", everything, 2 * self.people),
        ]
        stages = [self._stage(*step) for step in steps]
        session.close()
        return stages

    def single(self, *, compiled: bool) -> dict[str, float]:
        """Compare one forward pass with transformers' network, in bf16, uncompiled, one crop at a time."""
        device = str(self.device)
        theirs = self._plain()
        session = TorchSapiens(self.checkpoint, device=device, dtype="bf16", flip=False, compile=compiled)
        cuts = torch.zeros((self.people, CROP[1], CROP[0], 3), dtype=torch.uint8, device=self.device)
        mine = min(_times(lambda: session.heatmaps(cuts), self.repeats, self.device)) / self.people
        session.close()
        print(
            f"\nOne forward pass in bf16: transformers at batch 1 {theirs * 1e3:.1f} ms, ours at batch "
            f"{self.people} {mine * 1e3:.1f} ms a crop: {theirs / mine:.2f} x (mark on a GPU: 1.5)"
        )
        return {"transformers": theirs, "ours": mine}

    def _plain(self) -> float:
        network = transformers_network(self.checkpoint, self.device)
        image = torch.zeros((1, 3, CROP[1], CROP[0]), dtype=torch.bfloat16, device=self.device)
        with torch.inference_mode():
            return min(_times(lambda: network(pixel_values=image), self.repeats, self.device))

    def openvino(self) -> dict[str, dict[str, float]]:
        """Compare one forward pass of one crop on the CPU with OpenVINO's."""
        from sapiens_openvino import compare  # noqa: PLC0415  # only when asked for

        return compare(self.checkpoint, max(2, self.repeats))

    def _stage(self, name: str, work: Callable[[], object], passes: int) -> Stage:
        return Stage(name, statistics.median(_times(work, self.repeats, self.device)) * 1e3, passes)


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB of GPU memory"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB of memory"


def _print_stages(stages: list[Stage], size: str, people: int, peak: float, device: torch.device) -> None:
    total = stages[-1].ms
    print("| stage | ms | share of end to end | crops/s | TFLOP/s | of the peak |")
    print("|---|---|---|---|---|---|")
    for stage in stages:
        reached = stage.passes * TFLOP[size] / stage.ms * 1e3
        work = f"{reached:.2f} | {reached / peak:.0%}" if stage.passes else "|"
        rate = people / stage.ms * 1e3
        print(f"| {stage.name} | {stage.ms:.1f} | {stage.ms / total:.1%} | {rate:.2f} | {work} |")
    print(f"\n{_memory(device)}; marks on a GPU: network 50 % of the peak, decode 5 % of the time")


def _print_baseline(ours: list[Stage], baseline: list[Stage]) -> None:
    print("\n| stage | as the original script, ms | ours, ms | ratio |")
    print("|---|---|---|---|")
    for one, other in zip(baseline, ours, strict=True):
        print(f"| {one.name} | {one.ms:.1f} | {other.ms:.1f} | {one.ms / other.ms:.1f} x |")
    print("\nMark on a GPU: 5 x end to end")


if __name__ == "__main__":
    main()
