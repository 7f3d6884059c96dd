"""Sapiens2 on OpenVINO gives what PyTorch gives; small random networks in the original's layout."""

import numpy as np
import pytest

from vitruvian import ArrayError, OptionError, SessionError
from vitruvian.weights.sapiens import find_pose
from vitruvian.weights.sapiens_layout import SapiensLayout

pytest.importorskip("torch", reason="needs the extra: pip install 'vitruvian[sapiens]'")

import sapiens_reference  # only where there is torch

from vitruvian.runtimes.openvino.sapiens import OpenVINOSapiens
from vitruvian.runtimes.torch.sapiens import TorchSapiens

SMALL = SapiensLayout(64, 4, (4, 2, 4), (32, 24), (16, 16, 8), image=(64, 48))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    file = tmp_path_factory.mktemp("pose") / "small.safetensors"
    tensors = sapiens_reference.write_checkpoint(file, SMALL)
    assert tensors
    found = find_pose(file)
    # The image is no part of the file: a released network sees 1024 x 768.
    return type(found)(found.size, found.path, SMALL)


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(5).integers(0, 256, (3, 64, 48, 3), np.uint8)


@pytest.mark.parametrize("flip", [False, True])
def test_the_heat_maps_are_those_of_pytorch(checkpoint, crops, flip):
    import torch  # noqa: PLC0415  # a foreign world

    theirs = TorchSapiens(checkpoint, device="cpu", parity=False, flip=flip)
    mine = OpenVINOSapiens(checkpoint, flip=flip)
    expected = theirs.heatmaps(torch.tensor(crops)).numpy()
    maps = np.stack([mine.heatmaps(crop) for crop in crops])
    assert maps == pytest.approx(expected, abs=2e-4 * float(expected.std()))
    points, scores = mine.run(crops)
    assert scores == pytest.approx(theirs.run(crops)[1], abs=2e-4 * float(expected.std()))
    assert points.shape == (3, 308, 2)


def test_bf16_is_asked_for_and_near(checkpoint, crops):
    exact, fast = OpenVINOSapiens(checkpoint), OpenVINOSapiens(checkpoint, dtype="bf16")
    assert exact.name.endswith("fp32")
    assert fast.name.endswith("bf16")
    assert str(exact._compiled.get_property("INFERENCE_PRECISION_HINT")) == "<Type: 'float32'>"
    one, other = exact.heatmaps(crops[0]), fast.heatmaps(crops[0])
    assert abs(one - other).mean() < 0.05 * one.std()


def test_what_is_wrong_is_said(checkpoint, crops):
    with pytest.raises(OptionError, match="dtype is 'int8'"):
        OpenVINOSapiens(checkpoint, dtype="int8")
    session = OpenVINOSapiens(checkpoint, flip=False)
    assert session.run(crops[:0])[0].shape == (0, 308, 2)
    with pytest.raises(ArrayError, match="crops"):
        session.run(crops[:, :32])
    session.close()
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.run(crops)
