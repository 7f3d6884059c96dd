"""The Sapiens2 pose network of transformers, filled from a checkpoint with the original's names.

Imported only where PyTorch and transformers are known to be installed. Names, numbers and the rotary tables
are those of the Sapiens2 specification, sections 2.2 to 2.5.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Protocol

import torch
from safetensors import safe_open
from torch.nn import functional
from transformers import AttentionInterface

from vitruvian.errors import SessionError
from vitruvian.runtimes.torch.assign import assign

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

__all__ = ["PoseLayout", "original_names", "parity_tables", "pose_network"]

_PERIODS = "backbone.rope_embed.periods"
_THETA = 100.0

_PARTS = {
    "attn.wq": "attention.q_proj",
    "attn.wk": "attention.k_proj",
    "attn.wv": "attention.v_proj",
    "attn.proj": "attention.o_proj",
    "attn.q_norm": "attention.q_norm",
    "attn.k_norm": "attention.k_norm",
    "ffn.w3": "mlp.down_proj",
    "ln1": "norm1",
    "ln2": "norm2",
}
"""Of a layer: the original's name → that of transformers."""

_FIXED = {
    "backbone.cls_token": ("model.embeddings.cls_token",),
    "backbone.storage_tokens": ("model.embeddings.register_tokens",),
    "backbone.patch_embed.projection.weight": ("model.embeddings.patch_embeddings.weight",),
    "backbone.patch_embed.projection.bias": ("model.embeddings.patch_embeddings.bias",),
    "backbone.ln1.weight": ("model.norm.weight",),
    "decode_head.conv_pose.weight": ("decode_head.predictor.weight",),
    "decode_head.conv_pose.bias": ("decode_head.predictor.bias",),
    _PERIODS: (),
}
_LAYER = re.compile(r"backbone\.blocks\.(\d+)\.(.+)\.(weight|bias)")
_HEAD = re.compile(r"decode_head\.(deconv|conv)_layers\.(\d+)\.(weight|bias)")


class PoseLayout(Protocol):
    """The shape of a network."""

    @property
    def dim(self) -> int:
        """Numbers per token."""

    @property
    def heads(self) -> int:
        """Query heads of a layer."""

    @property
    def kv_heads(self) -> tuple[int, ...]:
        """Key and value heads of each layer."""

    @property
    def deconv(self) -> tuple[int, ...]:
        """Channels behind each upsampling layer of the head."""

    @property
    def conv(self) -> tuple[int, ...]:
        """Channels behind each 1 x 1 convolution of the head."""

    @property
    def registers(self) -> int:
        """Tokens beside the class token and the patches."""

    @property
    def patch(self) -> int:
        """Side of a patch in pixels."""

    @property
    def points(self) -> int:
        """Heat maps."""

    @property
    def image(self) -> tuple[int, int]:
        """Rows and columns that the network sees."""


def original_names(key: str) -> tuple[str, ...]:
    """Return what a tensor of the original's layout is called in transformers.

    Args:
        key: Name in the checkpoint.

    Returns:
        One name; two where the tensor is split in halves; none for the rotary periods; ``key`` itself where
        the original has no such tensor.
    """
    if key in _FIXED:
        return _FIXED[key]
    layer = _LAYER.fullmatch(key)
    if layer is not None:
        place, part, kind = layer.groups()
        prefix = f"model.model.layer.{place}."
        if part == "ffn.w12":
            return f"{prefix}mlp.gate_proj.{kind}", f"{prefix}mlp.up_proj.{kind}"
        if (part, kind) == ("attn.gamma", "weight"):
            return (f"{prefix}layer_scale1.lambda1",)
        return (f"{prefix}{_PARTS[part]}.{kind}",) if part in _PARTS else (key,)
    head = _HEAD.fullmatch(key)
    if head is not None and int(head[2]) % 3 == 0:
        chain = "upsample" if head[1] == "deconv" else "conv"
        return (f"decode_head.{chain}_layers.{int(head[2]) // 3}.convolution.{head[3]}",)
    return (key,)


def pose_network(
    path: Path, layout: PoseLayout, *, device: torch.device, dtype: torch.dtype, parity: bool
) -> tuple[nn.Module, int]:
    """Return a network ready to run, and how many tensors of the file it was made of.

    Args:
        path: The safetensors file, under the original's names.
        layout: Its shape.
        device: Where it is to be.
        dtype: The numbers that it is to have.
        parity: Whether rotary tables and rotation are those of the original, in bf16 throughout; else they
            are those of transformers.

    Raises:
        SessionError: This transformers has no Sapiens2, or a tensor is missing, unexpected or of another
            shape.
    """
    with torch.device("meta"):
        network = _empty(layout)
    count = assign(network, path, original_names, device=device, dtype=dtype)
    if parity:
        tables = parity_tables(layout, _periods(path, layout))
        for layer in network.model.model.layer:
            # The rotation takes the type of what it is given: bf16 numbers are rotated in bf16, each
            # operation rounded, and `_attend` casts them back.
            for norm in (layer.attention.q_norm, layer.attention.k_norm):
                norm.register_forward_hook(_to_bf16)
    else:
        tables = _plain_tables(network, layout, dtype)
    cos, sin = (table.to(device) for table in tables)
    rope = network.model.rope_embeddings
    del rope.inv_freq  # still without memory; the tables stand for it
    rope.forward = lambda _: (cos, sin)
    return network, count


def _empty(layout: PoseLayout) -> nn.Module:
    try:
        from transformers import Sapiens2Config, Sapiens2ForPoseEstimation  # noqa: PLC0415  # may be missing
    except ImportError as problem:
        raise SessionError(
            "this transformers has no Sapiens2 (5.23 is the first that was checked): "
            "pip install -U 'vitruvian[sapiens]'"
        ) from problem
    AttentionInterface.register(_ATTENTION, _attend)
    config = Sapiens2Config(
        hidden_size=layout.dim,
        intermediate_size=4 * layout.dim,
        num_hidden_layers=len(layout.kv_heads),
        num_attention_heads=layout.heads,
        num_key_value_heads_per_layer=list(layout.kv_heads),
        image_size=list(layout.image),
        patch_size=layout.patch,
        num_register_tokens=layout.registers,
        num_labels=layout.points,
        rope_theta=_THETA,
        use_gated_mlp=True,
        use_qk_norm=True,
        query_bias=True,
        key_bias=True,
        value_bias=True,
        proj_bias=True,
        mlp_bias=True,
        head_config={
            "upsample_out_channels": list(layout.deconv),
            "upsample_kernel_size": 4,
            "conv_out_channels": list(layout.conv),
            "conv_kernel_size": 1,
        },
        attn_implementation=_ATTENTION,
    )
    return Sapiens2ForPoseEstimation(config)


_ATTENTION = "vitruvian_sdpa"
"""Our name among the attention functions of transformers; theirs stay as they are."""


def _attend(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    scaling: float | None = None,
    **_: object,
) -> tuple[Tensor, None]:
    """Attend to all tokens; queries and keys come back from the rotation's type to that of the values."""
    mixed = functional.scaled_dot_product_attention(
        query.to(value.dtype),
        key.to(value.dtype),
        value,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return mixed.transpose(1, 2).contiguous(), None


def _to_bf16(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    return output.to(torch.bfloat16)


def _periods(path: Path, layout: PoseLayout) -> Tensor | None:
    """Return the rotary periods that the file carries, which the original would load; None if it has none."""
    with safe_open(path, framework="pt", device="cpu") as file:
        if _PERIODS not in file.keys():  # noqa: SIM118 - the file is no dict
            return None
        periods = file.get_tensor(_PERIODS)
    if tuple(periods.shape) != (layout.dim // layout.heads // 4,):
        raise SessionError(f"{_PERIODS} has the shape {list(periods.shape)}", network=path.name)
    return periods.to(torch.bfloat16)


def parity_tables(layout: PoseLayout, periods: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines of the rotation as the original has them.

    Args:
        layout: Of the network.
        periods: (head dim / 4) bf16; by default calculated, in bf16 like everything else.

    Returns:
        Two (patches, head dim) bf16, on the CPU: every operation has been rounded to bf16.
    """
    bf16 = torch.bfloat16
    head_dim = layout.dim // layout.heads
    if periods is None:
        steps = 2 * torch.arange(head_dim // 4, dtype=bf16) / (head_dim // 2)
        periods = _THETA**steps
    rows, columns = (side // layout.patch for side in layout.image)
    down = 2.0 * (torch.arange(0.5, rows, dtype=bf16) / rows) - 1.0
    right = 2.0 * (torch.arange(0.5, columns, dtype=bf16) / columns) - 1.0
    centres = torch.stack(torch.meshgrid(down, right, indexing="ij"), dim=-1).flatten(0, 1)
    angles = (2 * math.pi * centres[:, :, None] / periods).flatten(1, 2).tile(2)
    return torch.cos(angles), torch.sin(angles)


def _plain_tables(network: nn.Module, layout: PoseLayout, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the tables of transformers itself, calculated in float32 and rounded once."""
    rope = type(network.model.rope_embeddings)(network.config).eval()
    cos, sin = rope(torch.empty(1, 3, *layout.image, dtype=dtype))
    return cos, sin
