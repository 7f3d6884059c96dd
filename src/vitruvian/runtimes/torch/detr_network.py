"""The person detector DETR of transformers, on a ResNet with a dilated last stage, filled from a file.

Imported only where PyTorch and transformers are known to be installed. Names and numbers are those of the
Sapiens2 specification, sections 2.6 and 3.2. The shape of the network is told from the tensors of its file.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

from vitruvian.errors import SessionError
from vitruvian.runtimes.torch.assign import assign

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

__all__ = ["detr_network", "hub_names"]

_WEIGHTS = "model.safetensors"
_CONFIG = "config.json"
_BACKBONE = "model.backbone.model."

_PREFIX = re.compile(r"^model\.backbone\.conv_encoder\.model\.")
_STAGE = re.compile(r"layer(\d)\.(\d+)\.(.+)\.(weight|bias|running_mean|running_var)")
_PARTS = {
    "conv1": "layer.0.convolution",
    "bn1": "layer.0.normalization",
    "conv2": "layer.1.convolution",
    "bn2": "layer.1.normalization",
    "conv3": "layer.2.convolution",
    "bn3": "layer.2.normalization",
    "downsample.0": "shortcut.convolution",
    "downsample.1": "shortcut.normalization",
}
_STEM = {"conv1": "embedder.embedder.convolution", "bn1": "embedder.embedder.normalization"}
_COUNTED = ".num_batches_tracked"


def hub_names(key: str) -> tuple[str, ...]:
    """Return what a tensor of the hub's file is called in transformers 5: one name, or none if not needed."""
    if key.endswith(_COUNTED):
        return ()
    if _PREFIX.match(key) or key.startswith(_BACKBONE):
        return (_BACKBONE + _resnet_name(_PREFIX.sub("", key).removeprefix(_BACKBONE)),)
    key = key.replace(".out_proj.", ".o_proj.")
    return (re.sub(r"layers\.(\d+)\.(fc[12])\.", r"layers.\1.mlp.\2.", key),)


def _resnet_name(key: str) -> str:
    stage = _STAGE.fullmatch(key)
    if stage is not None and stage[3] in _PARTS:
        return f"encoder.stages.{int(stage[1]) - 1}.layers.{stage[2]}.{_PARTS[stage[3]]}.{stage[4]}"
    part, _, kind = key.rpartition(".")
    return f"{_STEM[part]}.{kind}" if part in _STEM else key


def detr_network(folder: Path, *, device: torch.device) -> nn.Module:
    """Return a detector ready to run, in float32.

    Args:
        folder: With ``config.json`` and ``model.safetensors``.
        device: Where it is to be.

    Raises:
        SessionError: The files cannot be read, or a tensor is missing, unexpected or of another shape.
    """
    path = folder / _WEIGHTS
    settings = _settings(folder / _CONFIG)
    try:
        shapes = _shapes(path)
        config = _config(shapes, settings)
    except (KeyError, ValueError, IndexError, TypeError) as problem:
        raise SessionError(
            f"holds no DETR on a ResNet of bottlenecks ({problem})", network=path.name
        ) from problem
    with torch.device("meta"):
        network = DetrForObjectDetection(config)
    if settings.get("dilation"):
        _dilate(network.model.backbone.model.encoder.stages[-1])
    assign(network, path, hub_names, device=device, dtype=torch.float32)
    return network


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError) as problem:
        raise SessionError(f"cannot be read ({problem})", network=str(path)) from problem
    if not isinstance(settings, dict) or settings.get("model_type") != "detr":
        raise SessionError("this is not the configuration of a DETR", network=str(path))
    return settings


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {
                name: tuple(file.get_slice(key).get_shape())
                for key in file.keys()  # noqa: SIM118 - the file is no dict
                for name in hub_names(key)
            }
    except (SafetensorError, OSError) as problem:
        raise SessionError(f"cannot be read ({problem})", network=path.name) from problem


def _config(shapes: Mapping[str, tuple[int, ...]], settings: Mapping[str, Any]) -> DetrConfig:
    """Return the shape of the network: all that its tensors do not tell is in ``config.json``."""
    stages = [
        _count(shapes, rf"{re.escape(_BACKBONE)}encoder\.stages\.{stage}\.layers\.(\d+)\.")
        for stage in range(4)
    ]
    width = shapes["model.input_projection.weight"][0]
    last = "{}encoder.stages.{}.layers.0.layer.2.convolution.weight"
    backbone = ResNetConfig(
        embedding_size=shapes[f"{_BACKBONE}{_STEM['conv1']}.weight"][0],
        hidden_sizes=[shapes[last.format(_BACKBONE, stage)][0] for stage in range(4)],
        depths=stages,
        layer_type="bottleneck",
        out_features=["stage4"],
    )
    return DetrConfig(
        backbone_config=backbone,
        d_model=width,
        num_queries=shapes["model.query_position_embeddings.weight"][0],
        num_labels=shapes["class_labels_classifier.weight"][0] - 1,
        encoder_layers=_count(shapes, r"model\.encoder\.layers\.(\d+)\."),
        decoder_layers=_count(shapes, r"model\.decoder\.layers\.(\d+)\."),
        encoder_ffn_dim=shapes["model.encoder.layers.0.mlp.fc1.weight"][0],
        decoder_ffn_dim=shapes["model.decoder.layers.0.mlp.fc1.weight"][0],
        encoder_attention_heads=_heads(settings, "encoder_attention_heads", width),
        decoder_attention_heads=_heads(settings, "decoder_attention_heads", width),
    )


def _heads(settings: Mapping[str, Any], name: str, width: int) -> int:
    heads = int(settings.get(name, 8))
    if heads < 1 or width % heads:
        raise ValueError(f"{name} is {heads}, of which {width} is no multiple")
    return heads


def _count(shapes: Mapping[str, tuple[int, ...]], pattern: str) -> int:
    found = re.compile(pattern)
    return 1 + max(int(match[1]) for name in shapes if (match := found.match(name)))


def _dilate(stage: nn.Module) -> None:
    """Let the last stage keep its resolution: no stride, and behind its first block twice the reach."""
    first, *others = stage.layers
    for convolution in (first.layer[1].convolution, first.shortcut.convolution):
        convolution.stride = (1, 1)
    for block in others:
        convolution = block.layer[1].convolution
        convolution.dilation, convolution.padding = (2, 2), (2, 2)
