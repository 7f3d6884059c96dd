"""The page of ``vitruvian live``: a local server for one machine, and for whoever knows the address.

The standard library's server is enough for that: it listens on 127.0.0.1 alone, each visit has a thread of
its own, and everything but the right random token in the address gets 404. A request that names another host
is refused, so that a page elsewhere cannot reach this one under a name of its own (DNS rebinding).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import socket
import socketserver
import sys
import threading
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import TYPE_CHECKING, Self

from vitruvian.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vitruvian.cli.screen import Screen

    _Request = socket.socket | tuple[bytes, socket.socket]  # the latter is UDP's

__all__ = ["Page"]

_HERE = "127.0.0.1"
_MOST_VIEWERS = 8
_MOST_VISITS = 64  # connections at a time, of any kind
_PATIENCE = 5.0  # seconds that a visitor may take to send or to receive something
_AGAIN = 2.0  # seconds after which a viewer gets the same picture once more, which tells who has gone
# Less waits on its way to a slow viewer, so that what arrives is not old.
_SEND_BUFFER = 1 << 17  # bytes
_BOUNDARY = b"--picture\r\n"


class Page:
    """Serves a screen and a status on 127.0.0.1 while the context lasts.

    ``ADDRESS`` is the page, ``ADDRESSstream`` the pictures (multipart JPEG), ``ADDRESSstatus`` a JSON object.
    A viewer that is slow misses pictures, one that takes nothing for 5 s is left; neither holds up anything.
    At most 8 view at a time.

    Args:
        screen: What to show; closed with the page.
        status: Returns what the page says about it, each time it is asked; from any thread.
        port: Where to listen; 0 is any that is free.

    Attributes:
        address: What to open in a browser: with a token, new for every page.

    Raises:
        OptionError: The port is taken, or not allowed.
    """

    def __init__(self, screen: Screen, status: Callable[[], Mapping[str, object]], port: int = 0) -> None:
        self._screen = screen
        try:
            self._server = _Server(port, screen, status)
        except OSError as error:
            message = f"port: {port} cannot be used ({error.strerror or error}); choose another, or 0 for any"
            raise OptionError(message) from error
        self.address = f"http://{_HERE}:{self._server.server_port}/{self._server.token}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="page", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up on everybody and free the port; closing twice is fine."""
        self._screen.close()
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """Knows who is there, so that it can hang up."""

    daemon_threads = False  # so that closing waits for them
    # Elsewhere that lets a new server take the port of an old one; there, of one that runs.
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = 16

    def __init__(self, port: int, screen: Screen, status: Callable[[], Mapping[str, object]]) -> None:
        self.screen, self.status = screen, status
        self.token = secrets.token_urlsafe(24)
        self.seats = threading.BoundedSemaphore(_MOST_VIEWERS)
        self._lock = threading.Lock()
        self._open: set[_Request] = set()
        super().__init__((_HERE, port), _Visit)
        port = self.server_port
        self.hosts = {f"{name}:{port}" for name in (_HERE, "localhost")}
        if port == 80:
            self.hosts |= {_HERE, "localhost"}

    def server_bind(self) -> None:
        """Bind, without looking up the name of this machine, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HERE, self.socket.getsockname()[1]

    def process_request(self, request: _Request, client_address: object) -> None:
        with self._lock:
            full = len(self._open) >= _MOST_VISITS
            if not full:
                self._open.add(request)
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def finish_request(self, request: _Request, client_address: object) -> None:
        with suppress(OSError):  # a visitor left in the middle
            super().finish_request(request, client_address)

    def close_request(self, request: _Request) -> None:
        with self._lock:
            self._open.discard(request)
        super().close_request(request)

    def hang_up(self) -> None:
        """End every visit, also where a thread waits for its visitor."""
        with self._lock:
            for visit in self._open:
                if isinstance(visit, socket.socket):
                    with suppress(OSError):  # it hung up first
                        visit.shutdown(socket.SHUT_RDWR)


class _Visit(BaseHTTPRequestHandler):
    """One request."""

    server: _Server
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Answer: who asks for another host is refused, who does not know the token finds nothing."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        _, _, rest = self.path.partition("?")[0].partition("/")
        token, slash, place = rest.partition("/")
        # In constant time, so that nobody finds the token letter by letter.
        if not secrets.compare_digest(token.encode("latin-1", "replace"), self.server.token.encode("ascii")):
            self.send_error(HTTPStatus.NOT_FOUND)
        elif not slash:
            self._begin(HTTPStatus.PERMANENT_REDIRECT, {"Location": f"/{self.server.token}/"})
        elif place == "":
            self._answer("text/html; charset=utf-8", _html())
        elif place == "status":
            self._answer("application/json", json.dumps(dict(self.server.status())).encode())
        elif place == "stream":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _stream(self) -> None:
        if not self.server.seats.acquire(blocking=False):
            self._begin(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"})
            return
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            self._begin(HTTPStatus.OK, {"Content-Type": "multipart/x-mixed-replace; boundary=picture"})
            self.wfile.write(_BOUNDARY)
            number, picture = 0, b""
            while not self.server.screen.closed:
                number, picture = self.server.screen.picture(number, _AGAIN) or (number, picture)
                if picture:
                    # The boundary comes at once: browsers show a part when they see its end.
                    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(b"".join((head.encode("ascii"), picture, b"\r\n", _BOUNDARY)))
        finally:
            self.server.seats.release()

    def _answer(self, kind: str, body: bytes) -> None:
        self._begin(HTTPStatus.OK, {"Content-Type": kind, "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _begin(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, **_guards()}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with the status alone: what was asked is not repeated."""
        del message, explain
        self.close_connection = True
        self._begin(HTTPStatus(code), {"Content-Length": "0"})

    def version_string(self) -> str:
        """Tell no versions."""
        return "vitruvian"

    def log_message(self, *_: object) -> None:
        """Log nothing: a request names the token."""


@cache
def _html() -> bytes:
    return resources.files("vitruvian").joinpath("data", "live.html").read_bytes()


@cache
def _guards() -> dict[str, str]:
    """Return the headers of every answer: the page may use what is in it or comes from here, and no more."""
    html = _html().decode("utf-8")
    policy = {
        "default-src": "'none'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "style-src": _digest("style", html),
        "script-src": _digest("script", html),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _digest(tag: str, html: str) -> str:
    """Return how a policy names the text inside a tag."""
    text = "".join(re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL))
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
