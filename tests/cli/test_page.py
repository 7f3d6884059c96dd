"""The page of ``vitruvian live``, visited over real connections."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import numpy as np
import pytest
from PIL import Image

from vitruvian import Frame, Landmarks, OptionError, Skeleton
from vitruvian.cli.page import Page
from vitruvian.cli.screen import Screen

NOBODY = Landmarks.nobody(Skeleton.named("body33"))


def _frame(grey: int, width: int = 64, height: int = 48) -> Frame:
    return Frame.of(np.full((height, width, 3), grey, np.uint8))


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def page(screen):
    with Page(screen, lambda: {"frames": 3, "source": "Ω"}) as page:
        yield page


@pytest.fixture(scope="module")
def standing():
    """A page for tests that leave it as it is."""
    with Page(Screen(), lambda: {"frames": 3, "source": "Ω"}) as page:
        yield page


def _place(page: Page) -> tuple[int, str]:
    port, path = page.address.removeprefix("http://127.0.0.1:").split("/", 1)
    return int(port), f"/{path}"


def _get(page: Page, path: str, host: str | None = None) -> tuple[http.client.HTTPResponse, bytes]:
    port, _ = _place(page)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
        answer = connection.getresponse()
        return answer, answer.read()


@contextmanager
def _raw(page: Page, request: bytes):
    with socket.create_connection(("127.0.0.1", _place(page)[0]), timeout=5) as visit:
        visit.sendall(request)
        yield visit


@contextmanager
def _viewer(page: Page):
    port, path = _place(page)
    request = f"GET {path}stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    with _raw(page, request) as visit, visit.makefile("rb") as stream:
        yield visit, stream


def _head(stream) -> bytes:
    return b"".join(iter(stream.readline, b"\r\n"))


def _parts(stream):
    """Yield the pictures of a multipart answer whose head was read."""
    assert stream.readline() == b"--picture\r\n"
    while head := _head(stream):
        size = int(head.split(b"Content-Length: ")[1].split()[0])
        yield np.asarray(Image.open(io.BytesIO(stream.read(size))))
        assert stream.read(2) == b"\r\n"
        assert stream.readline() == b"--picture\r\n"


def test_the_page_is_whole_and_guarded(standing):
    answer, body = _get(standing, _place(standing)[1])
    assert answer.status == 200
    text = body.decode()
    assert text.startswith("<!doctype html>")
    outside = text.replace("http://www.w3.org/2000/svg", "")  # the name of SVG, which nobody visits
    assert "http:" not in outside
    assert "https:" not in outside
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Server"] == "vitruvian"


def test_the_status_is_json(standing):
    answer, body = _get(standing, _place(standing)[1] + "status")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"frames": 3, "source": "Ω"}


def test_without_the_slash_one_is_led_to_the_page(standing):
    answer, _ = _get(standing, _place(standing)[1].rstrip("/"))
    assert (answer.status, answer.headers["Location"]) == (308, _place(standing)[1])


@pytest.mark.parametrize(
    "path", ["/", "/stream", "/status", "//", "/AAAA/stream", "/TOKEN", "http://127.0.0.1/TOKEN/", "*"]
)
def test_without_the_token_there_is_nothing(standing, path):
    token = _place(standing)[1].strip("/")
    answer, body = _get(standing, path.replace("TOKEN", token[:-1]))
    assert (answer.status, body) == (404, b"")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_token_of_strange_letters_is_wrong_too(standing):
    port, _ = _place(standing)
    with _raw(standing, b"GET /\xff\xc3\xa4/stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port) as visit:
        assert visit.recv(100).startswith(b"HTTP/1.0 404 ")


def test_nothing_else_is_there(standing):
    assert _get(standing, _place(standing)[1] + "etc/passwd")[0].status == 404
    assert _get(standing, _place(standing)[1] + "../")[0].status == 404


def test_every_page_has_a_token_of_its_own(screen):
    tokens = set()
    for _ in range(3):
        with Page(screen, dict) as page:
            tokens.add(_place(page)[1])
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 32


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:PORT"]
)
def test_under_another_name_it_is_refused(standing, host):
    port, path = _place(standing)
    assert _get(standing, path, host.replace("PORT", str(port)))[0].status == 403


def test_localhost_is_its_name_too(standing):
    port, path = _place(standing)
    assert _get(standing, path, f"LocalHost:{port}")[0].status == 200


def test_no_name_and_two_names_are_refused(standing):
    port, path = _place(standing)
    host = f"Host: 127.0.0.1:{port}\r\n"
    for hosts in ("", host + host, host + "Host: evil.example\r\n"):
        with _raw(standing, f"GET {path} HTTP/1.1\r\n{hosts}\r\n".encode()) as visit:
            assert visit.recv(100).startswith(b"HTTP/1.0 403 ")


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "HEAD"])
def test_one_can_only_look(standing, method):
    port, path = _place(standing)
    with _raw(standing, f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()) as visit:
        answer = visit.recv(1000)
    assert answer.startswith(b"HTTP/1.0 501 ")
    assert method.encode() not in answer


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"\xff\x00" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"GET /x\r\n\r\n",
    ],
    ids=range(7),
)
def test_what_is_no_request_harms_nothing(standing, capfd, request_):
    with _raw(standing, request_) as visit, suppress(ConnectionError):
        visit.shutdown(socket.SHUT_WR)
        answer = visit.recv(1000)
        assert b"200" not in answer[:12]
    assert _get(standing, _place(standing)[1])[0].status == 200
    assert capfd.readouterr().err == ""


def test_it_listens_on_this_machine_alone(standing):
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", _place(standing)[0]), timeout=2)


def test_a_port_that_is_taken_is_said(page, screen):
    with pytest.raises(OptionError, match="choose another, or 0"):
        Page(screen, dict, port=_place(page)[0])


def test_the_stream_is_pictures(page, screen):
    screen.show(_frame(40), NOBODY)
    with _viewer(page) as (_, stream):
        head = _head(stream)
        assert b"multipart/x-mixed-replace; boundary=picture" in head
        parts = _parts(stream)
        first = next(parts)
        assert first.shape == (48, 64, 3)
        assert abs(int(first.mean()) - 40) <= 1
        screen.show(_frame(200), NOBODY)
        assert abs(int(next(parts).mean()) - 200) <= 1


def test_colours_are_kept_and_large_pictures_made_smaller(screen):
    pixels = np.zeros((500, 2560, 3), np.uint8)
    pixels[:] = (250, 10, 30)
    screen.show(Frame.of(pixels), NOBODY)
    number, data = screen.picture(0, 5)
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert (number, shown.shape) == (1, (250, 1280, 3))
    assert np.abs(shown.mean(axis=(0, 1)) - (250, 10, 30)).max() < 4


def test_a_viewer_that_has_the_newest_waits(screen):
    screen.show(_frame(1), NOBODY)
    number, _ = screen.picture(0, 5)
    assert screen.picture(number, 0.05) is None


def test_nothing_is_encoded_while_nobody_watches(page, screen):
    for grey in range(10):
        screen.show(_frame(grey), NOBODY)
    assert screen._number == 0


def test_pictures_are_encoded_at_most_25_times_a_second_for_all(screen):
    done, seen = threading.Event(), [set(), set()]

    def watch(numbers):
        last = 0
        while not done.is_set():
            last = (screen.picture(last, 0.1) or (last,))[0]
            numbers.add(last)

    viewers = [threading.Thread(target=watch, args=(numbers,)) for numbers in seen]
    for viewer in viewers:
        viewer.start()
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        screen.show(_frame(100), NOBODY)
        time.sleep(0.002)
    done.set()
    for viewer in viewers:
        viewer.join()
    assert 5 < len(seen[0] | seen[1]) <= 28


def test_a_viewer_that_stalls_holds_up_nobody(page, screen):
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    with _viewer(page) as (stalled, _), _viewer(page) as (_, stream):
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        _head(stream)
        parts = _parts(stream)
        longest = 0.0
        for _ in range(30):  # each more than the stalled viewer's buffers take
            before = time.monotonic()
            screen.show(Frame.of(noise), NOBODY)
            longest = max(longest, time.monotonic() - before)
            assert next(parts).shape == (720, 1280, 3)
        assert longest < 0.5
        before = time.monotonic()
        page.close()
        assert time.monotonic() - before < 2


def test_there_is_a_limit_on_viewers_and_who_leaves_makes_room(page, screen):
    screen.show(_frame(1), NOBODY)
    viewers = [_viewer(page) for _ in range(8)]
    streams = [viewer.__enter__()[1] for viewer in viewers]
    for stream in streams:
        assert b"200 OK" in stream.readline()
    answer, _ = _get(page, _place(page)[1] + "stream")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert _get(page, _place(page)[1] + "status")[0].status == 200
    for viewer in viewers:
        viewer.__exit__(None, None, None)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        screen.show(_frame(2), NOBODY)
        with _viewer(page) as (_, stream):
            if b"200 OK" in stream.readline():
                return
    pytest.fail("nobody made room")


def test_closing_lets_go_of_those_who_wait_or_say_nothing(page):
    with _raw(page, b"") as silent, _viewer(page) as (_, stream):
        assert b"200 OK" in stream.readline()
        before = time.monotonic()
        page.close()
        assert time.monotonic() - before < 2
        assert silent.recv(1) == b""
        assert stream.read().endswith(b"--picture\r\n")
    assert not page._thread.is_alive()
    page.close()


def test_a_page_that_was_never_opened_closes(screen):
    Page(screen, dict).close()
