"""The compiled kernels themselves: that they are there, and what they refuse."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from vitruvian import kernels
from vitruvian.kernels import described, native


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


@pytest.mark.parametrize(
    ("number", "other"),
    [
        (0, np.zeros((2, 4, 5), np.float32)),
        (1, np.zeros((2, 8, 8, 2), np.float32)),
        (2, np.zeros((2, 4, 3), np.float32)),
        (3, np.zeros((2, 10))),
        (4, tuple(np.zeros((2, number), np.float32) for number in (4, 2, 2, 2, 6, 2, 3))),
        (5, 3),
        (5, -2),
        (6, (5, 2, 2)),
        (6, (5, 5, 1)),
        (6, (5, 3, 0)),
        (6, (5, 0, 1)),
        (6, (5, 2, -1)),
        (7, (8, 8, 0)),
        (8, 0),
    ],
)
def test_answers_of_bodies_that_do_not_fit_are_refused(arguments, number, other):
    del arguments
    shapes = (5, 5), (8, 8, 3), (5, 3), (2 * 11,)
    numbers, heatmaps, world, crops = (np.zeros((2, *shape), np.float32) for shape in shapes)
    columns = tuple(np.empty((2, numbers), np.float32) for numbers in (4, 2, 2, 2, 6, 2, 4))
    given = [numbers, heatmaps, world, crops, columns, 2, (5, 2, 1), (8, 8, 3), 3, 0.5, 256.0]
    native.read_bodies(*given)
    given[number] = other
    with pytest.raises(ValueError, match="shapes"):
        native.read_bodies(*given)


@pytest.mark.parametrize(
    ("number", "other"), [(0, np.zeros(9)), (3, np.zeros(3)), (4, np.zeros(5)), (5, np.zeros(1))]
)
def test_squares_that_do_not_fit_are_refused(arguments, number, other):
    del arguments
    given = [np.zeros((2, 2, 2), np.float32), (8, 8), 1.25, *np.zeros((2, 2, 2), np.float32)]
    given.append(np.zeros(2, np.float32))
    native.surround(*given)
    given[number] = other.astype(np.float32)
    with pytest.raises(ValueError, match="shapes"):
        native.surround(*given)


@pytest.mark.parametrize("shapes", [((3, 2), (2, 2)), ((3,), (3,))])
def test_places_that_do_not_fit_are_refused(arguments, shapes):
    del arguments
    points, out = (np.zeros(shape, np.float32) for shape in shapes)
    with pytest.raises(ValueError, match="shapes"):
        native.place(points, (1, 0, 0, 0, 1, 0), out)


def test_a_map_that_does_not_fit_is_refused(arguments):
    del arguments
    with pytest.raises(ValueError, match="shape"):
        native.homography(5, 5, 9, 9, 0, 8, 8, np.eye(2))


def test_filters_of_other_sizes_are_refused(arguments):
    del arguments
    numbers, state = np.ones(4, np.float32), (np.ones(4), np.ones(4, np.float32), np.ones(3, np.float32))
    new = (np.ones(4), np.ones(4, np.float32), np.ones(4, np.float32))
    with pytest.raises(ValueError, match="shapes"):
        native.smooth(numbers, state, new, False, 1.0, 30.0, 1.0, 0.0, 0.5)  # noqa: FBT003


def test_a_copy_of_another_size_is_refused(arguments):
    del arguments
    with pytest.raises(ValueError, match="shapes"):
        native.copy(np.zeros(10, np.uint8), np.zeros(9, np.uint8), 2)


@pytest.mark.parametrize(("switch", "there"), [("0", False), ("1", True)])
def test_kernels_can_be_switched_off(arguments, switch, there):
    del arguments
    code = "from vitruvian import kernels; print(kernels.native is not None, kernels.described())"
    environment = os.environ | {"VITRUVIAN_KERNELS": switch}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
    assert done.stdout.decode().startswith(f"{there} {'compiled' if there else 'none'}")


def test_kernels_of_another_version_are_none(monkeypatch, arguments):
    del arguments
    assert kernels._found() is native
    monkeypatch.setattr(kernels, "_native", SimpleNamespace(INTERFACE=native.INTERFACE + 1))
    assert kernels._found() is None
    monkeypatch.setattr(kernels, "_native", SimpleNamespace())
    assert kernels._found() is None


@pytest.mark.parametrize(
    ("number", "other"), [(0, np.zeros((3, 5))), (2, 3), (4, np.zeros(1)), (5, np.zeros(3)), (6, np.zeros(1))]
)
def test_detections_that_do_not_fit_are_refused(arguments, number, other):
    del arguments
    boxes, scores = np.tile(np.array([0, 0, 1, 1, 5], np.float32), (2, 1)), np.ones(2, np.float32)
    given = [boxes, scores, 5, 0.5, np.zeros(2, np.int32), boxes.copy(), scores.copy()]
    assert native.merge(*given) == 1
    given[number] = other.astype(np.float32) if isinstance(other, np.ndarray) else other
    with pytest.raises(ValueError, match="shapes"):
        native.merge(*given)


def test_what_this_processor_cannot_do_is_said(monkeypatch, arguments):
    del arguments
    monkeypatch.setattr(native, "VECTORS_SUPPORTED", 0)
    assert described() == "compiled; not for this processor: networks (AVX-512)"
    monkeypatch.setattr("vitruvian.kernels.native", None)
    assert described().startswith("none: ")


FORKED = """
import os, sys, warnings
import numpy as np
from vitruvian import kernels
from vitruvian.kernels import described, native
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
