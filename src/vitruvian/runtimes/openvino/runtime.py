"""Networks on the CPU with OpenVINO, which reads ``.tflite`` files unchanged, and is handed graphs."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.arrays import check_array, fits
from vitruvian.errors import SessionError
from vitruvian.kernels.sparse import supported
from vitruvian.options import check_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from openvino import CompiledModel, Core, InferRequest, Model, Node

    from vitruvian.kernels.network import KernelNetwork
    from vitruvian.runtimes.session import Graph, ModelFile, PixelInput, Session, Signature

__all__ = ["OpenVINO", "shared_core"]

_CLOSED = "the session is closed; open the pipeline again"
_U8 = np.dtype(np.uint8)


class OpenVINO:
    """Runs networks on the CPU, in float32.

    Args:
        threads: CPU threads for one network call; by default all cores.

    Raises:
        OptionError: ``threads`` is below 1.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        if threads is not None:
            check_number("threads", threads, 1, whole=True)
        self._threads = None if threads is None else int(threads)

    @property
    def name(self) -> str:
        """Name and version, as written beside results."""
        import openvino  # noqa: PLC0415  # opens a foreign world: 0.1 s

        kernels = " with kernels" if supported() else ""
        return f"openvino {openvino.__version__.split('-')[0]} cpu f32{kernels}"

    def open(self, file: ModelFile, signature: Signature, *, outputs: tuple[str, ...]) -> Session:
        """Compile a network for the CPU; see ``Runtime.open``."""
        core = shared_core()
        return self._compile(core, _read(core, file), signature, outputs, file.name)

    def open_graph(self, graph: Graph, signature: Signature, *, outputs: tuple[str, ...]) -> Session:
        """Build a network out of a graph, and compile it for the CPU.

        Inputs are those of the signature in order; outputs are told apart by their shapes, of which no two
        may be equal, since their names and their order differ between copies of one network.

        Args:
            graph: Such as ``weights.load_graph`` returns.
            signature: The network's tensors, under the names that we give them.
            outputs: The outputs to compute.

        Raises:
            SessionError: The graph has an operation that is not known, or its tensors differ from the
                signature.
        """
        from vitruvian.runtimes.openvino.graph import build  # noqa: PLC0415  # opens a foreign world: 0.1 s

        try:
            model = build(graph, signature)
        except (RuntimeError, ValueError) as error:
            raise SessionError(_reason(error), network=graph.name) from error
        return self._compile(shared_core(), model, signature, outputs, graph.name)

    def _compile(
        self, core: Core, model: Model, signature: Signature, outputs: tuple[str, ...], name: str
    ) -> Session:
        import openvino  # noqa: PLC0415  # opens a foreign world: 0.1 s

        from vitruvian.runtimes.openvino.rewrites import cheaper  # noqa: PLC0415  # the same
        from vitruvian.runtimes.openvino.steps import kernel_network  # noqa: PLC0415  # the same

        config: dict[str, object] = {
            # By itself OpenVINO picks bf16 on CPUs that have it, which moves landmarks by 9 px.
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if self._threads is not None:
            config["INFERENCE_NUM_THREADS"] = self._threads
        try:
            _check(model, signature)
            cheaper(model)
            wanted = [model.outputs[list(signature.outputs).index(output)] for output in outputs]
            shapes = {output: signature.outputs[output] for output in outputs}
            pruned = openvino.Model(wanted, model.get_parameters(), name)
            if (network := kernel_network(pruned, signature, outputs)) is not None:
                return _KernelSession(network, signature.inputs, shapes, name, self._threads)
            pruned = openvino.Model(wanted, _take_pixels(model, signature), name)
            compiled = core.compile_model(pruned, "CPU", config)
        except (RuntimeError, ValueError) as error:
            raise SessionError(_reason(error), network=name) from error
        return _OpenVINOSession(compiled, signature.inputs, shapes, name)


class _OpenVINOSession:
    def __init__(
        self,
        compiled: CompiledModel,
        inputs: Mapping[str, PixelInput],
        outputs: Mapping[str, tuple[int, ...]],
        network: str,
    ) -> None:
        self._compiled: CompiledModel | None = compiled
        self._inputs, self._outputs, self._network = inputs, outputs, network
        # A request serves one caller at a time; as many are made as there are callers at once.
        self._idle: LifoQueue[InferRequest] = LifoQueue()

    def run(self, inputs: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Run a batch; see ``Session.run``. The model files are made for one item, so it is a loop."""
        from openvino import Tensor  # noqa: PLC0415  # opens a foreign world: 0.1 s

        columns = [
            np.require(_batch(name, inputs[name], pixels), requirements="W")  # as its tensors must be
            for name, pixels in self._inputs.items()
        ]
        count = len(columns[0])
        results = {name: np.empty((count, *shape), np.float32) for name, shape in self._outputs.items()}
        try:
            request = self._take()
            for i in range(count):
                # It reads and writes where the arrays are; else each is copied on its way in and out.
                for index, column in enumerate(columns):
                    request.set_input_tensor(index, Tensor(column[i : i + 1], shared_memory=True))
                for index, result in enumerate(results.values()):
                    request.set_output_tensor(index, Tensor(result[i : i + 1], shared_memory=True))
                request.infer(share_outputs=True)  # else OpenVINO copies all outputs, for nobody
        except RuntimeError as error:
            raise SessionError(_reason(error), network=self._network) from error
        if self._compiled is not None:
            self._idle.put(request)
        return results

    def close(self) -> None:
        """Release the network; calls under way end normally."""
        self._compiled = None
        self._idle = LifoQueue()

    def _take(self) -> InferRequest:
        compiled = self._compiled
        if compiled is None:
            raise SessionError(_CLOSED, network=self._network)
        try:
            return self._idle.get_nowait()
        except Empty:
            return compiled.create_infer_request()


class _KernelSession:
    def __init__(
        self,
        kernels: KernelNetwork,
        inputs: Mapping[str, PixelInput],
        outputs: Mapping[str, tuple[int, ...]],
        network: str,
        threads: int | None,
    ) -> None:
        self._kernels: KernelNetwork | None = kernels
        self._inputs, self._outputs, self._network = inputs, outputs, network
        self._threads = threads or _cores()

    def run(self, inputs: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Run a batch; see ``Session.run``."""
        ((name, pixels),) = self._inputs.items()
        batch = _batch(name, inputs[name], pixels)
        kernels = self._kernels
        if kernels is None:
            raise SessionError(_CLOSED, network=self._network)
        results = {name: np.empty((len(batch), *shape), np.float32) for name, shape in self._outputs.items()}
        kernels.run(batch, list(results.values()), self._threads)
        return results

    def close(self) -> None:
        """Release the network; calls under way end normally."""
        self._kernels = None


def _batch(name: str, batch: NDArray[np.uint8], pixels: PixelInput) -> NDArray[np.uint8]:
    """Return a batch of pictures if it is one, C-contiguous."""
    if fits(batch, (*np.shape(batch)[:1], *pixels.shape), _U8):
        return batch
    checked: NDArray[np.uint8] = check_array(name, batch, ("N", *pixels.shape), np.uint8)
    return checked


@cache
def shared_core() -> Core:
    """Return the one core of this process."""
    # One for the process: networks that run in turns share its threads. With a core each, they wake their own
    # pools in turns, which costs a quarter of the time of a picture.
    import openvino  # noqa: PLC0415  # opens a foreign world: 0.1 s

    return openvino.Core()


def _cores() -> int:
    """Return how many cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _read(core: Core, file: ModelFile) -> Model:
    # OpenVINO reads this format from a path only, and tells it by the file's ending.
    try:
        with tempfile.TemporaryDirectory(prefix="vitruvian-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "network.tflite"
            path.write_bytes(file.data)
            return core.read_model(path)
    except OSError as error:
        message = f"a temporary file is needed and cannot be written ({error.strerror}); is TMPDIR right?"
        raise SessionError(message, network=file.name) from error
    except RuntimeError as error:
        message = f"not a network that OpenVINO can read ({_reason(error)})"
        raise SessionError(message, network=file.name) from error


def _take_pixels(model: Model, signature: Signature) -> list[Node]:
    """Let the network take 8-bit pixels: a quarter of the bytes to copy, scaled by the same two roundings."""
    from openvino import Type, opset13  # noqa: PLC0415  # opens a foreign world: 0.1 s

    parameters = []
    for port, (name, pixels) in zip(model.inputs, signature.inputs.items(), strict=True):
        parameter = opset13.parameter([1, *pixels.shape], Type.u8, name=name)
        scale = np.float32((pixels.high - pixels.low) / 255)
        scaled = opset13.multiply(opset13.convert(parameter, Type.f32), opset13.constant(scale))
        if pixels.low:
            scaled = opset13.add(scaled, opset13.constant(np.float32(pixels.low)))
        for target in port.get_target_inputs():
            target.replace_source_output(scaled.output(0))
        parameters.append(parameter)
    return parameters


def _check(model: Model, signature: Signature) -> None:
    for kind, expected, ports in (
        ("inputs", [pixels.shape for pixels in signature.inputs.values()], model.inputs),
        ("outputs", signature.outputs.values(), model.outputs),
    ):
        wanted = [(1, *shape) for shape in expected]
        actual = [
            tuple(port.shape) if port.partial_shape.is_static else str(port.partial_shape) for port in ports
        ]
        if actual != wanted:
            raise ValueError(f"other {kind} than this model family has: expected {wanted}, got {actual}")


def _reason(error: Exception) -> str:
    """Return the sentence that says what happened: the last one, after OpenVINO's own file names."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
