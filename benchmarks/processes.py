"""Processes under measurement: each runs ``worker.py`` on its own, and none of them reaches a network."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engines import Setup

__all__ = ["Contestant", "run_alone"]

_WORKER = Path(__file__).parent / "worker.py"
_WITHOUT_NETWORK = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])


@dataclass(frozen=True)
class Contestant:
    """An engine and the interpreter it is installed in.

    Attributes:
        engine: One of the names in ``engines``.
        python: The interpreter.
    """

    engine: str
    python: Path

    def work(self, job: str, setup: Setup, *arguments: object) -> dict[str, Any]:
        """Run ``worker.py`` in a fresh process and return what it prints.

        Raises:
            SystemExit: It fails; the message has what it said.
        """
        command = [_WORKER, job, self.engine, json.dumps(asdict(setup)), *arguments]
        report: dict[str, Any] = json.loads(run_alone(self.python, *command))
        return report

    def first(self, setup: Setup, photo: Path) -> dict[str, Any]:
        """Return what a fresh process reports of its first result, with ``seconds`` since its start."""
        start = time.monotonic()
        report = self.work("first", setup, photo)
        # One clock for all processes of the machine.
        return {"seconds": report["at"] - start, "peak": report["peak"]}


def run_alone(python: Path, *arguments: object) -> str:
    """Run an interpreter without network and return its standard output.

    Raises:
        SystemExit: It fails; the message has its standard error, which is dropped otherwise.
    """
    command = [*_confinement(), str(python), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nfailed with status {done.returncode}:\n{done.stderr}")
    return done.stdout


@functools.cache
def _confinement() -> tuple[str, ...]:
    """Return the start of a command line whose rest cannot reach a network.

    MediaPipe looks up a host whenever a task is opened and has no setting against it.
    """
    if shutil.which("unshare"):
        for prefix in _WITHOUT_NETWORK:
            if not subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
                return tuple(prefix)
    if "BENCHMARK_WITH_NETWORK" in os.environ:
        return ()
    raise SystemExit(
        "this machine has no working `unshare --net` (Linux), and MediaPipe connects to its maker unless it "
        "is kept from it: cut the network yourself and set BENCHMARK_WITH_NETWORK=1"
    )
