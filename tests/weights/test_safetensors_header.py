from __future__ import annotations

import contextlib
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitruvian.errors import WeightsError, WeightsMissingError
from vitruvian.weights.safetensors_header import StoredTensor, read_header

pytest.importorskip("safetensors")
from safetensors.numpy import save_file

TENSORS = {"a": np.zeros((2, 3), np.float32), "b": np.ones(5, np.float16), "none": np.zeros((0, 4), np.int64)}


@pytest.fixture
def path(tmp_path):
    save_file(TENSORS, tmp_path / "some.safetensors", metadata={"format": "pt"})
    return tmp_path / "some.safetensors"


def write(path, header: object, data: bytes = b"", *, length: int | None = None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def test_names_shapes_and_types_are_those_of_the_library(path):
    assert read_header(path) == {
        "a": StoredTensor("F32", (2, 3)),
        "b": StoredTensor("F16", (5,)),
        "none": StoredTensor("I64", (0, 4)),
    }


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(WeightsMissingError, match="there is no such file"):
        read_header(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_header(tmp_path)


@pytest.mark.parametrize("left", [0, 1, 7, 8, 9, 100, -1])
def test_a_file_that_is_cut_short_says_so(path, left):
    data = path.read_bytes()
    path.write_bytes(data[:left])
    with pytest.raises(WeightsError, match=r"cut short|empty|not a safetensors file"):
        read_header(path)


def test_a_file_that_is_too_long_says_so(path):
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(WeightsError, match="4 bytes behind the last tensor"):
        read_header(path)


def test_pickles_are_told_apart_and_never_opened(tmp_path):
    bare, packed = tmp_path / "model.bin", tmp_path / "model.pth"
    bare.write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    for path in (bare, packed):
        with pytest.raises(WeightsError, match="pickle, which can run code"):
            read_header(path)


def test_a_pointer_of_git_says_what_to_run(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", encoding="utf-8")
    with pytest.raises(WeightsError, match="git lfs pull"):
        read_header(path)


@pytest.mark.parametrize("name", ["page.html", "other.onnx"])
def test_other_files_are_foreign(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"<!doctype html><html>" * 10)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        read_header(path)


def test_a_header_of_absurd_length_is_never_read(tmp_path):
    path = write(tmp_path / "huge.safetensors", {}, length=1 << 62)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        read_header(path)


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"{nonsense}", "no JSON"),
        ({"a": {**F32, "dtype": "F31"}}, "unknown dtype 'F31'"),
        ({"a": {**F32, "shape": [-2]}}, "each from 0 to"),
        ({"a": {**F32, "shape": [1 << 40, 1 << 40]}}, "needs"),
        ({"a": {**F32, "shape": [10**3000, 10**3000]}}, "each from 0 to"),
        ({"a": {**F32, "shape": [1] * 17}}, "at most 16 axes"),
        ({"a": {**F32, "data_offsets": [0, 10**3000]}}, "data_offsets from 0 to"),
        ({"a": F32, "z\x1b[31mred\x07": F32}, r"z\\x1b\[31mred\\x07 begins at byte 0 and not 8"),
        ({"a": {**F32, "shape": "two"}}, "expected a list"),
        ({"a": {**F32, "data_offsets": [0, 4]}}, "needs 8 bytes"),
        ({"a": {**F32, "data_offsets": [8]}}, "needs 8 bytes"),
        ({"a": F32, "b": F32}, "begins at byte 0 and not 8"),
        ({"a": {**F32, "data_offsets": [4, 12]}}, "begins at byte 4 and not 0"),
        ({"a": 7}, "expected an object"),
    ],
)
def test_a_damaged_header_says_where(tmp_path, header, said):
    path = write(tmp_path / "bad.safetensors", header, b"\0" * 8)
    with pytest.raises(WeightsError, match=said):
        read_header(path)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_changed_byte_is_an_error_of_ours_or_none(tmp_path_factory, place, byte):
    path = tmp_path_factory.mktemp("changed") / "some.safetensors"
    save_file(TENSORS, path)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)
    with contextlib.suppress(WeightsError):
        assert len(read_header(path)) <= len(TENSORS)
