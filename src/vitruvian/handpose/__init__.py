"""The Handpose-shaped door: TensorFlow.js Handpose's ``load`` and ``estimateHands``, in Python.

::

    model = vitruvian.handpose.load()
    for hand in model.estimate_hands("photo.jpg"):
        print(hand.hand_in_view_confidence, hand.landmarks, hand.annotations["thumb"])

Names are Python's; ``to_json()`` gives a prediction as the original's JavaScript does, so that what reads it
there reads it here. Hands are followed as the original follows them: a model object remembers where they
were. Where it differs: the networks are MediaPipe's, unless the original's are given, and with MediaPipe's no
picture is squeezed before palms are looked for; and the threshold for palms is the documented one.

The door translates names, results and pictures. All arithmetic happens in the loop that it calls.
"""

from vitruvian.handpose.model import Handpose, load
from vitruvian.handpose.prediction import BoundingBox, Prediction, get_annotations

__all__ = ["BoundingBox", "Handpose", "Prediction", "get_annotations", "load"]
