"""DETR on a ResNet with a dilated last stage, written plainly from its specification."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional


@dataclass(frozen=True)
class DetrShape:
    stem: int = 8
    depths: tuple[int, ...] = (1, 2, 2, 3)
    hidden: tuple[int, ...] = (16, 24, 32, 48)
    dim: int = 32
    layers: int = 2
    inner: int = 40
    queries: int = 100
    classes: int = 92
    heads: int = 4


TINY = DetrShape()
FULL = DetrShape(64, (3, 4, 23, 3), (256, 512, 1024, 2048), 256, 6, 2048, 100, 92, 8)
_BACKBONE = "model.backbone.conv_encoder.model."


def write_folder(folder: Path, shape: DetrShape, seed: int = 0) -> dict[str, torch.Tensor]:
    """Write a random detector as the hub has it, and return its tensors."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: _random(name, size, generator) for name, size in _shapes(shape).items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    config = {
        "model_type": "detr",
        "backbone": "resnet101",
        "use_timm_backbone": True,
        "dilation": True,
        "encoder_attention_heads": shape.heads,
        "decoder_attention_heads": shape.heads,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tensors


def _random(name: str, size: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    values = torch.randn(size, generator=generator)
    if name.endswith("running_var"):
        return 0.5 + values.abs()
    if len(size) == 1:
        return (1.0 if name.endswith("weight") else 0.0) + 0.1 * values
    return values / math.sqrt(math.prod(size[1:]))


def _shapes(shape: DetrShape) -> dict[str, tuple[int, ...]]:
    found = {f"{_BACKBONE}conv1.weight": (shape.stem, 3, 7, 7)} | _norm(f"{_BACKBONE}bn1", shape.stem)
    channels = shape.stem
    for stage, (depth, wide) in enumerate(zip(shape.depths, shape.hidden, strict=True), start=1):
        for block in range(depth):
            name = f"{_BACKBONE}layer{stage}.{block}."
            narrow = wide // 4
            sizes = ((narrow, channels, 1, 1), (narrow, narrow, 3, 3), (wide, narrow, 1, 1))
            for k, size in enumerate(sizes, start=1):
                found |= {f"{name}conv{k}.weight": size} | _norm(f"{name}bn{k}", size[0])
            if block == 0:
                found |= {f"{name}downsample.0.weight": (wide, channels, 1, 1)}
                found |= _norm(f"{name}downsample.1", wide)
            channels = wide
    dim, inner = shape.dim, shape.inner
    found |= {"model.input_projection.weight": (dim, channels, 1, 1), "model.input_projection.bias": (dim,)}
    found["model.query_position_embeddings.weight"] = (shape.queries, dim)
    for kind, attentions in (("encoder", ("self_attn",)), ("decoder", ("self_attn", "encoder_attn"))):
        for layer in range(shape.layers):
            name = f"model.{kind}.layers.{layer}."
            for attention in attentions:
                for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    found |= _dense(f"{name}{attention}.{part}", dim, dim)
                found |= _dense(f"{name}{attention}_layer_norm", dim)
            found |= _dense(f"{name}fc1", inner, dim) | _dense(f"{name}fc2", dim, inner)
            found |= _dense(f"{name}final_layer_norm", dim)
    found |= _dense("model.decoder.layernorm", dim) | _dense("class_labels_classifier", shape.classes, dim)
    for layer, size in enumerate((dim, dim, 4)):
        found |= _dense(f"bbox_predictor.layers.{layer}", size, dim)
    return found


def _dense(name: str, *size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": size, f"{name}.bias": size[:1]}


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


class Reference:
    """The detector: pictures (N, 3, rows, columns) float32, normalised → logits and boxes."""

    def __init__(self, tensors: dict[str, torch.Tensor], shape: DetrShape) -> None:
        self.tensors, self.shape = tensors, shape

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the last stage's features, at a sixteenth of the size."""
        seen = functional.relu(self._conv("conv1", "bn1", images, stride=2, padding=3))
        seen = functional.max_pool2d(seen, 3, stride=2, padding=1)
        for stage, depth in enumerate(self.shape.depths, start=1):
            for block in range(depth):
                stride = 2 if block == 0 and stage in (2, 3) else 1  # none in stage 4: it is dilated
                reach = 2 if stage == 4 and block > 0 else 1
                seen = self._bottleneck(f"layer{stage}.{block}.", seen, stride, reach)
        return seen

    def answer(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(images)
        count, _, rows, columns = features.shape
        projected = functional.conv2d(
            features,
            self.tensors["model.input_projection.weight"],
            self.tensors["model.input_projection.bias"],
        )
        tokens, places = projected.flatten(2).transpose(1, 2), self._places(rows, columns)
        for layer in range(self.shape.layers):
            name = f"model.encoder.layers.{layer}."
            tokens = self._attend(f"{name}self_attn", tokens, tokens + places, tokens + places, tokens)
            tokens = self._feed(name, tokens)
        queries = self.tensors["model.query_position_embeddings.weight"].expand(count, -1, -1)
        found = torch.zeros_like(queries)
        for layer in range(self.shape.layers):
            name = f"model.decoder.layers.{layer}."
            found = self._attend(f"{name}self_attn", found, found + queries, found + queries, found)
            found = self._attend(f"{name}encoder_attn", found, found + queries, tokens + places, tokens)
            found = self._feed(name, found)
        found = self._layer_norm("model.decoder.layernorm", found)
        boxes = found
        for layer in range(3):
            boxes = self._dense(f"bbox_predictor.layers.{layer}", boxes)
            boxes = functional.relu(boxes) if layer < 2 else boxes.sigmoid()
        return self._dense("class_labels_classifier", found), boxes

    def _conv(self, conv, norm, seen, *, stride=1, padding=0, reach=1):
        weight = self.tensors[f"{_BACKBONE}{conv}.weight"]
        seen = functional.conv2d(seen, weight, stride=stride, padding=padding, dilation=reach)
        scale, shift, mean, variance = (
            self.tensors[f"{_BACKBONE}{norm}.{part}"].view(1, -1, 1, 1)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale * (variance + 1e-5).rsqrt()
        return seen * scale + (shift - mean * scale)

    def _bottleneck(self, name, seen, stride, reach):
        kept = seen
        if f"{_BACKBONE}{name}downsample.0.weight" in self.tensors:
            kept = self._conv(f"{name}downsample.0", f"{name}downsample.1", seen, stride=stride)
        seen = functional.relu(self._conv(f"{name}conv1", f"{name}bn1", seen))
        seen = self._conv(f"{name}conv2", f"{name}bn2", seen, stride=stride, padding=reach, reach=reach)
        seen = self._conv(f"{name}conv3", f"{name}bn3", functional.relu(seen))
        return functional.relu(seen + kept)

    def _places(self, rows: int, columns: int) -> torch.Tensor:
        """Return the code of each position (rows x columns, dim): y first, then x."""
        many = self.shape.dim // 2
        rates = 10000 ** (2 * (torch.arange(many) // 2) / many)
        codes = []
        for side in (rows, columns):
            along = torch.arange(1, side + 1).float()
            angles = (along / (along[-1] + 1e-6) * 2 * math.pi)[:, None] / rates
            codes.append(torch.stack([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=2).flatten(1))
        down = codes[0][:, None].expand(-1, columns, -1)
        right = codes[1][None].expand(rows, -1, -1)
        return torch.cat([down, right], dim=2).flatten(0, 1)

    def _attend(self, name, kept, query, key, value):
        parts = [
            self._dense(f"{name}.{part}_proj", each).unflatten(-1, (self.shape.heads, -1)).transpose(1, 2)
            for part, each in (("q", query), ("k", key), ("v", value))
        ]
        weights = (
            parts[0] @ parts[1].transpose(2, 3) / math.sqrt(self.shape.dim // self.shape.heads)
        ).softmax(-1)
        mixed = (weights @ parts[2]).transpose(1, 2).flatten(2)
        return self._layer_norm(f"{name}_layer_norm", kept + self._dense(f"{name}.out_proj", mixed))

    def _feed(self, name, tokens):
        inner = functional.relu(self._dense(f"{name}fc1", tokens))
        return self._layer_norm(f"{name}final_layer_norm", tokens + self._dense(f"{name}fc2", inner))

    def _dense(self, name, values):
        return functional.linear(values, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _layer_norm(self, name, values):
        size = values.shape[-1:]
        return functional.layer_norm(
            values, size, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        )
