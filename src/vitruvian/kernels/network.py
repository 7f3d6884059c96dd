"""Pictures through networks that the kernels run: who works on which, and in which memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.kernels import native
from vitruvian.kernels.steps import aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from numpy.typing import NDArray

    _Memory: TypeAlias = tuple[NDArray[np.float32], NDArray[np.uint8]]
    _Picture: TypeAlias = tuple[NDArray[Any] | tuple[NDArray[Any], ...], ...]

__all__ = ["MOST_THREADS", "KernelNetwork"]

MOST_THREADS = 8
"""More of them wait for each other."""


class KernelNetwork:
    """A network that the kernels run; many threads may do so at once.

    Args:
        kernel: Takes pictures, each with its memory, progress and targets, and a number of threads.
        steps: How many the network has.
        memory: Floats that a picture needs on its way.
    """

    def __init__(self, kernel: Callable[[tuple[_Picture, ...], int], None], steps: int, memory: int) -> None:
        assert native is not None  # noqa: S101  # `supported` is asked first
        self._kernel = kernel
        self._sizes = (memory, steps * native.PROGRESS_BYTES)
        # A memory serves one picture at a time; as many are made as there are pictures at once.
        self._idle: deque[_Memory] = deque()

    def run(self, batch: NDArray[np.uint8], results: Sequence[NDArray[np.float32]], threads: int) -> None:
        """Run the network; what comes out does not depend on who worked on what, to the last bit.

        As many pictures as there are threads are begun at once, each by one of them, who then need not wait
        for each other at every step. What is left is run one by one, by all.

        Args:
            batch: (N, H, W, 3) uint8, C-contiguous.
            results: Where to write the outputs, (N, …) of their shapes, the same way.
            threads: Most threads that work on it; more than eight are eight.
        """
        threads = min(threads, MOST_THREADS)
        together = len(batch) // threads * threads
        spans = [(first, first + threads) for first in range(0, together, threads)]
        spans += [(first, first + 1) for first in range(together, len(batch))]
        for first, end in spans:
            memories = [self._memory() for _ in range(first, end)]
            targets = (tuple(result[i : i + 1] for result in results) for i in range(first, end))
            rows = zip(batch[first:end], memories, targets, strict=True)
            try:
                self._kernel(tuple((pixels, *memory, to) for pixels, memory, to in rows), threads)
            finally:
                self._idle.extend(memories)

    def _memory(self) -> _Memory:
        try:
            return self._idle.pop()
        except IndexError:
            memory, progress = self._sizes
            return aligned(memory, np.float32), aligned(progress, np.uint8)
