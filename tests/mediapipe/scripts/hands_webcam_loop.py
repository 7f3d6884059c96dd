"""As thousands of scripts did it with solutions.hands: a mirrored camera, drawing, and a pinch."""

import math
import sys

import cv2
import mediapipe as mp

mp_drawing = mp.solutions.drawing_utils
mp_drawing_styles = mp.solutions.drawing_styles
mp_hands = mp.solutions.hands

cap = cv2.VideoCapture(sys.argv[2])
changed, labels, pinches = [], [], []
with mp_hands.Hands(
    model_complexity=1, max_num_hands=2, min_detection_confidence=0.5, min_tracking_confidence=0.5
) as hands:
    while cap.isOpened():
        success, image = cap.read()
        if not success:
            print("Ignoring empty camera frame.")  # noqa: T201
            break

        image = cv2.flip(image, 1)
        image.flags.writeable = False
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        results = hands.process(image)

        image.flags.writeable = True
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        before = image.copy()
        if results.multi_hand_landmarks:
            for hand_landmarks, handedness in zip(
                results.multi_hand_landmarks, results.multi_handedness, strict=True
            ):
                labels.append(handedness.classification[0].label)
                height, width, _ = image.shape
                tips = [
                    mp_drawing._normalized_to_pixel_coordinates(
                        hand_landmarks.landmark[tip].x, hand_landmarks.landmark[tip].y, width, height
                    )
                    for tip in (mp_hands.HandLandmark.THUMB_TIP, mp_hands.HandLandmark.INDEX_FINGER_TIP)
                ]
                pinches.append(math.dist(*tips))
                mp_drawing.draw_landmarks(
                    image,
                    hand_landmarks,
                    mp_hands.HAND_CONNECTIONS,
                    mp_drawing_styles.get_default_hand_landmarks_style(),
                    mp_drawing_styles.get_default_hand_connections_style(),
                )
        changed.append((image != before).any(axis=2).mean())
cap.release()
