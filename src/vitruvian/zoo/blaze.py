"""The networks of MediaPipe: bodies of 33 points and hands of 21."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian import weights
from vitruvian.following import Traits, follow_bodies, follow_hands
from vitruvian.models.blazehand import (
    HAND_LANDMARKER,
    PALM_DETECTOR,
    BlazeHandLandmarker,
    BlazePalmDetector,
    HandSettings,
)
from vitruvian.models.blazepose import (
    DETECTOR,
    BlazePoseDetector,
    BlazePoseLandmarker,
    PoseSettings,
    landmarker_outputs,
    landmarker_signature,
)
from vitruvian.models.boxes import BodiesInBoxes, asked
from vitruvian.models.flip import FlipAveraged
from vitruvian.pipeline import Pipeline
from vitruvian.provenance import Provenance
from vitruvian.runtimes.openvino import OpenVINO
from vitruvian.search import SHARES, Thorough
from vitruvian.skeleton import Skeleton
from vitruvian.whole import HOPE, Whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vitruvian.models.boxes import Finder
    from vitruvian.runtimes.session import ModelFile, Runtime, Session

__all__ = ["hands", "hands_pipeline", "pose", "pose_pipeline"]

# A hand turns round within a frame or two, and a palm's region lies beside the one made from 21 points.
_HANDS = Traits(drift=5.0, apart=0.2)


def pose(  # noqa: PLR0913  # each stands for itself
    model: str | Path | bytes | Mapping[str, ModelFile] = "full",
    *,
    num_poses: int | None = None,
    min_pose_detection_confidence: float = 0.5,
    min_pose_presence_confidence: float = 0.5,
    masks: bool = False,
    search: str = "auto",
    accuracy: str = "normal",
    detect: Finder | None = None,
    hands: bool | str | Path | bytes | Mapping[str, ModelFile] = False,
    threads: int | None = None,
    offline: bool = False,
) -> Pipeline:
    """Make a pipeline that finds the 33 body landmarks of everybody in a picture, on the CPU.

    >>> body = vitruvian.pose()  # doctest: +SKIP
    >>> people = body.estimate(image)  # doctest: +SKIP
    >>> people.xy.shape  # doctest: +SKIP
    (2, 33, 2)

    With ``hands=True`` every person has 75 points (skeleton ``body75``): the 33 of the body, then 21 of the
    left and 21 of the right hand, which are NaN in every column where a hand is not seen; ``convert`` makes
    ``body33`` of them again. Hands are looked for where the arms end and where palms are detected, and belong
    to the arm whose wrist they sit on, which also decides what is left and what is right; a hand that is
    nobody's is not in the result (``vitruvian.hands`` finds those too). The networks give no score and no
    presence for the points of a hand: these are NaN. Depths and world points of a hand are moved so that its
    wrist is where the body's is, and the box stays that of the body.

    The same networks, crops and decoding as MediaPipe's Pose Landmarker in IMAGE mode; its defaults differ in
    two points: there ``num_poses`` is 1, and ``search`` is ``"fast"``.

    Args:
        model: ``"full"`` (default), ``"lite"``, ``"heavy"``, or another name from ``vitruvian models list``;
            the path or the content of a ``.task`` bundle; the path of a folder of ``.tflite`` files; or what
            ``weights.load`` returned. A named model that is not on this machine yet is downloaded.
        num_poses: Most people in the result, the detector's best first; by default everyone found.
        min_pose_detection_confidence: Least score of the detector, inclusive, from 0 to 1; a thorough search,
            which weighs what it reads, reads from a bit less on (.425 for .5).
        min_pose_presence_confidence: Presence that a pose must exceed, from 0 to 1.
        masks: Whether to compute segmentation masks; they double the cost of the second network.
        search: ``"fast"`` is the original's one look at the whole picture. ``"thorough"`` looks closer and
            closer, reads everybody several times and believes what the readings agree on (docs/search.md): it
            finds twice as many people in scenes with several, those far away too, at 6 to 40 times the cost;
            ``box_score`` is then the score by which people are ranked. In streams it works in the background,
            ``Tracking.search_budget`` milliseconds of a frame. ``"auto"``: stills thoroughly, streams fast.
        accuracy: ``"high"`` reads every region in a mirror as well and averages the answers, at twice the
            cost of the second network (in a thorough search of stills: at none).
        detect: A person detector in place of the network: a function from frames to one answer for each,
            ``Regions``, or (M, 4) boxes x0, y0, x1, y1 in pixels, or (M, 5) with a score behind, best first.
            A thorough search weighs what it finds, in four turns, and looks nowhere else.
        hands: Whether to find the people's hands as well, and with which networks: ``True`` is ``"full"``;
            anything else is what ``vitruvian.hands`` takes as its ``model``.
        threads: CPU threads for one network call; by default all cores.
        offline: Never connect: a named model must be on this machine already.

    Raises:
        OptionError: An option is outside its range.
        WeightsError: The model files are missing, damaged, or of another kind.
        SessionError: The networks cannot be opened.
    """
    settings = PoseSettings(
        num_poses,
        min_pose_detection_confidence,
        min_pose_presence_confidence,
        masks=masks,
        search=search,
        accuracy=accuracy,
    )
    files, name = _files(model, "pose", offline=offline)
    hand_files = None
    if hands is not False:
        hand_files, _ = _files("full" if hands is True else hands, "hands", offline=offline)
    return pose_pipeline(
        files, settings, detect=detect, hands=hand_files, runtime=OpenVINO(threads=threads), name=name
    )


def pose_pipeline(
    files: Mapping[str, ModelFile],
    settings: PoseSettings,
    *,
    detect: Finder | None = None,
    hands: Mapping[str, ModelFile] | None = None,
    runtime: Runtime | None = None,
    name: str = "unnamed",
) -> Pipeline:
    """Put a body pipeline together from its parts.

    Args:
        files: ``detector`` and ``landmarker``, such as ``weights.load`` returns.
        settings: Thresholds and stages.
        detect: Finds people in place of the detector network; as in ``pose``.
        hands: The same of hands, which are then tied to the bodies.
        runtime: What runs the networks; by default OpenVINO on all cores.
        name: What results call the model.

    Raises:
        SessionError: The networks cannot be opened, or are of another kind.
    """
    runtime = OpenVINO() if runtime is None else runtime
    opened = []
    finder: BlazePoseDetector | BodiesInBoxes
    if detect is None:
        opened.append(runtime.open(files["detector"], DETECTOR, outputs=tuple(DETECTOR.outputs)))
        finder = BlazePoseDetector(opened[0], settings)
    else:
        finder = BodiesInBoxes(asked(detect))
    signature, outputs = landmarker_signature(settings), landmarker_outputs(settings)
    opened.append(runtime.open(files["landmarker"], signature, outputs=outputs))
    straight = BlazePoseLandmarker(opened[-1], settings)
    flipped = BlazePoseLandmarker(opened[-1], settings, flipped=True)
    thorough = Thorough(finder.inspect, straight, flipped, follow_bodies, Skeleton.named("body33"))
    bodies = _pipeline(
        Pipeline(
            detect=finder,
            landmark=straight,
            follow=follow_bodies,
            skeleton=thorough.skeleton,
            model=Provenance(name, tuple(file.sha256 for file in files.values()), runtime.name),
            limit=settings.num_poses,
            release=partial(_close, opened),
            looks=1 if detect is None else 2,
        ),
        replace(thorough, shares=SHARES if detect is None else SHARES[:1]),
        settings,
    )
    return bodies if hands is None else _with_hands(bodies, hands, runtime)


def hands(  # noqa: PLR0913  # each stands for itself
    model: str | Path | bytes | Mapping[str, ModelFile] = "full",
    *,
    num_hands: int | None = None,
    min_hand_detection_confidence: float = 0.5,
    min_hand_presence_confidence: float = 0.5,
    mirrored: bool = False,
    upright: bool = True,
    looks: int = 3,
    search: str = "auto",
    accuracy: str = "normal",
    threads: int | None = None,
    offline: bool = False,
) -> Pipeline:
    """Make a pipeline that finds the 21 landmarks of every hand in a picture, on the CPU.

    >>> hands = vitruvian.hands()  # doctest: +SKIP
    >>> found = hands.estimate(image)  # doctest: +SKIP
    >>> found.xy.shape, found.handedness  # doctest: +SKIP
    ((2, 21, 2), array([0.98, 0.01], dtype=float32))

    The same networks, crops and decoding as MediaPipe's Hand Landmarker in IMAGE mode; its defaults differ in
    four points: there ``num_hands`` is 1, the region around a detected palm is turned 26.6 degrees too far
    (hand specification, section 4.5), a hand is read once, and ``search`` is ``"fast"``. ``handedness`` is
    the probability that a hand is the person's own right one; the networks give no score for a single point.

    Args:
        model: ``"full"`` (default), ``"lite"``, or another name from ``vitruvian models list``; the path or
            the content of a ``.task`` bundle; the path of a folder of ``.tflite`` files; or what
            ``weights.load`` returned. A named model that is not on this machine yet is downloaded.
        num_hands: Most hands in the result, the detector's best first; by default every hand found.
        min_hand_detection_confidence: Least score of the palm detector, inclusive, from 0 to 1.
        min_hand_presence_confidence: Presence that a hand must exceed, from 0 to 1.
        mirrored: Whether the pictures are mirrored, as the view of a selfie camera usually is: then left and
            right change places. It is never guessed.
        upright: Whether the region around a palm is turned as the hand is; ``False``: as the original's.
        looks: How often a hand in a still is read: again in the region that its own landmarks give, which
            makes them more exact; 1 is the original's. (A thorough search reads twice or more.)
        search: ``"fast"`` is the original's one look at the whole picture; ``"thorough"`` looks closer and
            closer and believes what several readings agree on, as in ``pose``; ``"auto"``: stills thoroughly,
            streams fast.
        accuracy: ``"high"`` reads every region in a mirror as well and averages the answers.
        threads: CPU threads for one network call; by default all cores.
        offline: Never connect: a named model must be on this machine already.

    Raises:
        OptionError: An option is outside its range.
        WeightsError: The model files are missing, damaged, or of another kind.
        SessionError: The networks cannot be opened.
    """
    settings = HandSettings(
        num_hands,
        min_hand_detection_confidence,
        min_hand_presence_confidence,
        mirrored=mirrored,
        upright=upright,
        looks=looks,
        search=search,
        accuracy=accuracy,
    )
    files, name = _files(model, "hands", offline=offline)
    return hands_pipeline(files, settings, runtime=OpenVINO(threads=threads), name=name)


def hands_pipeline(
    files: Mapping[str, ModelFile],
    settings: HandSettings,
    *,
    runtime: Runtime | None = None,
    name: str = "unnamed",
) -> Pipeline:
    """Put a hand pipeline together from its parts.

    Args:
        files: ``detector`` and ``landmarker``, such as ``weights.load(..., task="hands")`` returns.
        settings: Thresholds and stages.
        runtime: What runs the networks; by default OpenVINO on all cores.
        name: What results call the model.

    Raises:
        SessionError: The networks cannot be opened, or are of another kind.
    """
    runtime = OpenVINO() if runtime is None else runtime
    detector, landmarker = _hand_networks(files, runtime)
    finder = BlazePalmDetector(detector, settings)
    straight = BlazeHandLandmarker(landmarker, settings)
    flipped = BlazeHandLandmarker(landmarker, settings, flipped=True)
    thorough = Thorough(finder.inspect, straight, flipped, follow_hands, Skeleton.named("hand21"))
    return _pipeline(
        Pipeline(
            detect=finder,
            landmark=straight,
            follow=follow_hands,
            skeleton=thorough.skeleton,
            model=Provenance(name, tuple(file.sha256 for file in files.values()), runtime.name),
            limit=settings.num_hands,
            release=partial(_close, (detector, landmarker)),
            looks=settings.looks,
            traits=_HANDS,
        ),
        replace(thorough, looks=max(settings.looks, 2), nested=False),
        settings,
    )


def _pipeline(fast: Pipeline, thorough: Thorough, settings: PoseSettings | HandSettings) -> Pipeline:
    """Return the pipeline with the search and the accuracy that the settings ask for."""
    if settings.accuracy == "high":
        fast = replace(fast, landmark=FlipAveraged(thorough.read, thorough.flipped))
        thorough = replace(thorough, averaged=True)
    if settings.search == "fast":
        return fast
    return replace(fast, search=thorough, background=settings.search == "thorough")


def _with_hands(bodies: Pipeline, files: Mapping[str, ModelFile], runtime: Runtime) -> Pipeline:
    """Return a pipeline that finds the hands of these bodies as well."""
    settings = HandSettings()
    detector, landmarker = _hand_networks(files, runtime)

    def release() -> None:
        bodies.release()
        _close((detector, landmarker))

    whole = Whole(
        look=BlazePalmDetector(detector, settings),
        glance=BlazeHandLandmarker(landmarker, replace(settings, min_hand_presence_confidence=HOPE)),
        read=BlazeHandLandmarker(landmarker, settings),
    )
    networks = bodies.model.files + tuple(file.sha256 for file in files.values())
    return replace(bodies, whole=whole, model=replace(bodies.model, files=networks), release=release)


def _hand_networks(files: Mapping[str, ModelFile], runtime: Runtime) -> tuple[Session, Session]:
    """Return the open palm detector and the open landmark network."""
    detector = runtime.open(files["detector"], PALM_DETECTOR, outputs=tuple(PALM_DETECTOR.outputs))
    return detector, runtime.open(
        files["landmarker"], HAND_LANDMARKER, outputs=tuple(HAND_LANDMARKER.outputs)
    )


def _close(sessions: Iterable[Session]) -> None:
    for session in sessions:
        session.close()


def _files(
    model: str | Path | bytes | Mapping[str, ModelFile], task: str, *, offline: bool
) -> tuple[Mapping[str, ModelFile], str]:
    """Return the networks of a task, and what results call them."""
    name = str(model) if isinstance(model, str | Path) else "unnamed"
    files = model if isinstance(model, Mapping) else weights.load(model, task=task, offline=offline)
    return files, name
