from __future__ import annotations

import dataclasses
import json
import os
import struct
from dataclasses import replace

import pytest

from vitruvian.errors import OptionError, WeightsError, WeightsMissingError
from vitruvian.weights.safetensors_header import read_header
from vitruvian.weights.sapiens import find_detector, find_pose, pose_path, pose_size, sapiens_root
from vitruvian.weights.sapiens_layout import PERIODS, SIZES, SapiensLayout, check_kind

SMALL = SapiensLayout(32, 2, (2, 1, 2), (8, 6), (5, 4, 3))


def write_sparse(path, shapes, dtypes=None):
    """Write a file with the right header and length that takes next to no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        dtype = (dtypes or {}).get(name, "BF16" if name == PERIODS else "F32")
        size = {"F32": 4, "BF16": 2, "I64": 8}[dtype]
        for axis in shape:
            size *= axis
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end)
    return path


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path / "root"


def test_the_root_is_the_environments_or_the_originals(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", "~/elsewhere")
    assert sapiens_root() == tmp_path / "elsewhere"
    monkeypatch.delenv("SAPIENS_CHECKPOINT_ROOT")
    assert sapiens_root() == tmp_path / "sapiens2_host"
    assert pose_path("1b") == tmp_path / "sapiens2_host" / "pose" / "sapiens2_1b_pose.safetensors"


@pytest.mark.parametrize(
    ("size", "tensors", "gigabytes", "grouped"),
    [("0.4b", 424, 1.70, 8), ("0.8b", 560, 3.39, 16), ("1b", 696, 6.08, 24), ("5b", 968, 20.48, 40)],
)
def test_sizes_are_those_that_were_released(root, size, tensors, gigabytes, grouped):
    layout = SIZES[size]
    assert len(layout.tensors()) == tensors
    assert sum(heads < layout.heads for heads in layout.kv_heads) == grouped
    path = write_sparse(pose_path(size), layout.tensors())
    found = find_pose(size.upper())
    assert (found.size, found.path, found.layout, found.origin) == (size, path, layout, "original")
    assert path.stat().st_size / 1e9 == pytest.approx(gigabytes, abs=0.005)


def test_the_largest_file_has_the_length_that_is_known_of_it(root):
    # The file of the 5b network has 20,480,899,148 bytes; headers differ by their spaces and metadata.
    path = write_sparse(pose_path("5b"), SIZES["5b"].tensors())
    assert abs(path.stat().st_size - 20_480_899_148) < 20_000


def test_a_file_by_its_path_may_have_any_shape(root, tmp_path):
    path = write_sparse(tmp_path / "mine.safetensors", SMALL.tensors())
    found = find_pose(path)
    assert (found.size, found.layout, found.origin) == ("custom", SMALL, "original")
    assert find_pose(str(path)) == found


def test_the_periods_may_be_absent(root, tmp_path):
    shapes = SMALL.tensors()
    del shapes[PERIODS]
    assert find_pose(write_sparse(tmp_path / "mine.safetensors", shapes)).layout == SMALL


def test_a_missing_checkpoint_names_every_place_and_the_command(root, tmp_path):
    with pytest.raises(WeightsMissingError) as caught:
        find_pose("0.4b")
    text = str(caught.value)
    assert str(root / "pose" / "sapiens2_0.4b_pose.safetensors") in text
    assert str(root / "pose" / "sapiens2-pose-0.4b" / "model.safetensors") in text
    assert str(tmp_path / "hf" / "hub" / "models--facebook--sapiens2-pose-0.4b" / "snapshots") in text
    assert "vitruvian models pull sapiens-0.4b" in text
    with pytest.raises(WeightsMissingError, match=r"give one, or a size: 0\.4b, 0\.8b, 1b, 5b"):
        find_pose("2b")
    with pytest.raises(OptionError, match="size is '2b'"):
        pose_size("2b")


@pytest.mark.parametrize("place", ["pose/sapiens2-pose-0.4b", "sapiens2-pose-0.4b"])
def test_a_folder_as_the_hub_has_it_is_found(root, place):
    path = write_sparse(root / place / "model.safetensors", SIZES["0.4b"].tensors())
    (path.parent / "config.json").write_text('{"model_type": "sapiens2"}', encoding="utf-8")
    for given in ("0.4b", path.parent):
        found = find_pose(given)
        assert (found.size, found.path, found.origin) == ("0.4b", path, "folder")


def test_a_folder_of_another_model_is_refused(root, tmp_path):
    path = write_sparse(tmp_path / "model.safetensors", SMALL.tensors())
    with pytest.raises(WeightsMissingError, match=r"config\.json: there is no such file"):
        find_pose(path.parent)
    (tmp_path / "config.json").write_text('{"model_type": "detr"}', encoding="utf-8")
    with pytest.raises(WeightsError, match="expected a model of type sapiens2, got 'detr'"):
        find_pose(path.parent)


def test_a_folder_without_the_file_says_what_is_there_instead(root, tmp_path):
    with pytest.raises(WeightsMissingError, match=r"the folder has no model\.safetensors$"):
        find_pose(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    with pytest.raises(WeightsMissingError, match=r"only pytorch_model\.bin, which is not read"):
        find_pose(tmp_path)


def test_the_cache_of_the_hub_is_looked_at_in_its_newest_version(root, tmp_path):
    folder = tmp_path / "hf" / "hub" / "models--facebook--sapiens2-pose-0.4b"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc123", encoding="utf-8")
    path = write_sparse(folder / "snapshots" / "abc123" / "model.safetensors", SIZES["0.4b"].tensors())
    (path.parent / "config.json").write_text('{"model_type": "sapiens2"}', encoding="utf-8")
    found = find_pose("0.4b")
    assert (found.path, found.origin) == (path, "hub-cache")


def test_a_network_of_another_size_is_refused(root):
    write_sparse(pose_path("0.4b"), SIZES["0.8b"].tensors())
    with pytest.raises(WeightsError, match=r"this is the network of size 0\.8b, not 0\.4b"):
        find_pose("0.4b")
    write_sparse(pose_path("0.4b"), SMALL.tensors())
    with pytest.raises(WeightsError, match=r"missing .* of other shapes"):
        find_pose("0.4b")


def test_missing_unexpected_and_misshapen_tensors_are_listed(root, tmp_path):
    shapes = SMALL.tensors()
    del shapes["backbone.blocks.1.ffn.w3.bias"]
    shapes["backbone.blocks.0.extra.weight"] = (3,)
    shapes["decode_head.conv_pose.bias"] = (7,)
    path = write_sparse(tmp_path / "odd.safetensors", shapes, {"backbone.ln1.weight": "I64"})
    with pytest.raises(WeightsError) as caught:
        find_pose(path)
    text = str(caught.value)
    assert "1 missing (backbone.blocks.1.ffn.w3.bias)" in text
    assert "1 unexpected (backbone.blocks.0.extra.weight)" in text
    assert "1 of other shapes (decode_head.conv_pose.bias is [7] instead of [308])" in text
    assert "1 of kinds that are not read (backbone.ln1.weight is I64)" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda names: {name: s for name, s in names.items() if "decode_head" not in name},
            "without the head",
        ),
        (
            lambda names: {name.replace("conv_pose", "conv_seg"): s for name, s in names.items()},
            "another Sapiens2 task",
        ),
        (lambda _: {"model.embeddings.cls_token": (1, 1, 4)}, "inside transformers"),
        (lambda _: {"encoder.weight": (2, 2)}, "its first tensors: encoder.weight"),
        (lambda _: {}, "its first tensors: none"),
    ],
)
def test_other_networks_are_told_apart(root, tmp_path, change, said):
    path = write_sparse(tmp_path / "other.safetensors", change(SMALL.tensors()))
    with pytest.raises(WeightsError, match=said):
        find_pose(path)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"points": 133}, "133 points, and Sapiens2 has 308"),
        ({"patch": 7}, "patches of 7 pixels"),
        ({"deconv": (16,)}, "1 layers that enlarge heat maps"),
        ({"deconv": ()}, "0 layers that enlarge heat maps"),
    ],
)
def test_another_kind_of_pose_network_is_told_before_it_is_loaded(root, tmp_path, other, said):
    layout = replace(SMALL, **other)
    found = find_pose(write_sparse(tmp_path / "other.safetensors", layout.tensors()))
    with pytest.raises(WeightsError, match=said):
        check_kind(found.layout, found.path)


def test_names_that_steer_a_terminal_do_not(root, tmp_path):
    shapes = {**SMALL.tensors(), "\x1b[31mred\x07": (1,)}
    with pytest.raises(WeightsError) as caught:
        find_pose(write_sparse(tmp_path / "odd.safetensors", shapes))
    assert r"\x1b[31mred\x07" in str(caught.value)
    assert str(caught.value).isprintable()


def test_heads_that_nothing_can_be_shared_out_to(root, tmp_path):
    for other in ({"kv_heads": (2, 3), "heads": 4}, {"dim": 24, "heads": 4}):
        layout = replace(SMALL, **other)
        with pytest.raises(WeightsError, match="fit no Sapiens2"):
            find_pose(write_sparse(tmp_path / "odd.safetensors", layout.tensors()))


def test_another_root_is_looked_through_like_the_usual_one(root, tmp_path):
    place = tmp_path / "other" / "pose" / "sapiens2-pose-0.4b" / "model.safetensors"
    with pytest.raises(
        WeightsMissingError, match=r"Looked for:\n.*other/pose/sapiens2_0\.4b(.|\n)*models pull"
    ):
        find_pose("0.4b", tmp_path / "other")
    write_sparse(place, SIZES["0.4b"].tensors())
    (place.parent / "config.json").write_text('{"model_type": "sapiens2"}', encoding="utf-8")
    assert find_pose("0.4b", tmp_path / "other").path == place


def test_a_version_in_the_hubs_cache_that_is_nobodys_newest(root, tmp_path):
    folder = tmp_path / "hf" / "hub" / "models--facebook--sapiens2-pose-0.4b" / "snapshots"
    for name, age in (("abc", 2), ("def", 1), ("012", 3)):
        path = write_sparse(folder / name / "model.safetensors", SIZES["0.4b"].tensors())
        (path.parent / "config.json").write_text('{"model_type": "sapiens2"}', encoding="utf-8")
        os.utime(path.parent, (1e9 - age, 1e9 - age))
    assert find_pose("0.4b").path.parent.name == "def"


def test_absurd_shapes_are_no_crash(root, tmp_path):
    shapes = {**SMALL.tensors(), "backbone.blocks.0.attn.q_norm.weight": (0,)}
    with pytest.raises(WeightsError, match="fit no Sapiens2"):
        find_pose(write_sparse(tmp_path / "odd.safetensors", shapes))
    shapes = {**SMALL.tensors(), "backbone.cls_token": ()}
    with pytest.raises(WeightsError, match="fit no Sapiens2"):
        find_pose(write_sparse(tmp_path / "odd.safetensors", shapes))


def test_a_checkpoint_that_is_cut_short_is_an_error_before_anything_is_read(root):
    path = write_sparse(pose_path("5b"), SIZES["5b"].tensors())
    with path.open("ab") as stream:
        stream.truncate(path.stat().st_size - 1)
    with pytest.raises(WeightsError, match="cut short"):
        find_pose("5b")


DETR = {
    "class_labels_classifier.weight": (92, 4),
    "bbox_predictor.layers.0.weight": (4, 4),
    "model.query_position_embeddings.weight": (100, 4),
    "model.input_projection.weight": (4, 4, 1, 1),
}


def write_detector(folder):
    write_sparse(folder / "model.safetensors", DETR)
    (folder / "config.json").write_text('{"model_type": "detr"}', encoding="utf-8")
    return folder


def test_the_detector_is_found_where_the_original_has_it_or_where_it_is_said_to_be(root, tmp_path):
    with pytest.raises(WeightsMissingError) as caught:
        find_detector()
    assert str(root / "detector" / "detr-resnet-101-dc5") in str(caught.value)
    assert "vitruvian models pull sapiens-detector" in str(caught.value)
    elsewhere = write_detector(tmp_path / "elsewhere")
    assert find_detector(str(elsewhere)) == elsewhere
    folder = write_detector(root / "detector" / "detr-resnet-101-dc5")
    assert find_detector() == folder


def test_the_detector_as_a_pickle_is_refused(root):
    folder = root / "detector" / "detr-resnet-101-dc5"
    folder.mkdir(parents=True)
    (folder / "pytorch_model.bin").write_bytes(b"PK")
    with pytest.raises(WeightsError, match="pickle, which can run code"):
        find_detector()


def test_the_detector_of_earlier_versions_is_named(root):
    (root / "detector").mkdir(parents=True)
    (root / "detector" / "rtmdet_m.pth").write_bytes(b"PK")
    with pytest.raises(WeightsMissingError, match=r"rtmdet_m\.pth is the detector of an earlier version"):
        find_detector()


def test_a_folder_of_another_detector_is_refused(root, tmp_path):
    folder = write_detector(tmp_path / "odd")
    shapes = {name: shape for name, shape in DETR.items() if "bbox" not in name}
    write_sparse(folder / "model.safetensors", shapes)
    with pytest.raises(WeightsError, match=r"no DETR: it has no bbox_predictor\.layers\.0\.weight"):
        find_detector(folder)
    (folder / "config.json").write_text('{"model_type": "yolos"}', encoding="utf-8")
    with pytest.raises(WeightsError, match="expected a model of type detr"):
        find_detector(folder)


def test_a_layout_says_what_a_header_says(tmp_path):
    layout = dataclasses.replace(SMALL, points=17, registers=4)
    header = read_header(write_sparse(tmp_path / "any.safetensors", layout.tensors()))
    assert {name: tensor.shape for name, tensor in header.items()} == layout.tensors()
