"""A script written for MediaPipe Tasks that finds hands; only its import lines say ``vitruvian.mediapipe``.

python examples/mediapipe_hands.py hand_landmarker.task photo.jpg annotated.png
"""

import sys

import cv2

from vitruvian.mediapipe import Image
from vitruvian.mediapipe.tasks import python
from vitruvian.mediapipe.tasks.python import vision


def main(model: str, photo: str, annotated: str) -> None:
    """Find up to two hands, say which they are, and draw them."""
    options = vision.HandLandmarkerOptions(
        base_options=python.BaseOptions(model_asset_path=model), num_hands=2
    )
    image = Image.create_from_file(photo)
    with vision.HandLandmarker.create_from_options(options) as landmarker:
        result = landmarker.detect(image)

    picture = cv2.cvtColor(image.numpy_view(), cv2.COLOR_RGB2BGR)  # the styles are BGR
    for hand, sides in zip(result.hand_landmarks, result.handedness, strict=True):
        vision.drawing_utils.draw_landmarks(
            picture,
            hand,
            vision.HandLandmarksConnections.HAND_CONNECTIONS,
            vision.drawing_styles.get_default_hand_landmarks_style(),
            vision.drawing_styles.get_default_hand_connections_style(),
        )
        tip = hand[vision.HandLandmark.INDEX_FINGER_TIP]
        x, y = (tip.x or 0) * image.width, (tip.y or 0) * image.height
        print(f"{sides[0].category_name} ({sides[0].score:.0%}), index finger tip at {x:.0f}, {y:.0f}")
    cv2.imwrite(annotated, picture)
    print(f"{len(result.hand_landmarks)} hands -> {annotated}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
