"""The shapes of the Sapiens2 pose networks: as numbers, as a list of tensors, and told from a file's header.

Numbers and names are those of the Sapiens2 specification, sections 2.1 and 2.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from vitruvian.errors import WeightsError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vitruvian.weights.safetensors_header import StoredTensor

__all__ = ["PERIODS", "SIZES", "SapiensLayout", "check_kind", "check_layout", "read_layout"]

PERIODS = "backbone.rope_embed.periods"
"""A buffer of bf16 numbers that the original writes as well; it may be absent."""

_BLOCK = "backbone.blocks."
_NUMBERS = ("F32", "F16", "BF16")
_SHOWN = 5


@dataclass(frozen=True)
class SapiensLayout:
    """The shape of a network.

    Attributes:
        dim: Numbers per token.
        heads: Query heads of a layer; each has ``dim // heads`` numbers.
        kv_heads: Key and value heads of each layer; their count is that of the layers.
        deconv: Channels behind each of the head's upsampling layers.
        conv: Channels behind each of its 1 x 1 convolutions.
        registers: Tokens beside the class token and the patches.
        patch: Side of a patch in pixels.
        points: Heat maps.
        image: Rows and columns that the network sees, in pixels.
    """

    dim: int
    heads: int
    kv_heads: tuple[int, ...]
    deconv: tuple[int, ...]
    conv: tuple[int, ...]
    registers: int = 8
    patch: int = 16
    points: int = 308
    image: tuple[int, int] = (1024, 768)

    @property
    def head_dim(self) -> int:
        """Numbers per head."""
        return self.dim // self.heads

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return the tensors of a file in the original's layout: name → shape; ``PERIODS`` is one of them."""
        dim, patch = self.dim, self.patch
        shapes: dict[str, tuple[int, ...]] = {
            "backbone.cls_token": (1, 1, dim),
            "backbone.storage_tokens": (1, self.registers, dim),
            "backbone.patch_embed.projection.weight": (dim, 3, patch, patch),
            "backbone.patch_embed.projection.bias": (dim,),
            PERIODS: (self.head_dim // 4,),
            "backbone.ln1.weight": (dim,),
        }
        for layer, kv_heads in enumerate(self.kv_heads):
            shapes |= {f"{_BLOCK}{layer}.{name}": shape for name, shape in self._block(kv_heads).items()}
        return shapes | self._head()

    def _block(self, kv_heads: int) -> dict[str, tuple[int, ...]]:
        dim = self.dim
        rows = {
            "attn.wq": (dim, dim),
            "attn.wk": (kv_heads * self.head_dim, dim),
            "attn.wv": (kv_heads * self.head_dim, dim),
            "attn.proj": (dim, dim),
            "ffn.w12": (8 * dim, dim),
            "ffn.w3": (dim, 4 * dim),
        }
        norms = {"attn.q_norm": self.head_dim, "attn.k_norm": self.head_dim}
        norms |= {"attn.gamma": dim, "ln1": dim, "ln2": dim}
        weights: dict[str, tuple[int, ...]] = {f"{name}.weight": shape for name, shape in rows.items()}
        biases = {f"{name}.bias": (shape[0],) for name, shape in rows.items()}
        return weights | biases | {f"{name}.weight": (count,) for name, count in norms.items()}

    def _head(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        channels = self.dim
        for place, wider in enumerate(self.deconv):
            shapes[f"decode_head.deconv_layers.{3 * place}.weight"] = (channels, wider, 4, 4)
            channels = wider
        layers = [(f"conv_layers.{3 * place}", wider) for place, wider in enumerate(self.conv)]
        for name, wider in [*layers, ("conv_pose", self.points)]:
            shapes[f"decode_head.{name}.weight"] = (wider, channels, 1, 1)
            shapes[f"decode_head.{name}.bias"] = (wider,)
            channels = wider
        return shapes


def _grouped(layers: int, heads: int) -> tuple[int, ...]:
    """Return the key and value heads of each layer: half of them in all but the first and the last eight."""
    return tuple(heads if min(layer, layers - 1 - layer) < 8 else heads // 2 for layer in range(layers))


SIZES: Mapping[str, SapiensLayout] = MappingProxyType(
    {
        "0.4b": SapiensLayout(1024, 16, _grouped(24, 16), (1024, 768), (512, 512, 256)),
        "0.8b": SapiensLayout(1280, 16, _grouped(32, 16), (1024, 768), (512, 512, 256)),
        "1b": SapiensLayout(1536, 24, _grouped(40, 24), (1536, 1024), (768, 512, 256)),
        "5b": SapiensLayout(2432, 32, _grouped(56, 32), (1024, 768), (512, 512, 256)),
    }
)
"""The released networks by size."""


def read_layout(header: Mapping[str, StoredTensor], path: Path) -> SapiensLayout:
    """Return the shape of the network that a file holds, told from the shapes of its tensors.

    Args:
        header: Of the file.
        path: Of the file, for error messages.

    Raises:
        WeightsError: It holds no Sapiens2 pose network in the original's layout.
    """
    shapes = {name: tensor.shape for name, tensor in header.items()}
    layers = 1 + max((int(found[1]) for name in shapes if (found := _LAYER.match(name))), default=-1)
    missing = [name for name in _TELLING if name not in shapes]
    if missing or not layers:
        raise WeightsError(
            f"this holds no Sapiens2 pose network with the original's names ({_kind(shapes)}); "
            "expected the content of sapiens2_SIZE_pose.safetensors",
            path=path,
        )
    try:
        layout = _told(shapes, layers)
        check_layout(header, layout, path)
    except (KeyError, IndexError, ZeroDivisionError) as problem:
        raise WeightsError(_UNFIT, path=path) from problem
    if not _are_heads(layout):
        raise WeightsError(_UNFIT, path=path)
    return layout


def check_layout(header: Mapping[str, StoredTensor], layout: SapiensLayout, path: Path) -> None:
    """Refuse a file whose tensors are not those of ``layout``: none missing, none beside them, all shapes.

    Raises:
        WeightsError: The message lists the first differences.
    """
    expected = layout.tensors()
    missing = sorted(expected.keys() - header.keys() - {PERIODS})
    unexpected = sorted(header.keys() - expected.keys())
    others = sorted(
        f"{name} is {list(header[name].shape)} instead of {list(shape)}"
        for name, shape in expected.items()
        if name in header and header[name].shape != shape
    )
    kinds = sorted(
        f"{name} is {tensor.dtype}" for name, tensor in header.items() if tensor.dtype not in _NUMBERS
    )
    faults = [
        f"{len(found)} {what} ({', '.join(found[:_SHOWN])}{', ...' if len(found) > _SHOWN else ''})"
        for what, found in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of other shapes", others),
            ("of kinds that are not read", kinds),
        )
        if found
    ]
    if faults:
        raise WeightsError(
            f"the tensors are not those of a pose network: {shown('; '.join(faults))}", path=path
        )


def check_kind(layout: SapiensLayout, path: Path) -> None:
    """Refuse a network of another kind than those released, whose points would lie elsewhere or be others.

    Args:
        layout: Of the file.
        path: Of the file, for error messages.

    Raises:
        WeightsError: It is one.
    """
    doublings = len(layout.deconv)
    for right, fault in (
        (layout.points == _POINTS, f"{layout.points} points, and Sapiens2 has {_POINTS}"),
        (layout.patch == _PATCH, f"patches of {layout.patch} pixels, and Sapiens2 of {_PATCH}"),
        (doublings == _DOUBLINGS, f"{doublings} layers that enlarge heat maps, and Sapiens2 {_DOUBLINGS}"),
    ):
        if not right:
            raise WeightsError(f"this is another pose network: it has {fault}", path=path)


def _are_heads(layout: SapiensLayout) -> bool:
    """Say whether the numbers of a token can be shared out to heads, and those turned by fours."""
    whole = layout.heads * layout.head_dim == layout.dim and not layout.head_dim % 4
    return whole and all(count and not layout.heads % count for count in layout.kv_heads)


_POINTS, _PATCH, _DOUBLINGS = 308, 16, 2
"""With these the heat maps have a quarter of the picture's rows and columns."""

_UNFIT = "damaged: the shapes of its tensors fit no Sapiens2 pose network"
_LAYER = re.compile(r"backbone\.blocks\.(\d{1,4})\.")
_TELLING = (
    "backbone.cls_token",
    "backbone.storage_tokens",
    "backbone.patch_embed.projection.weight",
    "decode_head.conv_pose.weight",
)


def _told(shapes: Mapping[str, tuple[int, ...]], layers: int) -> SapiensLayout:
    dim = shapes["backbone.cls_token"][-1]
    head_dim = shapes[f"{_BLOCK}0.attn.q_norm.weight"][0]
    kv_heads = tuple(shapes[f"{_BLOCK}{layer}.attn.wk.weight"][0] // head_dim for layer in range(layers))
    deconv = _chain(shapes, "decode_head.deconv_layers.", axis=1)
    conv = _chain(shapes, "decode_head.conv_layers.", axis=0)
    registers = shapes["backbone.storage_tokens"][1]
    patch = shapes["backbone.patch_embed.projection.weight"][-1]
    points = shapes["decode_head.conv_pose.weight"][0]
    return SapiensLayout(dim, dim // head_dim, kv_heads, deconv, conv, registers, patch, points)


def _chain(shapes: Mapping[str, tuple[int, ...]], prefix: str, *, axis: int) -> tuple[int, ...]:
    """Return the channels behind each layer of a chain, of which every third place has weights."""
    count = sum(name.startswith(prefix) and name.endswith(".weight") for name in shapes)
    return tuple(shapes[f"{prefix}{3 * place}.weight"][axis] for place in range(count))


def _kind(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return a clause about what the file may be instead."""
    if any(name.startswith("decode_head.") for name in shapes):
        return "its head is one of another Sapiens2 task"
    if any(name.startswith(("model.model.layer.", "model.embeddings.")) for name in shapes):
        return "its names are those inside transformers; save_pretrained writes the original's"
    if any(name.startswith(("backbone.blocks.", "blocks.")) for name in shapes):
        return "it is a backbone without the head for poses"
    return f"its first tensors: {shown(', '.join(sorted(shapes)[:3])) or 'none'}"
