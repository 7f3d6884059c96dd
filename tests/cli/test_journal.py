import json
import os

import pytest

from vitruvian.cli.journal import JOURNAL, Entry, Journal
from vitruvian.errors import SinkError, SourceError


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a film")
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def _result(folder, name, content="landmarks"):
    path = folder / name
    path.write_text(content)
    return path


def test_what_is_done_is_known_again(clip, out):
    entry = Entry.of(str(clip), "clip", "options")
    assert Journal(out).done([entry, None]) == set()
    Journal(out).add(entry, [_result(out, "clip.jsonl"), _result(out, "clip.mp4")])
    assert Journal(out).done([entry, None]) == {entry}


def test_an_input_that_changed_is_another(clip, out):
    before = Entry.of(str(clip), "clip", "options")
    Journal(out).add(before, [_result(out, "clip.jsonl")])
    os.utime(clip, ns=(1, 1))
    assert Journal(out).done([Entry.of(str(clip), "clip", "options")]) == set()
    assert Entry.of(str(clip.with_name("gone")), "gone", "options") is None


@pytest.mark.parametrize(("name", "options"), [("clip", "others"), ("clip-2", "options")])
def test_other_options_and_other_names_are_not_done(clip, out, name, options):
    Journal(out).add(Entry.of(str(clip), "clip", "options"), [_result(out, "clip.jsonl")])
    assert Journal(out).done([Entry.of(str(clip), name, options)]) == set()


def test_results_that_are_gone_or_others_are_not_done(clip, out):
    entry = Entry.of(str(clip), "clip", "options")
    path = _result(out, "clip.jsonl")
    Journal(out).add(entry, [path])
    path.write_text("half of")
    assert Journal(out).done([entry]) == set()
    path.unlink()
    assert Journal(out).done([entry]) == set()


def test_a_result_belongs_to_the_last_input_that_wrote_it(clip, out):
    other = clip.with_name("other.mp4")
    other.write_bytes(b"another film")
    entries = [Entry.of(str(path), "clip", "options") for path in (clip, other)]
    for entry in entries:
        Journal(out).add(entry, [_result(out, "clip.jsonl")])
    assert Journal(out).done(entries) == {entries[1]}


def test_a_line_of_a_killed_process_counts_for_nothing_and_harms_none(clip, out):
    entry = Entry.of(str(clip), "clip", "options")
    Journal(out).add(entry, [_result(out, "clip.jsonl")])
    whole = (out / JOURNAL).read_bytes()
    (out / JOURNAL).write_bytes(whole + b"\xff[]\n" + whole[:40])
    assert Journal(out).done([entry]) == {entry}
    later = Entry.of(str(clip), "clip", "others")
    Journal(out).add(later, [out / "clip.jsonl"])
    assert Journal(out).done([entry, later]) == {later}
    assert json.loads((out / JOURNAL).read_bytes().splitlines()[-1])["options"] == "others"


def test_names_that_are_no_text(clip, out):
    odd = os.fsdecode(os.fsencode(clip.parent) + b"/caf\xe9.mp4")
    clip.rename(odd)
    entry = Entry.of(odd, "caf\udce9", "options")
    Journal(out).add(entry, [_result(out, "caf\udce9.jsonl")])
    assert Journal(out).done([entry]) == {entry}


def test_a_record_that_is_none_is_an_error_of_ours(clip, out):
    (out / JOURNAL).mkdir()
    entry = Entry.of(str(clip), "clip", "options")
    with pytest.raises(SinkError, match="cannot be written"):
        Journal(out).add(entry, [_result(out, "clip.jsonl")])
    with pytest.raises(SourceError, match="cannot be read"):
        Journal(out).done([entry])
