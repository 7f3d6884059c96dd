"""Where the time of a pipeline goes: its networks and its crops are the library's own, clocked."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from vitruvian.models.blazehand import PALM_DETECTOR
from vitruvian.models.blazepose import DETECTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from vitruvian.runtimes.session import ModelFile, Runtime, Session, Signature

__all__ = ["CROPS", "FINDER", "READER", "Clock", "MeteredRuntime", "clocked"]

FINDER, READER, CROPS = "detector network", "landmark network", "crops"
"""What is clocked."""


@dataclass
class Clock:
    """What was spent since it was last set to zero.

    Attributes:
        seconds: By what was clocked.
        items: How many pictures each network was shown.
    """

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    items: Counter[str] = field(default_factory=Counter)

    def reset(self) -> None:
        """Set it to zero."""
        self.seconds.clear()
        self.items.clear()


@dataclass(frozen=True)
class MeteredRuntime:
    """A runtime whose networks are clocked.

    Attributes:
        runtime: What runs them.
        clock: Is told.
    """

    runtime: Runtime
    clock: Clock

    @property
    def name(self) -> str:
        """Name and version, as written beside results."""
        return self.runtime.name

    def open(self, file: ModelFile, signature: Signature, *, outputs: tuple[str, ...]) -> Session:
        """Open a network; see ``Runtime.open``."""
        session = self.runtime.open(file, signature, outputs=outputs)
        network = FINDER if signature in (DETECTOR, PALM_DETECTOR) else READER
        return _MeteredSession(session, network, self.clock)


@dataclass(frozen=True)
class _MeteredSession:
    session: Session
    network: str
    clock: Clock

    def run(self, inputs: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        begin = perf_counter()
        out = self.session.run(inputs)
        self.clock.seconds[self.network] += perf_counter() - begin
        self.clock.items[self.network] += len(inputs["image"])
        return out

    def close(self) -> None:
        self.session.close()


@contextmanager
def clocked(owner: type, method: str, note: Callable[[float], None]) -> Iterator[None]:
    """Let a method of the library tell how many seconds each call takes; those within one are part of it."""
    original = getattr(owner, method)
    within = False

    def timed(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # whatever the method takes
        nonlocal within
        if within:
            return original(*arguments, **options)
        within = True
        begin = perf_counter()
        try:
            return original(*arguments, **options)
        finally:
            within = False
            note(perf_counter() - begin)

    setattr(owner, method, timed)
    try:
        yield
    finally:
        setattr(owner, method, original)
