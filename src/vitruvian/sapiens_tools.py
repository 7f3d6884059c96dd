"""Two functions for agents, shaped like the tools of strands-sapiens: ``sapiens_pose`` and ``sapiens_info``.

Names, arguments and answers are those of strands-sapiens 0.2.0 (MIT licence); no code of it is in here.

Both answer with ``{"status": "success" | "error", "content": [...]}``: first a text, then up to five
pictures, last a JSON object. What goes wrong is an answer as well, which says what to do.
"""

from __future__ import annotations

import traceback
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitruvian.draw import Style
from vitruvian.errors import OptionError, SourceError, VitruvianError, WeightsMissingError
from vitruvian.pictures import look_through
from vitruvian.prefetch import ahead, behind
from vitruvian.sinks.json import JSON_MARK, JsonSink
from vitruvian.sinks.jsonl import JSONL_MARK, JsonLinesSink
from vitruvian.sinks.marks import is_drawn
from vitruvian.sinks.overlay import OVERLAY_MARK, OverlaySink
from vitruvian.sinks.sink import refuse_foreign
from vitruvian.sinks.video import VIDEO_MARK, OverlayVideoSink
from vitruvian.sources.image import read_image
from vitruvian.sources.listing import is_video, pictures_and_videos, unique_names
from vitruvian.sources.video import VideoSource
from vitruvian.weights.sapiens import (
    detector_places,
    find_detector,
    find_pose,
    pose_path,
    pose_places,
    pose_size,
    sapiens_root,
)
from vitruvian.zoo.sapiens2 import sapiens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitruvian.frame import Frame, Gap
    from vitruvian.landmarks import Landmarks
    from vitruvian.pictures import Seen
    from vitruvian.pipeline import Pipeline

__all__ = ["sapiens_info", "sapiens_pose"]

Answer = dict[str, Any]

_MOST_INLINE = 5
_TASKS = ("pretrain", "seg", "normal", "albedo", "pointmap", "pose")
_SIZES = ("0.1b", "0.4b", "0.8b", "1b", "5b")
_FPS = 30.0  # where nobody knows; an encoder plans with it, times do not depend on it


def sapiens_pose(
    input_path: str | Path,
    output_dir: str | Path,
    model_size: str = "0.4b",
    device: str = "cuda:0",
    kpt_thres: float = 0.3,
    line_thickness: int = 2,
    radius: int = 3,
) -> Answer:
    """Find 308 landmarks of everybody in a picture, in a folder of pictures and videos, or in a video.

    Of each picture, writes ``NAME.jpg``, the picture with the landmarks drawn in, and ``NAME.json``:
    ``{"instances": [{"bbox", "score", "keypoints": 308 x 2, "keypoint_scores": 308}, ...]}`` in pixels, with
    further keys (a point that the network sees nowhere at all is ``[null, null]``); of a video ``NAME.mp4``
    and ``NAME.jsonl``, a line for each frame. Names that come again get ``-2``, ``-3`` behind them. A picture
    without anybody has no instances.

    The answer's JSON object, its last block, has ``task`` (``"pose"``), ``model_size``, ``outputs`` (for each
    input ``input``, ``vis`` and ``kpts``, or ``input``, ``status`` (``"skipped"``) and ``reason`` where it
    cannot be read), ``checkpoint``, ``detector``, and ``api``, which says what was loaded:

    * ``"vitruvian:original"``: ``ROOT/pose/sapiens2_SIZE_pose.safetensors``, with ``ROOT`` as in
      ``sapiens_info``,
    * ``"vitruvian:folder"``: a folder ``sapiens2-pose-SIZE`` below ``ROOT``, as the Hugging Face hub has it,
    * ``"vitruvian:hub-cache"``: that folder in the hub's own cache on this machine.

    They are looked for in this order; where there is none, the answer is an error that names every path and
    says how to get the file. Nothing is downloaded here.

    Args:
        input_path: A picture, a video, or a folder of both (not of what earlier runs drew).
        output_dir: Folder for the results; made if need be.
        model_size: ``0.4b``, ``0.8b``, ``1b`` or ``5b``.
        device: Such as ``cuda:0`` or ``cpu``; one that is not there is an error, never replaced by another.
        kpt_thres: Points with a lower score, and limbs that end in one, are not drawn; files have all.
        line_thickness: Of limbs, in pixels; less than 1 is 1.
        radius: Of points, in pixels; less than 1 is 1; those of faces and hands are smaller where they would
            touch.

    Returns:
        ``{"status": "success", "content": [{"text"}, {"image"} x 0 to 5, {"json"}]}``, or ``status`` is
        ``"error"``; nothing is raised.
    """
    try:
        size = _size(model_size)
        style = Style(thickness=max(1, line_thickness), radius=max(1, radius), min_score=kpt_thres, faint=0)
        try:
            checkpoint = find_pose(size)
        except WeightsMissingError as error:
            return _missing(f"Missing checkpoint: {pose_path(size)}\n{error}", size)
        try:
            detector = find_detector()
        except WeightsMissingError as error:
            return _missing(f"Missing person detector. Download DETR: {error}", size)
        folder = Path(output_dir).expanduser()
        inputs = _inputs(Path(input_path).expanduser(), folder)
        with sapiens(size=size, device=device) as pipeline:
            work = _Work(pipeline, folder, style)
            work.pictures([one for one in inputs if not one.video])
            work.videos([one for one in inputs if one.video])
        work.check()
    except Exception as error:  # noqa: BLE001  # an agent knows answers alone
        return _failed(f"sapiens_pose failed: {error}", traceback.format_exc())
    found = {"checkpoint": str(checkpoint.path), "detector": str(detector)}
    outputs = [work.outputs[one.path] for one in inputs]
    return _success(outputs, {"model_size": size, "api": f"vitruvian:{checkpoint.origin}", **found})


def sapiens_info() -> Answer:
    """Say which Sapiens2 checkpoints are on this machine, and whether there is a GPU.

    The answer's JSON object has ``checkpoint_root`` (``$SAPIENS_CHECKPOINT_ROOT``, by default
    ``~/sapiens2_host``), ``checkpoint_root_exists``, ``available`` (task → sizes whose file is there),
    ``detector_present``, ``detector_type`` (``"detr-resnet-101-dc5"``, ``"rtmdet_m"``, which is not used, or
    ``"none"``), ``cuda`` (``available``, ``device_count``, ``device_name``, and ``error`` where PyTorch
    cannot say), ``sapiens_package`` (whether the original package is installed; it is not needed), and
    ``runtime`` (whether what ``vitruvian[sapiens]`` installs is there). A folder that is not there is no
    error.

    Returns:
        ``{"status": "success", "content": [{"text": "sapiens info"}, {"json"}]}``.
    """
    try:
        root = sapiens_root()
        here = {task: [size for size in _SIZES if _is_here(root, task, size)] for task in _TASKS}
        available = {task: sizes for task, sizes in here.items() if sizes}
        # By the file that is loaded, where the original looks for the folder alone.
        detr = any((folder / "model.safetensors").is_file() for folder in detector_places())
        rtmdet = (root / "detector" / "rtmdet_m.pth").is_file()
        info = {
            "checkpoint_root": str(root),
            "checkpoint_root_exists": root.is_dir(),
            "available": available,
            "detector_present": detr or rtmdet,
            "detector_type": "detr-resnet-101-dc5" if detr else "rtmdet_m" if rtmdet else "none",
            "cuda": _cuda(),
            "sapiens_package": find_spec("sapiens") is not None,
            "runtime": all(find_spec(name) is not None for name in ("torch", "transformers")),
        }
    except Exception as error:  # noqa: BLE001  # as above
        return _failed(f"sapiens_info failed: {error}", traceback.format_exc())
    return {"status": "success", "content": [{"text": "sapiens info"}, {"json": info}]}


def _is_here(root: Path, task: str, size: str) -> bool:
    """Say whether there is a checkpoint; one for poses may be wherever ``sapiens_pose`` would find it."""
    if task == "pose":
        return any(path.is_file() for _, path in pose_places(size, root))
    return (root / task / f"sapiens2_{size}_{task}.safetensors").is_file()


@dataclass(frozen=True)
class _Input:
    """A picture or video, and what its results are called, without ending."""

    path: str
    name: str
    video: bool

    def results(self, folder: Path) -> tuple[Path, Path]:
        """Return where the overlay and the landmarks go."""
        endings = (".mp4", ".jsonl") if self.video else (".jpg", ".json")
        vis, kpts = (folder / f"{self.name}{ending}" for ending in endings)
        return vis, kpts


def _inputs(place: Path, folder: Path) -> list[_Input]:
    """Return what there is to do, and make sure that no result replaces a file that is none.

    Raises:
        SourceError: There is no such file or folder.
        SinkError: A result would replace another file.
    """
    if not place.exists():
        raise SourceError("there is no such file or folder", path=place)
    paths = [str(place)]
    if place.is_dir():
        found = pictures_and_videos(place)
        paths = [path for path in found if not is_drawn(path, video=is_video(path))]
    inputs, videos = [], {path: is_video(path) for path in paths}
    for video in (False, True):
        kind = [path for path in paths if videos[path] == video]
        names = unique_names([Path(path).stem for path in kind])
        inputs += [_Input(path, name, video) for path, name in zip(kind, names, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    for one in inputs:
        vis, kpts = one.results(folder)
        refuse_foreign(vis, VIDEO_MARK if one.video else OVERLAY_MARK, within=-4096 if one.video else 1024)
        refuse_foreign(kpts, JSONL_MARK if one.video else JSON_MARK)
    return inputs


@dataclass(frozen=True)
class _Work:
    """The pipeline, where its results go, and what became of each input, by its path."""

    pipeline: Pipeline
    folder: Path
    style: Style
    outputs: dict[str, Answer] = field(default_factory=dict)
    broken: list[VitruvianError] = field(default_factory=list)
    """What went wrong that no input is to blame for."""

    def check(self) -> None:
        """Raise what went wrong, if nothing else came of the work.

        Raises:
            VitruvianError: A network failed, say, and no input was done.
        """
        if self.broken and not any("vis" in output for output in self.outputs.values()):
            raise self.broken[0]

    def pictures(self, inputs: Sequence[_Input]) -> None:
        """Read, look at and write pictures, all three at the same time."""
        seen = look_through(self.pipeline, lambda one: read_image(one.path), inputs)
        with closing(seen), behind(self._write) as later:
            for one, outcome in seen:
                if isinstance(outcome, VitruvianError):
                    self._skip(one, outcome)
                else:
                    later((one, outcome))

    def _write(self, result: tuple[_Input, Seen]) -> None:
        one, (frame, people) = result
        vis, kpts = one.results(self.folder)
        for sink in (OverlaySink(vis, self.style), JsonSink(kpts, self.pipeline.model)):
            with sink:
                sink.write(frame, people)
        self._done(one, people=len(people))

    def videos(self, inputs: Sequence[_Input]) -> None:
        """Follow everybody through each video."""
        for one in inputs:
            try:
                with VideoSource(one.path) as source:
                    frames = self._follow(one, source)
            except VitruvianError as error:
                self._skip(one, error)
            else:
                self._done(one, frames=frames)

    def _follow(self, one: _Input, source: VideoSource) -> int:
        vis, kpts = one.results(self.folder)
        fps = min(max(source.info.fps or _FPS, 1.0), 240.0)
        sinks = (
            OverlayVideoSink(vis, self.style, sound=one.path, fps=fps),
            JsonLinesSink(kpts, self.pipeline.model),
        )

        def write(pair: tuple[Frame | Gap, Landmarks]) -> None:
            for sink in sinks:
                sink.write(*pair)

        count = 0
        with ExitStack() as stack:
            for sink in sinks:
                stack.enter_context(sink)
            later = stack.enter_context(behind(write))
            frames = stack.enter_context(closing(ahead(source)))
            for pair in self.pipeline.stream(frames):
                later(pair)
                count += 1
        if not count:
            raise SourceError("there is no frame in it", path=one.path)
        return count

    def _done(self, one: _Input, **counted: int) -> None:
        vis, kpts = one.results(self.folder)
        self.outputs[one.path] = {"input": one.path, "vis": str(vis), "kpts": str(kpts), **counted}

    def _skip(self, one: _Input, error: VitruvianError) -> None:
        self.outputs[one.path] = {"input": one.path, "status": "skipped", "reason": str(error)}
        if not isinstance(error, SourceError):
            self.broken.append(error)


def _success(outputs: Sequence[Answer], facts: Answer) -> Answer:
    done = [output for output in outputs if "vis" in output]
    pictures = [output["vis"] for output in done if output["vis"].endswith(".jpg")]
    videos, skipped = len(done) - len(pictures), len(outputs) - len(done)
    counts = [f"{len(pictures)} image(s)"] if pictures or not videos else []
    counts += [f"{videos} video(s)"] if videos else []
    text = "pose complete on " + " and ".join(counts) + (f", {skipped} skipped" if skipped else "")
    images = [
        {"image": {"format": "jpeg", "source": {"bytes": Path(path).read_bytes()}}}
        for path in pictures[:_MOST_INLINE]
    ]
    told = {"json": {"task": "pose", **facts, "outputs": list(outputs)}}
    return {"status": "success", "content": [{"text": text}, *images, told]}


def _failed(text: str, trace: str) -> Answer:
    return {"status": "error", "content": [{"text": text}, {"json": {"error": text, "traceback": trace}}]}


def _missing(text: str, size: str) -> Answer:
    """Return the answer that files are missing: with every path that was looked at."""
    told = {
        "task": "pose",
        "model_size": size,
        "error": text,
        "checkpoint": [str(path) for _, path in pose_places(size)],
        "detector": [str(path) for path in detector_places()],
    }
    return {"status": "error", "content": [{"text": text}, {"json": told}]}


def _size(model_size: str) -> str:
    try:
        return pose_size(str(model_size))
    except OptionError as error:
        raise OptionError(f"Invalid model_size={model_size!r}: {error}") from error


def _cuda() -> Answer:
    """Return what PyTorch says about GPUs."""
    told: Answer = {"available": False, "device_count": 0, "device_name": None}
    try:
        import torch  # noqa: PLC0415  # an extra
    except ImportError:
        return told | {"error": "PyTorch is not installed: pip install 'vitruvian[sapiens]'"}
    try:
        if torch.cuda.is_available():
            count, name = torch.cuda.device_count(), torch.cuda.get_device_name(0)
            return {"available": True, "device_count": count, "device_name": name}
    except RuntimeError as error:  # a driver that does not answer
        return told | {"error": str(error)}
    return told
