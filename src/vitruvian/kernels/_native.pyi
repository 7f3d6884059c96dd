from typing import Any

from numpy.typing import NDArray

STEP_BYTES: int
PROGRESS_BYTES: int
LAYER_BYTES: int
VECTORS_SUPPORTED: int
WARP_SUPPORTED: int
WARP_MOST_COLUMNS: int

def run_sparse(
    steps: NDArray[Any],
    constants: NDArray[Any],
    taps: NDArray[Any],
    rows: NDArray[Any],
    pixels: NDArray[Any],
    memory: NDArray[Any],
    progress: NDArray[Any],
    targets: tuple[NDArray[Any], ...],
    threads: int,
) -> None: ...
def run_dense(
    layers: NDArray[Any],
    constants: NDArray[Any],
    pixels: NDArray[Any],
    memory: NDArray[Any],
    scratch: NDArray[Any],
    progress: NDArray[Any],
    targets: tuple[NDArray[Any], ...],
    threads: int,
) -> None: ...
def dense_scratch(channels: int, width: int) -> int: ...
def warp(
    pixels: NDArray[Any],
    to_image: NDArray[Any],
    out: NDArray[Any],
    width: int,
    columns: int,
    replicate: bool,
    fetch: tuple[int, int, int, int],
    threads: int,
) -> None: ...
def copy(source: NDArray[Any], out: NDArray[Any], threads: int) -> None: ...
def refine(
    points: NDArray[Any],
    heatmaps: NDArray[Any],
    moved: NDArray[Any],
    count: int,
    shape: tuple[int, int, int],
    kernel: int,
    threshold: float,
) -> None: ...
def smooth(
    numbers: NDArray[Any],
    state: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    new: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    first: bool,
    rate: float,
    frequency: float,
    min_cutoff: float,
    beta: float,
    speed_share: float,
) -> None: ...
