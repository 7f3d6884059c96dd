from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from vitruvian.errors import ArrayError, OptionError, SessionError
from vitruvian.skeleton import Skeleton
from vitruvian.weights.sapiens import PoseCheckpoint, find_pose
from vitruvian.weights.sapiens_layout import PERIODS, SIZES

torch = pytest.importorskip("torch", reason="needs the extra sapiens")
pytest.importorskip("transformers", reason="needs the extra sapiens")

import sapiens_reference as reference  # noqa: E402 - only where there is torch
from safetensors.torch import load_file, save_file  # noqa: E402

from vitruvian.runtimes.torch import extra  # noqa: E402
from vitruvian.runtimes.torch.extra import choose_device, choose_dtype  # noqa: E402
from vitruvian.runtimes.torch.sapiens import TorchSapiens  # noqa: E402
from vitruvian.runtimes.torch.sapiens_network import original_names, parity_tables, pose_network  # noqa: E402

LAYOUTS = {"tiny": reference.TINY, "grouped": reference.GROUPED, "odd": reference.ODD}
SMALL = dataclasses.replace(reference.TINY, points=308)
CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=list(LAYOUTS))
def network(request, tmp_path_factory):
    """Return a checkpoint of a small network, and its tensors."""
    layout = LAYOUTS[request.param]
    path = tmp_path_factory.mktemp("networks") / f"{request.param}.safetensors"
    tensors = reference.write_checkpoint(path, layout)
    return dataclasses.replace(find_pose(path), layout=layout), tensors


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a checkpoint with all 308 points, for pictures of 64 x 48."""
    path = tmp_path_factory.mktemp("networks") / "small.safetensors"
    reference.write_checkpoint(path, SMALL, seed=3)
    return dataclasses.replace(find_pose(path), layout=SMALL)


def crops(count, layout=SMALL, seed=0):
    shape = (count, *layout.image, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def normalised(pixels):
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    return ((torch.from_numpy(pixels).float() - mean) / std).permute(0, 3, 1, 2).contiguous()


def maps(checkpoint, pixels, **options):
    session = TorchSapiens(checkpoint, device="cpu", **{"flip": False, **options})
    return session.heatmaps(torch.from_numpy(pixels)), session


def test_parity_is_the_original_to_the_bit(network):
    checkpoint, tensors = network
    pixels = crops(3, checkpoint.layout)
    found, session = maps(checkpoint, pixels)
    with torch.inference_mode():
        expected = reference.heatmaps(tensors, checkpoint.layout, normalised(pixels), rounded=True)
    assert session.tensors == len(tensors)
    assert found.std() > 0.3
    assert (found - expected).abs().max() == 0


def test_without_parity_rotation_is_exact(network):
    checkpoint, tensors = network
    pixels = crops(3, checkpoint.layout)
    found, _ = maps(checkpoint, pixels, parity=False)
    with torch.inference_mode():
        expected = reference.heatmaps(tensors, checkpoint.layout, normalised(pixels), rounded=False)
    assert (found - expected).abs().max() <= 1e-5
    with_parity, _ = maps(checkpoint, pixels)
    assert 1e-5 < (found - with_parity).abs().max() < 0.1


def test_parity_leaves_transformers_as_it_is(network, tmp_path):
    """Two networks in one process, one of them somebody else's: each keeps its own rotation."""
    from transformers import Sapiens2ForPoseEstimation  # noqa: PLC0415 - seconds

    checkpoint, tensors = network
    pixels = crops(2, checkpoint.layout)
    found, session = maps(checkpoint, pixels)
    session._network.config.save_pretrained(tmp_path)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    theirs = Sapiens2ForPoseEstimation.from_pretrained(tmp_path, attn_implementation="sdpa").eval()
    with torch.inference_mode():
        plain = theirs(pixel_values=normalised(pixels)).heatmaps
        expected = reference.heatmaps(tensors, checkpoint.layout, normalised(pixels), rounded=False)
    assert (plain - expected).abs().max() <= 1e-5
    assert torch.equal(session.heatmaps(torch.from_numpy(pixels)), found)


@pytest.mark.parametrize("size", list(SIZES))
def test_rotary_tables_are_rounded_after_every_operation(size):
    layout = SIZES[size]
    found = parity_tables(layout)
    for table, expected in zip(found, reference.rounded_tables(layout), strict=True):
        assert table.dtype == torch.bfloat16
        assert table.shape == (64 * 48, layout.head_dim)
        assert torch.equal(table.float(), expected)
    # The error that the original makes, as it was measured: cosines and sines are off by up to 0.032.
    off = max(
        (table.float() - exact).abs().max()
        for table, exact in zip(found, reference.exact_tables(layout), strict=True)
    )
    assert 0.02 < off < 0.04


@pytest.mark.parametrize("size", list(SIZES))
def test_the_released_sizes_have_a_network_of_the_same_tensors(size):
    """Names and shapes one by one, on no memory at all."""
    from vitruvian.runtimes.torch.sapiens_network import _empty  # noqa: PLC0415 - needs torch

    layout = SIZES[size]
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in _empty(layout).state_dict().items()}
    found = {}
    for key, shape in layout.tensors().items():
        names = original_names(key)
        for name in names:
            found[name] = (shape[0] // len(names), *shape[1:])
    assert found == wanted


def test_names_translate_both_ways(network, tmp_path):
    checkpoint, tensors = network
    built, _ = pose_network(checkpoint.path, checkpoint.layout, device=CPU, dtype=torch.float32, parity=True)
    built.save_pretrained(tmp_path)  # transformers writes the original's names
    again = load_file(tmp_path / "model.safetensors")
    assert again.keys() == tensors.keys() - {PERIODS}
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in again.items())
    assert find_pose(tmp_path).origin == "folder"


def test_periods_of_the_file_are_those_that_are_used(network, tmp_path):
    checkpoint, tensors = network
    pixels = crops(1, checkpoint.layout)
    found, _ = maps(checkpoint, pixels)
    without = {name: tensor for name, tensor in tensors.items() if name != PERIODS}
    other = {**without, PERIODS: tensors[PERIODS] * 2}
    for name, changed in (("without", without), ("other", other)):
        save_file(changed, tmp_path / f"{name}.safetensors")
        copy = dataclasses.replace(checkpoint, path=tmp_path / f"{name}.safetensors")
        assert torch.equal(maps(copy, pixels)[0], found) == (name == "without")


def test_a_batch_is_its_crops_one_by_one(small):
    pixels = crops(5)
    with_flip = TorchSapiens(small, device="cpu")
    points, scores = with_flip.run(pixels)
    assert points.shape == (5, 308, 2)
    assert scores.shape == (5, 308)
    assert points.dtype == scores.dtype == np.float32
    single = [with_flip.run(pixels[i : i + 1]) for i in range(5)]
    # The sums of a batch are split over cores differently: the last bits of the maps differ.
    assert np.allclose(np.concatenate([each[1] for each in single]), scores, atol=1e-5)
    found = with_flip.heatmaps(torch.from_numpy(pixels))
    alone = torch.cat([with_flip.heatmaps(torch.from_numpy(pixels[i : i + 1])) for i in range(5)])
    assert (found - alone).abs().max() < 1e-5


def test_no_crop_is_no_call(small):
    session = TorchSapiens(small, device="cpu", flip=False)
    session.close()
    points, scores = session.run(crops(0))
    assert points.shape == (0, 308, 2)
    assert scores.shape == (0, 308)


def test_the_flip_is_the_mean_of_both_views(small):
    pixels = crops(2)
    seen, _ = maps(small, pixels)
    mirrored, _ = maps(small, np.ascontiguousarray(pixels[:, :, ::-1]))
    mirror = torch.tensor(Skeleton.named("sapiens308").mirror)
    averaged, _ = maps(small, pixels, flip=True)
    assert (averaged - (seen + mirrored.flip(3)[:, mirror]) / 2).abs().max() < 1e-5


def test_with_the_flip_a_mirrored_picture_has_the_mirrored_answer(small):
    pixels = crops(2, seed=9)
    mirror = torch.tensor(Skeleton.named("sapiens308").mirror)
    found, session = maps(small, pixels, flip=True)
    other = session.heatmaps(torch.from_numpy(np.ascontiguousarray(pixels[:, :, ::-1])))
    assert (other.flip(3)[:, mirror] - found).abs().max() < 1e-5


def test_run_and_run_tensor_are_the_decoded_heat_maps(small):
    from vitruvian.runtimes.torch.heatmap import decode  # noqa: PLC0415 - needs torch

    pixels = crops(2)
    session = TorchSapiens(small, device="cpu")
    points, scores = session.run(pixels)
    expected = decode(session.heatmaps(torch.from_numpy(pixels)))
    on_device = session.run_tensor(torch.from_numpy(pixels))
    for found, tensor, wanted in zip((points, scores), on_device, expected, strict=True):
        assert torch.equal(tensor, wanted)
        assert np.array_equal(found, wanted.numpy())
    assert np.array_equal(scores, session.heatmaps(torch.from_numpy(pixels)).amax((2, 3)).numpy())


@pytest.mark.parametrize("parity", [True, False])
def test_bf16_stays_near(small, parity):
    pixels = crops(2)
    exact, _ = maps(small, pixels, parity=parity)
    rounded, session = maps(small, pixels, parity=parity, dtype="bf16")
    assert session.name.endswith("cpu bf16")
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().mean() < 0.02
    assert {value.dtype for value in session._network.state_dict().values()} == {torch.bfloat16}


def test_what_is_compiled_is_the_same_network(small, monkeypatch):
    """The graph that PyTorch traces, without the code generator, which needs a C++ compiler and its time.

    Generated code keeps in float32 what parity rounds, unless it is told to round as well: with that, maps
    differ by 2e-5 from those of the network as it is; without it by 1e-2, as if there were no parity.
    """
    traced, told = torch.compile, []

    def trace(network, *, dynamic, options):
        told.append(options)
        return traced(network, backend="eager", fullgraph=True, dynamic=dynamic)

    monkeypatch.setattr(torch, "compile", trace)
    pixels = crops(3)
    for parity in (True, False):
        expected, _ = maps(small, pixels, parity=parity)
        found, _ = maps(small, pixels, parity=parity, compile=True)
        assert found.shape == expected.shape
        assert (found - expected).abs().max() < 1e-5
    assert told == [{"emulate_precision_casts": True}, {"emulate_precision_casts": False}]


MOST_MEMORY = """
def most():
    # Not `ru_maxrss`: a process begins with that of the one that started it.
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_weights_stay_in_the_file_and_count_once(tmp_path):
    """In a process of its own: opening reads no more than it must, and running needs the weights once."""
    layout = dataclasses.replace(SMALL, dim=1024, heads=16, kv_heads=(16,) * 4)
    path = tmp_path / "wide.safetensors"
    reference.write_checkpoint(path, layout)
    script = f"""{MOST_MEMORY}
from pathlib import Path
import torch
from vitruvian.runtimes.torch.sapiens import TorchSapiens
from vitruvian.weights.sapiens import PoseCheckpoint
from vitruvian.weights.sapiens_layout import SapiensLayout
import vitruvian.runtimes.torch.sapiens_network
before = most()
layout = {layout!r}
session = TorchSapiens(PoseCheckpoint("custom", Path({str(path)!r}), layout), device="cpu", flip=False)
session.heatmaps(torch.zeros(1, 64, 48, 3, dtype=torch.uint8))
print((most() - before) / {path.stat().st_size})
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    path.unlink()  # 0.3 GB
    assert float(run.stdout) < 1.5


def test_a_file_that_changed_since_it_was_found_is_refused(small, tmp_path):
    tensors = reference.random_tensors(SMALL)
    path = tmp_path / "odd.safetensors"
    del tensors["backbone.ln1.weight"]
    tensors["backbone.ln3.weight"] = torch.zeros(4)
    save_file(tensors, path)
    copy = dataclasses.replace(small, path=path)
    with pytest.raises(SessionError) as caught:
        TorchSapiens(copy, device="cpu")
    assert "1 tensors missing (model.norm.weight), 1 unexpected (backbone.ln3.weight)" in str(caught.value)
    tensors["backbone.ln1.weight"] = torch.zeros(4)
    del tensors["backbone.ln3.weight"]
    save_file(tensors, path)
    with pytest.raises(SessionError, match=r"1 tensors of other shapes: model\.norm\.weight"):
        TorchSapiens(copy, device="cpu")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SessionError, match="cannot be read"):
        TorchSapiens(copy, device="cpu")


def test_a_closed_session_says_so(small):
    session = TorchSapiens(small, device="cpu", flip=False)
    session.close()
    session.close()
    with pytest.raises(SessionError, match="the session is closed"):
        session.run(crops(1))


@pytest.mark.parametrize("wrong", [crops(1)[0], crops(1)[:, :32], crops(1).astype(np.float32)])
def test_other_arrays_than_crops_are_refused(small, wrong):
    with pytest.raises(ArrayError, match="crops"):
        TorchSapiens(small, device="cpu", flip=False).run(wrong)


def test_the_flip_needs_the_skeletons_points(tmp_path):
    path = tmp_path / "few.safetensors"
    reference.write_checkpoint(path, reference.TINY)
    few = PoseCheckpoint("custom", path, reference.TINY)
    with pytest.raises(OptionError, match="12 points, and sapiens308 308"):
        TorchSapiens(few, device="cpu")


def test_devices_are_the_one_asked_for_or_an_error(monkeypatch):
    assert choose_device("cpu") == CPU
    with pytest.raises(OptionError, match='expected "auto", "cpu", "cuda" or "cuda:N"'):
        choose_device("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    for device in ("cuda", "cuda:0"):
        with pytest.raises(OptionError, match='pass device="cpu"'):
            choose_device(device)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == torch.device("cuda:0")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(OptionError, match=r'the last GPU is cuda:1; pass that, or device="cpu"'):
        choose_device("cuda:2")


def test_numbers_fit_the_device():
    assert choose_dtype("auto", CPU) == torch.float32
    assert choose_dtype("auto", torch.device("cuda:0")) == torch.bfloat16
    assert choose_dtype("bf16", CPU) == torch.bfloat16
    assert choose_dtype("fp32", torch.device("cuda:0")) == torch.float32
    with pytest.raises(OptionError, match="expected one of: auto, bf16, fp32"):
        choose_dtype("fp8", CPU)


def test_a_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(extra, "_NEEDED", ("a_module_that_nobody_has",))
    with pytest.raises(SessionError, match=r"pip install 'vitruvian\[sapiens\]'"):
        choose_device("cpu")


def test_too_little_memory_says_what_to_do():
    with pytest.raises(SessionError, match="pass smaller batches"), extra.enough_memory("any"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


def test_neither_torchvision_nor_timm_nor_pillow_is_needed(small):
    script = f"""
import sys
for name in ("torchvision", "timm", "PIL"):
    sys.modules[name] = None
from pathlib import Path
from vitruvian.runtimes.torch.sapiens import TorchSapiens
from vitruvian.weights.sapiens import PoseCheckpoint
from vitruvian.weights.sapiens_layout import SapiensLayout
TorchSapiens(PoseCheckpoint("custom", Path({str(small.path)!r}), {SMALL!r}), device="cpu")
import vitruvian.runtimes.torch.detr_network
"""
    subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_whole_0_4b_network_runs_on_a_cpu_and_fits(tmp_path):
    """A checkpoint of the released size with random weights, 1.7 GB, run once in a process of its own."""
    path = tmp_path / "pose" / "sapiens2_0.4b_pose.safetensors"
    reference.write_checkpoint(path, SIZES["0.4b"])
    script = f"""{MOST_MEMORY}
import json
import numpy as np
from vitruvian.runtimes.torch.sapiens import TorchSapiens
from vitruvian.weights.sapiens import find_pose
session = TorchSapiens(find_pose("0.4b"), device="auto", dtype="fp32", flip=False)
crops = np.random.default_rng(0).integers(0, 256, (1, 1024, 768, 3), dtype=np.uint8)
points, scores = session.run(crops)
finite = bool(np.isfinite(points).all() and np.isfinite(scores).all())
print(json.dumps([session.tensors, points.shape, scores.shape, finite, float(scores.std()), most()]))
"""
    environment = {**os.environ, "SAPIENS_CHECKPOINT_ROOT": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    path.unlink()  # 1.7 GB
    tensors, points, scores, finite, spread, most = json.loads(run.stdout)
    assert (tensors, points, scores) == (424, [1, 308, 2], [1, 308])
    assert finite
    assert spread > 0.01
    assert most < 6e9
