"""Networks on the CPU with OpenVINO, which reads ``.tflite`` files unchanged."""

from __future__ import annotations

import tempfile
from pathlib import Path
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING

import numpy as np

from vitruvian.errors import OptionError, SessionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from openvino import CompiledModel, Core, InferRequest, Model

    from vitruvian.runtimes.session import ModelFile, Session, Signature

__all__ = ["OpenVINO"]


class OpenVINO:
    """Runs networks on the CPU, in float32.

    Args:
        threads: CPU threads for one network call; by default all cores.

    Raises:
        OptionError: ``threads`` is below 1.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise OptionError(f"threads: at least 1, got {threads}")
        self._threads = threads

    @property
    def name(self) -> str:
        """Name and version, as written beside results."""
        import openvino  # noqa: PLC0415  # opens a foreign world: 0.1 s

        return f"openvino {openvino.__version__.split('-')[0]} cpu f32"

    def open(self, file: ModelFile, signature: Signature, *, outputs: tuple[str, ...]) -> Session:
        """Compile a network for the CPU; see ``Runtime.open``."""
        import openvino  # noqa: PLC0415  # opens a foreign world: 0.1 s

        core = openvino.Core()
        config: dict[str, object] = {
            # By itself OpenVINO picks bf16 on CPUs that have it, which moves landmarks by 9 px.
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if self._threads is not None:
            config["INFERENCE_NUM_THREADS"] = self._threads
        model = _read(core, file)
        try:
            _check(model, signature)
            wanted = [model.outputs[list(signature.outputs).index(name)] for name in outputs]
            pruned = openvino.Model(wanted, model.get_parameters(), file.name)
            compiled = core.compile_model(pruned, "CPU", config)
        except (RuntimeError, ValueError) as error:
            raise SessionError(_reason(error), network=file.name) from error
        return _OpenVINOSession(compiled, tuple(signature.inputs), outputs, file.name)


class _OpenVINOSession:
    def __init__(
        self, compiled: CompiledModel, inputs: tuple[str, ...], outputs: tuple[str, ...], network: str
    ) -> None:
        self._compiled: CompiledModel | None = compiled
        self._inputs, self._outputs, self._network = inputs, outputs, network
        # A request serves one caller at a time; as many are made as there are callers at once.
        self._idle: LifoQueue[InferRequest] = LifoQueue()

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """Run a batch; see ``Session.run``. The model files are made for one item, so it is a loop."""
        request = self._take()
        columns = [inputs[name] for name in self._inputs]
        try:
            rows = [self._run_one(request, items) for items in zip(*columns, strict=True)]
        except RuntimeError as error:
            raise SessionError(_reason(error), network=self._network) from error
        self._idle.put(request)
        return {
            name: np.stack(items) for name, items in zip(self._outputs, zip(*rows, strict=True), strict=True)
        }

    def close(self) -> None:
        """Release the network; calls under way end normally."""
        self._compiled = None
        self._idle = LifoQueue()

    def _take(self) -> InferRequest:
        compiled = self._compiled
        if compiled is None:
            raise SessionError("the session is closed; open the pipeline again", network=self._network)
        try:
            return self._idle.get_nowait()
        except Empty:
            return compiled.create_infer_request()

    @staticmethod
    def _run_one(request: InferRequest, items: tuple[NDArray[np.float32], ...]) -> list[NDArray[np.float32]]:
        for index, item in enumerate(items):
            np.copyto(request.get_input_tensor(index).data[0], item)
        request.infer()
        return [tensor.data[0].copy() for tensor in request.output_tensors]


def _read(core: Core, file: ModelFile) -> Model:
    # OpenVINO reads this format from a path only, and tells it by the file's ending.
    with tempfile.TemporaryDirectory(prefix="vitruvian-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "network.tflite"
        try:
            path.write_bytes(file.data)
            return core.read_model(path)
        except OSError as error:
            message = f"needs a temporary file and cannot write one in {folder}: {error}"
            raise SessionError(message, network=file.name) from error
        except RuntimeError as error:
            message = f"not a network that OpenVINO can read ({_reason(error)})"
            raise SessionError(message, network=file.name) from error


def _check(model: Model, signature: Signature) -> None:
    for kind, expected, ports in (
        ("inputs", signature.inputs, model.inputs),
        ("outputs", signature.outputs, model.outputs),
    ):
        wanted = [(1, *shape) for shape in expected.values()]
        actual = [tuple(int(str(length)) for length in port.partial_shape) for port in ports]
        if actual != wanted:
            raise ValueError(f"other {kind} than this model family has: expected {wanted}, got {actual}")


def _reason(error: Exception) -> str:
    """Return the sentence that says what happened: the last one, after OpenVINO's own file names."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
