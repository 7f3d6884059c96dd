"""``load`` and ``estimate_hands``."""

from __future__ import annotations

import math
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vitruvian.errors import SessionError
from vitruvian.following import CompatibleHandpose, OneByOne, compatible_handpose, flipped
from vitruvian.frame import Frame
from vitruvian.handpose.networks import open_networks
from vitruvian.handpose.prediction import get_annotations, predictions
from vitruvian.models.handpose import HandposeSettings
from vitruvian.sources.image import read_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.handpose.networks import Networks
    from vitruvian.handpose.prediction import Prediction
    from vitruvian.runtimes.session import ModelFile

__all__ = ["Handpose", "load"]


def load(  # noqa: PLR0913  # each stands for itself
    model: str | Path | bytes | Mapping[str, ModelFile] = "full",
    *,
    max_continuous_checks: float = math.inf,
    detection_confidence: float = 0.8,
    iou_threshold: float = 0.3,
    score_threshold: float = 0.75,
    max_hands: int = 1,
    sticky: bool = True,
    mirrored: bool = False,
    threads: int | None = None,
    offline: bool = False,
) -> Handpose:
    """Make a model that finds hands, as TensorFlow.js Handpose's ``load`` does.

    >>> model = vitruvian.handpose.load()  # doctest: +SKIP
    >>> [hand] = model.estimate_hands("photo.jpg")  # doctest: +SKIP

    Args:
        model: What the networks are: ``"full"`` (default), ``"lite"`` or another name of a hand model from
            ``vitruvian models list`` (downloaded if it is not on this machine yet); the path or the content
            of a ``.task`` bundle; the path of a folder of ``.tflite`` files; what ``weights.load`` returned.
            Or the original's own: the path of a folder that holds ``handdetector/model.json`` and
            ``handskeleton/model.json`` with their shards. (An ``anchors.json`` is not needed.)
        max_continuous_checks: In how many pictures in a row a hand is followed before the detector must find
            it anew, so that with N the detector runs in every (N + 1)th. 0: in every picture, for pictures
            that have nothing to do with each other; infinite: only after a hand was lost.
        detection_confidence: Least ``hand_in_view_confidence``, inclusive, 0 to 1; a hand below is lost.
        iou_threshold: Overlap (intersection over union) of two palms above which they are one hand's, 0 to 1.
            With ``max_hands=1`` it decides nothing, as in the original.
        score_threshold: Score that a detected palm must exceed, 0 to 1. The default is the original's
            documented 0.75; its code has 0.5.
        max_hands: Most hands. The original has 1, always. With more, each hand is followed for itself, with
            its own count of pictures, and the detector runs in every picture that has fewer: ask for as many
            as there really are.
        sticky: Whether a hand that hardly moves is looked for where it was, turned as it was, as in the
            original; ``False`` follows small movements closer.
        mirrored: Whether the pictures are mirrored, as the view of a selfie camera usually is: then
            ``handedness`` changes sides. (``flip_horizontal`` has nothing to do with it.)
        threads: CPU threads for one network call; by default all cores.
        offline: Never connect: a named model must be on this machine already.

    Raises:
        OptionError: An option is outside its range.
        WeightsError: The model files are missing, damaged, or of another kind.
        SessionError: The networks cannot be opened.
    """
    settings = HandposeSettings(detection_confidence, iou_threshold, score_threshold, mirrored=mirrored)
    options = CompatibleHandpose(max_continuous_checks, max_hands, iou_threshold, sticky)
    return Handpose(open_networks(model, settings, threads=threads, offline=offline), options)


class Handpose:
    """Finds hands in one picture after the other; ``load`` makes it.

    It remembers where the hands were, so every video needs its own (or ``max_continuous_checks=0``). A
    context manager. Calls from several threads take turns; after a call that raised, the next one follows
    nobody.

    Args:
        networks: Open networks; closed with this.
        options: How hands are followed.
    """

    def __init__(self, networks: Networks, options: CompatibleHandpose) -> None:
        self._networks: Networks | None = networks
        self._next = OneByOne(partial(compatible_handpose, stages=networks.stages, options=options))
        self._turn = threading.RLock()  # may be closed from a signal handler during a call

    @staticmethod
    def get_annotations() -> dict[str, list[int]]:
        """Return which landmarks each part of the hand has; see ``vitruvian.handpose.get_annotations``."""
        return get_annotations()

    def estimate_hands(
        self,
        input: str | Path | Frame | NDArray[np.uint8],  # noqa: A002 - the original's name
        flip_horizontal: bool = False,  # noqa: FBT001, FBT002 - the original's signature
    ) -> list[Prediction]:
        """Find the hands in the next picture.

        A hand that gets lost costs an empty result even if it is still there: the detector looks for it in
        the next picture.

        Args:
            input: (H, W, 3) uint8 RGB (OpenCV reads BGR: turn it round with ``image[..., ::-1]``), a
                ``Frame``, or the path of a picture.
            flip_horizontal: Whether x becomes W - 1 - x in the result, for a picture that is shown mirrored.
                The picture is not mirrored, and the corners of the box do not change places.

        Returns:
            At most ``max_hands``; an empty list if there is none. Followed hands come first, in their
            previous order, then new ones, best first.

        Raises:
            ArrayError: An array is no RGB picture.
            SessionError: A network failed, or the model is closed.
            SourceError: The file cannot be read.
        """
        frame = _frame(input)
        with self._turn:
            if self._networks is None:
                raise SessionError("this Handpose is closed; load another one")
            found = self._next(frame)
        return predictions(flipped(found, frame.stamp.width) if flip_horizontal else found)

    def close(self) -> None:
        """Release the networks; possible from any thread, and closing twice is fine."""
        networks, self._networks = self._networks, None
        if networks is not None:
            with self._turn:
                networks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _frame(picture: str | Path | Frame | NDArray[np.uint8]) -> Frame:
    if isinstance(picture, str | Path):
        return read_image(picture)
    return picture if isinstance(picture, Frame) else Frame.of(picture)
