import json
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tfcli.errors import CheckpointError
from tfcli.logging.tensors import decode_tensors, encode_tensors, load_metadata, load_tensors, save_tensors

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"]
TENSORS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=12).filter(lambda name: name != "__metadata__"),
    st.sampled_from([*DTYPES, "bool", "complex64"]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(TENSORS)
def test_what_is_saved_is_loaded(tensors):
    loaded = decode_tensors(encode_tensors(tensors), "memory")
    assert sorted(loaded) == sorted(tensors)
    for name, array in tensors.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        assert loaded[name].tobytes() == array.tobytes()


@settings(max_examples=60, deadline=None)
@given(TENSORS)
def test_the_bytes_are_those_of_the_safetensors_library(tensors):
    assert encode_tensors(tensors) == safetensors.numpy.save(
        {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    )


def test_equal_tensors_give_equal_bytes_in_any_order():
    first = {"b": np.arange(3.0), "a": np.ones((2, 2), np.float32)}
    metadata = {"z": "1", "a": "2", "m": "3"}
    again = dict(reversed(first.items()))
    assert encode_tensors(first, metadata) == encode_tensors(again, dict(reversed(metadata.items())))


@pytest.mark.parametrize("array", [np.arange(12.0).reshape(3, 4).T, np.arange(6, dtype=">i4"), np.arange(10)[::3]])
def test_any_memory_layout_is_saved_by_its_values(array):
    loaded = decode_tensors(encode_tensors({"a": array}), "memory")["a"]
    np.testing.assert_array_equal(loaded, array)


def test_a_file_keeps_metadata_and_gives_arrays_that_can_be_changed(tmp_path):
    save_tensors(tmp_path / "a.safetensors", {"a": np.zeros(3)}, {"name": "é"})
    tensors = load_tensors(tmp_path / "a.safetensors")
    tensors["a"][:] = 1
    assert load_metadata(tmp_path / "a.safetensors") == {"name": "é"}
    assert load_tensors(tmp_path / "a.safetensors")["a"].sum() == 0


def test_a_missing_file_is_a_plain_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"a\.safetensors"):
        load_tensors(tmp_path / "a.safetensors")


def packed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="F32", shape=(1,), start=0, end=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (b"\xff" * 20, "header would have"),
        (packed(b"{"), "header is not valid"),
        (packed(b"[" * 100_000), "header is not valid"),
        (packed([]), "not a mapping"),
        (packed(b'{"a": 1, "a": 2}'), "twice"),
        (packed({"__metadata__": {"a": 1}}), "texts to texts"),
        (packed({"a": 3}), "not the form"),
        (packed({"a": entry(shape=(-1,))}, b"1234"), "shape"),
        (packed({"a": entry(shape=(0, 2**62, 4), end=0)}), "shape"),
        (packed({"a": entry(shape=(2,))}, b"1234"), "4 bytes"),
        (packed({"a": entry(start=4, end=8)}, b"12345678"), "starts at byte 4"),
        (packed({"a": entry(), "b": entry()}, b"1234"), "starts at byte 0"),
        (packed({"a": entry()}, b"12345678"), "holds 8"),
        (packed({"a": entry()}, b"12"), "holds 2"),
        (packed({"a": entry("F8_E4M3", (4,))}, b"1234"), "dtype F8_E4M3"),
    ],
)
def test_no_damaged_file_is_read(data, reason):
    with pytest.raises(CheckpointError, match=reason):
        decode_tensors(data, "weights.safetensors")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_cut_file_is_never_read(data):
    whole = encode_tensors({"a": np.arange(5, dtype=np.float32), "b": np.zeros((0, 2))}, {"k": "v"})
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(CheckpointError):
        decode_tensors(whole[:length], "weights.safetensors")
