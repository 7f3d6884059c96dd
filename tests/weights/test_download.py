from __future__ import annotations

import io
import json
import urllib.request
from http.client import HTTPMessage
from typing import TYPE_CHECKING

import pytest

from vitruvian.errors import WeightsError
from vitruvian.weights.download import Limits, _Redirects, download
from vitruvian.weights.fetching import FetchError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Server

BODY = bytes(range(256)) * 1024
OTHER = BODY[::-1]
QUICK = Limits(timeout=2.0, waits=(0.01, 0.01))


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "pose.task.part"


def left_over(part: Path) -> list[str]:
    return sorted(path.name for path in part.parent.iterdir())


def failure(url: str, part: Path, limits: Limits = QUICK) -> str:
    with pytest.raises(FetchError) as caught:
        download(url, part, limits=limits)
    return str(caught.value)


@pytest.mark.parametrize("chunked", [False, True])
def test_the_content_arrives_and_nothing_stays_behind(server: Server, part: Path, *, chunked: bool) -> None:
    server.reply(BODY, chunked=chunked)
    assert download(server.url, part) == BODY
    assert left_over(part) == []
    assert "Range" not in server.requests[0]


def test_progress_grows_to_the_total(server: Server, part: Path) -> None:
    server.reply(BODY)
    reports: list[tuple[str, int, int | None]] = []
    download(server.url, part, progress=lambda *report: reports.append(report))
    assert {(name, total) for name, _, total in reports} == {("pose.task", len(BODY))}
    done = [bytes_done for _, bytes_done, _ in reports]
    assert done == sorted(done)
    assert len(done) > 1
    assert done[-1] == len(BODY)


def test_progress_without_a_known_total(server: Server, part: Path) -> None:
    server.reply(BODY, chunked=True)
    totals = set()
    download(server.url, part, progress=lambda _, __, total: totals.add(total))
    assert totals == {None}


def test_a_slow_server_is_waited_for(server: Server, part: Path) -> None:
    server.reply(BODY, pause=0.05)
    assert download(server.url, part, limits=Limits(timeout=0.5, waits=())) == BODY


def test_a_server_that_falls_silent_is_given_up(server: Server, part: Path) -> None:
    server.reply(BODY, pause=0.5)
    assert "broke off (timed out)" in failure(server.url, part, Limits(timeout=0.1, waits=()))


def test_a_connection_that_breaks_off_goes_on_where_it_was(server: Server, part: Path) -> None:
    server.reply(BODY, cut_after=100_000)
    server.reply(BODY, cut_after=50_000)
    server.reply(BODY)
    assert download(server.url, part, limits=QUICK) == BODY
    assert [request.get("Range") for request in server.requests] == [None, "bytes=100000-", "bytes=150000-"]
    assert [request.get("If-Range") for request in server.requests] == [None, '"one"', '"one"']


def test_a_later_call_goes_on_where_an_earlier_one_failed(server: Server, part: Path) -> None:
    server.reply(BODY, cut_after=100_000)
    assert "100,000 of 262,144 bytes" in failure(server.url, part, Limits(waits=()))
    assert left_over(part) == ["pose.task.part", "pose.task.part.json"]
    server.replies.clear()
    server.reply(BODY)
    assert download(server.url, part) == BODY
    assert server.requests[-1]["Range"] == "bytes=100000-"
    assert left_over(part) == []


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_strong_tag_it_starts_again(server: Server, part: Path, etag: str | None) -> None:
    server.reply(BODY, etag=etag, cut_after=100_000)
    server.reply(BODY, etag=etag)
    assert download(server.url, part, limits=QUICK) == BODY
    assert [request.get("Range") for request in server.requests] == [None, None]


def test_without_a_strong_tag_nothing_stays_behind_a_failure(server: Server, part: Path) -> None:
    server.reply(BODY, etag=None, cut_after=100_000)
    failure(server.url, part)
    assert left_over(part) == []


def test_another_version_on_the_server_starts_again(server: Server, part: Path) -> None:
    server.reply(BODY, cut_after=100_000)
    server.reply(OTHER, etag='"two"')
    assert download(server.url, part, limits=QUICK) == OTHER
    assert server.requests[1]["If-Range"] == '"one"'


def test_a_rest_of_another_version_is_not_appended(server: Server, part: Path) -> None:
    server.reply(BODY, cut_after=100_000)
    server.reply(OTHER, etag='"two"', if_range=False)
    assert download(server.url, part, limits=QUICK) == OTHER
    assert [request.get("Range") for request in server.requests] == [None, "bytes=100000-", None]


def test_a_server_that_ignores_the_range_starts_again(server: Server, part: Path) -> None:
    server.reply(BODY, cut_after=100_000)
    server.reply(BODY, ranges=False)
    assert download(server.url, part, limits=QUICK) == BODY
    assert "Range" in server.requests[1]


def test_a_part_longer_than_the_file_starts_again(server: Server, part: Path) -> None:
    part.write_bytes(BODY + b"more")
    part.with_name("pose.task.part.json").write_text(json.dumps({"etag": '"one"'}))
    server.reply(BODY)
    assert download(server.url, part, limits=QUICK) == BODY
    assert [request.get("Range") for request in server.requests] == ["bytes=262148-", None]


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"etag": 1}', "\xff"])
def test_a_part_with_a_broken_record_starts_again(server: Server, part: Path, record: str) -> None:
    part.write_bytes(b"something else")
    part.with_name("pose.task.part.json").write_text(record, encoding="latin-1")
    server.reply(BODY)
    assert download(server.url, part) == BODY


def test_a_content_length_that_is_too_long_is_an_error(server: Server, part: Path) -> None:
    server.reply(BODY, length=len(BODY) + 10, ranges=False)
    assert "262,144 of 262,154 bytes (at the last of 3 attempts)" in failure(server.url, part)
    assert len(server.requests) == 3


def test_a_content_length_that_is_too_short_ends_the_content(server: Server, part: Path) -> None:
    server.reply(BODY, length=1000)
    assert download(server.url, part) == BODY[:1000]


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (204, 1), (500, 3), (503, 3), (429, 3)])
def test_a_status_is_named_and_only_passing_ones_are_tried_again(
    server: Server, part: Path, status: int, requests: int
) -> None:
    server.reply(b"", status=status)
    assert f"the server answered {status} " in failure(server.url, part)
    assert len(server.requests) == requests
    assert left_over(part) == []


def test_a_server_that_recovers_is_enough(server: Server, part: Path) -> None:
    server.reply(b"", status=500)
    server.reply(BODY)
    assert download(server.url, part, limits=QUICK) == BODY


@pytest.mark.parametrize("chunked", [False, True])
def test_too_many_bytes_are_refused(server: Server, part: Path, *, chunked: bool) -> None:
    server.reply(BODY, chunked=chunked)
    assert "larger than the 1,000 bytes" in failure(server.url, part, Limits(size=1000))
    assert left_over(part) == []


def test_nobody_listening_is_an_error(server: Server, part: Path) -> None:
    closed = server.url.replace(server.url.split(":")[2].split("/")[0], "1")
    assert "no connection" in failure(closed, part)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/pose.task",
        "http://127.0.0.1.example.com/pose.task",
        "file:///etc/passwd",
        "ftp://127.0.0.1/pose.task",
        "data:,x",
        "pose.task",
        "",
    ],
)
def test_only_https_or_loopback_is_asked(part: Path, url: str) -> None:
    assert "is not an https address" in failure(url, part)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_followed(server: Server, part: Path, status: int) -> None:
    server.reply(status=status, location="/elsewhere.task")
    server.reply(BODY)
    assert download(server.url, part) == BODY


@pytest.mark.parametrize("location", ["http://example.com/x", "ftp://127.0.0.1/x"])
def test_a_redirection_does_not_leave_https_or_this_machine(
    server: Server, part: Path, location: str
) -> None:
    server.reply(status=302, location=location)
    assert f"{location}, where {server.url} leads, is not an https address" in failure(server.url, part)


def test_a_redirection_does_not_read_files(server: Server, part: Path) -> None:
    server.reply(status=302, location="file:///etc/passwd")
    assert "'file:///etc/passwd' is not allowed" in failure(server.url, part)


def test_a_redirection_does_not_go_down_from_https() -> None:
    request = urllib.request.Request("https://example.com/a")
    follow = _Redirects().redirect_request
    with pytest.raises(FetchError, match="is not an https address"):
        follow(request, io.BytesIO(), 302, "Found", HTTPMessage(), "http://127.0.0.1/b")
    assert follow(request, io.BytesIO(), 302, "Found", HTTPMessage(), "https://example.com/b")


def test_endless_redirections_end(server: Server, part: Path) -> None:
    server.reply(status=302, location="/again")
    assert "answered 302" in failure(server.url, part)


def test_an_interruption_keeps_what_can_be_gone_on_from(server: Server, part: Path) -> None:
    server.reply(BODY)

    def interrupt(_: str, done: int, __: int | None) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, part, progress=interrupt)
    kept = part.stat().st_size
    assert BODY[:kept] == part.read_bytes()
    assert download(server.url, part) == BODY
    assert server.requests[-1]["Range"] == f"bytes={kept}-"


def test_an_interruption_without_a_tag_leaves_nothing(server: Server, part: Path) -> None:
    server.reply(BODY, etag=None)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, part, progress=interrupt)
    assert left_over(part) == []


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    server.reply(BODY)
    folder = tmp_path / "nowhere"
    with pytest.raises(WeightsError, match=r"nowhere: the folder cannot be written to .* --cache"):
        download(server.url, folder / "pose.task.part")
