"""``vitruvian sapiens`` as a person uses it: real processes, small random networks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import vitruvian
from vitruvian import read_csv, read_json, read_jsonl, read_npz, read_parquet
from vitruvian.cli import app
from vitruvian.cli.journal import JOURNAL
from vitruvian.weights.sapiens_layout import SapiensLayout

torch = pytest.importorskip("torch", reason="needs the extra: pip install 'vitruvian[sapiens]'")
import detr_reference  # noqa: E402  # only where there is torch
import sapiens_reference  # noqa: E402

BOX = [60, 20, 200, 300]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A network of 308 points that is sure of most of them."""
    from safetensors.torch import save_file  # noqa: PLC0415  # comes with the extra

    path = tmp_path_factory.mktemp("pose") / "small.safetensors"
    layout = SapiensLayout(32, 2, (2, 2), (16, 12), (12, 12, 8))
    tensors = sapiens_reference.random_tensors(layout)
    # A weak answer above one half everywhere.
    tensors["decode_head.conv_pose.weight"] *= 0.1
    tensors["decode_head.conv_pose.bias"] = torch.full((308,), 0.5)
    save_file(tensors, path)
    return path


@pytest.fixture
def photo(astronaut, tmp_path) -> Path:
    place = tmp_path / "photo.png"
    with Image.open(astronaut) as image:
        image.convert("RGB").resize((260, 320)).save(place)
    return place


@pytest.fixture
def boxes(tmp_path) -> Path:
    place = tmp_path / "boxes.json"
    names = {"photo.png": [BOX], "empty.png": [], "hand_open_palm.mp4": [BOX], "two.png": [BOX, [*BOX, 0.5]]}
    place.write_text(json.dumps(names))
    return place


@pytest.fixture
def invoke(checkpoint):
    def call(*arguments: object):
        fast = ["--size", str(checkpoint), "--device", "cpu"]
        return CliRunner().invoke(app, ["sapiens", *map(str, arguments), *fast])

    return call


def _listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {JOURNAL}


def _drawn(overlay: Path, photo: Path) -> int:
    with Image.open(overlay) as after, Image.open(photo) as before:
        return int((np.abs(np.asarray(after).astype(int) - np.asarray(before)).max(axis=2) > 60).sum())


def test_a_photo_leaves_an_overlay_and_a_json(checkpoint, photo, boxes, tmp_path):
    arguments = [photo, "-o", tmp_path / "out", "--size", checkpoint, "--device", "cpu", "--boxes", boxes]
    command = [sys.executable, "-m", "vitruvian", "sapiens", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert b": 1 person found -> " in done.stdout
    assert b"1 of 1 pictures done, 1 person found; " in done.stdout
    assert _listing(tmp_path / "out") == {"photo.jpg", "photo.json"}
    data = json.loads((tmp_path / "out" / "photo.json").read_text())
    assert data["skeleton"] == "sapiens308"
    assert data["model"]["name"] == "sapiens2-custom"
    (one,) = data["instances"]
    assert one["bbox"] == BOX
    assert np.shape(one["keypoints"]) == (308, 2)
    assert _drawn(tmp_path / "out" / "photo.jpg", photo) > 200


@pytest.mark.parametrize("flip", [True, False])
def test_what_is_written_is_what_the_library_finds(invoke, checkpoint, photo, boxes, tmp_path, flip):
    result = invoke(photo, "-o", tmp_path, "--boxes", boxes, "--flip-test" if flip else "--no-flip-test")
    assert result.exit_code == 0, result.output
    with vitruvian.sapiens(checkpoint, device="cpu", boxes=[BOX], flip=flip) as pipeline:
        expected = pipeline.estimate(vitruvian.read_image(photo))
    back = read_json(tmp_path / "photo.json")
    for column in ("xy", "box", "score"):
        np.testing.assert_allclose(getattr(back, column), getattr(expected, column), atol=1e-3)


def test_points_and_limbs_are_as_large_as_asked(invoke, photo, boxes, tmp_path):
    invoke(photo, "-o", tmp_path / "first", "--boxes", boxes, "--no-flip-test")
    scores = sorted(read_json(tmp_path / "first" / "photo.json").score[0].clip(0, 1).tolist())
    drawn = {}
    for name, flags in {
        "small": ["--radius", 1, "--line-thickness", 1],
        "points": ["--radius", 8, "--line-thickness", 1],
        "limbs": ["--radius", 1, "--line-thickness", 8],
        "fewer": ["--radius", 1, "--line-thickness", 1, "--kpt-thres", scores[100]],
    }.items():
        result = invoke(photo, "-o", tmp_path / name, "--boxes", boxes, "--no-flip-test", *flags)
        assert result.exit_code == 0, result.output
        drawn[name] = _drawn(tmp_path / name / "photo.jpg", photo)
    assert 0 < drawn["fewer"] < drawn["small"] < min(drawn["points"], drawn["limbs"])


def test_the_detector_is_looked_for_where_the_original_has_it(invoke, photo, tmp_path, monkeypatch):
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    result = invoke(photo, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert str(tmp_path / "root" / "detector" / "detr-resnet-101-dc5") in str(result.exception)
    detr_reference.write_folder(tmp_path / "root" / "detector" / "detr-resnet-101-dc5", detr_reference.TINY)
    result = invoke(photo, "-o", tmp_path / "out", "--whole-image", "--num-poses", 1, "--no-flip-test")
    assert result.exit_code == 0, result.output
    assert "1 person found" in result.output


def test_a_missing_checkpoint_names_every_place(photo, tmp_path, monkeypatch):
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", str(tmp_path / "root"))
    result = CliRunner().invoke(app, ["sapiens", str(photo), "-o", str(tmp_path / "out"), "--size", "1b"])
    assert result.exit_code == 1
    assert str(tmp_path / "root" / "pose" / "sapiens2_1b_pose.safetensors") in str(result.exception)


def test_a_device_that_is_not_there(checkpoint, photo, boxes, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    arguments = [photo, "-o", tmp_path / "out", "--size", checkpoint, "--device", "cuda:0", "--boxes", boxes]
    result = CliRunner().invoke(app, ["sapiens", *map(str, arguments)])
    assert result.exit_code == 1
    assert "cpu" in str(result.exception)


def test_another_runtime_and_precision(invoke, photo, boxes, tmp_path):
    common = [photo, "--boxes", boxes, "--no-flip-test"]
    assert invoke(*common, "-o", tmp_path / "torch").exit_code == 0
    expected = read_json(tmp_path / "torch" / "photo.json")
    faster = [*common, "-o", tmp_path / "faster", "--runtime", "openvino"]
    refused = invoke(*faster)
    assert refused.exit_code == 1
    assert "parity" in str(refused.exception)
    result = invoke(*faster, "--no-parity", "--dtype", "fp32")
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "faster" / "photo.json").read_text())
    assert data["model"]["runtime"].startswith("openvino")
    # Rotations are rounded otherwise.
    assert np.abs(read_json(tmp_path / "faster" / "photo.json").score - expected.score).max() < 0.01


def test_boxes_say_who_is_there_and_a_picture_without_them_fails_alone(invoke, photo, boxes, tmp_path):
    for name in ("empty.png", "two.png", "unknown.png"):
        photo.with_name(name).write_bytes(photo.read_bytes())
    pictures = [photo.with_name(name) for name in ("photo.png", "empty.png", "two.png", "unknown.png")]
    result = invoke(*pictures, "-o", tmp_path / "out", "--boxes", boxes, "--json-summary", "--no-flip-test")
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    assert (summary["done"], summary["people"]) == (3, 3)
    (failed,) = summary["failed"]
    assert failed["path"].endswith("unknown.png")
    assert "there are none for" in failed["error"]
    assert read_json(tmp_path / "out" / "two.json").box_score.tolist() == [1, 0.5]
    assert len(read_json(tmp_path / "out" / "empty.json")) == 0


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"photo.png": [1, 2, 3, 4]}', '{"photo.png": [[1, 2, 3]]}', '{"a": [["x", 0, 1, 1]]}'],
)
def test_a_file_that_holds_no_boxes(invoke, photo, tmp_path, content):
    place = tmp_path / "boxes.json"
    place.write_text(content)
    result = invoke(photo, "-o", tmp_path / "out", "--boxes", place)
    assert result.exit_code == 1
    assert str(result.exception).startswith(f"--boxes: {place}")
    assert not (tmp_path / "out").exists()


def test_boxes_and_the_whole_image_contradict_each_other(invoke, photo, boxes, tmp_path):
    result = invoke(photo, "-o", tmp_path / "out", "--boxes", boxes, "--whole-image")
    assert result.exit_code == 1
    assert "leave out detector and whole_image" in str(result.exception)


@pytest.mark.parametrize("format_", ["trc", "c3d"])
def test_formats_of_points_in_metres_are_refused_at_once(invoke, hand_clip, boxes, tmp_path, format_):
    result = invoke(hand_clip, "-o", tmp_path / "out", "--boxes", boxes, "--format", format_)
    assert result.exit_code == 2
    assert f"{format_} want points in metres" in " ".join(result.stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_a_video_in_every_format(invoke, hand_clip, boxes, tmp_path):
    formats = ["--format", "jsonl,csv,parquet,npz,coco"]
    result = invoke(
        hand_clip, "-o", tmp_path / "out", "--boxes", boxes, "--end", 0.2, "--no-flip-test", *formats
    )
    assert result.exit_code == 0, result.output
    out, stem = tmp_path / "out", "hand_open_palm"
    endings = ("mp4", "jsonl", "csv", "parquet", "npz", "coco.json")
    assert _listing(out) == {f"{stem}.{ending}" for ending in endings}
    expected = read_jsonl(out / f"{stem}.jsonl").landmarks
    assert expected.skeleton.name == "sapiens308"
    assert set(expected.track_id.tolist()) == {0}
    for read, ending in ((read_csv, "csv"), (read_parquet, "parquet"), (read_npz, "npz")):
        back = read(out / f"{stem}.{ending}").landmarks
        for column in ("xy", "score", "track_id"):
            np.testing.assert_allclose(getattr(back, column), getattr(expected, column), atol=1e-3)
    coco = json.loads((out / f"{stem}.coco.json").read_text())
    assert {len(one["keypoints"]) for one in coco} == {3 * 308}


def test_resume_knows_boxes_and_looks(invoke, photo, boxes, tmp_path):
    common = [photo, "-o", tmp_path / "out", "--boxes", boxes, "--no-flip-test", "--resume"]
    assert "1 of 1 pictures done" in invoke(*common).output
    assert "1 done before" in invoke(*common).output
    assert "1 of 1 pictures done" in invoke(*common, "--radius", 5).output
    boxes.write_text(json.dumps({"photo.png": [[0, 0, 200, 300]]}))
    assert "1 of 1 pictures done" in invoke(*common, "--radius", 5).output
    assert "1 done before" in invoke(*common, "--radius", 5).output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--radius", "0"], "--radius"),
        (["--line-thickness", "0.5"], "--line-thickness"),
        (["--kpt-thres", "2"], "--kpt-thres"),
        (["--batch", "0"], "--batch"),
        (["--start", "3", "--end", "2"], "the end must come after the start"),
    ],
)
def test_options_outside_their_range_are_usage_errors(invoke, tmp_path, arguments, complaint):
    result = invoke(tmp_path / "photo.jpg", *arguments)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.replace("│", " ").split())


def test_help_teaches_without_opening_a_foreign_world():
    result = CliRunner().invoke(app, ["sapiens", "--help"], env={"COLUMNS": "80"})
    text = " ".join(result.output.split())
    for words in (
        "vitruvian sapiens photo.jpg",
        "--flip-test",
        "--boxes",
        "--kpt-thres",
        "--runtime",
        "--no-parity",
        "licence of its own",
    ):
        assert words in text
    assert "sapiens" in CliRunner().invoke(app, ["--help"]).output
    script = """
import sys, vitruvian.cli
from typer.testing import CliRunner
assert CliRunner().invoke(vitruvian.cli.app, ["sapiens", "--help"]).exit_code == 0
print([name for name in ("torch", "openvino", "cv2", "numpy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
