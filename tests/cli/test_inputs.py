import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vitruvian.cli.inputs import Found, expand, names
from vitruvian.sinks.mask import MASK_MARK
from vitruvian.sinks.overlay import OVERLAY_MARK
from vitruvian.sinks.video import VIDEO_MARK


def test_files_folders_and_patterns_in_the_order_given(tmp_path):
    for name in ("b.jpg", "a.PNG", "c.txt", "d.webp", "e.MOV"):
        (tmp_path / name).touch()
    folder = str(tmp_path)
    found = expand([f"{folder}/d.webp", folder, f"{folder}/*.txt", "-"])
    assert [path.rpartition("/")[2] for path in found.paths] == [
        "d.webp", "a.PNG", "b.jpg", "e.MOV", "c.txt", "-"
    ]  # fmt: skip
    assert (found.errors, found.skipped) == ([], 0)


def test_a_file_with_an_ending_that_says_nothing_is_a_picture_until_it_is_a_video(tmp_path):
    """So that what is neither is reported as before, and a damaged picture is one."""
    Image.new("RGB", (8, 8)).save(tmp_path / "shot", "PNG")
    whole = (tmp_path / "shot").read_bytes()
    (tmp_path / "torn").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("neither")
    places = [str(tmp_path / name) for name in ("shot", "torn", "notes.txt", "nowhere")]
    assert [one.video for one in names(places)] == [False] * 4


def test_what_stands_for_nothing_is_an_error_each(tmp_path):
    found = expand([str(tmp_path / "no.jpg"), str(tmp_path / "*.jpg"), str(tmp_path)])
    assert found.paths == []
    assert [str(error).rpartition(": ")[2][:20] for error in found.errors] == [
        "there is no such fil",
        "no file matches this",
        "no pictures and no v",
    ]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    path = tmp_path / "a[1].jpg"
    path.touch()
    assert expand([str(path)]) == Found([str(path)])


def test_a_file_given_twice_counts_once(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    assert expand(["a.jpg", "./a.jpg", str(tmp_path / "a.jpg")]) == Found(["a.jpg"])


@pytest.mark.parametrize("given", ["x" * 300, "a\0b.jpg"])
def test_a_name_that_cannot_be_is_an_error_like_any_other(given):
    found = expand([given])
    assert found.paths == []
    assert "cannot be read" in str(found.errors[0])


def test_a_folder_that_may_not_be_searched(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.stat", refuse)
    found = expand([str(tmp_path / "a.jpg")])
    assert found.paths == []
    assert "Permission denied" in str(found.errors[0])


def test_what_we_drew_is_left_out_unless_it_is_named(tmp_path):
    (tmp_path / "mine.jpg").write_bytes(b"holiday")
    for name, content in (
        ("drawn.jpg", b"\xff\xd8" + OVERLAY_MARK),
        ("mask.png", b"PNG" + MASK_MARK),
        ("film.mp4", bytes(9000) + VIDEO_MARK + bytes(9)),
    ):
        (tmp_path / name).write_bytes(content)
    for words in ([str(tmp_path)], [str(tmp_path / "*")], [str(tmp_path), str(tmp_path / "*")]):
        assert expand(words) == Found([str(tmp_path / "mine.jpg")], skipped=3)
    named = str(tmp_path / "drawn.jpg")
    assert expand([named, str(tmp_path)]) == Found([named, str(tmp_path / "mine.jpg")], skipped=2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_sent_to_standard_input(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "give -" in str(expand([str(tmp_path / "pipe.jpg")]).errors[0])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/x.jpg", "b/x.jpg"], ["x", "x-2"]),
        (["x.jpg", "x.png", "x-2.jpg"], ["x", "x-3", "x-2"]),
        (["X.jpg", "x.jpg"], ["X", "x-2"]),
        (["-", "stdin.jpg"], ["stdin", "stdin-2"]),
        (["x.jpg", "x.mp4", "x.mov", "x.png"], ["x", "x", "x-2", "x-2"]),
    ],
)
def test_names(paths, expected):
    assert [picture.name for picture in names(paths)] == expected


@given(
    st.lists(st.sampled_from(["x.jpg", "X.png", "x-2.jpg", "x-2-2.png", "a/x.jpg", "x-3.gif"]), unique=True)
)
def test_no_two_pictures_share_a_name(paths):
    given_names = [picture.name.casefold() for picture in names(paths)]
    assert len(set(given_names)) == len(paths)


def test_an_empty_name_is_not_the_folder_we_are_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").touch()
    found = expand([""])
    assert found.paths == []
    assert "a name is empty" in str(found.errors[0])


def test_a_link_that_leads_nowhere_is_found_to_be_reported(tmp_path):
    (tmp_path / "x.jpg").symlink_to("nowhere.jpg")
    assert expand([str(tmp_path)]).paths == [str(tmp_path / "x.jpg")]
    assert expand([str(tmp_path / "*.jpg")]).paths == [str(tmp_path / "x.jpg")]
