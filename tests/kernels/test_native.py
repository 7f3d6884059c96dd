"""The compiled kernels themselves: that they are there, and what they refuse."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from vitruvian.kernels import native


def test_where_there_is_a_compiler_there_are_kernels():
    if shutil.which("cc") is None or sys.platform == "win32":
        pytest.skip("no C compiler")
    assert native is not None


@pytest.fixture
def arguments():
    if native is None or not native.WARP_SUPPORTED:
        pytest.skip("no kernels")
    pixels, out = np.zeros((40, 30, 3), np.uint8), np.ones((8, 8, 3), np.uint8)
    return [pixels, np.eye(3), out, 30, 8, True, (0, 40, 0, 90), 2]


def test_a_crop_of_black_is_black(arguments):
    native.warp(*arguments)
    assert not arguments[2].any()


@pytest.mark.parametrize(
    ("number", "other"),
    [
        (0, np.zeros((0, 30, 3), np.uint8)),
        (1, np.eye(2)),
        (3, 0),
        (3, -30),
        (4, 0),
        (4, 5000),
        (6, (0, 41, 0, 90)),
        (6, (0, 40, 0, 91)),
        (6, (-1, 40, 0, 90)),
        (6, (0, 40, -3, 90)),
    ],
)
def test_shapes_that_would_reach_beyond_the_arrays_are_refused(arguments, number, other):
    arguments[number] = other
    with pytest.raises(ValueError, match="shapes"):
        native.warp(*arguments)
    assert arguments[2].all()


def test_arrays_with_gaps_and_arrays_that_are_read_only_are_refused(arguments):
    with pytest.raises(ValueError, match="contiguous"):
        native.warp(arguments[0][:, ::2], *arguments[1:])
    arguments[2].flags.writeable = False
    with pytest.raises(TypeError, match="read-write"):
        native.warp(*arguments)


FORKED = """
import os, sys, warnings
import numpy as np
from vitruvian.kernels import native
warnings.simplefilter("ignore", DeprecationWarning)
pixels = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
def cut():
    out = np.empty((256, 256, 3), np.uint8)
    native.warp(pixels, np.eye(3), out, 500, 256, True, (0, 500, 0, 1500), 4)
    return out
assert (cut() == pixels[:256, :256]).all()
if (child := os.fork()) == 0:
    os._exit(0 if all((cut() == pixels[:256, :256]).all() for _ in range(50)) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_threads_of_its_own(arguments):
    """Those of its parent do not follow; to wait for them would be to wait for ever."""
    if sys.platform == "win32":
        pytest.skip("no fork")
    done = subprocess.run([sys.executable, "-c", FORKED], check=False, timeout=60, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
