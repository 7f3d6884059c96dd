"""Sapiens2 with the DETR person detector: 308 points."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.errors import OptionError
from vitruvian.following import SURE, Traits, follow_boxes
from vitruvian.models.boxes import AskedDetector, GivenBoxes, OrWholePictures, asked
from vitruvian.models.detr import DetrDetector
from vitruvian.models.sapiens import CROP, SapiensLandmarker, SapiensSettings
from vitruvian.options import check_number
from vitruvian.pipeline import Pipeline
from vitruvian.provenance import Provenance
from vitruvian.runtimes.openvino.sapiens import OpenVINOSapiens
from vitruvian.runtimes.torch.detr import TorchDetr
from vitruvian.runtimes.torch.sapiens import TorchSapiens
from vitruvian.runtimes.torch.threads import use_threads
from vitruvian.skeleton import Skeleton
from vitruvian.weights.sapiens import find_detector, find_pose
from vitruvian.weights.sapiens_layout import check_kind
from vitruvian.weights.weight_file import sha256_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.models.boxes import Boxes, Finder
    from vitruvian.models.sapiens import SapiensSession, View
    from vitruvian.pipeline import Detect
    from vitruvian.weights.sapiens import PoseCheckpoint

    Look = Callable[[Sequence[View]], tuple[NDArray[np.float32], NDArray[np.float32]]]

__all__ = ["detr", "sapiens", "sapiens_pipeline"]

_TRAITS = Traits(sure=SURE, boxed=True)


def sapiens(  # noqa: PLR0913  # each stands for itself
    size: str | Path = "0.4b",
    *,
    device: str = "auto",
    detector: Finder | str | Path | None = None,
    boxes: Boxes | Mapping[str, Boxes] | None = None,
    whole_image: bool = False,
    num_poses: int | None = None,
    flip: bool = True,
    parity: bool = True,
    dtype: str = "auto",
    root: str | Path | None = None,
    batch: int = 8,
    compile: bool = False,  # noqa: A002  # PyTorch's own word for it
    threads: int | None = None,
    runtime: str = "torch",
) -> Pipeline:
    """Make a pipeline that finds the 308 points of everybody in a picture: body, feet, hands and face.

    >>> people = vitruvian.sapiens("0.4b", device="cuda:0").estimate(image)  # doctest: +SKIP
    >>> people.xy.shape, people.score.shape  # doctest: +SKIP
    ((2, 308, 2), (2, 308))

    Needs ``pip install 'vitruvian[sapiens]'`` and Sapiens2's checkpoints, whose licence is their own. The
    crops, the networks and the decoding are the original's; other than there, nobody found is nobody. In a
    stream the detector looks every ``Tracking.redetect`` seconds, and in between people are looked for around
    their sure points (score 0.3 or more) of the frame before.

    Args:
        size: ``"0.4b"``, ``"0.8b"``, ``"1b"`` or ``"5b"``; or the path of a checkpoint or of its folder.
        device: ``"auto"`` (a GPU if there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        detector: The folder of another DETR, or a function from frames to one answer for each: ``Regions``,
            or (M, 4) boxes x0, y0, x1, y1 in pixels, or (M, 5) with a score behind. By default
            DETR-ResNet-101-DC5 from the root.
        boxes: Where people are, instead of a detector: boxes as above, for every picture; or a mapping from
            ``Stamp.source`` (or its file name) to the boxes of that picture. For stills.
        whole_image: Whether a picture in which nobody is found counts as one person that fills it; in a
            stream, while nobody is followed.
        num_poses: Most people in the result, the detector's best first; by default everyone found.
        flip: Whether each crop is read mirrored as well and the answers are averaged, at twice the time.
        parity: Whether rotary positions are rounded as in the original.
        dtype: ``"bf16"``, ``"fp32"``, or ``"auto"``: bf16 on a GPU, fp32 on the CPU.
        root: Folder in which sizes and the detector are looked for; by default ``$SAPIENS_CHECKPOINT_ROOT``
            or ``~/sapiens2_host``.
        batch: Most people, of however many pictures, that the network reads at once.
        compile: Whether PyTorch compiles the network, which takes minutes and pays for long work on a GPU.
        threads: CPU threads of PyTorch, in the whole process; by default all cores.
        runtime: ``"torch"``; or ``"openvino"`` for the pose network on a CPU, twice as fast, which needs
            ``parity=False``.

    Raises:
        OptionError: An option is outside its range, two contradict each other, or there is no such device.
        WeightsError: A checkpoint is missing, damaged, or of another kind; the message names every place.
        SessionError: PyTorch or transformers is missing, or there is not enough memory.
    """
    settings = SapiensSettings(num_poses=num_poses, batch=batch)
    if boxes is not None and (detector is not None or whole_image):
        raise OptionError("boxes: they say where people are; leave out detector and whole_image")
    open_session = _opener(
        runtime, device=device, dtype=dtype, flip=flip, parity=parity, compile=compile, threads=threads
    )
    place = None if root is None else Path(root).expanduser()
    checkpoint = find_pose(size, place)
    check_kind(checkpoint.layout, checkpoint.path)
    detect = _detect(detector, boxes, place)
    files = [checkpoint.path, *([detect / "model.safetensors"] if isinstance(detect, Path) else [])]
    with ExitStack() as opened, ThreadPoolExecutor(len(files)) as pool:
        digests = pool.map(sha256_of_file, files)  # of gigabytes, while the networks are built
        session = open_session(checkpoint)
        opened.callback(session.close)
        finder = _finder(detect, settings, opened, device=device, dtype=dtype)
        model = Provenance(f"sapiens2-{checkpoint.size}", tuple(digests), session.name)
        look, release = _look_on_device(session), opened.pop_all().close
    pipeline = sapiens_pipeline(session, finder, settings, model=model, release=release, look=look)
    # While somebody is followed, a detector that finds nobody has missed them.
    return replace(pipeline, detect=OrWholePictures(finder), beside=finder) if whole_image else pipeline


def detr(
    folder: str | Path | None = None, *, device: str = "auto", dtype: str = "auto", threshold: float = 0.3
) -> DetrDetector:
    """Open the DETR person detector, for ``pose(detect=...)`` or ``sapiens(detector=...)``.

    >>> with vitruvian.detr() as people:  # doctest: +SKIP
    ...     body = vitruvian.pose(detect=people)

    Needs ``pip install 'vitruvian[sapiens]'``.

    Args:
        folder: Of a DETR for object detection; by default DETR-ResNet-101-DC5 from
            ``$SAPIENS_CHECKPOINT_ROOT`` or ``~/sapiens2_host``.
        device: ``"auto"`` (a GPU if there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        dtype: ``"bf16"``, ``"fp32"``, or ``"auto"``: bf16 on a GPU, fp32 on the CPU.
        threshold: Probability that a person must exceed, 0 to 1.

    Raises:
        OptionError: An option is outside its range, or there is no such device.
        WeightsError: The network is missing, damaged, or of another kind; the message names every place.
        SessionError: PyTorch or transformers is missing.
    """
    return DetrDetector(TorchDetr(find_detector(folder), device=device, dtype=dtype), threshold=threshold)


def sapiens_pipeline(
    session: SapiensSession,
    detect: Detect,
    settings: SapiensSettings,
    *,
    model: Provenance,
    release: Callable[[], None],
    look: Look | None = None,
) -> Pipeline:
    """Put a pipeline of 308 points together from its parts.

    Args:
        session: Reads crops; such as ``TorchSapiens``.
        detect: Finds people, as upright boxes.
        settings: How many people, and how many at once.
        model: What results say of the networks.
        release: Frees them.
        look: Reads views instead of ``session``, where the crops are cut on its device.
    """
    return Pipeline(
        detect=detect,
        landmark=SapiensLandmarker(session, settings, look=look),
        follow=follow_boxes,
        skeleton=Skeleton.named("sapiens308"),
        model=model,
        limit=settings.num_poses,
        release=release,
        traits=_TRAITS,
        # A GPU's batch is to be full where each picture has one person; a CPU gains nothing by it.
        together=1 if look is None else settings.batch,
    )


def _detect(
    detector: Finder | str | Path | None,
    boxes: Boxes | Mapping[str, Boxes] | None,
    root: Path | None,
) -> GivenBoxes | AskedDetector | DetrDetector | Path:
    """Return what finds people, or the folder of the network that does."""
    if boxes is not None:
        return GivenBoxes(boxes)
    if detector is None:
        return find_detector(root=root)
    if isinstance(detector, str | Path):
        return find_detector(detector)
    return asked(detector)


def _finder(
    detect: GivenBoxes | AskedDetector | DetrDetector | Path,
    settings: SapiensSettings,
    opened: ExitStack,
    *,
    device: str,
    dtype: str,
) -> Detect:
    """Return what finds people; a network that is opened for that is closed with the rest."""
    if not isinstance(detect, Path):
        return detect
    session = TorchDetr(detect, device=device, dtype=dtype)
    opened.callback(session.close)
    return DetrDetector(
        session,
        threshold=settings.min_pose_detection_confidence,
        iou=settings.max_overlap,
        batch=settings.batch,
    )


def _opener(
    runtime: str,
    *,
    device: str,
    dtype: str,
    flip: bool,
    parity: bool,
    compile: bool,  # noqa: A002  # PyTorch's own word for it
    threads: int | None,
) -> Callable[[PoseCheckpoint], TorchSapiens | OpenVINOSapiens]:
    """Return what opens the pose network with these options, which fit together."""
    if runtime not in ("torch", "openvino"):
        raise OptionError(f'runtime: "torch" or "openvino", got {runtime!r}')
    if runtime == "openvino" and (parity or compile or device not in ("auto", "cpu")):
        raise OptionError(
            'runtime: "openvino" runs on device="cpu" alone, compiles by itself, and cannot round rotations '
            "as the original does: pass parity=False (--no-parity)"
        )
    if threads is not None:
        check_number("threads", threads, 1, whole=True)

    def open_session(checkpoint: PoseCheckpoint) -> TorchSapiens | OpenVINOSapiens:
        if threads is not None:
            use_threads(threads)
        if runtime == "openvino":
            return OpenVINOSapiens(checkpoint, dtype=dtype, flip=flip, threads=threads)
        return TorchSapiens(checkpoint, device=device, dtype=dtype, flip=flip, parity=parity, compile=compile)

    return open_session


def _look_on_device(session: TorchSapiens | OpenVINOSapiens) -> Look | None:
    """Return what reads views whose crops are cut where the network is, if that is a GPU."""
    if isinstance(session, OpenVINOSapiens) or session.device.type == "cpu":
        return None
    from vitruvian.runtimes.torch.crop import read_views  # noqa: PLC0415  # opens a foreign world: seconds

    return partial(read_views, session, size=CROP)
