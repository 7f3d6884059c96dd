"""The MediaPipe-shaped door: scripts written for MediaPipe Tasks run after a change of their import lines.

::

    import vitruvian.mediapipe as mp
    from vitruvian.mediapipe.tasks import python
    from vitruvian.mediapipe.tasks.python import vision

Every module stands where the original has it, so the rest of an import line stays as it is. The interface is
that of MediaPipe 1.2.2; ``solutions`` and ``framework.formats``, which 1.2.2 no longer has, are those of
0.10.21. What is here: the Pose Landmarker and the Hand Landmarker on pictures, videos and cameras, their
predecessors ``solutions.pose`` and ``solutions.hands``, and the drawing that goes with all of them.

The door translates names, units and errors. All arithmetic on pictures happens in the pipeline that it calls.
"""

from vitruvian.mediapipe import framework, tasks
from vitruvian.mediapipe.python import solutions
from vitruvian.mediapipe.tasks.python.vision.core.image import Image, ImageFormat

__all__ = ["Image", "ImageFormat", "__version__", "framework", "solutions", "tasks"]

__version__ = "1.2.2+vitruvian"
"""The release of MediaPipe whose interface this is, marked as not being that release.

The version of this package is ``vitruvian.__version__``.
"""
