"""As the live samples do it: a camera, results through a callback, the newest one drawn on each frame."""

import sys
import time

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks import python
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.vision import drawing_styles, drawing_utils

model_path, camera = sys.argv[1:]

COUNTER, FPS = 0, 0.0
START_TIME = time.time()
DETECTION_RESULT = None
calls = []


def save_result(
    result: vision.PoseLandmarkerResult, unused_output_image: mp.Image, timestamp_ms: int
) -> None:
    global COUNTER, DETECTION_RESULT, FPS, START_TIME  # noqa: PLW0603 - as the sample does it
    if COUNTER % 10 == 0:
        FPS = 10 / (time.time() - START_TIME)
        START_TIME = time.time()
    DETECTION_RESULT = result
    COUNTER += 1
    calls.append(timestamp_ms)


cap = cv2.VideoCapture(camera)

base_options = python.BaseOptions(model_asset_path=model_path)
options = vision.PoseLandmarkerOptions(
    base_options=base_options,
    running_mode=vision.RunningMode.LIVE_STREAM,
    num_poses=1,
    min_pose_detection_confidence=0.5,
    min_pose_presence_confidence=0.5,
    min_tracking_confidence=0.5,
    output_segmentation_masks=True,
    result_callback=save_result,
)
detector = vision.PoseLandmarker.create_from_options(options)

drawn = []
submitted = []
while cap.isOpened():
    success, image = cap.read()
    if not success:
        break

    image = cv2.flip(image, 1)
    rgb_image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    mp_image = mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb_image)
    submitted.append(time.time_ns() // 1_000_000)
    detector.detect_async(mp_image, submitted[-1])
    time.sleep(0.02)

    current_frame = image.copy()
    if DETECTION_RESULT:
        for pose_landmarks in DETECTION_RESULT.pose_landmarks:
            drawing_utils.draw_landmarks(
                image=current_frame,
                landmark_list=pose_landmarks,
                connections=vision.PoseLandmarksConnections.POSE_LANDMARKS,
                landmark_drawing_spec=drawing_styles.get_default_pose_landmarks_style(),
            )
        if DETECTION_RESULT.segmentation_masks is not None:
            mask = DETECTION_RESULT.segmentation_masks[0].numpy_view()
            condition = np.concatenate((mask, mask, mask), axis=-1) > 0.1
            current_frame = np.where(condition, current_frame, np.full(image.shape, 192, np.uint8))
    drawn.append((current_frame != image).any(axis=2).mean())

detector.close()
cap.release()
