"""As the guide does it: short names for everything, then a task in a with statement."""

import sys

import mediapipe as mp

BaseOptions = mp.tasks.BaseOptions
PoseLandmarker = mp.tasks.vision.PoseLandmarker
PoseLandmarkerOptions = mp.tasks.vision.PoseLandmarkerOptions
VisionRunningMode = mp.tasks.vision.RunningMode

model_path, image_path = sys.argv[1:]

options = PoseLandmarkerOptions(
    base_options=BaseOptions(model_asset_path=model_path),
    running_mode=VisionRunningMode.IMAGE,
)

with PoseLandmarker.create_from_options(options) as landmarker:
    mp_image = mp.Image.create_from_file(image_path)
    result = landmarker.detect(mp_image)

points = [
    (landmark.x * mp_image.width, landmark.y * mp_image.height) for landmark in result.pose_landmarks[0]
]
