import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitruvian.cli.inputs import expand, names


def test_files_folders_and_patterns_in_the_order_given(tmp_path):
    for name in ("b.jpg", "a.PNG", "c.txt", "d.webp"):
        (tmp_path / name).touch()
    folder = str(tmp_path)
    paths, errors = expand([f"{folder}/d.webp", folder, f"{folder}/*.txt", "-"])
    assert [path.rpartition("/")[2] for path in paths] == ["d.webp", "a.PNG", "b.jpg", "c.txt", "-"]
    assert errors == []


def test_what_stands_for_nothing_is_an_error_each(tmp_path):
    paths, errors = expand([str(tmp_path / "no.jpg"), str(tmp_path / "*.jpg"), str(tmp_path)])
    assert paths == []
    assert [str(error).rpartition(": ")[2][:20] for error in errors] == [
        "there is no such fil",
        "no file matches this",
        "no pictures in this ",
    ]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    path = tmp_path / "a[1].jpg"
    path.touch()
    assert expand([str(path)]) == ([str(path)], [])


def test_a_file_given_twice_counts_once(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    assert expand(["a.jpg", "./a.jpg", str(tmp_path / "a.jpg")]) == (["a.jpg"], [])


@pytest.mark.parametrize("given", ["x" * 300, "a\0b.jpg"])
def test_a_name_that_cannot_be_is_an_error_like_any_other(given):
    paths, (error,) = expand([given])
    assert paths == []
    assert "cannot be read" in str(error)


def test_a_folder_that_may_not_be_searched(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.stat", refuse)
    paths, (error,) = expand([str(tmp_path / "a.jpg")])
    assert paths == []
    assert "Permission denied" in str(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_sent_to_standard_input(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    _, (error,) = expand([str(tmp_path / "pipe.jpg")])
    assert "give -" in str(error)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/x.jpg", "b/x.jpg"], ["x", "x-2"]),
        (["x.jpg", "x.png", "x-2.jpg"], ["x", "x-3", "x-2"]),
        (["X.jpg", "x.jpg"], ["X", "x-2"]),
        (["-", "stdin.jpg"], ["stdin", "stdin-2"]),
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
