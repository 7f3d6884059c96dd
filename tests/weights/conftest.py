"""A server on loopback that misbehaves on demand, bundles made to measure, a catalogue that names them."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from vitruvian.weights import Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS = {"detector": "pose_detector.tflite", "landmarker": "pose_landmarks_detector.tflite"}
REAL_BUNDLE = Path(__file__).resolve().parents[3] / "shared" / "models" / "pose_landmarker_lite.task"


def network(text: str, size: int = 64) -> bytes:
    """Return bytes that pass for a TensorFlow Lite file."""
    return b"\x1c\x00\x00\x00TFL3" + text.encode().ljust(size, b".")


class MakeBundle(Protocol):
    def __call__(
        self, members: dict[str, bytes] | None = None, *, method: int = ..., size: int = ...
    ) -> bytes: ...


def _make_bundle(
    members: dict[str, bytes] | None = None, *, method: int = zipfile.ZIP_STORED, size: int = 64
) -> bytes:
    if members is None:
        members = {name: network(name, size) for name in MEMBERS.values()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@dataclass
class Reply:
    """How the server answers one request."""

    body: bytes
    status: int = 200
    etag: str | None = '"one"'
    cut_after: int | None = None  # break off after so many bytes of the answer
    length: int | None = None  # the Content-Length to claim
    ranges: bool = True
    if_range: bool = True  # whether to look at If-Range
    location: str | None = None
    pause: float = 0.0  # seconds between pieces
    chunked: bool = False


@dataclass
class Server:
    """An HTTP server; the last reply is given to all further requests."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, body: bytes = b"", **behaviour: object) -> None:
        self.replies.append(Reply(body, **behaviour))  # type: ignore[arg-type]

    def next_reply(self, headers: dict[str, str]) -> Reply:
        with self.lock:
            self.requests.append(headers)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class _Handler(BaseHTTPRequestHandler):
    script: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        reply = self.script.next_reply(dict(self.headers.items()))
        body, start = reply.body, 0
        asked = self.headers.get("Range")
        same = not reply.if_range or self.headers.get("If-Range") == reply.etag
        if asked is not None and reply.ranges and same and reply.status == 200:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        self.send_response(416 if start > len(body) else 206 if start else reply.status)
        if reply.etag is not None:
            self.send_header("ETag", reply.etag)
        if reply.location is not None:
            self.send_header("Location", reply.location)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        rest = body[start:]
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            rest = b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest)
        else:
            self.send_header("Content-Length", str(len(rest) if reply.length is None else reply.length))
        self.send_header("Connection", "close")
        self.end_headers()
        self._send(rest if reply.cut_after is None else rest[: reply.cut_after], reply.pause)
        self.close_connection = True

    def _send(self, data: bytes, pause: float) -> None:
        step = max(1, len(data) // 10) if pause else max(1, len(data))
        try:
            for start in range(0, len(data), step):
                self.wfile.write(data[start : start + step])
                self.wfile.flush()
                time.sleep(pause)
        except ConnectionError:
            pass  # the client has left

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    script = Server()
    handler = type("Handler", (_Handler,), {"script": script})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        script.url = f"http://127.0.0.1:{http.server_port}/pose.task"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield script
        http.shutdown()
        thread.join()


@pytest.fixture
def make_bundle() -> MakeBundle:
    return _make_bundle


@pytest.fixture
def real_bundle() -> Path:
    if not REAL_BUNDLE.exists():
        pytest.skip(f"the real bundle is not on this machine ({REAL_BUNDLE})")
    return REAL_BUNDLE


@pytest.fixture
def catalogue_text(server: Server) -> str:
    """A catalogue with one model, ``test-url``, that comes from the loopback server."""
    rows = [
        {"role": "detector", "member": MEMBERS["detector"], "names": [MEMBERS["detector"]]},
        {"role": "landmarker", "member": MEMBERS["landmarker"], "names": [MEMBERS["landmarker"]]},
    ]
    model = {
        "name": "test-url",
        "alias": "short",
        "task": "pose",
        "title": "a bundle on loopback",
        "origin": {"url": server.url},
        "files": [{"role": "bundle", "name": "pose.task"}],
    }
    return json.dumps({"tasks": {"pose": rows, "other": rows}, "wheels": {}, "models": [model]})


@pytest.fixture
def catalogue(catalogue_text: str) -> Catalogue:
    return Catalogue.parse(catalogue_text)


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
