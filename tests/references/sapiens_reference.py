"""The Sapiens2 pose network written plainly from its specification, and small checkpoints in its layout.

Nothing here is taken from the product: neither its rotary tables nor its names for tensors. Every rounding to
bf16 is written out.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional

from vitruvian.weights.sapiens_layout import SapiensLayout

TINY = SapiensLayout(64, 4, (4, 4), (32, 24), (16, 16, 8), points=12, image=(64, 48))
GROUPED = SapiensLayout(64, 4, (4,) * 8 + (2, 2) + (4,) * 8, (32, 24), (16, 16, 8), points=12, image=(64, 48))
ODD = SapiensLayout(304, 4, (4,) * 8 + (2,) * 4 + (4,) * 8, (32, 24), (16, 16, 8), points=12, image=(64, 48))
"""Heads of 76 numbers, as the largest network has. Inner layers are as wide as a multiple of 64, as in all
sizes: only then do vector units treat halves of a row, as the original has them, like rows of their own."""


def bf16(values: torch.Tensor) -> torch.Tensor:
    """Return float32 numbers rounded to those that bf16 has."""
    return values.to(torch.bfloat16).to(torch.float32)


def random_tensors(layout: SapiensLayout, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return random weights under the original's names, of a size that keeps activations near one."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in layout.tensors().items():
        values = _normal(shape, generator)
        if name.endswith("periods"):
            tensors[name] = _periods(shape[0]).to(torch.bfloat16)
        elif name.endswith(".weight") and len(shape) == 1:
            tensors[name] = 1 + 0.1 * values
        elif name.endswith(".weight"):
            tensors[name] = values / math.sqrt(math.prod(shape[1:]))
        else:
            tensors[name] = 0.1 * values
    return tensors


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Draw normal numbers; those beyond some millions come again, since drawing takes longest."""
    count = math.prod(shape)
    drawn = torch.randn(min(count, 1 << 22), generator=generator)
    return drawn.repeat(-(-count // max(1, len(drawn))))[:count].view(shape)


def write_checkpoint(path: Path, layout: SapiensLayout, seed: int = 0) -> dict[str, torch.Tensor]:
    """Write random weights as a checkpoint, and return them."""
    tensors = random_tensors(layout, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return tensors


def heatmaps(
    tensors: dict[str, torch.Tensor], layout: SapiensLayout, images: torch.Tensor, *, rounded: bool
) -> torch.Tensor:
    """Run the network: images (N, 3, rows, columns) float32 → maps (N, points, rows / 4, columns / 4).

    ``rounded`` is the original: rotary tables and rotation in bf16.
    """
    rows, columns = (side // layout.patch for side in layout.image)
    cos, sin = rounded_tables(layout) if rounded else exact_tables(layout)
    weights = {name.removeprefix("backbone."): tensor for name, tensor in tensors.items()}
    patches = functional.conv2d(
        images,
        weights["patch_embed.projection.weight"],
        weights["patch_embed.projection.bias"],
        stride=layout.patch,
    )
    count = len(images)
    prefix = [weights[name].expand(count, -1, -1) for name in ("cls_token", "storage_tokens")]
    tokens = torch.cat([*prefix, patches.flatten(2).transpose(1, 2)], dim=1)
    for place, kv_heads in enumerate(layout.kv_heads):
        block = {
            name.removeprefix(f"blocks.{place}."): tensor
            for name, tensor in weights.items()
            if name.startswith(f"blocks.{place}.")
        }
        looked = _attention(_rms(tokens, block["ln1.weight"]), block, layout, kv_heads, (cos, sin, rounded))
        tokens = looked * block["attn.gamma.weight"] + tokens
        gate, value = _linear(_rms(tokens, block["ln2.weight"]), block, "ffn.w12").chunk(2, dim=-1)
        tokens = _linear(functional.silu(gate) * value, block, "ffn.w3") + tokens
    patches = _rms(tokens, weights["ln1.weight"])[:, 1 + layout.registers :]
    return _head(patches.transpose(1, 2).reshape(count, -1, rows, columns), tensors, layout)


def rounded_tables(layout: SapiensLayout) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosines and sines (patches, head dim) with every operation rounded to bf16, in float32."""
    rows, columns = (side // layout.patch for side in layout.image)
    quarter = layout.head_dim // 4
    periods = _periods(quarter)
    angles = torch.empty(rows, columns, 2, quarter)
    for axis, side in enumerate((rows, columns)):
        places = bf16(torch.arange(side, dtype=torch.float32) + 0.5)
        places = bf16(bf16(2 * bf16(places / side)) - 1)
        along = bf16(bf16(2 * math.pi * places)[:, None] / periods)
        angles[:, :, axis] = along[:, None] if axis == 0 else along[None, :]
    angles = angles.reshape(rows * columns, 2 * quarter).repeat(1, 2)
    return bf16(torch.cos(angles)), bf16(torch.sin(angles))


def exact_tables(layout: SapiensLayout) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosines and sines (patches, head dim) calculated in float64, in float32."""
    rows, columns = (side // layout.patch for side in layout.image)
    quarter = layout.head_dim // 4
    periods = 100.0 ** (torch.arange(quarter, dtype=torch.float64) / (2 * quarter) * 2)
    down, right = (2 * (torch.arange(side, dtype=torch.float64) + 0.5) / side - 1 for side in (rows, columns))
    v, u = torch.meshgrid(down, right, indexing="ij")
    angles = torch.cat([2 * math.pi * each.reshape(-1, 1) / periods for each in (v, u)], dim=1).repeat(1, 2)
    return torch.cos(angles).float(), torch.sin(angles).float()


def _periods(quarter: int) -> torch.Tensor:
    exponents = bf16(bf16(2 * torch.arange(quarter, dtype=torch.float32)) / (2 * quarter))
    return bf16(torch.pow(torch.tensor(100.0), exponents))


def _rms(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return weight * (values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + 1e-6))


def _linear(values: torch.Tensor, block: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    return functional.linear(values, block[f"{name}.weight"], block[f"{name}.bias"])


def _attention(tokens, block, layout, kv_heads, rotation):
    count, length, _ = tokens.shape
    heads = {"q": layout.heads, "k": kv_heads, "v": kv_heads}
    query, key, value = (
        _linear(tokens, block, f"attn.w{name}").view(count, length, many, layout.head_dim).transpose(1, 2)
        for name, many in heads.items()
    )
    query = _rotate(_rms(query, block["attn.q_norm.weight"]), *rotation)
    key = _rotate(_rms(key, block["attn.k_norm.weight"]), *rotation)
    groups = layout.heads // kv_heads  # head j of key and value serves the heads 2j and 2j + 1 of the query
    key, value = (each.repeat_interleave(groups, dim=1) for each in (key, value))
    mixed = functional.scaled_dot_product_attention(query, key, value)
    return _linear(mixed.transpose(1, 2).reshape(count, length, -1), block, "attn.proj")


def _rotate(values: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, rounded: bool) -> torch.Tensor:  # noqa: FBT001
    step = bf16 if rounded else (lambda each: each)
    values = step(values)  # the original rounds all tokens, also those that are not turned
    prefix, patches = values[..., : -len(cos), :], values[..., -len(cos) :, :]
    half = patches.shape[-1] // 2
    turned = torch.cat([-patches[..., half:], patches[..., :half]], dim=-1)
    return torch.cat([prefix, step(step(patches * cos) + step(turned * sin))], dim=-2)


def _head(features: torch.Tensor, tensors: dict[str, torch.Tensor], layout: SapiensLayout) -> torch.Tensor:
    for place in range(len(layout.deconv)):
        weight = tensors[f"decode_head.deconv_layers.{3 * place}.weight"]
        features = functional.conv_transpose2d(features, weight, stride=2, padding=1)
        features = functional.silu(functional.instance_norm(features, eps=1e-5))
    for place in range(len(layout.conv)):
        name = f"decode_head.conv_layers.{3 * place}"
        features = functional.conv2d(features, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
        features = functional.silu(functional.instance_norm(features, eps=1e-5))
    name = "decode_head.conv_pose"
    return functional.conv2d(features, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
