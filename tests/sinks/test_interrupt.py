import signal
import subprocess
import sys

import av
import pytest

from vitruvian import read_csv, read_jsonl, read_npz, read_parquet

# Writes every format without end, until Ctrl-C, and says where it is.
_ENDLESS = """
import contextlib, sys
from pathlib import Path
import numpy as np
from vitruvian import Frame, Landmarks, OverlayVideoSink, Provenance, Skeleton, Stamp, open_sink
from vitruvian.sinks.formats import FORMATS
rng = np.random.default_rng(0)
xy = (80 * rng.random((2, 33, 2))).astype(np.float32)
people = Landmarks(
    Skeleton.named("body33"), xy, np.zeros((2, 4), np.float32), np.ones(2, np.float32),
    world=rng.random((2, 33, 3)).astype(np.float32), track_id=np.arange(2),
)
pixels = rng.integers(0, 255, (96, 128, 3)).astype(np.uint8)
folder = Path(sys.argv[1])
with contextlib.ExitStack() as stack:
    sinks = [open_sink(kind, folder, "clip", Provenance("full", (), "none")) for kind in FORMATS]
    sinks = [stack.enter_context(sink) for sink in (OverlayVideoSink(folder / "clip.mp4"), *sinks)]
    for i in range(10**9):
        for sink in sinks:
            sink.write(Frame(pixels, Stamp("clip", 128, 96, index=i, time=i / 25)), people)
        print(i, flush=True)
"""


@pytest.mark.parametrize("count", [1, 60])
def test_ctrl_c_completes_every_file(count, tmp_path):
    command = [sys.executable, "-c", _ENDLESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(count):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=60)
    assert complaint.rstrip().endswith("KeyboardInterrupt")
    written = count + len(said.splitlines())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clip.0.c3d", "clip.0.trc", "clip.1.c3d", "clip.1.trc", "clip.coco.json", "clip.csv", "clip.jsonl",
        "clip.mp4", "clip.npz", "clip.parquet",
    ]  # fmt: skip
    with av.open(str(tmp_path / "clip.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) in (written, written + 1)
    readers = {"csv": read_csv, "jsonl": read_jsonl, "npz": read_npz, "parquet": read_parquet}
    for ending, read in readers.items():
        assert len(read(tmp_path / f"clip.{ending}")) in (written, written + 1)
