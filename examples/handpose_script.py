"""A script for TensorFlow.js Handpose, line for line in Python: what it writes is what the original gives.

python examples/handpose_script.py photo.jpg hands.json [folder of the original's networks]

In JavaScript::

    const model = await handpose.load({maxContinuousChecks: 0});
    const predictions = await model.estimateHands(photo);
"""

import json
import sys
from pathlib import Path

from vitruvian import handpose


def main(photo: str, results: str, networks: str = "full") -> None:
    """Find a hand, and say where its fingers end."""
    with handpose.load(networks, max_continuous_checks=0) as model:
        predictions = model.estimate_hands(photo)
    for prediction in predictions:
        print(f"a hand ({prediction.hand_in_view_confidence:.2f})")
        for name, points in prediction.annotations.items():
            x, y, _ = points[-1]
            print(f"  {name:13} {x:6.1f} {y:6.1f}")
    text = json.dumps([prediction.to_json() for prediction in predictions])
    Path(results).write_text(text, encoding="utf-8")
    print(f"{len(predictions)} hands -> {results}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
