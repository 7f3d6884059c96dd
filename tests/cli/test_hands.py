"""``vitruvian hands`` as a person uses it: real processes, real photos and a real film of a hand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import vitruvian
from vitruvian import read_csv, read_json, read_jsonl, read_npz, read_parquet, smooth_offline
from vitruvian.cli import app
from vitruvian.cli.journal import JOURNAL
from vitruvian.recording import Recording
from vitruvian.sources.video import VideoSource

ONE, TWO = "rock_026fd791.jpg", "none_00c84257.jpg"  # with so many hands
FAST = ("--search", "fast")  # what the search finds is told in test_search


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "vitruvian", "hands", *FAST, *map(str, arguments)]


def _run(*arguments: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(_command(*arguments), input=stdin, capture_output=True, timeout=120, check=False)


def _invoke(*arguments: object):
    return CliRunner().invoke(app, ["hands", *FAST, *map(str, arguments)])


def _listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {JOURNAL}


def _sides(path: Path) -> list[str]:
    return [one["handedness"] for one in json.loads(path.read_text())["instances"]]


@pytest.fixture
def folder(hand_photos, tmp_path) -> Path:
    """A folder with two photos and what is none."""
    place = tmp_path / "in"
    place.mkdir()
    for name in (ONE, TWO):
        shutil.copy(hand_photos / name, place)
    (place / "broken.jpg").write_bytes((hand_photos / ONE).read_bytes()[:1000])
    return place


def test_a_photo_leaves_an_overlay_and_a_json(hands_files, hand_photos, tmp_path):
    done = _run(hand_photos / TWO, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    name = Path(TWO).stem
    assert _listing(tmp_path) == {f"{name}.jpg", f"{name}.json"}
    assert b": 2 hands found -> " in done.stdout
    assert b"1 of 1 pictures done, 2 hands found; " in done.stdout
    data = json.loads((tmp_path / f"{name}.json").read_text())
    assert data["skeleton"] == "hand21"
    assert sorted(one["handedness"] for one in data["instances"]) == ["left", "right"]
    assert all(0.5 <= one["handedness_score"] <= 1 for one in data["instances"])
    assert {one["keypoint_scores"] for one in data["instances"]} == {None}
    with Image.open(tmp_path / f"{name}.jpg") as overlay, Image.open(hand_photos / TWO) as photo:
        changed = np.abs(np.asarray(overlay).astype(int) - np.asarray(photo)).max(axis=2) > 60
    assert 0.005 < changed.mean() < 0.1


def test_what_is_written_is_what_the_library_finds(hands_full, hand_photos, tmp_path):
    result = _invoke(hand_photos / TWO, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    expected = hands_full.estimate(vitruvian.read_image(hand_photos / TWO))
    back = read_json(tmp_path / TWO.replace("jpg", "json"))
    for column in ("xy", "box", "box_score", "depth", "world", "handedness"):
        np.testing.assert_allclose(getattr(back, column), getattr(expected, column), atol=1e-3)
    assert back.score is None


def test_the_original_s_region_gives_the_original_s_results(hands_files, hand_photos, tmp_path):
    result = _invoke(hand_photos / ONE, "-o", tmp_path, "--original-region")
    assert result.exit_code == 0, result.output
    with vitruvian.hands(hands_files, upright=False, looks=1, search="fast") as original:
        expected = original.estimate(vitruvian.read_image(hand_photos / ONE))
    assert len(expected) == 1
    assert np.abs(read_json(tmp_path / ONE.replace("jpg", "json")).xy - expected.xy).max() < 1e-3


def test_a_mirrored_picture_changes_sides_only_if_that_is_said(hands_files, hand_photos, tmp_path):
    with Image.open(hand_photos / TWO) as photo:
        photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "selfie.png")
    assert _invoke(hand_photos / TWO, "-o", tmp_path / "as-is", "--no-overlay").exit_code == 0
    before = _sides(tmp_path / "as-is" / TWO.replace("jpg", "json"))
    other = {"left": "right", "right": "left"}
    for flags, expected in (([], [other[side] for side in before]), (["--mirrored"], before)):
        result = _invoke(tmp_path / "selfie.png", "-o", tmp_path / "out", "--no-overlay", *flags)
        assert result.exit_code == 0, result.output
        assert sorted(_sides(tmp_path / "out" / "selfie.json")) == sorted(expected)
    top = json.loads((tmp_path / "as-is" / TWO.replace("jpg", "json")).read_text())["instances"][0]
    found = json.loads((tmp_path / "out" / "selfie.json").read_text())["instances"]
    width = photo.size[0]
    nearest = min(found, key=lambda one: abs(width - one["keypoints"][0][0] - top["keypoints"][0][0]))
    assert nearest["handedness"] == top["handedness"]


def test_folders_standard_input_and_the_summary(hands_files, hand_photos, folder, tmp_path):
    done = _run(folder, tmp_path / "nowhere.jpg", "-o", tmp_path / "out", "--json-summary", "--no-overlay")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert list(summary) == [
        "folder", "pictures", "videos", "done", "skipped", "hands", "failed", "clips", "seconds",
        "interrupted",
    ]  # fmt: skip
    assert (summary["pictures"], summary["done"], summary["hands"]) == (4, 2, 3)
    assert {Path(one["path"]).name for one in summary["failed"]} == {"nowhere.jpg", "broken.jpg"}
    done = _run("-", "-o", tmp_path / "piped", stdin=(hand_photos / ONE).read_bytes())
    assert done.returncode == 0, done.stderr
    assert b"1 hand found" in done.stdout
    assert _listing(tmp_path / "piped") == {"stdin.jpg", "stdin.json"}


def test_limits_and_thresholds(hands_files, hand_photos, tmp_path):
    result = _invoke(hand_photos / TWO, "-o", tmp_path / "one", "--num-hands", 1, "--threads", 1)
    assert "1 hand found" in result.output
    for flag in ("--min-hand-detection-confidence", "--min-hand-presence-confidence"):
        result = _invoke(hand_photos / TWO, "-o", tmp_path / "none", flag, 1)
        assert "0 hands found" in result.output


def test_a_lying_picture(hands_full, hand_photos, tmp_path):
    with Image.open(hand_photos / ONE) as photo:
        photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png")
        width = photo.size[0]
    assert _invoke(tmp_path / "side.png", "-o", tmp_path / "out", "--rotate", 90).exit_code == 0
    x, y = hands_full.estimate(vitruvian.read_image(hand_photos / ONE)).xy[0].T
    found = read_json(tmp_path / "out" / "side.json").xy[0]
    assert np.abs(found - np.stack([y, width - x], axis=1)).max() < 3


def test_the_folder_of_hands_is_another_than_that_of_poses(
    hands_files, full_files, hand_photos, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for command in ("hands", "pose"):
        result = CliRunner().invoke(app, [command, str(hand_photos / ONE)])
        assert result.exit_code == 0, result.output
    skeletons = [
        json.loads(path.read_text())["skeleton"] for path in sorted(tmp_path.glob("vitruvian-*/*.json"))
    ]
    assert skeletons == ["hand21", "body33"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--num-hands", "0"], "--num-hands"),
        (["--min-hand-presence-confidence", "1.5"], "--min-hand-presence-confidence"),
        (["--rotate", "45"], "a multiple of 90"),
        (["--start", "3", "--end", "2"], "the end must come after the start"),
        (["--masks"], "No such option"),
    ],
)
def test_options_outside_their_range_are_usage_errors(tmp_path, arguments, complaint):
    result = _invoke(tmp_path / "photo.jpg", *arguments)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.replace("│", " ").split())


def test_a_model_for_something_else_is_refused(hands_files, hand_photos, tmp_path):
    done = _run(hand_photos / ONE, "-o", tmp_path / "out", "--model", "pose-full")
    assert done.returncode == 1
    assert b"pose-full is a model for pose, not for hands" in done.stderr
    assert b"hands-lite" in done.stderr


def test_help_teaches():
    result = CliRunner().invoke(app, ["hands", "--help"], env={"COLUMNS": "80"})
    text = " ".join(result.output.split())
    for words in (
        "vitruvian hands photo.jpg",
        "--mirrored",
        "person's own",
        "vitruvian hands - --no-overlay",
    ):
        assert words in text
    assert "hands" in CliRunner().invoke(app, ["--help"]).output


def test_a_film_of_a_hand(hands_full, hand_clip, tmp_path):
    done = _run(hand_clip, "-o", tmp_path, "--end", 2)
    assert done.returncode == 0, done.stderr
    assert _listing(tmp_path) == {"hand_open_palm.mp4", "hand_open_palm.jsonl"}
    assert b" frames, 1 hand, " in done.stdout
    assert b"1 of 1 videos done, 1 hand found" in done.stdout
    recording = read_jsonl(tmp_path / "hand_open_palm.jsonl")
    with VideoSource(hand_clip, end=2) as source:
        expected = Recording.of(hands_full.stream(source))
    assert recording.stamps == expected.stamps
    assert np.abs(recording.landmarks.xy - expected.landmarks.xy).max() < 0.01
    assert np.abs(recording.landmarks.handedness - expected.landmarks.handedness).max() < 1e-5
    assert set(recording.landmarks.track_id.tolist()) == {0}
    pictures = []
    for path in (tmp_path / "hand_open_palm.mp4", hand_clip):
        with av.open(str(path)) as file:
            *_, last = (frame for frame in file.decode(video=0) if frame.time < 2)
            pictures.append(last.to_ndarray(format="rgb24").astype(int))
    assert (np.abs(pictures[0] - pictures[1]) > 60).any(axis=2).sum() > 500  # a hand was drawn there


def test_every_format(hands_files, hand_clip, tmp_path):
    formats = ["--format", "jsonl,csv,parquet,npz,coco,trc,c3d"]
    result = _invoke(hand_clip, "-o", tmp_path, "--no-overlay", "--end", 1, *formats)
    assert result.exit_code == 0, result.output
    stem = "hand_open_palm"
    names = {f"{stem}.{end}" for end in ("jsonl", "csv", "parquet", "npz", "coco.json", "0.trc", "0.c3d")}
    assert _listing(tmp_path) == names
    expected = read_jsonl(tmp_path / f"{stem}.jsonl").landmarks
    for read, end in ((read_csv, "csv"), (read_parquet, "parquet"), (read_npz, "npz")):
        back = read(tmp_path / f"{stem}.{end}").landmarks
        for column in ("xy", "world", "handedness", "track_id"):
            np.testing.assert_allclose(getattr(back, column), getattr(expected, column), atol=1e-3)
    assert "right_wrist\t" in (tmp_path / f"{stem}.0.trc").read_text()
    coco = json.loads((tmp_path / f"{stem}.coco.json").read_text())
    assert {one["handedness"] for one in coco} == {"right"}
    assert {len(one["keypoints"]) for one in coco} == {63}


def test_offline_smoothing_takes_two_passes(hands_full, hand_clip, tmp_path):
    result = _invoke(hand_clip, "-o", tmp_path, "--end", 1, "--smoothing", "offline", "--json-summary")
    assert result.exit_code == 0, result.output
    with VideoSource(hand_clip, end=1) as source:
        expected = smooth_offline(Recording.of(hands_full.stream(source, smoothing="off")))
    recording = read_jsonl(tmp_path / "hand_open_palm.jsonl")
    assert np.abs(recording.landmarks.xy - expected.landmarks.xy).max() < 0.01
    summary = json.loads(result.stdout)
    (clip,) = summary["clips"]
    assert list(clip) == ["path", "frames", "failed_frames", "hands", "seconds", "fps", "interrupted"]
    assert (clip["frames"], clip["hands"], summary["hands"]) == (len(recording), 1, 1)


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_an_interruption_leaves_valid_files_and_resume_begins_again(hands_files, hand_clip, folder, tmp_path):
    shutil.copy(hand_clip, folder / "z.mp4")
    (folder / "broken.jpg").unlink()
    out = tmp_path / "out"
    command = _command(folder, "-o", out, "--resume")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not (out / "z.jsonl").exists() or (out / "z.jsonl").read_bytes().count(b"\n") < 5:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"2 of 3 files done, 3 hands found, interrupted with 1 left" in said
    lines = (out / "z.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(len(lines)))
    assert not [name for name in _listing(out) if name.endswith(".part")]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert b"1 of 3 files done, 2 done before, 1 hand found" in done.stdout
    assert len(read_jsonl(out / "z.jsonl")) == 202
    done = _run(folder, "-o", out, "--resume", "--mirrored", "--end", 0.2)
    assert b"3 of 3 files done, 4 hands found" in done.stdout  # with other options, all is to be done again
