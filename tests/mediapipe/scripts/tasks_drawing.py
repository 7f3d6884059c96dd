"""As newer samples do it: full import paths, an OpenCV picture, the drawing of the Tasks."""

import sys
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision import drawing_styles, drawing_utils
from mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from mediapipe.tasks.python.vision.pose_landmarker import (
    PoseLandmark,
    PoseLandmarker,
    PoseLandmarkerOptions,
    PoseLandmarksConnections,
)

model_path, image_path = sys.argv[1:]

model = Path(model_path).read_bytes()
options = PoseLandmarkerOptions(
    base_options=BaseOptions(model_asset_buffer=model, delegate=BaseOptions.Delegate.CPU),
    running_mode=VisionTaskRunningMode.IMAGE,
    num_poses=5,
    min_pose_detection_confidence=0.4,
    min_pose_presence_confidence=0.4,
    min_tracking_confidence=0.4,
)

frame = cv2.imread(image_path)
landmarker = PoseLandmarker.create_from_options(options)
mp_image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
result = landmarker.detect(mp_image)
landmarker.close()

annotated_image = np.copy(frame)
for pose_landmarks in result.pose_landmarks:
    drawing_utils.draw_landmarks(
        image=annotated_image,
        landmark_list=pose_landmarks,
        connections=PoseLandmarksConnections.POSE_LANDMARKS,
        landmark_drawing_spec=drawing_styles.get_default_pose_landmarks_style(),
        connection_drawing_spec=drawing_utils.DrawingSpec(color=(0, 255, 0), thickness=2),
    )

left_shoulder = result.pose_landmarks[0][PoseLandmark.LEFT_SHOULDER]
