"""Which thread runs which picture through a network, in which memory."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vitruvian.kernels import dense, native, sparse
from vitruvian.kernels.network import KernelNetwork
from vitruvian.kernels.steps import Kind, Planes, Step

if not dense.supported():
    pytest.skip("no kernels, or no processor for them", allow_module_level=True)

NUMBERS = np.random.default_rng(7)
MADE = Planes(16, 112, 112)
FIRST = Step(
    Kind.FIRST,
    None,
    MADE,
    weights=NUMBERS.normal(size=(16, 3, 3, 3)).astype(np.float32),
    stride=2,
    bias=NUMBERS.normal(size=16).astype(np.float32),
    scale=1 / 255,
)
STEPS = [FIRST, Step(Kind.WRITE, MADE, None)]
BATCH = NUMBERS.integers(0, 256, (11, 224, 224, 3), np.uint8)


@pytest.fixture(params=[dense.DenseNetwork, sparse.SparseNetwork])
def network(request) -> KernelNetwork:
    return request.param(STEPS)


def _run(network: KernelNetwork, batch: np.ndarray, threads: int) -> np.ndarray:
    result = np.full((len(batch), 112, 112, 16), np.nan, np.float32)
    network.run(batch, [result], threads)
    return result


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 11])
def test_each_picture_of_a_batch_is_as_it_is_alone(network, count, threads):
    alone = [_run(network, picture[None], 1)[0] for picture in BATCH[:count]]
    assert (_run(network, BATCH[:count], threads) == np.reshape(alone, (count, 112, 112, 16))).all()


def test_batches_of_many_threads_at_once(network):
    expected = _run(network, BATCH, 1)
    with ThreadPoolExecutor(6) as pool:
        every = list(pool.map(lambda threads: _run(network, BATCH, threads), [1, 2, 3, 4] * 6))
    assert all((each == expected).all() for each in every)


def test_a_memory_serves_again_also_after_an_error(network):
    _run(network, BATCH[:2], 2)
    assert len(network._idle) == 2
    with pytest.raises(ValueError, match="too many outputs"):
        network.run(BATCH[:1], [np.empty((1, 112, 112, 16), np.float32)] * 9, 2)
    with pytest.raises(ValueError, match="contiguous"):
        network.run(BATCH[:2], [np.empty((2, 112, 112, 32), np.float32)[..., ::2]], 2)
    _run(network, BATCH[:3], 2)
    assert len(network._idle) == 2


def test_what_does_not_fit_is_refused(network):
    kernel = network._kernel
    progress = np.zeros(len(STEPS) * native.PROGRESS_BYTES + 64, np.uint8)
    progress = progress[-progress.ctypes.data % 64 :]
    memory, target = np.zeros(1 << 20, np.float32), np.zeros(MADE.channels * 112 * 112, np.float32)
    with pytest.raises(ValueError, match="progress"):
        kernel(((BATCH[0], memory, progress[1:], (target,)),), 1)
    with pytest.raises(ValueError, match="progress"):
        kernel(((BATCH[0], memory, progress[: native.PROGRESS_BYTES], (target,)),), 1)
    with pytest.raises(ValueError, match="too many pictures"):
        kernel(((BATCH[0], memory, progress, (target,)),) * 9, 1)
    with pytest.raises(TypeError):
        kernel(((BATCH[0], memory, progress),), 1)
    with pytest.raises(ValueError, match="contiguous"):
        kernel(((BATCH[0], memory, progress, (target[::2],)),), 1)
    with pytest.raises(ValueError, match="steps"):
        kernel.func(kernel.args[0].view(np.uint8)[1:], *kernel.args[1:], (), 1)
