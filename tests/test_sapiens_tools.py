"""The tools as an agent calls them: real files, networks that are scripted."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vitruvian
from vitruvian import Landmarks, Regions, Skeleton, read_json, read_jsonl, sapiens_tools
from vitruvian.errors import OptionError, SessionError
from vitruvian.following import follow_boxes
from vitruvian.pipeline import Pipeline
from vitruvian.provenance import Provenance
from vitruvian.weights.sapiens_layout import SIZES

F32 = np.float32
MANY = Skeleton.named("sapiens308")


def _safetensors(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A file whose header is true and whose numbers take no room on disk: all zero, and never read here."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode("ascii")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """The folder of the checkpoints, empty; nothing else on this machine is looked at."""
    place = tmp_path / "root"
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", str(place))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return place


@pytest.fixture
def checkpoint(root) -> Path:
    place = root / "pose" / "sapiens2_0.4b_pose.safetensors"
    _safetensors(place, SIZES["0.4b"].tensors())
    return place


@pytest.fixture
def detector(root) -> Path:
    place = root / "detector" / "detr-resnet-101-dc5"
    names = (
        "class_labels_classifier.weight",
        "bbox_predictor.layers.0.weight",
        "model.query_position_embeddings.weight",
        "model.input_projection.weight",
    )
    _safetensors(place / "model.safetensors", dict.fromkeys(names, (1, 1)))
    (place / "config.json").write_text(json.dumps({"model_type": "detr"}))
    return place


class Script:
    """Networks that find somebody in the middle of each picture that is no black one."""

    def __init__(self):
        self.asked: list[dict[str, object]] = []
        self.batches: list[int] = []
        self.closed = 0

    def __call__(self, **options) -> Pipeline:
        self.asked.append(options)
        return Pipeline(
            detect=self._detect,
            landmark=self._landmark,
            follow=follow_boxes,
            skeleton=MANY,
            model=Provenance("sapiens2-0.4b", ("0" * 64,), "scripted"),
            limit=None,
            release=self._release,
            together=4,
        )

    def _release(self):
        self.closed += 1

    def _detect(self, frames, *_, **__):
        self.batches.append(len(frames))
        return [_middle(frame) if frame.pixels.any() else _middle(frame)[:0] for frame in frames]

    def _landmark(self, frames, regions):
        return [_people(frame, some) for frame, some in zip(frames, regions, strict=True)]


def _middle(frame) -> Regions:
    size = np.array([[frame.stamp.width, frame.stamp.height]], F32)
    return Regions(size / 2, size / 2, np.zeros(1, F32), np.full(1, 0.75, F32))


def _people(frame, regions) -> Landmarks:
    count = len(regions)
    place = np.random.default_rng(0).random((308, 2)).astype(F32) - F32(0.5)
    xy = (regions.centre[:, None] + place * regions.size[:, None]).astype(F32)
    half = regions.size / 2
    box = np.concatenate([regions.centre - half, regions.centre + half], axis=1)
    score = np.full((count, 308), 0.9, F32)
    score[:, 300:] = 0.1
    return Landmarks(MANY, xy, box, regions.score, score=score, region=np.arange(count))


@pytest.fixture
def script(checkpoint, detector, monkeypatch) -> Script:
    script = Script()
    monkeypatch.setattr(sapiens_tools, "sapiens", script)
    return script


@pytest.fixture
def photos(tmp_path, astronaut) -> Path:
    """Six photos, of which two have the same name, one shows nobody, one is broken, and a note."""
    place = tmp_path / "in"
    place.mkdir()
    with Image.open(astronaut) as photo:
        small = photo.convert("RGB").resize((128, 128))
    for name in ("a.jpg", "a.png", "b.webp", "C.BMP"):
        small.save(place / name)
    Image.new("RGB", (64, 64)).save(place / "black.png")
    (place / "broken.jpg").write_bytes((place / "a.jpg").read_bytes()[:500])
    (place / "note.txt").write_text("no picture")
    return place


def _blocks(answer) -> list[str]:
    assert set(answer) == {"status", "content"}
    assert all(len(block) == 1 for block in answer["content"])
    return [next(iter(block)) for block in answer["content"]]


def test_signature_and_defaults_are_the_documented_ones():
    import inspect  # noqa: PLC0415

    parameters = inspect.signature(vitruvian.sapiens_pose).parameters
    assert {name: one.default for name, one in parameters.items()} == {
        "input_path": inspect.Parameter.empty,
        "output_dir": inspect.Parameter.empty,
        "model_size": "0.4b",
        "device": "cuda:0",
        "kpt_thres": 0.3,
        "line_thickness": 2,
        "radius": 3,
    }
    assert all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in parameters.values())
    assert not inspect.signature(vitruvian.sapiens_info).parameters


def test_a_picture_becomes_an_overlay_and_a_json(script, photos, tmp_path, checkpoint, detector):
    answer = vitruvian.sapiens_pose(photos / "a.jpg", tmp_path / "out", device="cpu")
    assert answer["status"] == "success"
    assert _blocks(answer) == ["text", "image", "json"]
    assert answer["content"][0]["text"] == "pose complete on 1 image(s)"
    told = answer["content"][-1]["json"]
    vis, kpts = tmp_path / "out" / "a.jpg", tmp_path / "out" / "a.json"
    assert told == {
        "task": "pose",
        "model_size": "0.4b",
        "api": "vitruvian:original",
        "checkpoint": str(checkpoint),
        "detector": str(detector),
        "outputs": [{"input": str(photos / "a.jpg"), "vis": str(vis), "kpts": str(kpts), "people": 1}],
    }
    image = answer["content"][1]["image"]
    assert image["format"] == "jpeg"
    assert image["source"]["bytes"] == vis.read_bytes()
    (one,) = json.loads(kpts.read_text())["instances"]
    assert one["bbox"] == [32, 32, 96, 96]
    assert one["score"] == 0.75
    assert np.shape(one["keypoints"]) == (308, 2)
    assert np.shape(one["keypoint_scores"]) == (308,)
    assert read_json(kpts).skeleton is MANY
    assert script.asked == [{"size": "0.4b", "device": "cpu"}]
    assert script.closed == 1


def test_a_folder_is_done_whatever_is_in_it(script, photos, tmp_path):
    answer = vitruvian.sapiens_pose(str(photos), str(tmp_path / "out"), "0.4B", "cpu")
    assert answer["content"][0]["text"] == "pose complete on 5 image(s), 1 skipped"
    assert _blocks(answer) == ["text", *["image"] * 5, "json"]
    outputs = answer["content"][-1]["json"]["outputs"]
    assert [Path(one["input"]).name for one in outputs] == [
        "C.BMP", "a.jpg", "a.png", "b.webp", "black.png", "broken.jpg"
    ]  # fmt: skip
    assert [Path(one["kpts"]).name for one in outputs[:-1]] == [
        "C.json", "a.json", "a-2.json", "b.json", "black.json"
    ]  # fmt: skip
    assert outputs[-1]["status"] == "skipped"
    assert "cannot be read" in outputs[-1]["reason"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{name}.{ending}" for name in ("C", "a", "a-2", "b", "black") for ending in ("jpg", "json")
    }
    assert json.loads((tmp_path / "out" / "black.json").read_text())["instances"] == []
    assert script.batches == [4, 1]  # people of several pictures are read at once


def test_no_more_than_five_pictures_are_inline(script, photos, tmp_path):
    for i in range(4):
        shutil.copy(photos / "a.jpg", photos / f"z{i}.jpg")
    answer = vitruvian.sapiens_pose(photos, tmp_path / "out", device="cpu")
    assert answer["content"][0]["text"].startswith("pose complete on 9 image(s)")
    assert _blocks(answer) == ["text", *["image"] * 5, "json"]


def test_an_empty_folder_is_a_success(script, tmp_path):
    (tmp_path / "empty").mkdir()
    answer = vitruvian.sapiens_pose(tmp_path / "empty", tmp_path / "out", device="cpu")
    assert answer["status"] == "success"
    assert _blocks(answer) == ["text", "json"]
    assert answer["content"][0]["text"] == "pose complete on 0 image(s)"
    assert answer["content"][1]["json"]["outputs"] == []


def test_a_video_becomes_a_video_and_lines(script, hand_clip, tmp_path):
    answer = vitruvian.sapiens_pose(hand_clip, tmp_path / "out", device="cpu")
    assert _blocks(answer) == ["text", "json"]
    assert answer["content"][0]["text"] == "pose complete on 1 video(s)"
    (output,) = answer["content"][1]["json"]["outputs"]
    recording = read_jsonl(output["kpts"])
    assert output["frames"] == len(recording.stamps)
    assert recording.landmarks.skeleton is MANY
    with vitruvian.open_source(output["vis"]) as video:
        assert sum(1 for _ in video) == output["frames"]


def test_a_broken_video_is_skipped(script, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    answer = vitruvian.sapiens_pose(tmp_path / "clip.mp4", tmp_path / "out", device="cpu")
    assert answer["content"][0]["text"] == "pose complete on 0 image(s), 1 skipped"
    assert answer["content"][1]["json"]["outputs"][0]["status"] == "skipped"


def test_results_may_lie_beside_their_pictures_and_never_replace_them(script, photos):
    first = vitruvian.sapiens_pose(photos, photos, device="cpu")
    assert first["status"] == "error"  # a.jpg would be replaced by its own overlay
    assert "a.jpg: is there already" in first["content"][0]["text"]
    assert not list(photos.glob("*.json"))
    (photos / "a.jpg").unlink()
    (photos / "broken.jpg").unlink()
    for _ in range(2):  # what was drawn is no input of the second run
        answer = vitruvian.sapiens_pose(photos, photos, device="cpu")
        assert answer["content"][0]["text"] == "pose complete on 4 image(s)"


@pytest.mark.parametrize(
    ("option", "few", "many"), [("radius", 3, 9), ("line_thickness", 1, 8), ("kpt_thres", 0.95, 0.3)]
)
def test_how_it_is_drawn(script, photos, tmp_path, option, few, many):
    changed = []
    with Image.open(photos / "a.png") as photo:
        before = np.asarray(photo).astype(int)
    for value in (few, many):
        out = tmp_path / str(value)
        answer = vitruvian.sapiens_pose(photos / "a.png", out, device="cpu", **{option: value})
        assert answer["status"] == "success"
        with Image.open(out / "a.jpg") as overlay:
            changed.append((np.abs(np.asarray(overlay) - before).max(axis=2) > 60).sum())
        assert np.shape(json.loads((out / "a.json").read_text())["instances"][0]["keypoints"]) == (308, 2)
    assert changed[0] < changed[1]


def _error(answer) -> str:
    assert answer["status"] == "error"
    assert _blocks(answer) == ["text", "json"]
    assert answer["content"][1]["json"]["error"] == answer["content"][0]["text"]
    return answer["content"][0]["text"]


@pytest.mark.parametrize("size", ["0.1b", "9b", "", 4])
def test_a_size_that_there_is_not(script, photos, tmp_path, size):
    answer = vitruvian.sapiens_pose(photos, tmp_path / "out", model_size=size)
    assert _error(answer).startswith(f"sapiens_pose failed: Invalid model_size={size!r}")
    assert "0.4b, 0.8b, 1b, 5b" in _error(answer)
    assert "Traceback" in answer["content"][1]["json"]["traceback"]


def test_a_missing_checkpoint_names_every_place(root, photos, tmp_path):
    answer = vitruvian.sapiens_pose(photos, tmp_path / "out")
    text = _error(answer)
    assert text.startswith(f"Missing checkpoint: {root}/pose/sapiens2_0.4b_pose.safetensors")
    assert "models pull sapiens-0.4b" in text
    places = answer["content"][1]["json"]["checkpoint"]
    assert len(places) >= 3
    assert all(place in text for place in places)
    assert not (tmp_path / "out").exists()


def test_a_missing_detector_names_every_place(checkpoint, photos, tmp_path):
    answer = vitruvian.sapiens_pose(photos, tmp_path / "out")
    assert _error(answer).startswith("Missing person detector. Download DETR: ")
    places = answer["content"][1]["json"]["detector"]
    assert len(places) >= 2
    assert all(place in _error(answer) for place in places)


def test_a_checkpoint_that_is_cut_short(script, checkpoint, photos, tmp_path):
    with checkpoint.open("r+b") as file:
        file.truncate(1000)
    assert str(checkpoint) in _error(vitruvian.sapiens_pose(photos, tmp_path / "out"))
    assert script.asked == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"input_path": "nowhere.jpg"}, "no such file or folder"),
        ({"radius": "wide"}, "'str'"),
        ({"kpt_thres": -1}, "min_score"),
        ({"input_path": None}, "NoneType"),
        ({"input_path": "~nobodyofthisname/x"}, "home"),
    ],
)
def test_what_cannot_be_done_is_said(script, photos, tmp_path, options, said):
    answer = vitruvian.sapiens_pose(**({"input_path": photos, "output_dir": tmp_path / "out"} | options))
    assert _error(answer).startswith("sapiens_pose failed: ")
    assert said in _error(answer)
    assert script.asked == []


def test_a_folder_that_cannot_be_made(script, photos, tmp_path):
    answer = vitruvian.sapiens_pose(photos, photos / "note.txt" / "out", device="cpu")
    assert _error(answer).startswith("sapiens_pose failed: ")


def test_a_device_that_is_not_there(checkpoint, detector, photos, tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    text = _error(vitruvian.sapiens_pose(photos, tmp_path / "out"))
    assert 'device="cpu"' in text
    assert not (tmp_path / "out" / "a.json").exists()


def test_what_goes_wrong_in_between_is_an_answer(script, photos, tmp_path, monkeypatch):
    def refuse(**_):
        raise OptionError("no such device")

    monkeypatch.setattr(sapiens_tools, "sapiens", refuse)
    assert _error(vitruvian.sapiens_pose(photos, tmp_path / "out")) == "sapiens_pose failed: no such device"


@pytest.mark.parametrize(
    "problem", [SessionError("not enough memory", network="x"), RuntimeError("CUDA error")]
)
def test_a_network_that_fails_is_no_success(script, photos, tmp_path, monkeypatch, problem):
    def fail(*_):
        raise problem

    monkeypatch.setattr(script, "_landmark", fail)
    answer = vitruvian.sapiens_pose(photos, tmp_path / "out", device="cpu")
    assert str(problem) in _error(answer)
    assert "Traceback" in answer["content"][1]["json"]["traceback"]


def test_what_one_picture_is_too_much_for_is_said_beside_the_others(script, photos, tmp_path, monkeypatch):
    landmark = script._landmark

    def fail(frames, regions):
        if any(frame.stamp.source.endswith("b.webp") for frame in frames):
            raise SessionError("not enough memory", network="x")
        return landmark(frames, regions)

    monkeypatch.setattr(script, "_landmark", fail)
    answer = vitruvian.sapiens_pose(photos, tmp_path / "out", device="cpu")
    assert answer["status"] == "success"
    told = {Path(one["input"]).name: one for one in answer["content"][-1]["json"]["outputs"]}
    assert "not enough memory" in told["b.webp"]["reason"]
    assert "vis" in told["a.png"]


def test_a_device_that_is_no_text(checkpoint, detector, photos, tmp_path):
    pytest.importorskip("torch")
    assert "expected" in _error(vitruvian.sapiens_pose(photos, tmp_path / "out", device=None))


def test_thin_is_one_pixel_and_no_score_is_too_high_to_be_asked_for(script, photos, tmp_path):
    answer = vitruvian.sapiens_pose(
        photos / "a.png", tmp_path / "out", device="cpu", radius=0, line_thickness=-1, kpt_thres=1.2
    )
    assert answer["status"] == "success"


def test_info_of_nothing(root):
    answer = vitruvian.sapiens_info()
    assert answer["status"] == "success"
    assert _blocks(answer) == ["text", "json"]
    assert answer["content"][0]["text"] == "sapiens info"
    told = answer["content"][1]["json"]
    assert list(told) == [
        "checkpoint_root", "checkpoint_root_exists", "available", "detector_present", "detector_type",
        "cuda", "sapiens_package", "runtime",
    ]  # fmt: skip
    assert told["checkpoint_root"] == str(root)
    assert told["checkpoint_root_exists"] is told["detector_present"] is told["sapiens_package"] is False
    assert told["available"] == {}
    assert told["detector_type"] == "none"
    assert {"available", "device_count", "device_name"} <= set(told["cuda"])
    json.dumps(answer)


def test_info_of_what_is_there(checkpoint, root):
    (root / "detector").mkdir()
    (root / "detector" / "rtmdet_m.pth").touch()
    for task, size in (("seg", "1b"), ("pretrain", "0.1b"), ("pose", "5b")):
        (root / task).mkdir(exist_ok=True)
        (root / task / f"sapiens2_{size}_{task}.safetensors").touch()
    told = vitruvian.sapiens_info()["content"][1]["json"]
    assert list(told["available"].items()) == [
        ("pretrain", ["0.1b"]), ("seg", ["1b"]), ("pose", ["0.4b", "5b"])
    ]  # fmt: skip
    assert told["checkpoint_root_exists"] is True
    assert (told["detector_present"], told["detector_type"]) == (True, "rtmdet_m")


def test_info_of_a_checkpoint_as_the_hub_has_it(root):
    place = root / "pose" / "sapiens2-pose-0.8b"
    place.mkdir(parents=True)
    (place / "model.safetensors").touch()
    assert vitruvian.sapiens_info()["content"][1]["json"]["available"] == {"pose": ["0.8b"]}


def test_info_of_the_detector(checkpoint, detector):
    told = vitruvian.sapiens_info()["content"][1]["json"]
    assert (told["detector_present"], told["detector_type"]) == (True, "detr-resnet-101-dc5")
