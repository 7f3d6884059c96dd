"""One file from an address, over connections that stall, break off or lie.

What has arrived stays in a part file; the next attempt, in this call or a later one, asks for the rest of the
same version (its entity tag) and starts again when the server has another version or cannot send a rest.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from vitruvian.weights.disk import writing
from vitruvian.weights.fetching import FetchError, Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Limits", "download", "download_file"]

_CHUNK = 64 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True)
class Limits:
    """How much a download may cost.

    Attributes:
        size: The most bytes that are accepted.
        timeout: Seconds to wait for a connection, and for the next bytes of an answer.
        waits: Seconds to wait before each further attempt; as many attempts as there are waits, and one.
    """

    size: int = 256 * 1024 * 1024
    timeout: float = 30.0
    waits: tuple[float, ...] = (0.5, 1.0, 2.0)


class _TryAgainError(Exception):
    """An attempt failed in a way that may pass."""


def download(
    url: str, part: Path, *, progress: Progress | None = None, limits: Limits | None = None
) -> bytes:
    """Return the content of ``url``, which must be https (or http on this machine).

    Args:
        url: The address.
        part: Where to keep what has arrived until all has; nothing else may use it meanwhile. It stays behind
            after a failure if a later call can go on from it, and never after success.
        progress: Told how far the download is.
        limits: How much it may cost.

    Raises:
        FetchError: It cannot be fetched.
        WeightsError: The part file cannot be written.
    """
    _check_address(url, came_from=None)
    arrived = _Part(part)
    data = None
    try:
        _repeat(_Attempt(url, arrived, progress, limits or Limits()))
        data = arrived.read()
        return data
    finally:
        if data is not None or arrived.tag() is None:
            arrived.discard()


def download_file(
    url: str,
    part: Path,
    target: Path,
    *,
    check: Callable[[Path], None],
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> None:
    """Put the content of ``url`` into a file, without ever having it in memory.

    Args:
        url: As for ``download``.
        part: As for ``download``; in the same folder as ``target``.
        target: Where the file is to be; what is there stays until all has arrived.
        check: Called with ``part`` once all has arrived; raises if it is not what it should be.
        progress: Told how far the download is.
        limits: How much it may cost.

    Raises:
        FetchError: It cannot be fetched.
        WeightsError: The files cannot be written.
    """
    _check_address(url, came_from=None)
    arrived = _Part(part)
    complete = False
    try:
        _repeat(_Attempt(url, arrived, progress, limits or Limits()))
        complete = True
        check(part)
        with writing(target.parent):
            part.replace(target)
    finally:
        if complete or arrived.tag() is None:
            arrived.discard()


@dataclass(frozen=True)
class _Part:
    """What has arrived of a file, and the entity tag of the version that it is the beginning of."""

    path: Path

    @property
    def _tag_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def tag(self) -> str | None:
        """Return the tag, or None if there is nothing that an attempt could go on from."""
        try:
            tag = json.loads(self._tag_path.read_text(encoding="utf-8"))["etag"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return tag if isinstance(tag, str) and self.size() else None

    def restart(self, tag: str | None) -> None:
        """Forget what has arrived; what comes now belongs to the version ``tag``."""
        self.discard()
        if tag is not None:
            with writing(self.path.parent):
                self._tag_path.write_text(json.dumps({"etag": tag}), encoding="utf-8")

    def append(self, chunk: bytes) -> None:
        with writing(self.path.parent), self.path.open("ab") as stream:
            stream.write(chunk)

    def read(self) -> bytes:
        with writing(self.path.parent):
            return self.path.read_bytes()

    def discard(self) -> None:
        with writing(self.path.parent):
            self.path.unlink(missing_ok=True)
            self._tag_path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Attempt:
    url: str
    part: _Part
    progress: Progress | None
    limits: Limits

    def run(self) -> None:
        """Complete the part file, or raise."""
        with self._open() as response:
            total = self._begin(response)
            if total is not None and total > self.limits.size:
                raise self._too_large()
            self._receive(response, total)
        size = self.part.size()
        if total is not None and size != total:
            if size > total:
                self.part.discard()
            raise _TryAgainError(f"the connection ended after {size:,} of {total:,} bytes")

    def _open(self) -> http.client.HTTPResponse:
        opener = urllib.request.build_opener(_Redirects)
        try:
            response = opener.open(self._request(), timeout=self.limits.timeout)
        except urllib.error.HTTPError as answer:
            with answer:
                raise self._refused(answer.code, answer.reason) from answer
        except urllib.error.URLError as problem:
            raise _connection_error(problem.reason) from problem
        except (OSError, http.client.HTTPException) as problem:
            raise _connection_error(problem) from problem
        assert isinstance(response, http.client.HTTPResponse)  # noqa: S101 - the opener speaks HTTP only
        return response

    def _request(self) -> urllib.request.Request:
        headers = {"User-Agent": "vitruvian", "Accept-Encoding": "identity"}
        tag = self.part.tag()
        if tag is not None:
            headers |= {"Range": f"bytes={self.part.size()}-", "If-Range": tag}
        return urllib.request.Request(self.url, headers=headers)  # noqa: S310 - the address has been checked

    def _refused(self, status: int, reason: str) -> Exception:
        if status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self.part.discard()
            return _TryAgainError("the server has no such part of the file")
        if status == _TOO_MANY_REQUESTS or status in _SERVER_ERRORS:
            return _TryAgainError(f"the server answered {status} {reason}")
        return FetchError(f"the server answered {status} {reason}")

    def _begin(self, response: http.client.HTTPResponse) -> int | None:
        """Make the part file fit the answer; return the size of the whole file, None if it is not said."""
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            same = response.headers.get("ETag") == self.part.tag()
            if found is None or int(found[1]) != self.part.size() or not same:
                self.part.discard()
                raise _TryAgainError("the server sent another part of the file than the one asked for")
            return int(found[2])
        if response.status != http.HTTPStatus.OK:
            raise FetchError(f"the server answered {response.status} {response.reason}")
        self.part.restart(_strong_tag(response))
        return response.length

    def _receive(self, response: http.client.HTTPResponse, total: int | None) -> None:
        name = self.part.path.name.removesuffix(".part")
        done = self.part.size()
        while chunk := _read(response):
            done += len(chunk)
            if done > self.limits.size:
                self.part.discard()
                raise self._too_large()
            self.part.append(chunk)
            if self.progress is not None:
                self.progress(name, done, total)

    def _too_large(self) -> FetchError:
        return FetchError(f"the file is larger than the {self.limits.size:,} bytes allowed")


def _repeat(attempt: _Attempt) -> None:
    """Run ``attempt`` until it succeeds, fails for good, or has been repeated often enough."""
    waits = iter(attempt.limits.waits)
    while True:
        try:
            return attempt.run()
        except _TryAgainError as problem:
            wait = next(waits, None)
            if wait is None:
                tries = len(attempt.limits.waits) + 1
                raise FetchError(f"{problem} (at the last of {tries} attempts)") from problem
        time.sleep(wait)


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as problem:
        raise _TryAgainError(
            f"the connection broke off ({str(problem) or type(problem).__name__})"
        ) from problem


def _connection_error(problem: object) -> Exception:
    """Return the error to raise when no answer came because of ``problem``."""
    text = f"no connection ({problem})"
    passing = isinstance(problem, ConnectionError | TimeoutError | http.client.HTTPException)
    return _TryAgainError(text) if passing else FetchError(text)


def _strong_tag(response: http.client.HTTPResponse) -> str | None:
    """Return the entity tag if it promises the same bytes; a weak one does not."""
    tag: str | None = response.headers.get("ETag")
    return tag if tag is not None and tag.startswith('"') else None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only where the first address could have led as well."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _check_address(newurl, came_from=req.full_url)
        except FetchError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_address(url: str, *, came_from: str | None) -> None:
    """Refuse everything but https; http is for this machine alone and never follows on https."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        return
    before = "http" if came_from is None else urllib.parse.urlsplit(came_from).scheme
    if parts.scheme == "http" and before == "http" and _is_loopback(parts.hostname):
        return
    origin = "" if came_from is None else f", where {came_from} leads,"
    raise FetchError(f"{url}{origin} is not an https address")


def _is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
