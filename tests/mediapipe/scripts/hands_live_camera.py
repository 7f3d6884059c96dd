"""As the live samples do it for hands: a camera, a callback, and the hand's name beside it."""

import sys
import time

import cv2
import mediapipe as mp
from mediapipe.tasks import python
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.vision import drawing_styles, drawing_utils
from mediapipe.tasks.python.vision.hand_landmarker import HandLandmarksConnections

MARGIN = 10
DETECTION_RESULT = None
calls = []


def save_result(
    result: vision.HandLandmarkerResult, unused_output_image: mp.Image, timestamp_ms: int
) -> None:
    global DETECTION_RESULT  # noqa: PLW0603 - as the samples do it
    DETECTION_RESULT = result
    calls.append(timestamp_ms)


model_path, camera = sys.argv[1:]
cap = cv2.VideoCapture(camera)
base_options = python.BaseOptions(model_asset_path=model_path)
options = vision.HandLandmarkerOptions(
    base_options=base_options,
    running_mode=vision.RunningMode.LIVE_STREAM,
    num_hands=2,
    min_hand_detection_confidence=0.5,
    min_hand_presence_confidence=0.5,
    min_tracking_confidence=0.5,
    result_callback=save_result,
)
detector = vision.HandLandmarker.create_from_options(options)

drawn, submitted, labels = [], [], set()
while cap.isOpened():
    success, image = cap.read()
    if not success:
        break

    image = cv2.flip(image, 1)
    mp_image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    submitted.append(time.time_ns() // 1_000_000)
    detector.detect_async(mp_image, submitted[-1])
    time.sleep(0.02)

    current_frame = image.copy()
    if DETECTION_RESULT:
        for idx, hand_landmarks in enumerate(DETECTION_RESULT.hand_landmarks):
            handedness = DETECTION_RESULT.handedness[idx]
            drawing_utils.draw_landmarks(
                current_frame,
                hand_landmarks,
                HandLandmarksConnections.HAND_CONNECTIONS,
                drawing_styles.get_default_hand_landmarks_style(),
                drawing_styles.get_default_hand_connections_style(),
            )
            height, width, _ = current_frame.shape
            text_x = int(min(landmark.x for landmark in hand_landmarks) * width)
            text_y = int(min(landmark.y for landmark in hand_landmarks) * height) - MARGIN
            label = handedness[0].category_name
            labels.add(label)
            cv2.putText(current_frame, label, (text_x, text_y), cv2.FONT_HERSHEY_DUPLEX, 1, (88, 205, 54), 1)
    drawn.append((current_frame != image).any(axis=2).mean())

detector.close()
cap.release()
