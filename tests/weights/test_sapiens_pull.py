from __future__ import annotations

import dataclasses
import json
import struct

import pytest

from vitruvian.errors import OptionError, WeightsError, WeightsMissingError
from vitruvian.weights import sapiens
from vitruvian.weights.hub import Hub, HubFile, Licence, builtin_hub
from vitruvian.weights.sapiens import find_pose
from vitruvian.weights.sapiens_layout import SIZES, SapiensLayout
from vitruvian.weights.sapiens_pull import (
    accepted,
    pull_sapiens,
    sapiens_faults,
    sapiens_paths,
    sapiens_present,
)

SMALL = SapiensLayout(16, 2, (2, 1), (4, 3), (3, 2, 2), points=5)
POSE, DETECTOR = builtin_hub().find("sapiens-0.4b"), builtin_hub().find("sapiens-detector")
DETR = {
    "class_labels_classifier.weight": (3, 4),
    "bbox_predictor.layers.0.weight": (4, 4),
    "model.query_position_embeddings.weight": (5, 4),
    "model.input_projection.weight": (4, 4, 1, 1),
}


def content(shapes):
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4
        for axis in shape:
            size *= axis
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a root of checkpoints on a machine where the size 0.4b is a small network."""
    monkeypatch.setattr(sapiens, "SIZES", {"0.4b": SMALL, "0.8b": SIZES["0.8b"]})
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


def served(model, server):
    """Return the model as it would be if the hub were the server."""
    files = tuple(HubFile(file.name, file.place, server.url) for file in model.files)
    return dataclasses.replace(model, files=files)


class Person:
    """Somebody who is asked."""

    def __init__(self, *, answer=True):
        self.answer, self.seen = answer, []

    def __call__(self, licence: Licence) -> bool:
        self.seen.append(licence)
        return self.answer


def test_what_comes_from_the_hub_is_listed():
    models = builtin_hub().models
    assert [model.name for model in models] == [*(f"sapiens-{size}" for size in SIZES), "sapiens-detector"]
    assert [model.licence.asks for model in models] == [True, True, True, True, False]
    for model in models:
        assert all(file.url.startswith("https://") for file in model.files)
        assert all(model.repository in file.url and file.url.endswith(file.name) for file in model.files)
        assert all(file.place.split("/")[0] in ("pose", "detector") for file in model.files)
    terms = " ".join(POSE.licence.terms)
    for word in ("surveillance", "biometric", "military", "derived", "privacy", "summary"):
        assert word in terms


def test_an_unknown_name_lists_the_names():
    with pytest.raises(OptionError, match=r"sapiens-0\.4b, sapiens-0\.8b"):
        pull_sapiens("sapiens-9b", accept=Person())


def test_places_are_those_of_the_original(root):
    assert sapiens_paths("sapiens-1b") == (root / "pose" / "sapiens2_1b_pose.safetensors",)
    folder = root / "detector" / "detr-resnet-101-dc5"
    names = ("config.json", "preprocessor_config.json", "model.safetensors")
    assert sapiens_paths("sapiens-detector") == tuple(folder / name for name in names)


def test_terms_are_shown_and_accepted_once_and_before_anything_is_fetched(root, server):
    server.reply(content(SMALL.tensors()))
    model, person = served(POSE, server), Person()
    reports = []
    (path,) = pull_sapiens(model, accept=person, progress=lambda *report: reports.append(report))
    assert path == root / "pose" / "sapiens2_0.4b_pose.safetensors"
    assert path.read_bytes() == content(SMALL.tensors())
    assert person.seen == [POSE.licence]
    assert reports[-1][1:] == (path.stat().st_size, path.stat().st_size)
    record = json.loads((root / "licences" / "sapiens2.json").read_text(encoding="utf-8"))
    assert record["url"] == POSE.licence.url
    assert record["terms"] == list(POSE.licence.terms)
    assert record["accepted"].startswith("20")
    assert sorted(each.name for each in path.parent.iterdir() if each.name != ".lock") == [path.name]
    assert (find_pose("0.4b").path, find_pose("0.4b").size) == (path, "0.4b")
    pull_sapiens(model, accept=person, force=True)
    assert len(person.seen) == 1
    assert len(server.requests) == 2
    pull_sapiens(model, accept=person)  # it is there
    assert len(server.requests) == 2


def test_a_no_fetches_nothing(root, server):
    server.reply(content(SMALL.tensors()))
    with pytest.raises(
        WeightsError, match="terms of the Sapiens2 License were not accepted; nothing was fetched"
    ):
        pull_sapiens(served(POSE, server), accept=Person(answer=False))
    assert not server.requests
    assert not root.exists()


def test_other_terms_than_those_on_record_are_asked_about_again(root, server):
    server.reply(content(SMALL.tensors()))
    person = Person()
    pull_sapiens(served(POSE, server), accept=person)
    assert accepted(POSE.licence)
    changed = dataclasses.replace(POSE.licence, terms=("Everything is allowed.",))
    assert not accepted(changed)
    pull_sapiens(dataclasses.replace(served(POSE, server), licence=changed), accept=person, force=True)
    assert person.seen == [POSE.licence, changed]


@pytest.mark.parametrize("text", ["", "[]", '{"terms_sha256": 7}'])
def test_a_damaged_record_is_no_acceptance(root, text):
    (root / "licences").mkdir(parents=True)
    (root / "licences" / "sapiens2.json").write_text(text, encoding="utf-8")
    assert not accepted(POSE.licence)


def test_offline_says_so_and_connects_to_nobody(root, server):
    person = Person()
    with pytest.raises(WeightsMissingError) as caught:
        pull_sapiens(served(POSE, server), accept=person, offline=True)
    assert "offline nothing is fetched" in str(caught.value)
    assert "vitruvian models pull sapiens-0.4b --from FILE" in str(caught.value)
    assert not server.requests
    assert not person.seen


def test_no_connection_says_how_to_do_it_by_hand(root, server):
    server.reply(b"", status=401)
    with pytest.raises(WeightsError) as caught:
        pull_sapiens(served(POSE, server), accept=Person())
    assert "the server answered 401" in str(caught.value)
    assert "get model.safetensors of facebook/sapiens2-pose-0.4b" in str(caught.value)


def test_a_download_goes_on_where_it_broke_off(root, server):
    body = content(SMALL.tensors())
    server.reply(body, cut_after=1000)
    server.reply(body)
    (path,) = pull_sapiens(served(POSE, server), accept=Person())
    assert path.read_bytes() == body
    assert [request.get("Range") for request in server.requests] == [None, "bytes=1000-"]


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", content({"a": (2,)}), content(SMALL.tensors())[:-1]]
)
def test_what_is_no_checkpoint_is_not_kept_and_replaces_nothing(root, server, body):
    server.reply(content(SMALL.tensors()))
    server.reply(body)
    model = served(POSE, server)
    (path,) = pull_sapiens(model, accept=Person())
    with pytest.raises(WeightsError):
        pull_sapiens(model, accept=Person(), force=True)
    assert path.read_bytes() == content(SMALL.tensors())
    assert sorted(each.name for each in path.parent.iterdir() if each.name != ".lock") == [path.name]


def test_a_damaged_file_is_fetched_again(root, server):
    server.reply(content(SMALL.tensors()))
    model = served(POSE, server)
    (path,) = pull_sapiens(model, accept=Person())
    assert sapiens_faults(model) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut short" in sapiens_faults(model)
    assert sapiens_present(model)
    pull_sapiens(model, accept=Person())
    assert sapiens_faults(model) is None


def test_the_users_own_file_is_copied_without_a_question(root, tmp_path):
    mine, person = tmp_path / "mine.safetensors", Person()
    mine.write_bytes(content(SMALL.tensors()))
    (path,) = pull_sapiens("sapiens-0.4b", accept=person, source=mine)
    assert path.read_bytes() == mine.read_bytes()
    assert not person.seen
    with pytest.raises(WeightsError, match=r"this is the network of size 0\.4b, not 0\.8b"):
        pull_sapiens("sapiens-0.8b", accept=person, source=mine)
    with pytest.raises(WeightsMissingError, match="there is no such file"):
        pull_sapiens("sapiens-0.8b", accept=person, source=tmp_path / "none")


def test_the_detector_asks_nobody_and_comes_as_a_folder(root, server, tmp_path):
    configuration = b'{"model_type": "detr"}'
    for body in (configuration, b"{}", content(DETR)):
        server.reply(body)
    person = Person()
    paths = pull_sapiens(served(DETECTOR, server), accept=person)
    assert [path.read_bytes() for path in paths] == [configuration, b"{}", content(DETR)]
    assert not person.seen
    assert sapiens.find_detector() == paths[0].parent
    again = tmp_path / "other"
    copied = pull_sapiens("sapiens-detector", accept=person, root=again, source=paths[0].parent)
    assert [path.read_bytes() for path in copied] == [path.read_bytes() for path in paths]
    with pytest.raises(WeightsError, match="this is no folder"):
        pull_sapiens("sapiens-detector", accept=person, root=again, source=paths[0])


def test_a_detector_without_what_only_the_original_reads_is_whole(root, tmp_path):
    folder = root / "detector" / "detr-resnet-101-dc5"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b'{"model_type": "detr"}')
    (folder / "model.safetensors").write_bytes(content(DETR))
    assert sapiens_present("sapiens-detector")
    assert sapiens_faults("sapiens-detector") is None
    other = tmp_path / "other"
    pull_sapiens("sapiens-detector", accept=Person(), root=other, source=folder)
    assert sapiens_present("sapiens-detector", root=other)


def test_what_is_no_detector_replaces_none_of_its_files(root, server, tmp_path):
    for body in (b'{"model_type": "detr"}', b"{}", content(DETR)):
        server.reply(body)
    paths = pull_sapiens(served(DETECTOR, server), accept=Person())
    before = [path.read_bytes() for path in paths]
    server.reply(b"<html>log in</html>")
    with pytest.raises(WeightsError, match="no JSON"):
        pull_sapiens(served(DETECTOR, server), accept=Person(), force=True)
    assert [path.read_bytes() for path in paths] == before
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "config.json").write_bytes(b'{"model_type": "detr", "other": 1}')
    with pytest.raises(WeightsMissingError, match=r"model\.safetensors: there is no such file"):
        pull_sapiens("sapiens-detector", accept=Person(), source=bad)
    assert [path.read_bytes() for path in paths] == before


def test_a_hub_is_read_from_its_text():
    row = {
        "name": "a",
        "title": "b",
        "repository": "c/d",
        "licence": "e",
        "files": [{"name": "f", "place": "g/f"}],
    }
    licence = {"title": "h", "url": "i", "asks": False, "terms": ["j"]}
    text = json.dumps(
        {"hub": {"address": "https://x/{repository}/{name}", "licences": {"e": licence}, "models": [row]}}
    )
    (model,) = Hub.parse(text).models
    assert model.files == (HubFile("f", "g/f", "https://x/c/d/f"),)
    assert len(model.licence.digest) == 64
