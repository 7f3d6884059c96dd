from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from vitruvian import weights
from vitruvian.errors import OptionError, WeightsError, WeightsMissingError
from vitruvian.weights.cache import _cache_folder
from vitruvian.weights.disk import locked, write_file

if TYPE_CHECKING:
    from conftest import MakeBundle, Server

SOURCE = Path(weights.__file__).parents[2]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def shelf(cache: Path) -> Path:
    return cache / "models" / "test-url"


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> bytes:
    return make_bundle(size=200_000)


@pytest.fixture
def pulled(server: Server, bundle: bytes, cache: Path, catalogue: weights.Catalogue) -> Path:
    """The file of a model that has been fetched once."""
    server.reply(bundle)
    (path,) = weights.pull("test-url", cache=cache, catalogue=catalogue)
    return path


# Named models from an address


@pytest.mark.parametrize("name", ["test-url", "short"])
def test_loading_a_name_fetches_it_once(
    server: Server, bundle: bytes, cache: Path, catalogue: weights.Catalogue, name: str
) -> None:
    server.reply(bundle)
    first = weights.load(name, cache=cache, catalogue=catalogue)
    again = weights.load(name, cache=cache, catalogue=catalogue, offline=True)
    assert first == again
    assert [first[role].name for role in ("detector", "landmarker")] == [
        "pose_detector.tflite",
        "pose_landmarks_detector.tflite",
    ]
    assert len(server.requests) == 1


def test_the_cache_is_readable_by_a_human(pulled: Path, shelf: Path, bundle: bytes) -> None:
    assert pulled == shelf / "pose.task"
    assert names_in(shelf) == ["pose.task", "pose.task.json"]
    assert json.loads((shelf / "pose.task.json").read_text()) == {
        "file": "pose.task",
        "sha256": sha256(bundle),
        "size": len(bundle),
    }


def test_pulling_what_is_there_does_not_connect(
    server: Server, pulled: Path, cache: Path, catalogue: weights.Catalogue
) -> None:
    assert weights.pull("short", cache=cache, catalogue=catalogue, offline=True) == (pulled,)
    assert len(server.requests) == 1


def test_paths_present_and_verify_agree(
    server: Server, bundle: bytes, cache: Path, catalogue: weights.Catalogue
) -> None:
    where = {"cache": cache, "catalogue": catalogue}
    (path,) = weights.paths("test-url", **where)
    assert not weights.present("test-url", **where)
    (status,) = weights.verify("test-url", **where)
    assert status == weights.FileStatus("pose.task", path, "missing", None, None)
    server.reply(bundle)
    weights.pull("test-url", **where)
    assert weights.present("test-url", **where)
    (status,) = weights.verify("test-url", **where)
    assert status == weights.FileStatus("pose.task", path, "ok", sha256(bundle), sha256(bundle))


def test_a_damaged_file_is_an_error_that_names_the_repair(
    pulled: Path, cache: Path, catalogue: weights.Catalogue
) -> None:
    pulled.write_bytes(pulled.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"pose\.task: damaged: .*`vitruvian models pull test-url --cache"):
        weights.load("test-url", cache=cache, catalogue=catalogue)
    (status,) = weights.verify("test-url", cache=cache, catalogue=catalogue)
    assert status.state == "damaged"
    assert status.expected != status.actual


def test_pulling_repairs_a_damaged_file(
    server: Server, pulled: Path, bundle: bytes, cache: Path, catalogue: weights.Catalogue
) -> None:
    pulled.write_bytes(b"")
    weights.pull("test-url", cache=cache, catalogue=catalogue)
    assert pulled.read_bytes() == bundle
    assert len(server.requests) == 2


@pytest.mark.parametrize("record", [None, "", "[]", "{}"])
def test_a_file_without_its_record_is_not_trusted_and_is_repaired(
    pulled: Path, cache: Path, catalogue: weights.Catalogue, record: str | None
) -> None:
    place = pulled.with_name("pose.task.json")
    place.unlink() if record is None else place.write_text(record)
    with pytest.raises(WeightsError, match="none on record"):
        weights.load("test-url", cache=cache, catalogue=catalogue)
    weights.pull("test-url", cache=cache, catalogue=catalogue)
    assert weights.load("test-url", cache=cache, catalogue=catalogue)


def test_other_bytes_than_at_first_are_refused_unless_forced(
    server: Server, pulled: Path, cache: Path, catalogue: weights.Catalogue, make_bundle: MakeBundle
) -> None:
    first, newer = pulled.read_bytes(), make_bundle(size=300)
    server.replies.clear()
    server.reply(newer, etag='"two"')
    pulled.unlink()
    with pytest.raises(WeightsError, match=r"another file .* than at its first fetch .* --force` accepts"):
        weights.pull("test-url", cache=cache, catalogue=catalogue)
    assert not pulled.exists()
    pulled.write_bytes(first)
    assert weights.load("test-url", cache=cache, catalogue=catalogue)
    weights.pull("test-url", cache=cache, catalogue=catalogue, force=True)
    assert pulled.read_bytes() == newer
    assert weights.verify("test-url", cache=cache, catalogue=catalogue)[0].expected == sha256(newer)


def test_what_is_no_bundle_never_enters_the_cache(
    server: Server, cache: Path, shelf: Path, catalogue: weights.Catalogue
) -> None:
    server.reply(b"<html>sign in to the hotel's network</html>")
    with pytest.raises(
        WeightsError, match=r"what the server sent is no bundle .* not a zip archive"
    ) as caught:
        weights.load("test-url", cache=cache, catalogue=catalogue)
    assert server.url in str(caught.value)
    assert names_in(shelf) == []


def test_a_bundle_cut_by_a_short_content_length_never_enters_the_cache(
    server: Server, bundle: bytes, cache: Path, shelf: Path, catalogue: weights.Catalogue
) -> None:
    server.reply(bundle, length=len(bundle) // 2)
    with pytest.raises(WeightsError, match="zip archive"):
        weights.load("test-url", cache=cache, catalogue=catalogue)
    assert names_in(shelf) == []


def test_a_refusal_names_the_address_and_the_way_by_hand(
    server: Server, cache: Path, shelf: Path, catalogue: weights.Catalogue
) -> None:
    server.reply(status=404)
    with pytest.raises(WeightsError) as caught:
        weights.load("test-url", cache=cache, catalogue=catalogue)
    text = str(caught.value)
    assert "test-url could not be fetched: the server answered 404 Not Found" in text
    assert f"get {server.url} on any machine and run `vitruvian models pull test-url --cache" in text
    assert "--from FILE.task`" in text
    assert names_in(shelf) == []


def test_a_connection_that_breaks_off_is_gone_on_with(
    server: Server, bundle: bytes, cache: Path, shelf: Path, catalogue: weights.Catalogue
) -> None:
    server.reply(bundle, cut_after=100_000)
    server.reply(bundle)
    assert weights.load("test-url", cache=cache, catalogue=catalogue)
    assert server.requests[1]["Range"] == "bytes=100000-"
    assert names_in(shelf) == ["pose.task", "pose.task.json"]


def test_an_interrupted_download_leaves_no_model(
    server: Server, bundle: bytes, cache: Path, shelf: Path, catalogue: weights.Catalogue
) -> None:
    server.reply(bundle)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.load("test-url", cache=cache, catalogue=catalogue, progress=interrupt)
    assert "pose.task" not in names_in(shelf)
    assert not weights.present("test-url", cache=cache, catalogue=catalogue)
    assert weights.load("test-url", cache=cache, catalogue=catalogue)
    assert names_in(shelf) == ["pose.task", "pose.task.json"]


# From the user's own file


def test_pulling_from_a_file_does_not_connect(
    bundle: bytes, cache: Path, tmp_path: Path, catalogue: weights.Catalogue
) -> None:
    own = tmp_path / "own.task"
    own.write_bytes(bundle)
    (path,) = weights.pull("test-url", cache=cache, catalogue=catalogue, source=own, offline=True)
    assert path.read_bytes() == own.read_bytes() == bundle
    assert weights.load("test-url", cache=cache, catalogue=catalogue, offline=True)


def test_pulling_another_file_than_at_first_is_refused_unless_forced(
    pulled: Path, make_bundle: MakeBundle, cache: Path, tmp_path: Path, catalogue: weights.Catalogue
) -> None:
    own = tmp_path / "own.task"
    own.write_bytes(make_bundle(size=10))
    with pytest.raises(WeightsError, match="--force"):
        weights.pull("test-url", cache=cache, catalogue=catalogue, source=own)
    weights.pull("test-url", cache=cache, catalogue=catalogue, source=own, force=True)
    assert pulled.read_bytes() == own.read_bytes()


def test_pulling_from_no_bundle_keeps_what_is_there(
    pulled: Path, bundle: bytes, cache: Path, tmp_path: Path, catalogue: weights.Catalogue
) -> None:
    own = tmp_path / "own.task"
    own.write_bytes(b"no bundle")
    with pytest.raises(WeightsError, match=r"own\.task: this is not a zip"):
        weights.pull("test-url", cache=cache, catalogue=catalogue, source=own, force=True)
    assert pulled.read_bytes() == bundle


def test_pulling_from_a_file_that_is_not_there(cache: Path, catalogue: weights.Catalogue) -> None:
    with pytest.raises(WeightsMissingError, match=r"own\.task: there is no such file"):
        weights.pull("test-url", cache=cache, catalogue=catalogue, source=Path("own.task"))


# Offline


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        pytest.fail("connected, or started a program, although offline")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("model", weights.list_models(), ids=lambda model: model.name)
def test_offline_says_what_is_missing_where_and_how_to_put_it_there(
    cache: Path, model: weights.ModelInfo
) -> None:
    first = cache / "models" / model.name / model.files[0].name
    for verb in (partial(weights.load, task=model.task), weights.pull):
        with pytest.raises(WeightsMissingError) as caught:
            verb(model.name, cache=cache, offline=True)
        assert caught.value.path == first
        assert str(model.origin) in str(caught.value)
        assert f"`vitruvian models pull {model.name} --cache {cache} --from FILE." in str(caught.value)
    assert not cache.exists()


@pytest.mark.usefixtures("no_network")
def test_the_default_cache_needs_no_option_in_the_advice() -> None:
    with pytest.raises(
        WeightsMissingError, match="`vitruvian models pull pose-full` while connected"
    ) as caught:
        weights.load("full", offline=True)
    assert caught.value.path == weights.default_cache() / "models" / "pose-full" / "pose_detection.tflite"


def test_offline_does_not_repair(pulled: Path, cache: Path, catalogue: weights.Catalogue) -> None:
    pulled.write_bytes(b"")
    with pytest.raises(WeightsError, match="is damaged, and offline nothing is fetched"):
        weights.pull("test-url", cache=cache, catalogue=catalogue, offline=True)


@pytest.mark.usefixtures("pulled")
def test_offline_does_not_fetch_again(cache: Path, catalogue: weights.Catalogue) -> None:
    with pytest.raises(WeightsError, match="offline nothing is fetched"):
        weights.pull("test-url", cache=cache, catalogue=catalogue, offline=True, force=True)


# Names


def test_an_unknown_name_lists_the_known_ones() -> None:
    for verb in (weights.pull, weights.verify, weights.paths, weights.present):
        with pytest.raises(
            OptionError, match=r"no model is called 'nix'; known models: pose-full \(or full\)"
        ):
            verb("nix")


def test_a_model_for_another_task_is_refused(catalogue: weights.Catalogue) -> None:
    with pytest.raises(WeightsError, match="test-url is a model for pose, not for other"):
        weights.load("test-url", task="other", catalogue=catalogue)


def test_the_digest_is_always_that_of_the_data() -> None:
    file = weights.WeightFile("a.tflite", b"abc")
    assert file.sha256 == sha256(b"abc")
    assert "abc" not in repr(file)
    assert file == weights.WeightFile("a.tflite", b"abc")
    assert file != weights.WeightFile("a.tflite", b"abd")


# The cache


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/vitruvian"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/vitruvian"),
        ("linux", {}, "/home/me/.cache/vitruvian"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "/home/me/Library/Caches/vitruvian"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/vitruvian/cache"),
        ("win32", {}, "/home/me/AppData/Local/vitruvian/cache"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the expected paths are written in the other style")
def test_the_default_cache_is_the_platform_s(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert _cache_folder(platform, environment) == Path(expected)


def test_without_a_home_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(WeightsError, match="--cache"):
        _cache_folder("linux", {})


@pytest.mark.parametrize("verb", [weights.load, weights.pull])
def test_a_cache_that_cannot_be_written_is_named_with_its_option(tmp_path: Path, verb: type) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("a file where a folder should be")
    with pytest.raises(WeightsError, match=r"file/models/pose-full: the folder cannot be written .* --cache"):
        verb("pose-full", cache=blocker)


def test_a_cache_that_only_can_be_read_is_enough_for_what_it_has(
    pulled: Path, cache: Path, catalogue: weights.Catalogue
) -> None:
    pulled.with_name(".lock").unlink()
    folders = [pulled.parent, pulled.parent.parent, cache]
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert weights.load("test-url", cache=cache, catalogue=catalogue)
        assert weights.pull("test-url", cache=cache, catalogue=catalogue) == (pulled,)
    finally:
        for folder in folders:
            folder.chmod(0o700)
    assert not pulled.with_name(".lock").exists()


def test_a_write_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")

    def full(_: int) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightsError, match="No space left on device"):
        write_file(path, b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"old")]


def test_a_lock_keeps_others_waiting(tmp_path: Path) -> None:
    order = []

    def wait() -> None:
        with locked(tmp_path):
            order.append("second")

    with locked(tmp_path):
        other = threading.Thread(target=wait)
        other.start()
        other.join(timeout=0.3)
        assert other.is_alive()
        order.append("first")
    other.join(timeout=10)
    assert order == ["first", "second"]


PULL = """
import pathlib, sys
from vitruvian import weights
catalogue = weights.Catalogue.parse(pathlib.Path(sys.argv[1]).read_text())
networks = weights.load("test-url", cache=pathlib.Path(sys.argv[2]), catalogue=catalogue)
sys.stdout.write(networks["detector"].sha256)
"""


def test_two_processes_that_load_at_once_fetch_once(
    server: Server, bundle: bytes, catalogue_text: str, cache: Path, tmp_path: Path
) -> None:
    server.reply(bundle, pause=0.1)
    text = tmp_path / "catalogue.json"
    text.write_text(catalogue_text)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", PULL, str(text), str(cache)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    results = [process.communicate(timeout=30) for process in processes]
    assert [errors for _, errors in results] == [b"", b""]
    assert len({digest for digest, _ in results}) == 1
    assert len(server.requests) == 1
