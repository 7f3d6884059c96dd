"""``--search``, ``--accuracy`` and ``--search-budget``, on real photos and on films that hold still."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import vitruvian
from vitruvian import read_json, read_jsonl
from vitruvian.cli import app
from vitruvian.cli.flags import Effort, LiveEffort, Precision
from vitruvian.cli.live import _settings
from vitruvian.options import ACCURACIES, SEARCHES

PEOPLE, HANDS = "ochuman_000817.jpg", "call_0e022ee9.jpg"  # a fast look finds two of three; one of two


def _invoke(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def _said(result) -> str:
    """Return what was complained about, on one line and without the frame around it."""
    return " ".join(result.stderr.replace("│", " ").split())


def _still_film(path: Path, photo: Path, frames: int = 4) -> Path:
    """Write a film of a photo, ten frames a second."""
    with Image.open(photo) as opened:
        picture = opened.convert("RGB").crop((0, 0, opened.width // 2 * 2, opened.height // 2 * 2))
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "12"})
        stream.width, stream.height = picture.size
        stream.pix_fmt = "yuv420p"
        for _ in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")))
        file.mux(stream.encode(None))
    return path


@pytest.fixture
def small(astronaut, tmp_path) -> Path:
    path = tmp_path / "ann.png"
    Image.open(astronaut).convert("RGB").resize((192, 192)).save(path)
    return path


def test_the_words_are_those_of_the_library():
    assert tuple(Effort) == SEARCHES
    assert tuple(LiveEffort) == tuple(word for word in SEARCHES if word != "auto")
    assert tuple(Precision) == ACCURACIES


def test_pictures_are_searched_thoroughly_unless_fast_is_said(full_files, eval_photos, tmp_path):
    photo = eval_photos / PEOPLE
    for count, flags in ((3, []), (2, ["--search", "fast"])):
        result = _invoke("pose", photo, "-o", tmp_path, "--no-overlay", *flags)
        assert result.exit_code == 0, result.output
        assert f"{count} people found" in result.output
    fast = read_json(tmp_path / "ochuman_000817.json").xy
    assert _invoke("pose", photo, "-o", tmp_path, "--no-overlay", *flags, "--accuracy", "high").exit_code == 0
    found = read_json(tmp_path / "ochuman_000817.json").xy
    with vitruvian.pose(full_files, search="fast", accuracy="high") as body:
        np.testing.assert_allclose(found, body.estimate(vitruvian.read_image(photo)).xy, atol=1e-3)
    assert np.abs(found - fast).max() > 1


def test_hands_are_searched_thoroughly_unless_fast_is_said(hands_files, hand_photos, tmp_path):
    points = []
    for count, flags in ((2, []), (1, ["--search", "fast"]), (1, ["--search", "fast", "--accuracy", "high"])):
        result = _invoke("hands", hand_photos / HANDS, "-o", tmp_path, "--no-overlay", *flags)
        assert result.exit_code == 0, result.output
        points.append(read_json(tmp_path / "call_0e022ee9.json").xy)
        assert len(points[-1]) == count
    assert 0.01 < np.abs(points[2] - points[1]).max() < 10


@pytest.mark.parametrize(
    ("arguments", "complaints"),
    [
        (["pose", "x.jpg", "--search", "slow"], ["--search", "'auto', 'fast', 'thorough'"]),
        (["hands", "x.jpg", "--search", "slow"], ["--search", "'auto', 'fast', 'thorough'"]),
        (["live", "--search", "auto"], ["--search", "'fast', 'thorough'"]),
        (["live", "--search-budget", "20"], ["--search-budget", "add --search thorough"]),
        (["pose", "x.jpg", "--accuracy", "low"], ["--accuracy", "'normal', 'high'"]),
        (["hands", "x.jpg", "--accuracy", "low"], ["--accuracy", "'normal', 'high'"]),
        (
            ["pose", "x.mp4", "--search", "thorough", "--search-budget", "-1"],
            ["--search-budget", "greater than or equal to 0"],
        ),
        (["pose", "x.mp4", "--search-budget", "20"], ["--search-budget", "add --search thorough"]),
        (
            ["hands", "x.mp4", "--search", "fast", "--search-budget", "20"],
            ["--search-budget", "add --search thorough"],
        ),
        (
            ["hands", "x.jpg", "--original-region", "--search", "thorough"],
            ["--original-region", "--search thorough would change"],
        ),
        (
            ["hands", "x.jpg", "--original-region", "--accuracy", "high"],
            ["--original-region", "--accuracy high would change"],
        ),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments, complaints):
    result = _invoke(*arguments)
    assert result.exit_code == 2
    for words in complaints:
        assert words in _said(result)


def test_a_film_is_searched_within_its_budget(full_files, eval_photos, tmp_path):
    film = _still_film(tmp_path / "crowd.mp4", eval_photos / PEOPLE)
    thorough = ["--search", "thorough", "--search-budget"]
    for people, budget in ((2, 0), (3, 5000)):
        result = _invoke("pose", film, "-o", tmp_path / "out", "--no-overlay", *thorough, budget)
        assert result.exit_code == 0, result.output
        assert f" 4 frames, {people} people, " in result.output
        assert len(list(read_jsonl(tmp_path / "out" / "crowd.jsonl"))[-1][1]) == people


def test_a_film_of_hands_is_searched_too(hands_files, hand_photos, tmp_path):
    film = _still_film(tmp_path / "call.mp4", hand_photos / HANDS)
    for more, flags in ((False, []), (True, ["--search", "thorough", "--search-budget", 5000])):
        result = _invoke("hands", film, "-o", tmp_path / "out", "--no-overlay", *flags)
        assert result.exit_code == 0, result.output
        found = list(read_jsonl(tmp_path / "out" / "call.jsonl"))[-1][1]
        assert (len(found) > 1) == more


def test_what_is_searched_otherwise_is_done_again(full_files, small, tmp_path):
    film = _still_film(tmp_path / "ann.mp4", small, 2)
    same = ["pose", small, film, "-o", tmp_path / "out", "--resume", "--no-overlay", "--json-summary"]
    runs = [
        ([], 2),
        (["--search", "auto", "--accuracy", "normal"], 0),  # these are the defaults
        (["--search", "thorough"], 2),
        (["--search", "thorough", "--accuracy", "high"], 2),
        (["--search", "thorough", "--accuracy", "high", "--search-budget", 8], 0),  # that is the default, too
        (["--search", "thorough", "--accuracy", "high", "--search-budget", 3], 1),  # not about pictures
    ]
    for flags, count in runs:
        result = _invoke(*same, *flags)
        assert result.exit_code == 0, result.output
        summary = json.loads(result.stdout)
        assert (summary["done"], summary["skipped"]) == (count, 2 - count), flags


@pytest.mark.parametrize("case", [(False, 0, 2), (False, 5000, 3), (True, 5000, 2)])
def test_a_live_search_takes_its_budget(full_files, hands_files, eval_photos, hand_photos, tmp_path, case):
    hands, budget, least = case
    film = _still_film(tmp_path / "live.mp4", hand_photos / HANDS if hands else eval_photos / PEOPLE, 10)
    flags = ["--search", "thorough", "--search-budget", budget, *(["--hands"] if hands else [])]
    result = _invoke("live", "--url", film, "--no-page", "-o", tmp_path / "out", *flags)
    assert result.exit_code == 0, result.output
    (lines,) = (tmp_path / "out").iterdir()
    most = max(len(found) for _, found in read_jsonl(lines))
    assert most >= least if budget else most == least


def test_a_live_search_is_fast_unless_thorough_is_said():
    for search in LiveEffort:
        bodies = _settings(None, None, search, hands=False, mirrored=False)
        hands = _settings(None, None, search, hands=True, mirrored=False)
        assert bodies.search == hands.search == search
