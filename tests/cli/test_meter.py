import io

import pytest
from rich.console import Console
from rich.progress import Progress

from vitruvian.cli import meter as meters
from vitruvian.cli.meter import Meter, metering


def _bar() -> Progress:
    return Progress(console=Console(file=io.StringIO(), force_terminal=True), auto_refresh=False)


def test_an_estimate_that_was_too_low_never_shows_more_than_all():
    bar = _bar()
    meter = Meter(bar, files=2)
    meter.video("clip", total=3)
    for frame in range(5):
        meter.frame()
        task = bar.tasks[-1]
        assert (task.completed, task.total) == (frame + 1, max(3, frame + 1))
    assert task.percentage == 100


def test_files_are_counted_and_a_video_that_is_done_is_taken_away():
    bar = _bar()
    meter = Meter(bar, files=2)
    meter.video("clip", total=None)
    meter.frame()
    assert [task.fields["unit"] for task in bar.tasks] == ["files", "frames"]
    meter.file("before")
    assert len(bar.tasks) == 2
    meter.end()
    meter.file("clip")
    (files,) = bar.tasks
    assert (files.completed, files.description) == (2, "clip")


@pytest.mark.parametrize(("total", "line"), [(4, "clip: 2 of about 4 frames, "), (None, "clip: 2 frames, ")])
def test_where_there_is_no_terminal_a_line_comes_now_and_then(monkeypatch, capsys, total, line):
    moments = iter([0.0, 5.0, 11.0, 11.0])
    monkeypatch.setattr(meters.time, "monotonic", lambda: next(moments))
    said = []
    monkeypatch.setattr(meters, "complain", said.append)
    with metering(1) as meter:
        meter.video("clip", total)
        meter.frame()
        assert said == []
        meter.frame()
    (said_line,) = said
    assert said_line.startswith(line)
    assert said_line.endswith("0:00:11 left" if total else "0 frames/s")
