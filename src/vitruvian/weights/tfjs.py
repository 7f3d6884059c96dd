"""TensorFlow.js graph models: a network as a list of operations, from a folder on this machine.

``model.json`` holds the graph and the list of its tensors, shards beside it hold the numbers (hand
specification, sections 6.1 to 6.3). Nothing is executed and no size is believed; what comes out is a value
that a runtime may build a network of.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, TypeAlias

from vitruvian.weights.disk import read_file
from vitruvian.weights.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Attribute", "GraphFile", "GraphNode", "load_graph"]

MODEL = "model.json"

_MAX_JSON = 32 * 1024 * 1024

_SCALARS = ("b", "f", "i", "s", "type")
"""Kinds of attribute: truth, number, whole number, text, name of a type."""

Attribute: TypeAlias = bool | int | float | str | tuple[int | float | str, ...]


@dataclass(frozen=True)
class GraphNode:
    """One operation.

    Attributes:
        name: Unique in its graph.
        op: What TensorFlow calls the operation, such as ``MaxPool``.
        inputs: Names of the nodes whose (only) output it takes, in order.
        attributes: Numbers, texts, or tuples of these.
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class GraphFile:
    """A network as a graph.

    Attributes:
        name: Of the folder and the file, for messages, such as ``handdetector/model.json``.
        sha256: Digest of ``model.json`` and all shards, in this order, in lower-case hexadecimal.
        nodes: The operations that the outputs need, each behind those whose output it takes.
        tensors: Name of a ``Const`` node → its values in float32, int32 or bool.
        inputs: Names of the nodes that stand for the inputs.
        outputs: Names of the nodes whose outputs are the network's.
    """

    name: str
    sha256: str
    nodes: tuple[GraphNode, ...] = field(repr=False)
    tensors: Mapping[str, NDArray[Any]] = field(repr=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def load_graph(folder: Path) -> GraphFile:
    """Return the graph model in ``folder``: ``model.json`` and the shards that it names.

    Float32, int32 and bool are read, and float32 and int32 that were quantised to uint8, uint16 or (float32
    only) float16.

    Raises:
        WeightsMissingError: ``model.json`` or a shard is missing; the message names it.
        WeightsError: This is another kind of model, or a file is damaged.
    """
    from vitruvian.weights.shards import read_shards  # noqa: PLC0415  # NumPy, which --help does without

    path = folder / MODEL
    data = read_file(path, limit=_MAX_JSON)
    model = Entry.parse(data, path)
    _check_format(model)
    inputs, outputs = _signature(model)
    nodes = _nodes(model.at("modelTopology"))
    for name in (*inputs, *outputs):
        if name not in nodes:
            raise model.error(f"the signature names {name!r}, and the graph has no such node")
    tensors, shards = read_shards(model.at("weightsManifest"))
    ordered = _ordered(model, nodes, outputs)
    for node in ordered:
        if node.op == "Const" and node.name not in tensors:
            raise model.error(f"the weights list no values for {node.name!r}")
    digest = hashlib.sha256(data)
    for shard in shards:
        digest.update(shard)
    return GraphFile(f"{folder.name}/{MODEL}", digest.hexdigest(), ordered, tensors, inputs, outputs)


def _check_format(model: Entry) -> None:
    kind = model.at("format").is_a(str)
    if kind == "layers-model":
        raise model.error(
            "this is a layers model (format 'layers-model'), and only graph models are read; "
            "convert it with tensorflowjs_converter --output_format=tfjs_graph_model"
        )
    if kind != "graph-model":
        raise model.error(f"format: expected 'graph-model', got {kind!r}")


def _signature(model: Entry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the nodes that are inputs, and of those that are outputs."""
    signature = model.maybe("signature")
    if signature is None:  # where older converters put it
        metadata = model.maybe("userDefinedMetadata")
        signature = None if metadata is None else metadata.maybe("signature")
    if signature is None:
        raise model.error("has no signature, so which nodes are inputs and outputs is not known")
    inputs, outputs = (_ports(signature.at(key)) for key in ("inputs", "outputs"))
    if not inputs or not outputs:
        raise signature.error("at least one input and one output are needed")
    return inputs, outputs


def _ports(entry: Entry) -> tuple[str, ...]:
    ports = (entry.at(key) for key in entry.is_a(dict))
    return tuple(_reference(port.at("name")) for port in ports)


def _reference(entry: Entry) -> str:
    """Return the node that ``name`` or ``name:0`` refers to."""
    name, mark, output = entry.is_a(str).partition(":")
    if mark and output != "0":
        raise entry.error(f"only first outputs (':0') can be used, got {entry.value!r}")
    return name


def _nodes(topology: Entry) -> dict[str, GraphNode]:
    nodes: dict[str, GraphNode] = {}
    for entry in topology.at("node").items():
        name, op = entry.at("name").is_a(str), entry.at("op").is_a(str)
        if name in nodes:
            raise entry.error(f"there are two nodes called {name!r}")
        listed = entry.maybe("input")
        # An input that starts with ^ says only what must run before; here nothing has side effects.
        inputs = () if listed is None else (each for each in listed.items() if not _is_control(each))
        attributes = entry.maybe("attr")
        nodes[name] = GraphNode(
            name,
            op,
            tuple(_reference(each) for each in inputs),
            {} if attributes is None else _attributes(attributes),
        )
    return nodes


def _is_control(entry: Entry) -> bool:
    return entry.is_a(str).startswith("^")


def _attributes(entry: Entry) -> dict[str, Attribute]:
    found = {key: _attribute(entry.at(key)) for key in entry.is_a(dict)}
    return {key: value for key, value in found.items() if value is not None}


def _attribute(entry: Entry) -> Attribute | None:
    """Return the value of an attribute; ``None`` if it is of a kind that no operation here asks for."""
    for kind in entry.is_a(dict):
        value = entry.at(kind)
        if kind == "list":
            return _list(value)
        if kind == "shape":
            return _shape(value)
        if kind in _SCALARS:
            return _scalar(kind, value)
    return None


def _scalar(kind: str, entry: Entry) -> bool | int | float | str:
    if kind == "i":
        return _whole(entry)
    if kind == "s":
        return _text(entry)
    if kind == "b":
        return entry.is_a(bool)
    return entry.number() if kind == "f" and not isinstance(entry.value, str) else str(entry.value)


def _list(entry: Entry) -> tuple[int | float | str, ...]:
    kinds = entry.is_a(dict)
    return tuple(_scalar(kind, item) for kind in kinds if kind in _SCALARS for item in entry.at(kind).items())


def _shape(entry: Entry) -> tuple[int, ...] | None:
    axes = entry.maybe("dim")
    return None if axes is None else tuple(_whole(axis.at("size")) for axis in axes.items())


def _whole(entry: Entry) -> int:
    """Return a whole number, which the format writes as a text."""
    if not isinstance(entry.value, str):
        return entry.is_a(int)
    try:
        return int(entry.value)
    except ValueError as problem:
        raise entry.error(f"expected a whole number, got {entry.value[:20]!r}") from problem


def _text(entry: Entry) -> str:
    """Return a text, which the format writes in base64."""
    try:
        return base64.b64decode(entry.is_a(str), validate=True).decode()
    except (binascii.Error, ValueError) as problem:
        raise entry.error("expected a text in base64") from problem


def _ordered(model: Entry, nodes: Mapping[str, GraphNode], outputs: tuple[str, ...]) -> tuple[GraphNode, ...]:
    """Return the nodes that the outputs need, each behind its inputs."""
    needed: dict[str, tuple[str, ...]] = {}
    due = list(outputs)
    while due:
        name = due.pop()
        if name in needed:
            continue
        needed[name] = nodes[name].inputs
        for each in nodes[name].inputs:
            if each not in nodes:
                raise model.error(f"node {name!r} takes {each!r}, and the graph has no such node")
        due += nodes[name].inputs
    try:
        return tuple(nodes[name] for name in TopologicalSorter(needed).static_order())
    except CycleError as problem:
        raise model.error("the graph goes in circles") from problem
