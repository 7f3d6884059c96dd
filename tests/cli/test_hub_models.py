from __future__ import annotations

import dataclasses
import http.server
import os
import pty
import subprocess
import sys
import threading
from functools import partial

import pytest
from typer.testing import CliRunner

from vitruvian.cli import app
from vitruvian.weights import sapiens_pull
from vitruvian.weights.hub import Hub, HubFile, builtin_hub

torch = pytest.importorskip("torch", reason="needs the extra sapiens")
from safetensors.torch import save_file  # noqa: E402 - only where there is torch


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPIENS_CHECKPOINT_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "root"


@pytest.fixture
def detector(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    names = ("class_labels_classifier", "bbox_predictor.layers.0", "model.query_position_embeddings")
    tensors = {f"{name}.weight": torch.zeros(2, 2) for name in (*names, "model.input_projection")}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "detr"}', encoding="utf-8")
    (folder / "preprocessor_config.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture
def local_hub(detector, monkeypatch):
    """Serve the detector on this machine, under the licence that asks."""
    handler = partial(_Quiet, directory=str(detector))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        model = builtin_hub().find("sapiens-detector")
        url = f"http://127.0.0.1:{server.server_port}/"
        files = tuple(HubFile(file.name, file.place, url + file.name) for file in model.files)
        licence = builtin_hub().find("sapiens-1b").licence
        hub = Hub((dataclasses.replace(model, files=files, licence=licence),))
        monkeypatch.setattr(sapiens_pull, "builtin_hub", lambda: hub)
        yield licence
        server.shutdown()
        thread.join()


def invoke(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def test_list_shows_them_and_whether_they_are_here(root, detector):
    lines = [line.split() for line in invoke("list").stdout.splitlines()]
    rows = [line for line in lines if len(line) > 1 and line[1].startswith("sapiens-")]
    assert len(rows) == 5
    assert all("no" in row for row in rows)
    invoke("pull", "sapiens-detector", "--from", detector)
    result = invoke("list")
    assert any("sapiens-detector" in line and " yes " in line for line in result.stdout.splitlines())
    assert f"sapiens: {root}" in result.stdout


def test_pull_shows_the_terms_and_takes_no_silence_for_a_yes(root, local_hub):
    result = invoke("pull", "sapiens-detector")
    assert result.exit_code == 1
    assert "were not accepted; nothing was fetched" in str(result.exception)
    assert local_hub.url in result.stderr
    assert all(line in result.stderr for line in local_hub.terms)
    assert "--accept-licence" in result.stderr
    assert not root.exists()


def test_pull_with_the_option_fetches_and_remembers(root, local_hub, detector):
    result = invoke("pull", "sapiens-detector", "--accept-licence")
    assert result.exit_code == 0, result.output
    folder = root / "detector" / "detr-resnet-101-dc5"
    assert result.stdout.splitlines() == [str(folder / name) for name in NAMES]
    assert (folder / "model.safetensors").read_bytes() == (detector / "model.safetensors").read_bytes()
    assert (root / "licences" / "sapiens2.json").exists()
    again = invoke("pull", "sapiens-detector", "--force")  # no question: the answer is on record
    assert again.exit_code == 0
    assert local_hub.url not in again.stderr
    path = invoke("path", "sapiens-detector")
    assert (path.exit_code, path.stdout) == (0, result.stdout)
    verified = invoke("verify", "sapiens-detector")
    assert verified.exit_code == 0
    assert verified.stdout.startswith("ok ")
    assert verified.stdout in invoke("verify").stdout  # what is here is verified without a name


def test_several_are_pulled_with_one_command(root, local_hub, full_files):
    result = invoke("pull", "full", "sapiens-detector", "--accept-licence")
    assert result.exit_code == 0, result.output
    assert [line.rsplit("/", 1)[1] for line in result.stdout.splitlines()][-3:] == list(NAMES)
    both = invoke("pull", "full", "sapiens-detector", "--from", root)
    assert both.exit_code == 2
    assert "one model at a time" in both.stderr


NAMES = ("config.json", "preprocessor_config.json", "model.safetensors")


def test_a_damaged_file_is_found(root, detector):
    invoke("pull", "sapiens-detector", "--from", detector)
    path = root / "detector" / "detr-resnet-101-dc5" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    result = invoke("verify", "sapiens-detector")
    assert result.exit_code == 1
    assert result.stdout.startswith("damaged ")
    assert "cut short" in result.stdout
    assert invoke("verify", "sapiens-1b").stdout.startswith("missing ")


def test_what_is_not_here_has_a_place_and_exit_status_1(root):
    result = invoke("path", "sapiens-0.4b")
    assert result.exit_code == 1
    assert result.stdout == f"{root / 'pose' / 'sapiens2_0.4b_pose.safetensors'}\n"
    assert "vitruvian models pull sapiens-0.4b" in result.stderr


@pytest.mark.parametrize("command", ["pull", "path", "verify"])
def test_they_are_in_no_cache(root, tmp_path, command):
    result = invoke(command, "sapiens-detector", "--cache", tmp_path)
    assert result.exit_code == 1
    assert "$SAPIENS_CHECKPOINT_ROOT" in str(result.exception)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_person_at_a_terminal_is_asked(root):
    """A real process at a real terminal; the answer is no, so that nothing is fetched."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "vitruvian", "models", "pull", "sapiens-0.4b"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        os.write(ours, b"n\n")
        output, errors = run.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert run.returncode == 1
    assert "Do you accept these terms?" in errors
    assert "error: sapiens-0.4b: the terms of the Sapiens2 License were not accepted" in errors
    assert not output.strip()
    assert not root.exists()
