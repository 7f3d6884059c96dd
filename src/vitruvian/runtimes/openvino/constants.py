"""The numbers in a graph that do not depend on what the network sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from openvino import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from openvino import Output

__all__ = ["numbers_of"]

_OTHERWISE_ARRANGED = {"Convert", "Reshape", "Transpose", "Unsqueeze"}
"""What ``.tflite`` files put between weights, which are of half precision, and who works with them."""


_READ = {"f64", "f32", "f16", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "boolean"}
"""Types of numbers that NumPy has, too; of others OpenVINO hands out something else."""


def numbers_of(port: Output) -> NDArray[np.float32]:
    """Return the constants behind a port as they arrive there; no numbers, where they are calculated.

    Nor where they are of a type that NumPy does not have.
    """
    node = port.get_node()
    if port.get_element_type().get_type_name() not in _READ:
        return np.empty(0, np.float32)
    if node.get_type_name() == "Constant":
        return np.array(node.data)
    known = node.get_type_name() in _OTHERWISE_ARRANGED
    sources = [numbers_of(source) for source in node.input_values()] if known else []
    if not sources or not all(source.size for source in sources):
        return np.empty(0, np.float32)
    result = Tensor(port.get_element_type(), port.get_shape())
    node.evaluate([result], [Tensor(np.ascontiguousarray(source)) for source in sources])
    return np.array(result.data)
