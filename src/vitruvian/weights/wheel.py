"""A wheel fetched with pip, through whatever index or mirror the user's pip is set to; never installed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vitruvian.weights.fetching import FetchError, Progress
from vitruvian.weights.weight_file import sha256_of

if TYPE_CHECKING:
    from vitruvian.weights.catalogue import Wheel

__all__ = ["download_wheel"]

_POLL = 0.1
"""Seconds between two reports of progress."""

_LINES = 5
"""How many of pip's last lines an error message quotes."""


def download_wheel(wheel: Wheel, *, progress: Progress | None = None) -> bytes:
    """Return the content of ``wheel``, whose digest has been checked.

    Raises:
        FetchError: pip is missing, fails, or brings other bytes.
    """
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise FetchError("this Python has no pip (`python -m ensurepip` installs it)")
    try:
        with tempfile.TemporaryDirectory(prefix="vitruvian-", ignore_cleanup_errors=True) as folder:
            return _download_into(Path(folder), wheel, progress)
    except OSError as problem:
        raise FetchError(f"pip could not be run in a temporary folder ({problem})") from problem


def _download_into(folder: Path, wheel: Wheel, progress: Progress | None) -> bytes:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    log = folder / "pip.log"
    # pip loads into its temporary folder first: inside ours, the growing file can be seen.
    environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - our own command, no shell
            _command(wheel, requirements, folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as pip,
    ):
        try:
            _watch(pip, folder, wheel, progress)
        finally:
            pip.kill()
            pip.wait()
    if pip.returncode:
        raise FetchError(f"pip failed, saying:\n{_last_lines(log)}")
    return _checked(folder, wheel)


def _command(wheel: Wheel, requirements: Path, folder: Path) -> list[str]:
    """Return the command; ``-P`` keeps a ``pip.py`` in the current folder from being taken for pip."""
    python = [sys.executable, "-P", "-m", "pip", "download"]
    quiet = ["--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar", "off"]
    target = ["--python-version", wheel.python, "--implementation", wheel.implementation]
    target += ["--abi", wheel.abi, "--platform", wheel.platform]
    what = ["--no-deps", "--only-binary", ":all:", "--requirement", str(requirements), "--dest", str(folder)]
    return [*python, *quiet, *target, *what]


def _watch(pip: subprocess.Popen[bytes], folder: Path, wheel: Wheel, progress: Progress | None) -> None:
    """Wait for pip and report how much of the wheel is there."""
    while True:
        if progress is not None:
            progress(wheel.file, _size_so_far(folder), wheel.size)
        with contextlib.suppress(subprocess.TimeoutExpired):
            pip.wait(timeout=_POLL)
            return


def _size_so_far(folder: Path) -> int:
    """Return the size of the largest wheel below ``folder``, where pip makes and removes files meanwhile."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(FileNotFoundError):
                    size = max(size, Path(parent, name).stat().st_size)
    return size


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in [line for line in lines if line.strip()][-_LINES:])


def _checked(folder: Path, wheel: Wheel) -> bytes:
    found = sorted(folder.glob("*.whl"))
    if len(found) != 1:
        raise FetchError(f"pip brought {len(found)} wheels instead of {wheel.file}")
    data = found[0].read_bytes()
    digest = sha256_of(data)
    if digest != wheel.sha256:
        raise FetchError(f"pip brought {found[0].name} with SHA-256 {digest} instead of {wheel.sha256}")
    return data
