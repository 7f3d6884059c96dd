"""The program that a process under measurement runs; prints one JSON object.

``worker.py landmarks ENGINE SETUP PHOTOS RESULTS``  write what the engine finds in each photo or frame
``worker.py time ENGINE SETUP PHOTOS REPEATS``       time the engine on each photo
``worker.py first ENGINE SETUP PHOTO``               stop after the first result
``worker.py watch ENGINE SETUP CLIP ORDER [RESULTS]``  time the engine on a video

CLIP is one array of pictures, ORDER the JSON of which of them the frames are; frames are 1/30 s apart. A
SETUP for videos takes PHOTOS as the frames of one.

It runs under the peer's interpreter as well, so it needs numpy and nothing else. PHOTOS is a folder of
``.npy`` files, SETUP the JSON of a ``Setup``.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from engines import Engine, Setup, open_engine

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> None:
    """Do the job that the arguments name."""
    job, name, setup, source, *rest = sys.argv[1:]
    engine = open_engine(name, Setup(**json.loads(setup)))
    photos = Path(source)
    if job == "watch":
        report = watched(engine, np.load(source, mmap_mode=None), json.loads(rest[0]), rest[1:])
    elif job == "landmarks":
        report = landmarks(engine, photos, Path(rest[0]))
    elif job == "time":
        report = timings(engine, photos, repeats=int(rest[0]))
    else:
        report = first(engine, photos)
    print(json.dumps(report), flush=True)


def landmarks(engine: Engine, photos: Path, results: Path) -> dict[str, object]:
    """Write a ``.npz`` file of what the engine finds in each photo or frame."""
    files = sorted(photos.glob("*.npy"))
    for index, file in enumerate(files):
        pixels = np.load(file)
        found = engine.read(engine.detect(pixels, milliseconds(index)), pixels)
        np.savez(
            results / f"{file.stem}.npz",
            points=found.points,
            world=found.world,
            masks=found.masks,
            right=found.right,
        )
    return {"photos": len(files)}


def timings(engine: Engine, photos: Path, repeats: int) -> dict[str, object]:
    """Warm up on every photo, then go through all of them ``repeats`` times.

    Returns:
        ``seconds``: a row of times for each photo; ``cpu``: processor seconds per image, user and system,
        all threads; ``peak``: bytes.
    """
    loaded = [np.load(file) for file in sorted(photos.glob("*.npy"))]
    for pixels in loaded:
        engine.detect(pixels)
    seconds: list[list[float]] = [[] for _ in loaded]
    cpu = time.process_time()
    for _ in range(repeats):
        for pixels, row in zip(loaded, seconds, strict=True):
            start = time.perf_counter()
            engine.detect(pixels)
            row.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / (repeats * len(loaded))
    return {"seconds": seconds, "cpu": cpu, "peak": peak_memory()}


def first(engine: Engine, photo: Path) -> dict[str, object]:
    """Find what is in one photo; ``at`` is when it is found, on the machine's monotonic clock."""
    engine.detect(np.load(photo))
    return {"at": time.monotonic(), "peak": peak_memory()}


def watched(
    engine: Engine, pictures: NDArray[np.uint8], order: list[int], results: list[str]
) -> dict[str, object]:
    """Time each frame of a video.

    Returns:
        ``seconds`` of each frame; ``cpu``: processor seconds per frame, user and system, all threads;
        ``found``: how many people or hands each frame shows; ``peak``: bytes. With ``results``, the landmarks
        are written there.
    """
    seconds, found = [], []
    cpu = time.process_time()
    for index, picture in enumerate(order):
        pixels = pictures[picture]
        start = time.perf_counter()
        found.append(engine.places(engine.detect(pixels, milliseconds(index)), pixels))
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / len(order)
    if results:
        named: dict[str, Any] = {f"{index:06}": each for index, each in enumerate(found)}
        np.savez(results[0], **named)
    return {"seconds": seconds, "cpu": cpu, "found": [len(each) for each in found], "peak": peak_memory()}


def milliseconds(index: int) -> int:
    """Return the time of a frame."""
    return round(1000 + index * 1000 / 30)


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands the parent's ru_maxrss down to a new program; this line starts at 0 with it.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
