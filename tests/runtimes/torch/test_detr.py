from __future__ import annotations

import json

import numpy as np
import pytest

from vitruvian.errors import ArrayError, OptionError, SessionError
from vitruvian.weights.sapiens import find_detector

torch = pytest.importorskip("torch", reason="needs the extra sapiens")
pytest.importorskip("transformers", reason="needs the extra sapiens")

import detr_reference as reference  # noqa: E402 - only where there is torch
from safetensors.torch import load_file, save_file  # noqa: E402

from vitruvian.runtimes.torch.detr import TorchDetr, resized  # noqa: E402
from vitruvian.runtimes.torch.detr_network import detr_network  # noqa: E402


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detectors") / "tiny"
    return folder, reference.write_folder(folder, reference.TINY)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def normalised(pixels):
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (((torch.from_numpy(pixels).float() - 255 * mean) / (255 * std)).permute(2, 0, 1))[None]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 640), (800, 1066)),  # the sizes whose cost the specification counts
        ((1080, 1920), (750, 1333)),
        ((640, 480), (1066, 800)),
        ((1920, 1080), (1333, 750)),
        ((800, 1000), (800, 1000)),  # as it is
        ((1000, 800), (1000, 800)),
        ((500, 500), (800, 800)),
        ((100, 1000), (133, 1333)),
        ((1, 4000), (1, 4000)),  # never nothing
    ],
)
def test_the_shorter_side_is_800_and_the_longer_at_most_1333(size, expected):
    assert resized(*size) == expected


def test_the_answers_are_those_of_a_plain_reference(detector):
    folder, tensors = detector
    pixels = picture(800, 864)
    ((logits, boxes),) = TorchDetr(folder, device="cpu").run([pixels])
    with torch.inference_mode():
        expected = reference.Reference(tensors, reference.TINY).answer(normalised(pixels))
    assert (logits.shape, boxes.shape) == ((100, 92), (100, 4))
    assert logits.dtype == boxes.dtype == np.float32
    assert logits.std() > 0.3
    assert np.abs(logits - expected[0][0].numpy()).max() < 1e-5
    assert np.abs(boxes - expected[1][0].numpy()).max() < 1e-6


@pytest.mark.parametrize("shape", [reference.TINY, reference.FULL], ids=["tiny", "full"])
def test_the_last_stage_is_dilated_and_not_strided(shape, tmp_path):
    tensors = reference.write_folder(tmp_path, shape, seed=5)
    network = detr_network(tmp_path, device=torch.device("cpu"))
    images = torch.randn(1, 3, 160, 192, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = network.model.backbone.model(images).feature_maps[-1]
        expected = reference.Reference(tensors, shape).features(images)
        answer = network(pixel_values=images)
        logits, boxes = reference.Reference(tensors, shape).answer(images)
    (tmp_path / "model.safetensors").unlink()  # 0.2 GB
    assert found.shape == (1, shape.hidden[-1], 10, 12)
    assert torch.equal(found, expected)
    assert (answer.logits - logits).abs().max() < 1e-5
    assert (answer.pred_boxes - boxes).abs().max() < 1e-5
    assert network.config._attn_implementation == "sdpa"


def test_without_dilation_the_configuration_is_obeyed(detector, tmp_path):
    _, tensors = detector
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "detr", "dilation": False}), encoding="utf-8"
    )
    network = detr_network(tmp_path, device=torch.device("cpu"))
    with torch.inference_mode():
        assert network.model.backbone.model(torch.zeros(1, 3, 160, 192)).feature_maps[-1].shape[2:] == (5, 6)


def test_pictures_of_many_sizes_are_answered_in_their_order(detector):
    folder, _ = detector
    session = TorchDetr(folder, device="cpu")
    frames = [picture(80, 100, 1), picture(100, 80, 2), picture(80, 100, 3), picture(90, 60, 4)]
    together = session.run(frames)
    for frame, (logits, boxes) in zip(frames, together, strict=True):
        ((alone, alone_boxes),) = session.run([frame])
        assert np.abs(logits - alone).max() < 1e-5
        assert np.abs(boxes - alone_boxes).max() < 1e-6
    assert session.run([]) == []


def test_a_resized_picture_is_of_whole_grey_levels(detector):
    folder, _ = detector
    session = TorchDetr(folder, device="cpu")
    image = session._resized(picture(60, 90), (800, 1200))
    std, mean = torch.tensor([0.229, 0.224, 0.225]), torch.tensor([0.485, 0.456, 0.406])
    levels = image * (255 * std)[:, None, None] + (255 * mean)[:, None, None]
    assert image.shape == (3, 800, 1200)
    assert (levels - levels.round()).abs().max() < 1e-3
    assert 0 <= levels.round().min() <= levels.round().max() <= 255


def test_names_of_transformers_itself_load_as_well(detector, tmp_path):
    folder, _ = detector
    network = detr_network(folder, device=torch.device("cpu"))
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    again = detr_network(tmp_path, device=torch.device("cpu")).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())


def test_counters_of_batches_are_ignored(detector, tmp_path):
    folder, tensors = detector
    counter = {"model.backbone.conv_encoder.model.bn1.num_batches_tracked": torch.tensor(7)}
    save_file({**tensors, **counter}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    assert find_detector(tmp_path) == tmp_path
    pixels = picture(80, 100)
    (expected,), (found,) = (
        TorchDetr(folder, device="cpu").run([pixels]),
        TorchDetr(tmp_path, device="cpu").run([pixels]),
    )
    assert np.array_equal(found[0], expected[0])


@pytest.mark.parametrize("heads", [None, [8], 0, 3, -1])
def test_heads_that_the_network_cannot_have(detector, tmp_path, heads):
    folder, tensors = detector
    save_file(tensors, tmp_path / "model.safetensors")
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**settings, "encoder_attention_heads": heads}))
    with pytest.raises(SessionError, match="holds no DETR"):
        TorchDetr(tmp_path, device="cpu")


def test_two_tensors_for_one_place_are_refused(detector, tmp_path):
    folder, tensors = detector
    twice = {"model.encoder.layers.0.mlp.fc1.weight": tensors["model.encoder.layers.0.fc1.weight"].clone()}
    save_file({**tensors, **twice}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(SessionError, match="two tensors for one"):
        TorchDetr(tmp_path, device="cpu")


def test_bf16_stays_near(detector):
    folder, _ = detector
    pixels = picture(80, 100)
    ((exact, boxes),) = TorchDetr(folder, device="cpu").run([pixels])
    ((rounded, near),) = TorchDetr(folder, device="cpu", dtype="bf16").run([pixels])
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.2
    assert np.abs(near - boxes).max() < 0.02


def test_files_that_are_no_detector_say_so(detector, tmp_path):
    folder, _ = detector
    tensors = load_file(folder / "model.safetensors")
    path, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    with pytest.raises(SessionError, match="cannot be read"):
        TorchDetr(tmp_path, device="cpu")
    config.write_text('{"model_type": "yolos"}', encoding="utf-8")
    with pytest.raises(SessionError, match="not the configuration of a DETR"):
        TorchDetr(tmp_path, device="cpu")
    config.write_bytes((folder / "config.json").read_bytes())
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(SessionError, match="holds no DETR"):
        TorchDetr(tmp_path, device="cpu")
    name = "model.decoder.layers.0.fc2.bias"
    save_file({each: tensor for each, tensor in tensors.items() if each != name}, path)
    with pytest.raises(
        SessionError, match=r"1 tensors missing \(model\.decoder\.layers\.0\.mlp\.fc2\.bias\)"
    ):
        TorchDetr(tmp_path, device="cpu")
    path.write_bytes(b"nothing")
    with pytest.raises(SessionError, match="cannot be read"):
        TorchDetr(tmp_path, device="cpu")


def test_wrong_input_and_closed_sessions_are_refused(detector):
    folder, _ = detector
    session = TorchDetr(folder, device="cpu")
    with pytest.raises(ArrayError, match="frame"):
        session.run([picture(80, 100)[..., 0]])
    session.close()
    session.close()
    with pytest.raises(SessionError, match="the session is closed"):
        session.run([picture(80, 100)])
    with pytest.raises(OptionError, match="expected one of: auto, bf16, fp32"):
        TorchDetr(folder, device="cpu", dtype="int8")
