"""BlazePose: MediaPipe's body detector and 33-point landmark network, to the last rounding.

Numbers and order of operations are those of the pose specification; sections are named where they are used.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.crop import Crop
from vitruvian.errors import OptionError
from vitruvian.kernels import native
from vitruvian.landmarks import Landmarks, Mask, bounds, sides_exchanged
from vitruvian.models.anchors import Anchors
from vitruvian.models.heatmap import HEATMAP_THRESHOLD, refine, sigmoid, surely_below
from vitruvian.models.network import Network
from vitruvian.models.nms import weighted_nms
from vitruvian.models.tiles import HINT, Sight, crops_of, radians_of
from vitruvian.options import ACCURACIES, SEARCHES, check_choice, check_number
from vitruvian.regions import Regions, joined
from vitruvian.runtimes.session import PixelInput, Signature, Windows
from vitruvian.skeleton import Skeleton

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from vitruvian.frame import Frame
    from vitruvian.models.tiles import Tile
    from vitruvian.runtimes.session import Session

__all__ = [
    "DETECTOR",
    "ENLARGE",
    "LANDMARKER",
    "BlazePoseDetector",
    "BlazePoseLandmarker",
    "PoseSettings",
    "landmarker_outputs",
    "landmarker_signature",
]

_DETECTOR_SIDE = 224
_USED_POINTS = 2  # of an anchor's; of two more points nothing uses the numbers
_LANDMARKER_SIDE = 256
_POINTS = 39  # 33 landmarks, 2 auxiliary points, 4 that nothing uses
_AUXILIARY = 2  # the middle of the hips, and a point on the circle around the whole body
ENLARGE = 1.25
"""Side of a body's region in diameters of the circle around the body."""
_DOUBT = 0.3  # share of what the least score lacks of certainty, by which a thorough search reads more people

DETECTOR = Signature(
    inputs={"image": PixelInput(_DETECTOR_SIDE, _DETECTOR_SIDE, low=-1.0, high=1.0)},
    outputs={"boxes": (2254, 12), "scores": (2254, 1)},
)
"""Section 2.2."""

LANDMARKER = Signature(
    inputs={"image": PixelInput(_LANDMARKER_SIDE, _LANDMARKER_SIDE, low=0.0, high=1.0)},
    outputs={
        "landmarks": (_POINTS * 5,),
        "presence": (1,),
        "segmentation": (_LANDMARKER_SIDE, _LANDMARKER_SIDE, 1),
        "heatmap": (64, 64, _POINTS),
        "world": (_POINTS * 3,),
    },
)
"""Section 2.3."""


@dataclass(frozen=True)
class PoseSettings:
    """Options of the body landmarks that are not about one picture.

    Attributes:
        num_poses: Most people in the result, the detector's best first; ``None``: everyone found.
        min_pose_detection_confidence: Least detector score, inclusive, 0 to 1. A thorough search reads people
            from a bit less on (.425 for .5), and never from less than .1, since it weighs what it has read.
        min_pose_presence_confidence: Presence that a pose must exceed, 0 to 1 (1 rejects everything).
        masks: Whether to compute segmentation masks; they double the cost of the second network.
        nms_iou: Overlap above which two detections are one person (0.3 in the legacy interface).
        heatmap_kernel: Side of the window that refines a landmark, in cells, odd (legacy interface: 9).
        search: How stills are searched: ``"fast"``, with one look at the whole picture, as the original does;
            ``"thorough"``, closer and closer, and streams too, in the background; ``"auto"``: stills
            thoroughly, streams fast.
        accuracy: ``"high"``: every region is read in a mirror as well, and the answers are averaged.

    Raises:
        OptionError: A value is outside its range.
    """

    num_poses: int | None = None
    min_pose_detection_confidence: float = 0.5
    min_pose_presence_confidence: float = 0.5
    masks: bool = False
    nms_iou: float = 0.5
    heatmap_kernel: int = 7
    search: str = "fast"
    accuracy: str = "normal"

    def __post_init__(self) -> None:
        """Refuse values outside their range, by name."""
        if self.num_poses is not None:
            check_number("num_poses", self.num_poses, 1, whole=True)
        for name in ("min_pose_detection_confidence", "min_pose_presence_confidence", "nms_iou"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("heatmap_kernel", self.heatmap_kernel, 1, whole=True)
        if self.heatmap_kernel % 2 == 0:
            raise OptionError(f"heatmap_kernel: an odd number of cells, got {self.heatmap_kernel}")
        check_choice("search", self.search, SEARCHES)
        check_choice("accuracy", self.accuracy, ACCURACIES)


class BlazePoseDetector:
    """Finds bodies: pictures in, one turned square around each body out.

    Args:
        session: An open detector network with the signature ``DETECTOR``.
        settings: Detection threshold and overlap.
    """

    def __init__(self, session: Session, settings: PoseSettings) -> None:
        self._network = Network(session, border="black")
        self._settings = settings
        self._anchors = Anchors(_DETECTOR_SIDE, strides=(8, 16, 32, 32, 32), points=_USED_POINTS)

    def __call__(self, frames: Sequence[Frame], rotation: int = 0) -> list[Regions]:
        """Find the bodies in each frame, best first.

        Args:
            frames: Pictures.
            rotation: Degrees by which the pictures must be turned clockwise to be upright; a multiple of 90.
        """
        if not frames:
            return []
        turn = radians_of(rotation)
        crops = [
            Crop.letterbox(frame.stamp.width, frame.stamp.height, _DETECTOR_SIDE, turn) for frame in frames
        ]
        out = self._network.look([(frame.pixels, crop) for frame, crop in zip(frames, crops, strict=True)])
        least = self._settings.min_pose_detection_confidence
        return [
            self._merged(*self._anchors.seen(boxes, logits, least), crop, frame)
            for boxes, logits, crop, frame in zip(out["boxes"], out["scores"], crops, frames, strict=True)
        ]

    def inspect(self, frame: Frame, tiles: Sequence[Tile], rotation: int = 0) -> Sight:
        """Look at parts of a picture, as one batch; arguments as above."""
        crops = crops_of(tiles, frame, _DETECTOR_SIDE, rotation)
        out = self._network.look([(frame.pixels, crop) for crop in crops])
        least = self._settings.min_pose_detection_confidence
        least = max(least * (1 - _DOUBT * (1 - least)), HINT)
        people, hints, silent = [], [], surely_below(HINT)
        for boxes, logits, crop in zip(out["boxes"], out["scores"], crops, strict=True):
            if logits.max() > silent:
                values, scores = self._anchors.seen(boxes, logits, HINT)
                sure = scores >= least
                people.append(self._merged(values[sure], scores[sure], crop, frame))
                hints.append(_placed(values, scores, crop, frame))
        return Sight(joined(*people), joined(*hints))

    def _merged(
        self, values: NDArray[np.float32], scores: NDArray[np.float32], crop: Crop, frame: Frame
    ) -> Regions:
        """Return one region for each body, of what anchors see of it (6.4)."""
        merged, scores = weighted_nms(values, scores, self._settings.nms_iou)
        return _placed(merged, scores, crop, frame)


def _placed(values: NDArray[np.float32], scores: NDArray[np.float32], crop: Crop, frame: Frame) -> Regions:
    """Return the regions around bodies that the detector saw in a crop.

    Args:
        values: (N, 8) corners of a box, body centre x, y, circle point x, y, fractions of the crop.
        scores: (N,) of the detections.
        crop: What the detector saw.
        frame: Of which picture.
    """
    # Mapping the points through the padded, turned crop is right for any rotation, where the original only
    # takes the padding off (section 17.1); upright the two agree.
    points = crop.points_to_image(values[:, 4:].reshape(-1, 2, 2) * np.float32(_DETECTOR_SIDE))
    regions = regions_around(points, scores, frame.stamp.width, frame.stamp.height)
    sizes = regions.size.tolist()
    real = [row for row, (across, down) in enumerate(sizes) if across > 0 and down > 0]  # which NaN is not
    return regions if len(real) == len(regions) else regions[np.array(real, np.intp)]


def regions_around(
    points: NDArray[np.float32], scores: NDArray[np.float32], width: int, height: int
) -> Regions:
    """Return the square around a circle that is given by its centre and a point above the head (6.6).

    In float32 and through fractions of the image, since the original stores these.

    Args:
        points: (N, 2, 2) mid-hip, and a point on the circle around the whole body, in pixels.
        scores: (N,) of the detections.
        width: Of the image in pixels.
        height: Of the image in pixels.
    """
    if native is not None and len(points):
        count = len(points)
        centre, size = np.empty((count, 2), np.float32), np.empty((count, 2), np.float32)
        rotation = np.empty(count, np.float32)
        native.surround(points, (width, height), ENLARGE, centre, size, rotation)
        return Regions(centre, size, rotation, scores)
    image = np.array([width, height], np.float32)
    centre, circle = (points / image).transpose(1, 0, 2)
    across = circle * image - centre * image
    diameter = 2 * np.sqrt((across * across).sum(axis=1))
    angle = np.float32(math.pi / 2) - np.arctan2(-across[:, 1], across[:, 0])
    turn = 2 * math.pi
    rotation = angle - turn * np.floor((angle.astype(np.float64) + math.pi) / turn)
    longer = (diameter[:, None] / image * image).max(axis=1)
    size = longer[:, None] / image * np.float32(ENLARGE) * image
    return Regions(centre * image, size, rotation.astype(np.float32), scores)


def landmarker_signature(settings: PoseSettings) -> Signature:
    """Return the landmark network's tensors; heat maps are read around landmarks only (section 7, step 4)."""
    used = len(Skeleton.named("body33")) + _AUXILIARY
    windows = Windows("landmarks", used, numbers=5, side=_LANDMARKER_SIDE, kernel=settings.heatmap_kernel)
    return replace(LANDMARKER, windows={"heatmap": windows})


def landmarker_outputs(settings: PoseSettings) -> tuple[str, ...]:
    """Return the outputs that the landmark network must compute: without masks, half of it is cut off."""
    return tuple(name for name in LANDMARKER.outputs if settings.masks or name != "segmentation")


class BlazePoseLandmarker:
    """Reads bodies: regions of pictures in, 33 landmarks of each body out.

    Args:
        session: An open landmark network with the signature ``LANDMARKER``, or the one that
            ``landmarker_signature`` returns for the same settings, and the outputs that
            ``landmarker_outputs`` names.
        settings: Presence threshold, kernel, masks.
        flipped: Whether the network sees the bodies in a mirror. What comes out is that of the picture
            all the same.
    """

    def __init__(self, session: Session, settings: PoseSettings, *, flipped: bool = False) -> None:
        self._network = Network(session, border="replicate")
        self._settings = settings
        self._flipped = flipped
        self._skeleton = Skeleton.named("body33")
        self._least = float(np.float32(settings.min_pose_presence_confidence))  # as it is compared
        nothing = {name: np.empty((0, *shape), np.float32) for name, shape in LANDMARKER.outputs.items()}
        self._nobody = self._landmarks(nothing, [])

    def __call__(self, frames: Sequence[Frame], regions: Sequence[Regions]) -> list[Landmarks]:
        """Read the bodies in all regions of all frames as one batch.

        Args:
            frames: Pictures.
            regions: For each of them, where the bodies are.

        Returns:
            For each frame those whose presence is above the threshold, in the order of the regions.
        """
        people = [
            self._landmarks(out, crops) if crops else self._nobody
            for out, crops in self._network.read(frames, regions, _LANDMARKER_SIDE, flipped=self._flipped)
        ]
        return [sides_exchanged(some) for some in people] if self._flipped else people

    def _landmarks(self, out: Mapping[str, NDArray[np.float32]], crops: Sequence[Crop]) -> Landmarks:
        """Decode the rows of one frame (section 7)."""
        presences = out["presence"][:, 0].tolist()
        present = [row for row, presence in enumerate(presences) if presence > self._least]
        if len(present) < len(crops):  # an index copies, and heat maps are large
            crops = [crops[row] for row in present]
            out = {name: tensor[present] for name, tensor in out.items()}

        columns = self._by_kernel(out, crops) if native is not None and crops else self._decoded(out, crops)
        return Landmarks(
            self._skeleton,
            **columns,
            box_score=out["presence"][:, 0],
            mask=self._masks(out, crops),
            region=np.array(present, np.int64),
        )

    def _decoded(self, out: Mapping[str, NDArray[np.float32]], crops: Sequence[Crop]) -> dict[str, Any]:
        """Return the columns of bodies, by name."""
        raw = out["landmarks"].reshape(-1, _POINTS, 5)
        count = len(self._skeleton)
        side = np.float32(_LANDMARKER_SIDE)
        used = count + _AUXILIARY
        kernel = self._settings.heatmap_kernel
        points = refine(raw[:, :used, :2] / side, out["heatmap"], kernel=kernel) * side
        world = out["world"].reshape(-1, _POINTS, 3)
        places = _stack([c.points_to_image(p) for c, p in zip(crops, points, strict=True)], (used, 2))
        xy, auxiliary = map(np.ascontiguousarray, (places[:, :count], places[:, count:]))
        score, presence = sigmoid(np.ascontiguousarray(raw[:, :count, 3:].transpose(2, 0, 1)))
        depth = [c.depth_to_image(r[:count, 2]) for c, r in zip(crops, raw, strict=True)]
        metres = [c.directions_to_image(w[:count]) for c, w in zip(crops, world, strict=True)]
        return {
            "xy": xy,
            "score": score,
            "presence": presence,
            "depth": _stack(depth, (count,)),
            "world": _stack(metres, (count, 3)),
            "auxiliary": auxiliary,
            "box": bounds(xy),
        }

    def _by_kernel(self, out: Mapping[str, NDArray[np.float32]], crops: Sequence[Crop]) -> dict[str, Any]:
        """Return the same in a fifth of the time."""
        assert native is not None  # noqa: S101  # which is asked first
        count, points = len(crops), len(self._skeleton)
        columns = {
            "xy": np.empty((count, points, 2), np.float32),
            "score": np.empty((count, points), np.float32),
            "presence": np.empty((count, points), np.float32),
            "depth": np.empty((count, points), np.float32),
            "world": np.empty((count, points, 3), np.float32),
            "auxiliary": np.empty((count, _AUXILIARY, 2), np.float32),
            "box": np.empty((count, 4), np.float32),
        }
        read = (out["landmarks"], out["heatmap"], out["world"])
        numbers = array("d", [number for crop in crops for number in crop.to_image_numbers])
        sizes = (_POINTS, points, _AUXILIARY), LANDMARKER.outputs["heatmap"]
        window = (self._settings.heatmap_kernel, HEATMAP_THRESHOLD, _LANDMARKER_SIDE)
        native.read_bodies(*read, numbers, tuple(columns.values()), count, *sizes, *window)
        return columns

    def _masks(
        self, out: Mapping[str, NDArray[np.float32]], crops: Sequence[Crop]
    ) -> tuple[Mask, ...] | None:
        if not self._settings.masks:
            return None
        pairs = zip(out["segmentation"], crops, strict=True)
        return tuple(Mask(sigmoid(logits[..., 0]), crop) for logits, crop in pairs)


def _stack(rows: Sequence[NDArray[np.float32]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if len(rows) == 1:  # mostly
        return rows[0][None]
    return np.stack(rows) if rows else np.empty((0, *shape), np.float32)
