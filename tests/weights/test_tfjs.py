"""TensorFlow.js graph models that the tests write, sound ones and broken ones."""

import base64
import copy
import json
import math

import numpy as np
import pytest

from vitruvian import WeightsError, WeightsMissingError
from vitruvian.weights import load_graph
from vitruvian.weights.shards import MAX_BYTES


def _b64(text):
    return base64.b64encode(text.encode()).decode()


KERNEL = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4) / 7
SHAPE = np.array([1, -1, 4], np.int32)
FLAGS = np.array([True, False, True])
SCALAR = np.array(2.5, np.float32)

SIGNATURE = {
    "inputs": {"input": {"name": "input:0", "dtype": "DT_FLOAT", "tensorShape": {}}},
    "outputs": {"Identity:0": {"name": "Identity:0"}, "other": {"name": "conv"}},
}

# Not sorted, with a control input, an output index, and a node that nobody needs.
MODEL = {
    "format": "graph-model",
    "generatedBy": "2.1.0",
    "convertedBy": "TensorFlow.js Converter v1.4.0",
    "signature": SIGNATURE,
    "modelTopology": {
        "node": [
            {"name": "Identity", "op": "Identity", "input": ["flat", "^ready"], "attr": {}},
            {"name": "flat", "op": "Reshape", "input": ["conv:0", "shape"]},
            {
                "name": "conv",
                "op": "_FusedConv2D",
                "input": ["input", "kernel"],
                "attr": {
                    "strides": {"list": {"i": ["1", "2", "2", "1"]}},
                    "padding": {"s": _b64("SAME")},
                    "fused_ops": {"list": {"s": [_b64("BiasAdd"), _b64("Prelu")]}},
                    "explicit_paddings": {"list": {}},
                    "num_args": {"i": "2"},
                    "use_cudnn_on_gpu": {"b": True},
                    "epsilon": {"f": 0.5},
                    "T": {"type": "DT_FLOAT"},
                },
            },
            {
                "name": "input",
                "op": "Placeholder",
                "attr": {
                    "shape": {"shape": {"dim": [{"size": s} for s in ("-1", "256", "256", "3")]}},
                    "unknown": {"shape": {"unknownRank": True}},
                    "value": {"tensor": {}},
                },
            },
            {"name": "kernel", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}},
            {"name": "shape", "op": "Const"},
            {"name": "ready", "op": "NoOp"},
            {"name": "unused", "op": "Softmax", "input": ["flags"]},
            {"name": "flags", "op": "Const"},
        ]
    },
    "weightsManifest": [
        {
            "paths": ["group1-shard1of2", "group1-shard2of2.bin"],
            "weights": [
                {"name": "shape", "shape": [3], "dtype": "int32"},
                {"name": "kernel", "shape": [1, 1, 3, 4], "dtype": "float32"},
                {"name": "flags", "shape": [3], "dtype": "bool"},
            ],
        },
        {"paths": ["more.bin"], "weights": [{"name": "scalar", "shape": [], "dtype": "float32"}]},
    ],
}
MORE = SCALAR.tobytes()
BYTES = SHAPE.tobytes() + KERNEL.tobytes() + FLAGS.tobytes()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "handdetector"


def _write(folder, model=MODEL, *, cut=30, data=BYTES, more=MORE):
    """Write a model whose first group is cut in two within a number of the kernel."""
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(model if isinstance(model, str) else json.dumps(model))
    (folder / "group1-shard1of2").write_bytes(data[:cut])
    (folder / "group1-shard2of2.bin").write_bytes(data[cut:])
    (folder / "more.bin").write_bytes(more)


def _changed(change):
    model = copy.deepcopy(MODEL)
    change(model)
    return model


def test_nodes_come_sorted_and_only_those_that_are_needed(folder):
    _write(folder)
    graph = load_graph(folder)
    assert graph.name == "handdetector/model.json"
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    assert set(places) == {"input", "kernel", "conv", "shape", "flat", "Identity"}
    for node in graph.nodes:
        assert all(places[each] < places[node.name] for each in node.inputs)
    inputs = {node.name: node.inputs for node in graph.nodes}
    assert inputs["Identity"] == ("flat",)
    assert inputs["flat"] == ("conv", "shape")
    assert graph.inputs == ("input",)
    assert graph.outputs == ("Identity", "conv")


def test_attributes_are_decoded(folder):
    _write(folder)
    nodes = {node.name: node.attributes for node in load_graph(folder).nodes}
    assert nodes["conv"] == {
        "strides": (1, 2, 2, 1),
        "padding": "SAME",
        "fused_ops": ("BiasAdd", "Prelu"),
        "explicit_paddings": (),
        "num_args": 2,
        "use_cudnn_on_gpu": True,
        "epsilon": 0.5,
        "T": "DT_FLOAT",
    }
    assert nodes["input"] == {"shape": (-1, 256, 256, 3)}


def test_tensors_straddle_shards(folder):
    for cut in (0, 1, 12, 30, len(BYTES)):
        _write(folder, cut=cut)
        tensors = load_graph(folder).tensors
        assert (tensors["shape"] == SHAPE).all()
        assert (tensors["kernel"] == KERNEL).all()
        assert (tensors["flags"] == FLAGS).all()
        assert tensors["scalar"].shape == ()
        assert tensors["scalar"] == 2.5
        assert [tensors[name].dtype for name in ("shape", "kernel", "flags")] == [
            np.int32,
            np.float32,
            np.bool_,
        ]


def test_the_digest_is_of_all_files(folder):
    _write(folder)
    first = load_graph(folder).sha256
    _write(folder, cut=7)  # the same bytes
    assert load_graph(folder).sha256 == first
    _write(folder, data=BYTES[:-1] + b"\x00")
    assert load_graph(folder).sha256 != first


def test_the_signature_may_be_in_the_metadata(folder):
    def move(model):
        model["userDefinedMetadata"] = {"signature": model.pop("signature")}

    _write(folder, _changed(move))
    graph = load_graph(folder)
    assert (graph.inputs, graph.outputs) == (("input",), ("Identity", "conv"))


def _quantised(meant, shape, stored, **quantization):
    weight = {"name": "kernel", "shape": shape, "dtype": meant, "quantization": quantization}

    def change(model):
        listed = model["weightsManifest"]
        listed[0]["weights"] = [MODEL["weightsManifest"][0]["weights"][0], weight]

    return _changed(change), SHAPE.tobytes() + stored.tobytes()


@pytest.mark.parametrize("stored", [np.uint8, np.uint16])
def test_quantised_numbers(folder, stored):
    values = np.array([0, 1, 100, np.iinfo(stored).max], stored)
    scale, low = 0.003921568859368563, -0.5
    model, data = _quantised("float32", [2, 2], values, dtype=np.dtype(stored).name, scale=scale, min=low)
    _write(folder, model, data=data, cut=13)
    kernel = load_graph(folder).tensors["kernel"]
    expected = [np.float32(number * scale + low) for number in values.tolist()]
    assert kernel.dtype == np.float32
    assert kernel.ravel().tolist() == expected


def test_quantised_whole_numbers_are_rounded_half_up(folder):
    values = np.array([0, 1, 2, 3], np.uint8)
    model, data = _quantised("int32", [4], values, dtype="uint8", scale=0.5, min=-1)
    _write(folder, model, data=data)
    kernel = load_graph(folder).tensors["kernel"]
    assert kernel.dtype == np.int32
    assert kernel.tolist() == [-1, 0, 0, 1]


def test_halves(folder):
    values = np.array([1.5, -0.25, 65504, 6e-8], np.float16)
    model, data = _quantised("float32", [4], values, dtype="float16")
    _write(folder, model, data=data)
    kernel = load_graph(folder).tensors["kernel"]
    assert kernel.dtype == np.float32
    assert (kernel == values.astype(np.float32)).all()


def test_a_missing_shard_is_named(folder):
    _write(folder)
    (folder / "group1-shard2of2.bin").unlink()
    with pytest.raises(WeightsMissingError, match=r"group1-shard2of2\.bin: this shard is missing"):
        load_graph(folder)


def test_a_missing_model_is_named(folder):
    with pytest.raises(WeightsMissingError, match=r"handdetector.model\.json"):
        load_graph(folder)


@pytest.mark.parametrize("data", [BYTES[:-1], BYTES + b"\0", b""])
def test_another_total_length(folder, data):
    _write(folder, data=data)
    with pytest.raises(
        WeightsError,
        match=rf"weightsManifest\[0\]: the shards hold {len(data)} bytes, and the list of weights needs 63",
    ):
        load_graph(folder)


def _weight(**values):
    return lambda model: model["weightsManifest"][0]["weights"][1].update(values)


def _node(place, **values):
    return lambda model: model["modelTopology"]["node"][place].update(values)


def _pop(*keys):
    def change(model):
        *outer, last = keys
        for key in outer:
            model = model[key]
        del model[last]

    return change


BROKEN = {
    "this is a layers model": lambda model: model.update(format="layers-model"),
    "expected 'graph-model', got 'tflite'": lambda model: model.update(format="tflite"),
    "has no 'format'": _pop("format"),
    "has no 'modelTopology'": _pop("modelTopology"),
    "has no 'weightsManifest'": _pop("weightsManifest"),
    "modelTopology: has no 'node'": _pop("modelTopology", "node"),
    "has no signature": _pop("signature"),
    "signature: has no 'outputs'": _pop("signature", "outputs"),
    "at least one input": lambda model: model["signature"].update(outputs={}),
    "the signature names 'nobody'": lambda model: model["signature"].update(inputs={"x": {"name": "nobody"}}),
    "only first outputs": lambda model: model["signature"].update(outputs={"x": {"name": "conv:1"}}),
    "signature.outputs.x.name: expected a text": lambda model: model["signature"].update(
        outputs={"x": {"name": 3}}
    ),
    "node 'flat' takes 'nowhere'": _node(1, input=["nowhere"]),
    "there are two nodes called 'flat'": _node(2, name="flat"),
    "the graph goes in circles": _node(2, input=["flat", "kernel"]),
    "modelTopology.node[1].input: expected a list": _node(1, input="conv"),
    "modelTopology.node[4]: has no 'op'": _pop("modelTopology", "node", 4, "op"),
    "the weights list no values for 'kernel'": _weight(name="other"),
    "the weights list 'shape' twice": _weight(name="shape"),
    "expected a text in base64": _node(2, attr={"padding": {"s": "SAME!"}}),
    "expected a whole number, got 'two'": _node(2, attr={"strides": {"list": {"i": ["two"]}}}),
    "expected a whole number": _node(2, attr={"strides": {"list": {"i": ["9" * 5000]}}}),
    "unknown dtype 'float64'; known are float32, int32, bool": _weight(dtype="float64"),
    "unknown dtype 'string'": _weight(dtype="string"),
    "unknown dtype 'int4'; known are uint8, uint16, float16": _weight(quantization={"dtype": "int4"}),
    "bool cannot be stored as uint8": _weight(dtype="bool", quantization={"dtype": "uint8"}),
    "int32 cannot be stored as float16": _weight(dtype="int32", quantization={"dtype": "float16"}),
    "quantization: has no 'scale'": _weight(quantization={"dtype": "uint8", "min": 0}),
    "scale: expected a number, got 'x'": _weight(quantization={"dtype": "uint8", "min": 0, "scale": "x"}),
    "scale: expected a number, got inf": _weight(
        quantization={"dtype": "uint8", "min": 0, "scale": math.inf}
    ),
    "scale: expected a number, got nan": _weight(
        quantization={"dtype": "uint8", "min": 0, "scale": math.nan}
    ),
    "scale: expected a number, got 1000": _weight(
        quantization={"dtype": "uint8", "min": 0, "scale": 10**400}
    ),
    "int32 cannot hold": _weight(dtype="int32", quantization={"dtype": "uint8", "min": 0, "scale": 1e8}),
    "float32 cannot hold": _weight(quantization={"dtype": "uint16", "min": 9e37, "scale": -1e37}),
    "a shape without negative numbers": _weight(shape=[-1, -12]),
    "shape[0]: expected a whole number, got True": _weight(shape=[True]),
    "shape[1]: expected a whole number, got 2.0": _weight(shape=[6, 2.0]),
    "at most 268,435,456 are read": _weight(shape=[1 << 40, 1 << 40, 1 << 40]),
    "weightsManifest: expected a list, got 7": lambda model: model.update(weightsManifest=7),
    "weightsManifest[0]: expected an object": lambda model: model.update(weightsManifest=[None]),
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_is_wrong_is_said(folder, message):
    _write(folder, _changed(BROKEN[message]))
    with pytest.raises(WeightsError, match=r"handdetector.model\.json: ") as caught:
        load_graph(folder)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", ".", "", "a\\b", "c:x", "a\0b"])
def test_shards_come_from_the_same_folder(folder, name):
    (folder.parent / "secret").write_bytes(BYTES)
    _write(folder, _changed(lambda model: model["weightsManifest"][0].update(paths=[name])))
    with pytest.raises(WeightsError, match="expected the name of a file in the same folder"):
        load_graph(folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, '"text"', "[]", "\udce4".encode("utf-8", "replace").decode()]
)
def test_what_is_no_model(folder, text):
    _write(folder, text)
    with pytest.raises(WeightsError, match=r"model\.json"):
        load_graph(folder)


def test_a_long_chain_of_nodes_is_no_deep_recursion(folder):
    def lengthen(model):
        nodes = model["modelTopology"]["node"]
        nodes += [
            {"name": f"n{place}", "op": "Relu", "input": [f"n{place - 1}" if place else "input"]}
            for place in range(20_000)
        ]
        model["signature"]["outputs"] = {"last": {"name": "n19999"}}

    _write(folder, _changed(lengthen))
    assert len(load_graph(folder).nodes) == 20_001


def test_nothing_is_read_beyond_the_limit(folder):
    _write(folder)
    with (folder / "group1-shard1of2").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse
    with pytest.raises(WeightsError, match="larger than the 268,435,456 bytes allowed"):
        load_graph(folder)
