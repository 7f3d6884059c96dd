"""Draw what the fast and the thorough search find in a photo, side by side.

python examples/compare_searches.py photo.jpg compared.jpg
python examples/compare_searches.py photo.jpg compared.png --plain
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import vitruvian

GROUND = 32  # grey, under skeletons without their photo
GAP = 8  # pixels between the two pictures


def found(search: str, frame: vitruvian.Frame, *, hands: bool, plain: bool) -> NDArray[np.uint8]:
    """Return the picture, or plain ground, with everybody drawn in; print how many and how long it took."""
    with vitruvian.hands(search=search) if hands else vitruvian.pose(search=search) as pipeline:
        pipeline.estimate(frame)  # the first picture of a process takes longer
        begin = time.perf_counter()
        people = pipeline.estimate(frame)
        milliseconds = 1000 * (time.perf_counter() - begin)
    what = f"{search}: {len(people)} found in {milliseconds:.0f} ms"
    print(what)
    drawn = Image.fromarray(
        vitruvian.draw_landmarks(np.full_like(frame.pixels, GROUND) if plain else frame.pixels, people)
    )
    size = max(drawn.height // 24, 12)
    ImageDraw.Draw(drawn).text(
        (size // 2, size // 2), what, "white", font_size=size, stroke_width=2, stroke_fill="black"
    )
    return np.asarray(drawn)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo")
    parser.add_argument("output", help="the picture to write: .jpg or .png")
    parser.add_argument("--hands", action="store_true", help="hands instead of bodies")
    parser.add_argument("--plain", action="store_true", help="skeletons on plain ground, without the photo")
    options = parser.parse_args()
    frame = vitruvian.read_image(options.photo)
    fast, thorough = (
        found(search, frame, hands=options.hands, plain=options.plain) for search in ("fast", "thorough")
    )
    between = np.full((len(fast), GAP, 3), 255, np.uint8)
    Image.fromarray(np.concatenate([fast, between, thorough], axis=1)).save(options.output)


if __name__ == "__main__":
    main()
