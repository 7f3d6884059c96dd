"""What all tasks on pictures share."""

from vitruvian.mediapipe.tasks.python.vision.core import (
    image,
    image_processing_options,
    vision_task_running_mode,
)

__all__ = ["image", "image_processing_options", "vision_task_running_mode"]
