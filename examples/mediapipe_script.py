"""A script written for MediaPipe Tasks; only its two import lines say ``vitruvian.mediapipe``.

python examples/mediapipe_script.py pose_landmarker_lite.task photo.jpg annotated.png
"""

import sys

import cv2

from vitruvian.mediapipe import Image
from vitruvian.mediapipe.tasks import python
from vitruvian.mediapipe.tasks.python import vision


def main(model: str, photo: str, annotated: str) -> None:
    """Find up to two people and draw them."""
    options = vision.PoseLandmarkerOptions(
        base_options=python.BaseOptions(model_asset_path=model), num_poses=2, output_segmentation_masks=True
    )
    image = Image.create_from_file(photo)
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        result = landmarker.detect(image)

    picture = image.numpy_view().copy()
    for pose in result.pose_landmarks:
        vision.drawing_utils.draw_landmarks(
            picture,
            pose,
            vision.PoseLandmarksConnections.POSE_LANDMARKS,
            vision.drawing_styles.get_default_pose_landmarks_style(),
        )
    cv2.imwrite(annotated, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    print(f"{len(result.pose_landmarks)} people, {len(result.segmentation_masks or [])} masks -> {annotated}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
