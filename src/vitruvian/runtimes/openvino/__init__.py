"""OpenVINO: all networks on the CPU."""

from vitruvian.runtimes.openvino.runtime import OpenVINO, shared_core

__all__ = ["OpenVINO", "shared_core"]
