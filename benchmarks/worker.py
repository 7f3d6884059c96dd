"""The program that a process under measurement runs; prints one JSON object.

``worker.py landmarks ENGINE SETUP PHOTOS RESULTS``  write what the engine finds in each photo
``worker.py time ENGINE SETUP PHOTOS REPEATS``       time the engine on each photo
``worker.py first ENGINE SETUP PHOTO``               stop after the first result
``worker.py watch ENGINE SETUP CLIP ORDER [RESULTS]``  time the engine on a video

CLIP is one array of pictures, ORDER the JSON of which of them the frames are; frames are 1/30 s apart.

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
from engines import Engine, Setup, Watcher, open_engine, open_watcher

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> None:
    """Do the job that the arguments name."""
    job, name, setup, source, *rest = sys.argv[1:]
    if job == "watch":
        watcher = open_watcher(name, Setup(**json.loads(setup)))
        report = watched(watcher, np.load(source, mmap_mode=None), json.loads(rest[0]), rest[1:])
        print(json.dumps(report), flush=True)
        return
    engine = open_engine(name, Setup(**json.loads(setup)))
    photos = Path(source)
    if job == "landmarks":
        report = landmarks(engine, photos, Path(rest[0]))
    elif job == "time":
        report = timings(engine, photos, repeats=int(rest[0]))
    else:
        report = first(engine, photos)
    print(json.dumps(report), flush=True)


def landmarks(engine: Engine, photos: Path, results: Path) -> dict[str, object]:
    """Write a ``.npz`` file of what the engine finds for each photo."""
    files = sorted(photos.glob("*.npy"))
    for file in files:
        pixels = np.load(file)
        people = engine.read(engine.detect(pixels), pixels)
        np.savez(results / f"{file.stem}.npz", points=people.points, world=people.world, masks=people.masks)
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
    """Find the people in one photo; ``at`` is when they are found, on the machine's monotonic clock."""
    engine.detect(np.load(photo))
    return {"at": time.monotonic(), "peak": peak_memory()}


def watched(
    watcher: Watcher, pictures: NDArray[np.uint8], order: list[int], results: list[str]
) -> dict[str, object]:
    """Time each frame of a video.

    Returns:
        ``seconds`` of each frame; ``cpu``: processor seconds per frame, user and system, all threads;
        ``people``: how many each frame shows; ``peak``: bytes. With ``results``, the landmarks are written
        there.
    """
    seconds, people = [], []
    cpu = time.process_time()
    for index, picture in enumerate(order):
        start = time.perf_counter()
        people.append(watcher.watch(pictures[picture], round(1000 + index * 1000 / 30)))
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / len(order)
    if results:
        found: dict[str, Any] = {
            f"{i:06}": np.array(each).reshape(-1, 33, 2) for i, each in enumerate(people)
        }
        np.savez(results[0], **found)
    return {"seconds": seconds, "cpu": cpu, "people": [len(each) for each in people], "peak": peak_memory()}


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
