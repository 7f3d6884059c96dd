"""``vitruvian pose`` as a person uses it: real processes, real photos."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vitruvian import read_json
from vitruvian.cli import app
from vitruvian.cli.journal import JOURNAL

FAST = ("--search", "fast")  # what the search finds is told in test_search


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "vitruvian", "pose", *FAST, *map(str, arguments)]


def _run(*arguments: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(_command(*arguments), input=stdin, capture_output=True, timeout=120, check=False)


def _invoke(*arguments: object):
    return CliRunner().invoke(app, ["pose", *FAST, *map(str, arguments)])


def _listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {JOURNAL}


@pytest.fixture
def photo(astronaut, tmp_path) -> Path:
    """A small copy, so that many runs stay quick."""
    path = tmp_path / "in" / "ann.png"
    path.parent.mkdir()
    Image.open(astronaut).resize((256, 256)).save(path)
    return path


def test_formats_of_videos_are_said_to_be_for_videos(full_files, photo, tmp_path):
    result = _invoke(photo, "-o", tmp_path / "out", "--format", "csv")
    assert result.exit_code == 0, result.output
    assert "--format is for videos; what is found in pictures is written to NAME.json" in result.stderr
    assert _listing(tmp_path / "out") == {"ann.jpg", "ann.json"}


def test_a_photo_leaves_an_overlay_and_a_json(full_files, astronaut, astronaut_people, tmp_path):
    done = _run(astronaut, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert _listing(tmp_path / "out") == {"astronaut.jpg", "astronaut.json"}
    with Image.open(tmp_path / "out" / "astronaut.jpg") as overlay:
        assert overlay.size == (512, 512)
    people = read_json(tmp_path / "out" / "astronaut.json")
    assert np.abs(people.xy - astronaut_people.xy).max() < 1e-3
    assert b"1 of 1 pictures done, 1 person found" in done.stdout


def test_hands_come_with_the_body(full_files, hands_files, hand_photos, tmp_path):
    photo = hand_photos / "none_0a0ef3d2.jpg"
    result = _invoke("--hands", photo, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "none_0a0ef3d2.json").read_text())
    assert data["skeleton"] == "body75"
    assert data["model"]["files"] == [
        file.sha256 for files in (full_files, hands_files) for file in files.values()
    ]
    (person,) = data["instances"]
    keypoints = person["keypoints"]
    assert None not in np.array(keypoints[54:]).ravel()  # the right hand, raised
    assert np.hypot(*np.subtract(keypoints[54], keypoints[16])) < 15  # wrist on wrist


def test_standard_input(full_files, photo, tmp_path):
    done = _run("-", "-o", tmp_path / "out", "--no-overlay", stdin=photo.read_bytes())
    assert done.returncode == 0, done.stderr
    assert _listing(tmp_path / "out") == {"stdin.json"}


def test_one_bad_file_never_ends_a_batch(full_files, photo, tmp_path):
    (photo.parent / "broken.jpg").write_bytes(photo.read_bytes()[:1000])
    (photo.parent / "empty.png").touch()
    (photo.parent / "notes.txt").write_text("not looked at")
    done = _run(photo.parent, tmp_path / "nowhere.jpg", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert _listing(tmp_path / "out") == {"ann.jpg", "ann.json"}
    assert b"1 of 4 pictures done, 1 person found, 3 failed" in done.stdout
    for name in (b"broken.jpg", b"empty.png", b"nowhere.jpg"):
        assert b"failed: " in done.stderr
        assert name in done.stderr


def test_the_summary_as_json_is_all_of_standard_output(full_files, photo, tmp_path):
    done = _run(photo, tmp_path / "nowhere.jpg", "-o", tmp_path / "out", "--json-summary")
    summary = json.loads(done.stdout)
    assert (summary["pictures"], summary["done"], summary["people"]) == (2, 1, 1)
    assert [failure["path"] for failure in summary["failed"]] == [str(tmp_path / "nowhere.jpg")]


def test_same_names_do_not_overwrite_each_other(full_files, photo, tmp_path):
    other = tmp_path / "other" / "ANN.png"
    other.parent.mkdir()
    Image.new("RGB", (64, 64)).save(other)
    result = _invoke(photo, other, photo, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert _listing(tmp_path / "out") == {"ann.jpg", "ann.json", "ANN-2.jpg", "ANN-2.json"}
    assert json.loads((tmp_path / "out" / "ANN-2.json").read_text())["image"]["path"] == str(other)


def test_a_picture_of_the_users_is_never_overwritten(full_files, photo):
    before = photo.parent / "me.jpg"
    Image.open(photo).save(before)
    content = before.read_bytes()
    done = _run(before, "-o", photo.parent)
    assert done.returncode == 1
    assert b"choose another folder with -o" in done.stderr
    assert before.read_bytes() == content
    assert _run(before, "-o", photo.parent, "--no-overlay").returncode == 0


def test_every_kind_of_result_spares_the_pictures(full_files, photo):
    folder = photo.parent
    disguised = folder / "ok.json"
    Image.open(photo).save(disguised, "PNG")
    mask = folder / "ann.mask.0.png"
    Image.open(photo).save(mask)
    content = mask.read_bytes()
    assert _run(disguised, "-o", folder, "--no-overlay").returncode == 1
    assert _run(photo, mask, "-o", folder, "--masks").returncode == 1
    assert mask.read_bytes() == disguised.read_bytes() == content
    assert _listing(folder) == {"ann.png", "ok.json", "ann.mask.0.png"}


@pytest.mark.parametrize("name", ["ann.jpg", "ann.json"])
def test_a_file_that_is_no_result_is_not_replaced(full_files, photo, name):
    other = photo.parent / name
    other.write_bytes(b'{"mine": 1}')
    done = _run(photo, "-o", photo.parent)
    assert done.returncode == 1
    assert b"is there already and carries no mark of ours" in done.stderr
    assert other.read_bytes() == b'{"mine": 1}'


def test_masks_that_are_no_result_are_neither_replaced_nor_removed(full_files, photo):
    mine = [photo.parent / f"ann.mask.{i}.png" for i in (0, 1)]
    for path in mine:
        path.write_text("my own")
    assert _run(photo, "-o", photo.parent, "--masks").returncode == 1
    assert [path.read_text() for path in mine] == ["my own", "my own"]
    assert not (photo.parent / "ann.jpg").exists()  # refused before anything was written
    mine[0].unlink()
    assert _run(photo, "-o", photo.parent, "--masks").returncode == 1
    assert mine[1].read_text() == "my own"


def test_a_link_to_a_picture_is_not_replaced(full_files, photo, tmp_path):
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "ann.png").symlink_to(photo)
    (folder / "ann.mask.0.png").symlink_to(photo)
    assert _run(folder / "ann.png", folder / "ann.mask.0.png", "-o", folder, "--masks").returncode == 1
    assert (folder / "ann.mask.0.png").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_way_is_refused(full_files, photo, tmp_path):
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "ann.json")
    assert _run(photo, "-o", tmp_path / "out", "--no-overlay").returncode == 1


def test_letters_that_the_output_lacks_do_not_end_the_work(full_files, photo, tmp_path):
    photo.rename(photo.parent / "日本.png")
    narrow = os.environ | {"PYTHONIOENCODING": "cp1252"}
    command = _command(photo.parent, "-o", tmp_path / "out")
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, env=narrow)
    assert done.returncode == 0, done.stderr
    assert b"\\u65e5\\u672c.png: 1 person found" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_that_cannot_be_printed_does_not_end_the_work(full_files, photo, tmp_path, stream):
    for name in ("a.jpg", "b.jpg"):
        (photo.parent / name).write_text("no picture")
    (photo.parent / "z.png").symlink_to(photo)
    command = _command(photo.parent, "-o", tmp_path / "out", "--no-overlay")
    with Path("/dev/full").open("w") as full:
        subprocess.run(
            command,
            timeout=120,
            check=False,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full},
        )
    assert _listing(tmp_path / "out") == {"ann.json", "z.json"}


def test_results_of_an_earlier_run_are_replaced(full_files, photo, tmp_path):
    for poses, masks in ((None, "--masks"), (1, "--masks")):
        limit = [] if poses is None else ["--num-poses", poses]
        assert _run(photo, "-o", tmp_path / "out", masks, *limit).returncode == 0
    assert _listing(tmp_path / "out") == {"ann.jpg", "ann.json", "ann.mask.0.png"}


def test_a_reader_who_has_seen_enough_does_not_stop_the_work(full_files, photo, tmp_path):
    for i in range(30):
        (photo.parent / f"{i:02}.png").symlink_to(photo)
    command = _command(photo.parent, "-o", tmp_path / "out", "--no-overlay")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()
    assert process.returncode == 0, complaints
    assert complaints == b""
    assert len(_listing(tmp_path / "out")) == 31


def test_names_cannot_steer_the_terminal_nor_forge_lines(full_files, photo, tmp_path):
    strange = photo.parent / "a\x1b]0;owned\x07\nfailed: b[bold].png"
    photo.rename(strange)
    done = _run(strange, strange.parent / "z\x1b[2Jz.jpg", "-o", tmp_path / "out")
    for stream in (done.stdout, done.stderr):
        assert b"\x1b" not in stream
        assert b"\x07" not in stream
    assert b"a\\x1b]0;owned\\x07\\nfailed: b[bold].png: 1 person found" in done.stdout
    assert len(done.stderr.splitlines()) == 1


def test_a_name_that_is_no_text_is_a_name_like_any_other(full_files, photo, tmp_path):
    odd = Path(os.fsdecode(os.fsencode(photo.parent) + b"/caf\xe9.png"))
    photo.rename(odd)
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    command = _command(odd, "-o", tmp_path / "out")
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, env=strict)
    assert done.returncode == 0, done.stderr
    assert len(_listing(tmp_path / "out")) == 2


def test_a_long_name_whose_results_fit(full_files, photo, tmp_path):
    name = "n" * 246
    photo.rename(photo.parent / f"{name}.png")
    assert _run(photo.parent, "-o", tmp_path / "out").returncode == 0
    assert _listing(tmp_path / "out") == {f"{name}.jpg", f"{name}.json"}


def test_nothing_on_standard_input(full_files, tmp_path):
    done = _run("-", "-o", tmp_path / "out", stdin=b"")
    assert done.returncode == 1
    assert b"nothing came" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_an_interruption_is_heard_while_waiting_for_standard_input(full_files, tmp_path):
    command = _command("-", "-o", tmp_path / "out")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while not (tmp_path / "out").is_dir():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(1.5)  # the networks are open then
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130


def test_patterns_are_expanded(full_files, photo, tmp_path):
    result = _invoke(photo.parent / "*.png", "-o", tmp_path / "out", "--no-overlay")
    assert result.exit_code == 0
    assert _listing(tmp_path / "out") == {"ann.json"}


def test_a_folder_without_pictures(tmp_path):
    (tmp_path / "empty").mkdir()
    result = _invoke(tmp_path / "empty", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "no pictures and no videos in this folder" in result.stderr
    assert not (tmp_path / "out").exists()


def test_masks_and_limits(full_files, photo, tmp_path):
    result = _invoke(photo, "-o", tmp_path / "out", "--masks", "--num-poses", 1, "--threads", 1)
    assert result.exit_code == 0, result.output
    assert "ann.mask.0.png" in _listing(tmp_path / "out")
    result = _invoke(photo, "-o", tmp_path / "none", "--min-pose-detection-confidence", 1)
    assert json.loads((tmp_path / "none" / "ann.json").read_text())["instances"] == []


def test_a_users_own_bundle(lite_bundle, photo, tmp_path):
    result = _invoke(photo, "-o", tmp_path / "out", "--model", lite_bundle, "--offline")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "ann.json").read_text())["model"]["name"] == str(lite_bundle)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--num-poses", "0"], "--num-poses"),
        (["--min-pose-presence-confidence", "1.5"], "--min-pose-presence-confidence"),
        (["--threads", "0"], "--threads"),
    ],
)
def test_options_outside_their_range_are_usage_errors(photo, arguments, complaint):
    result = _invoke(photo, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_an_unknown_model_names_the_known_ones(photo, tmp_path):
    done = _run(photo, "--model", "gigantic", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert b"pose-full" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_result_folder_that_cannot_be_made(full_files, photo):
    done = _run(photo, "-o", photo / "out")
    assert done.returncode == 1
    assert b"cannot be made" in done.stderr


def test_a_result_that_cannot_be_written_is_counted(full_files, photo, tmp_path):
    out = tmp_path / "out"
    (out / "ann.json").mkdir(parents=True)
    done = _run(photo, "-o", out)
    assert done.returncode == 1
    assert b"is there already" in done.stderr
    assert not [path for path in out.iterdir() if path.suffix == ".part"]


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_an_interruption_leaves_whole_files_and_says_how_far_it_got(full_files, photo, tmp_path):
    for i in range(400):
        (photo.parent / f"{i:03}.png").symlink_to(photo)
    command = _command(photo.parent, "-o", tmp_path / "out")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not (tmp_path / "out").is_dir() or len(_listing(tmp_path / "out")) < 6:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted with" in out
    names = _listing(tmp_path / "out")
    assert len(names) < 800
    assert not [name for name in names if name.endswith(".part")]
    for name in names:
        if name.endswith(".json"):
            assert len(read_json(tmp_path / "out" / name)) == 1
