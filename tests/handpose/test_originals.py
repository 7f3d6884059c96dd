"""``load`` on the original's kind of networks: folders that the tests write, in the original's shapes."""

import base64
import json
import math

import numpy as np
import pytest

from vitruvian import OpenVINO, SessionError, WeightsError, WeightsMissingError, handpose
from vitruvian.models.anchors import anchor_centres
from vitruvian.models.handpose import HANDPOSE_DETECTOR, HandposePalms, HandposeSettings
from vitruvian.weights import GraphFile, GraphNode

RANDOM = np.random.default_rng(5)

PALM_POINTS = [(0, 30), (-12, -4), (0, -10), (8, -8), (16, -4), (-16, 20), (-24, 10)]  # from the anchor
BOX = (2, 3, 40, 44)  # centre from the anchor, size
HAND = np.array(
    [
        *((128, 200, 0), (100, 190, -4), (80, 170, -6), (66, 150, -8), (52, 136, -10)),
        *((104, 120, -2), (100, 90, -8), (98, 72, -12), (96, 58, -15)),
        *((126, 116, -1), (126, 84, -6), (126, 64, -10), (126, 48, -12)),
        *((146, 122, -3), (150, 92, -9), (152, 74, -14), (154, 60, -17)),
        *((162, 134, -6), (170, 112, -11), (174, 98, -14), (178, 86, -16)),
    ],
    np.float32,
)
PALM = [0, 5, 9, 13, 17, 1, 2]


class Written:
    """A network that is written to a folder as ``model.json`` and two shards."""

    def __init__(self, name):
        self.nodes, self.tensors = [], {}
        self.add(
            name, "Placeholder", shape={"shape": {"dim": [{"size": s} for s in ["1", "256", "256", "3"]]}}
        )
        self.input = name

    def add(self, name, op, *inputs, **attributes):
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def constant(self, name, values, dtype=np.float32):
        self.tensors[name] = np.asarray(values, dtype)
        return self.add(name, "Const")

    def convolution(self, name, x, weights, bias, *, stride=1, padding="SAME", relu=True):
        inputs = (x, self.constant(f"{name}/weights", weights), self.constant(f"{name}/bias", bias))
        fused = {"list": {"s": [_b64("BiasAdd"), *([_b64("Relu")] if relu else [])]}}
        return self.add(name, "_FusedConv2D", *inputs, fused_ops=fused, **_geometry(stride, padding))

    def pool(self, name, x):
        ksize = {"list": {"i": ["1", "2", "2", "1"]}}
        return self.add(name, "MaxPool", x, ksize=ksize, **_geometry(2, "VALID"))

    def reshape(self, name, x, shape):
        return self.add(name, "Reshape", x, self.constant(f"{name}/shape", shape, np.int32))

    def concat(self, name, axis, *values):
        return self.add(name, "ConcatV2", *values, self.constant(f"{name}/axis", axis, np.int32))

    def write(self, folder, outputs, *, metadata=False):
        folder.mkdir(parents=True)
        signature = {
            "inputs": {self.input: {"name": f"{self.input}:0"}},
            "outputs": {f"{name}:0": {"name": f"{name}:0"} for name in outputs},
        }
        listed = [
            {"name": name, "shape": list(values.shape), "dtype": values.dtype.name}
            for name, values in self.tensors.items()
        ]
        data = b"".join(values.tobytes() for values in self.tensors.values())
        cut = len(data) // 2 + 1
        model = {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes[::-1]},
            "weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": listed}],
            **({"userDefinedMetadata": {"signature": signature}} if metadata else {"signature": signature}),
        }
        (folder / "model.json").write_text(json.dumps(model))
        (folder / "a.bin").write_bytes(data[:cut])
        (folder / "b.bin").write_bytes(data[cut:])


def _b64(text):
    return base64.b64encode(text.encode()).decode()


def _geometry(stride, padding):
    strides = {"list": {"i": ["1", str(stride), str(stride), "1"]}}
    return {"strides": strides, "padding": {"s": _b64(padding)}, "data_format": {"s": _b64("NHWC")}}


def _first(*shape, value=1.0):
    """Return random weights whose first channel only looks at the first channel, in the middle."""
    weights = RANDOM.normal(0, 0.1, shape).astype(np.float32)
    weights[..., 0] = 0
    weights[shape[0] // 2, shape[1] // 2, 0, 0] = value
    return weights


def _brightness(net, smallest):
    """Add layers whose first channel is 1 in one cell of 8 pixels if that is white, on a black picture."""
    weights = RANDOM.normal(0, 0.1, (3, 3, 3, 8)).astype(np.float32)
    weights[..., 0] = 0
    weights[1, 1, :, 0] = 1 / 3
    net.convolution("conv1", net.input, weights, np.zeros(8), stride=2)
    depthwise = RANDOM.normal(0, 0.1, (3, 3, 8, 1)).astype(np.float32)
    depthwise[:, :, 0] = 1 / 9
    net.constant("depth/weights", depthwise)
    net.add("depth", "DepthwiseConv2dNative", "conv1", "depth/weights", **_geometry(2, "SAME"))
    net.add("relu", "Relu", "depth")
    x, size = "relu", 32
    while size >= smallest:
        x, size = net.pool(f"pool{size}", x), size // 2


def _detector(folder):
    net = Written("input")
    _brightness(net, 8)
    # As in the original, a wider block gets its residual by padding channels, and small maps are enlarged.
    table = net.constant("table", [[0, 0], [0, 0], [0, 0], [0, 4]], np.int32)
    net.add("wide", "Pad", "pool32", table)
    net.convolution("conv32", "pool32", _first(1, 1, 8, 12, value=0), np.zeros(12), relu=False)
    net.add("map32", "AddV2", "conv32", "wide")
    net.constant("up/shape", [1, 32, 32, 12], np.int32)
    net.constant("up/weights", RANDOM.normal(0, 0.1, (2, 2, 12, 8)) * (np.arange(12)[:, None] > 0))
    net.add("up", "Conv2DBackpropInput", "up/shape", "up/weights", "pool16", **_geometry(2, "SAME"))
    net.add("norm", "Mul", "up", net.constant("scale", RANDOM.normal(1, 0.1, 12)))
    net.add("shift", "Add", "norm", net.constant("offset", np.zeros(12)))
    net.add("sum32", "AddV2", "map32", "shift")
    scores, places = [], []
    for name, x, channels, anchors in (("a", "sum32", 12, 2), ("b", "pool16", 8, 2), ("c", "pool8", 8, 6)):
        weights, bias = np.zeros((1, 1, channels, anchors)), np.full(anchors, -10.0)
        if name == "a":
            weights[0, 0, 0, 0], bias[0] = 8, -6
        net.convolution(f"score_{name}", x, weights, bias, relu=False)
        scores.append(net.reshape(f"scores_{name}", f"score_{name}", [1, -1, 1]))
        row = np.array([*BOX, *np.ravel(PALM_POINTS)])
        flat = np.tile(row, anchors)
        net.convolution(f"place_{name}", x, np.zeros((1, 1, channels, 18 * anchors)), flat, relu=False)
        places.append(net.reshape(f"places_{name}", f"place_{name}", [1, -1, 18]))
    both = net.concat("scores", 1, *scores), net.concat("places", 1, *places)
    net.add("Identity", "Identity", net.concat("rows", 2, *both))
    net.write(folder, ["Identity"])


def _skeleton(folder):
    net = Written("input_1")
    _brightness(net, 2)
    flag = np.zeros((2, 2, 8, 1))
    flag[:, :, 0] = 8
    net.convolution("flag", "pool2", flag, [-4], padding="VALID", relu=False)
    net.add("sigmoid", "Sigmoid", "flag")
    net.convolution("points", "pool2", np.zeros((2, 2, 8, 63)), HAND.ravel(), padding="VALID", relu=False)
    net.add("Identity_1", "Identity", net.reshape("one", "sigmoid", [1, 1]), "^done")
    net.add("Identity", "Identity", net.reshape("all", "points", [1, 63]))
    net.add("done", "NoOp")
    net.write(folder, ["Identity_1", "Identity"], metadata=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    _detector(folder / "handdetector")
    _skeleton(folder / "handskeleton")
    return folder


def _picture(*cells, width=512, height=256):
    """Return a black picture with white cells, of the 32 x 32 that the detector sees."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for x, y in cells:
        across, down = width // 256, height // 256
        pixels[8 * y * down : (8 * y + 8) * down + 1, 8 * x * across : (8 * x + 8) * across + 1] = 255
    return pixels


def _expected(original, cell, width=512, height=256):
    """Return the palm that the detector finds there: its box and its points, in the picture."""
    scale = np.array([width, height]) / 256
    anchor = (np.array(cell) + 0.5) * 8
    points = (np.array(PALM_POINTS) + anchor) * scale
    middle, half = (np.array(BOX[:2]) + anchor) * scale, np.array(BOX[2:]) / 2 * scale
    return (*(middle - half), *(middle + half)), points


def test_anchors():
    anchors = anchor_centres(256, strides=(8, 16, 32, 32, 32))
    assert anchors.shape == (2944, 2)
    assert anchors[0].tolist() == [0.015625, 0.015625]
    assert anchors[-1].tolist() == [0.9375, 0.9375]


@pytest.mark.parametrize(("width", "height"), [(512, 256), (256, 512), (256, 256)])
def test_a_hand_is_found_read_and_followed(folder, original, width, height):
    """Two calls end to end against the original's arithmetic in plain numbers."""
    picture = _picture((15, 17), width=width, height=height)
    box, palm = _expected(original, (15, 17), width, height)
    with handpose.load(folder) as model:
        [first], [second] = model.estimate_hands(picture), model.estimate_hands(picture)
    centre, side, turn = original.fresh(box, palm)
    points = original.decoded(HAND[:, :2].tolist(), centre, side, turn, 256)
    assert first.landmarks[:, :2] == pytest.approx(np.array(points), abs=0.01)
    assert first.landmarks[:, 2] == pytest.approx(HAND[:, 2], abs=1e-4)
    assert first.hand_in_view_confidence > 0.95
    x0, y0, x1, y1 = original.box(points)
    assert first.bounding_box.top_left == pytest.approx((x0, y0), abs=0.01)
    assert first.bounding_box.bottom_right == pytest.approx((x1, y1), abs=0.01)
    turn = original.rotation([points[i] for i in (0, 5, 9)])
    points = original.decoded(HAND[:, :2].tolist(), ((x0 + x1) / 2, (y0 + y1) / 2), x1 - x0, turn, 256)
    assert second.landmarks[:, :2] == pytest.approx(np.array(points), abs=0.02)


def test_what_the_networks_do_not_say_is_none(folder):
    with handpose.load(str(folder)) as model:
        [hand] = model.estimate_hands(_picture((15, 17)))
    assert (hand.handedness, hand.score, hand.world_landmarks) == (None, None, None)
    assert list(hand.to_json()) == ["handInViewConfidence", "boundingBox", "landmarks", "annotations"]


@pytest.mark.parametrize("flip", [False, True])
def test_a_black_picture_shows_nobody(folder, flip):
    with handpose.load(folder) as model:
        assert model.estimate_hands(np.zeros((128, 128, 3), np.uint8), flip) == []


def test_thresholds(folder):
    """Black scores sigmoid(-6), the white cell sigmoid(2) = 0.88."""
    picture = _picture((15, 17))
    for threshold, count in ((0.87, 1), (0.89, 0)):
        with handpose.load(folder, score_threshold=threshold) as model:
            assert len(model.estimate_hands(picture)) == count
    with handpose.load(folder, detection_confidence=1) as model:
        assert model.estimate_hands(picture) == []


def test_two_hands(folder, original):
    picture = _picture((6, 18), (24, 18))
    with handpose.load(folder, max_hands=2) as model:
        hands = model.estimate_hands(picture)
    assert len(hands) == 2
    centres = sorted(hand.landmarks[:, 0].mean() for hand in hands)
    assert centres[0] < 256 < centres[1]
    with handpose.load(folder) as model:
        assert len(model.estimate_hands(picture)) == 1


def _rows(*rows):
    """Return a detector that puts out these rows, in the first cells; each a score and where its box is."""
    table = np.zeros((2944, 19), np.float32)
    table[:, 0] = -50
    anchors = anchor_centres(256, strides=(8, 16, 32, 32, 32)) * 256
    for place, (score, x, y) in enumerate(rows):
        table[place, :5] = (
            math.log(score / (1 - score)),
            x - anchors[place, 0],
            y - anchors[place, 1],
            40,
            40,
        )
    nodes = (GraphNode("in", "Placeholder"), GraphNode("rows", "Const"))
    graph = GraphFile("constant", "", nodes, {"rows": table[None]}, ("in",), ("rows",))
    return OpenVINO(threads=1).open_graph(graph, HANDPOSE_DETECTOR, outputs=("palms",))


def test_palms_come_best_first_and_each_once(picture):
    session = _rows((0.8, 50, 50), (0.95, 54, 50), (0.9, 150, 150), (0.6, 200, 50))
    [palms] = HandposePalms(session, HandposeSettings(score_threshold=0.75))([picture])
    assert palms.score == pytest.approx([0.95, 0.9])
    assert palms.box[0] == pytest.approx(np.array([34, 30, 74, 70]) * [2.5, 1.875, 2.5, 1.875], abs=1e-2)
    [all_of_them] = HandposePalms(session, HandposeSettings(score_threshold=0.5, iou_threshold=1))([picture])
    assert all_of_them.score == pytest.approx([0.95, 0.9, 0.8, 0.6])


def test_a_folder_without_one_of_the_networks(tmp_path, folder):
    (tmp_path / "handskeleton").symlink_to(folder / "handskeleton")
    with pytest.raises(WeightsMissingError, match=r"handdetector.model\.json: there is no such file"):
        handpose.load(tmp_path)


def test_networks_that_changed_places(tmp_path, folder):
    (tmp_path / "handskeleton").symlink_to(folder / "handdetector")
    (tmp_path / "handdetector").symlink_to(folder / "handskeleton")
    with pytest.raises(SessionError, match=r"expected \[\(1, 2944, 19\)\], got \[\(1, 1\), \(1, 63\)\]"):
        handpose.load(tmp_path)


def test_a_layers_model_is_refused(tmp_path, folder):
    (tmp_path / "handskeleton").symlink_to(folder / "handskeleton")
    (tmp_path / "handdetector").mkdir()
    (tmp_path / "handdetector" / "model.json").write_text('{"format": "layers-model"}')
    with pytest.raises(WeightsError, match="layers model"):
        handpose.load(tmp_path)
