"""Nothing of ours connects anywhere, except for a download that was asked for.

The kernel is the witness: under a seccomp filter a process that asks for an internet socket, from Python or
from any native library, is killed on the spot. What runs to its end has not asked.
"""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Linux's numbers: socket(2) by architecture, from its system call tables.
_SOCKET = {"x86_64": 41, "aarch64": 198}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in _SOCKET, reason="the filter is written for Linux"
)

# Classic BPF over struct seccomp_data: load the call's number and, if it is socket(), its domain;
# AF_INET (2) and AF_INET6 (10) kill the process, all else is allowed. The filter survives exec.
_UNDER_FILTER = """
import ctypes, os, struct, sys
load, equals, answer, allow, kill = 0x20, 0x15, 0x06, 0x7FFF0000, 0x80000000
program = [
    (load, 0, 0, 0), (equals, 0, 3, int(sys.argv[1])),
    (load, 0, 0, 16), (equals, 2, 0, 2), (equals, 1, 0, 10),
    (answer, 0, 0, allow), (answer, 0, 0, kill),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
whole = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, filter_mode, whole, 0, 0):
    sys.exit(f"no filter: errno {ctypes.get_errno()}")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def _without_internet(*arguments: str) -> subprocess.CompletedProcess[str]:
    number = str(_SOCKET[platform.machine()])
    return subprocess.run(
        [sys.executable, "-c", _UNDER_FILTER, number, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module", autouse=True)
def _filter_works():
    if "no filter" in (probe := _without_internet("-c", "print('alive')")).stderr:
        pytest.skip(f"this kernel lets no process filter its calls: {probe.stderr}")
    assert probe.stdout == "alive\n"


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_the_filter_kills_whoever_asks_for_a_socket(family):
    asked = _without_internet("-c", f"import socket; socket.socket(socket.{family}); print('unharmed')")
    assert asked.returncode == -signal.SIGSYS
    assert "unharmed" not in asked.stdout


def test_the_main_job_asks_for_none(full_files, astronaut, tmp_path):
    done = _without_internet("-m", "vitruvian", "pose", str(astronaut), "--masks", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "1 person found" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        ".vitruvian-run.jsonl",
        "astronaut.jpg",
        "astronaut.json",
        "astronaut.mask.0.png",
    }


def test_hands_ask_for_none(full_files, hands_files, astronaut, tmp_path):
    for command in (["hands"], ["pose", "--hands"]):
        done = _without_internet(
            "-m", "vitruvian", *command, str(astronaut), "-o", str(tmp_path / command[0])
        )
        assert done.returncode == 0, done.stderr


def test_sapiens_asks_for_none(astronaut, tmp_path):
    pytest.importorskip("torch", reason="needs the extra: pip install 'vitruvian[sapiens]'")
    place = Path(__file__).parent / "references"
    script = f"""
import sys
sys.path.append({str(place)!r})
import sapiens_reference, vitruvian
from pathlib import Path
from vitruvian.weights.sapiens_layout import SapiensLayout
path = Path({str(tmp_path)!r}) / "small.safetensors"
sapiens_reference.write_checkpoint(path, SapiensLayout(32, 2, (2, 2), (16, 12), (12, 12, 8)))
with vitruvian.sapiens(path, device="cpu", boxes=[[60, 20, 200, 300]]) as people:
    print(people.estimate(vitruvian.read_image({str(astronaut)!r})).xy.shape)
"""
    done = _without_internet("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(1, 308, 2)\n"


def test_the_library_and_every_public_name_ask_for_none(full_files):
    script = """
import atexit, vitruvian, numpy
for name in vitruvian.__all__:
    getattr(vitruvian, name)
with vitruvian.pose(offline=True) as body:
    body.estimate(numpy.zeros((64, 64, 3), numpy.uint8))
"""
    done = _without_internet("-c", script)
    assert done.returncode == 0, done.stderr


def test_the_door_asks_for_none(lite_bundle):
    script = f"""
import numpy, vitruvian.mediapipe as mp
vision = mp.tasks.vision
base = mp.tasks.BaseOptions(model_asset_path={str(lite_bundle)!r})
options = vision.PoseLandmarkerOptions(base_options=base)
with vision.PoseLandmarker.create_from_options(options) as landmarker:
    landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=numpy.zeros((64, 64, 3), numpy.uint8)))
"""
    done = _without_internet("-c", script)
    assert done.returncode == 0, done.stderr


def test_a_video_asks_for_none(lite_bundle, astronaut, tmp_path):
    script = f"""
import pathlib, numpy, vitruvian
picture = vitruvian.read_image({str(astronaut)!r}).pixels
def frames():
    for i in range(4):
        yield vitruvian.Frame(picture, vitruvian.Stamp("film", 512, 512, i, i / 30))
folder = pathlib.Path({str(tmp_path)!r})
with vitruvian.pose({str(lite_bundle)!r}) as body:
    with vitruvian.OverlayVideoSink(folder / "film.mp4") as film:
        for frame, people in body.stream(frames()):
            film.write(frame, people)
    with vitruvian.open_source(folder / "film.mp4") as source:
        vitruvian.smooth_offline(vitruvian.Recording.of(body.stream(source, smoothing="off")))
"""
    done = _without_internet("-c", script)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "film.mp4").stat().st_size


@pytest.mark.parametrize("command", [["doctor"], ["models", "list"], ["models", "verify"], ["--help"]])
def test_looking_around_asks_for_none(command):
    done = _without_internet("-m", "vitruvian", *command)
    assert done.returncode == 0, done.stderr


def test_offline_says_what_is_missing_and_asks_for_none(astronaut, tmp_path):
    done = _without_internet(
        "-m",
        "vitruvian",
        "pose",
        str(astronaut),
        "--offline",
        "--cache",
        str(tmp_path),
        "-o",
        str(tmp_path / "out"),
    )
    assert done.returncode == 1
    assert "pose_detection.tflite" in done.stderr
    assert "vitruvian models pull pose-full" in done.stderr


def test_a_missing_model_is_the_one_thing_that_asks(tmp_path):
    done = _without_internet("-m", "vitruvian", "models", "pull", "lite", "--cache", str(tmp_path))
    assert done.returncode == -signal.SIGSYS
