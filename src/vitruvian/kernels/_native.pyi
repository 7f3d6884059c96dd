from array import array
from typing import Any, TypeAlias

from numpy.typing import NDArray

_Picture: TypeAlias = tuple[NDArray[Any] | tuple[NDArray[Any], ...], ...]

INTERFACE: int
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
    pictures: tuple[_Picture, ...],
    threads: int,
) -> None: ...
def run_dense(
    layers: NDArray[Any],
    constants: NDArray[Any],
    planes: int,
    pictures: tuple[_Picture, ...],
    threads: int,
) -> None: ...
def dense_scratch(channels: int, width: int, stem: bool) -> int: ...
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
def homography(
    x: float,
    y: float,
    width: float,
    height: float,
    rotation: float,
    columns: int,
    rows: int,
    to_image: NDArray[Any],
) -> float: ...
def read_bodies(
    numbers: NDArray[Any],
    heatmaps: NDArray[Any],
    world: NDArray[Any],
    crops: NDArray[Any] | array[float],
    columns: tuple[NDArray[Any], ...],
    count: int,
    sizes: tuple[int, int, int],
    shape: tuple[int, int, int],
    kernel: int,
    threshold: float,
    side: float,
) -> None: ...
def surround(
    points: NDArray[Any],
    image: tuple[int, int],
    enlarged: float,
    centre: NDArray[Any],
    size: NDArray[Any],
    rotation: NDArray[Any],
) -> None: ...
def decode(
    raw: NDArray[Any],
    logits: NDArray[Any],
    origins: NDArray[Any],
    stride: int,
    width: int,
    side: float,
    below: float,
    least: float,
    values: NDArray[Any],
    scores: NDArray[Any],
) -> int: ...
def merge(
    values: NDArray[Any],
    scores: NDArray[Any],
    width: int,
    iou: float,
    room: NDArray[Any],
    means: NDArray[Any],
    kept: NDArray[Any],
) -> int: ...
def place(points: NDArray[Any], to: tuple[float, ...], out: NDArray[Any]) -> None: ...
