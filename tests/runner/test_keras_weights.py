"""Weights out of files that Keras wrote; `keras_files` has what Keras predicts with them."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tfcli.engine.spec import Shape, TensorSpec
from tfcli.errors import SpecError
from tfcli.models.network import Network
from tfcli.models.spec import ModelSpec
from tfcli.runner.keras_weights import load_keras_weights

h5py = pytest.importorskip("h5py", reason="h5py reads Keras's files")
FILES = Path(__file__).parent / "keras_files"


def dense(name: str | None, **fields) -> dict:
    return {"type": "dense", "units": 3, "name": name} | fields


def branched(named: bool) -> list[dict]:
    """The branches in another order than Keras's; without Keras's names, layers are found by class and depth."""
    late, b0, b1, b2 = ("late", "b0", "b1", "b2") if named else ("w", "u0", "u1", "u2")
    return [
        dense(b0, inputs="x", activation="relu"),
        dense(b1),
        dense(b2),
        dense(late, inputs="x"),
        {"type": "add", "inputs": [late, b2], "name": "join"},
        {"type": "batch_normalization", "name": "norm" if named else None},
        {"type": "dense", "units": 2, "name": "head" if named else None},
    ]


SEQUENCE = [
    {"type": "multi_head_attention", "num_heads": 2, "key_dim": 3},
    {"type": "bidirectional", "layer": {"type": "lstm", "units": 2, "return_sequences": True}},
    {"type": "time_distributed", "layer": {"type": "dense", "units": 2}},
    {"type": "gru", "units": 2},
]


def network_of(layers: list[dict], shape: tuple[int, ...]) -> Network:
    return Network(ModelSpec(layers=layers), {"x": TensorSpec(Shape((None, *shape)), "float32")})


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("file", ["branched.keras", "branched.weights.h5"])
def test_a_branched_model_predicts_what_keras_predicts(file: str, named: bool):
    check(network_of(branched(named), (4,)), file, "branched")


def test_layers_within_layers_predict_what_keras_predicts():
    check(network_of(SEQUENCE, (4, 3)), "sequence.keras", "sequence")


CELLS = [{"type": "lstm_cell", "units": 3}, {"type": "gru_cell", "units": 2}, {"type": "simple_rnn_cell", "units": 2}]
WITHIN = {
    "cells": [
        {"type": "rnn", "cell": CELLS, "return_sequences": True},
        {"type": "bidirectional", "layer": {"type": "gru", "units": 2, "reset_after": False}, "merge_mode": "sum"},
        {"type": "dense", "units": 2},
    ],
    "films": [
        {"type": "conv_lstm2d", "filters": 2, "kernel_size": 3, "return_sequences": True},
        {"type": "time_distributed", "layer": {"type": "conv2d", "filters": 2, "kernel_size": 2}},
        {"type": "conv_lstm2d", "filters": 1, "kernel_size": 2},
        {"type": "flatten"},
    ],
    "groups": [
        {"type": "group_query_attention", "head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
        {"type": "spectral_normalization", "layer": {"type": "dense", "units": 3}},
        {"type": "batch_normalization"},
        {"type": "prelu"},
    ],
    "nested": [
        {
            "type": "block",
            "name": "inner",
            "layers": [dense("d", units=4), {"type": "layer_normalization", "name": "n"}],
        },
        dense("mid", units=4),
        {
            "type": "block",
            "name": "deep",
            "layers": [
                dense("up", units=4),
                {"type": "block", "name": "low", "layers": [dense("a"), dense("b", units=2)]},
            ],
        },
    ],
}


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
@pytest.mark.parametrize("name", WITHIN)
def test_cells_wrappers_and_models_within_models_predict_what_keras_predicts(name: str, ending: str):
    shape = np.load(FILES / "expected.npz")[f"{name}_x"].shape[1:]
    check(network_of(WITHIN[name], shape), name + ending, name)


def test_models_within_models_are_found_by_name_alone():
    unnamed = [{"type": "block", "name": "other", "layers": WITHIN["nested"]}]
    with pytest.raises(SpecError, match="call blocks and layers as Keras does; none is called `other/inner/d`"):
        load_keras_weights(FILES / "nested.keras", network_of(unnamed, (4,)))


def check(network: Network, file: str, name: str) -> None:
    network.load_weights(load_keras_weights(FILES / file, network), file)
    expected = np.load(FILES / "expected.npz")
    (output,) = network({"x": expected[f"{name}_x"]}).values()
    np.testing.assert_allclose(output.numpy(), expected[name], rtol=1e-5, atol=1e-6)


def test_another_architecture_is_refused():
    with pytest.raises(SpecError, match=r"dense/kernel has the shape \(4, 5\), the file has float32 \(4, 3\)"):
        load_keras_weights(FILES / "branched.keras", network_of([{"type": "dense", "units": 5}], (4,)))


def test_an_archive_that_grows_beyond_its_size_is_refused(tmp_path: Path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(80 * 2**20))
    with pytest.raises(SpecError, match="would grow to 83,886,080 bytes"):
        load_keras_weights(path, network_of([dense("d")], (4,)))


def test_a_link_to_another_file_is_not_followed(tmp_path: Path):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers"] = h5py.ExternalLink(str(FILES / "branched.weights.h5"), "/layers")
    path = tmp_path / "linked.weights.h5"
    path.write_bytes(content.getvalue())
    with pytest.raises(SpecError, match="has no /layers of its own"):
        load_keras_weights(path, network_of([dense("d")], (4,)))


def no_text(file) -> None:
    file.create_dataset(b"layers/dense/vars/\xff", data=np.zeros(3))


def a_group_within_itself(file) -> None:
    file["layers/dense/vars/0"] = np.zeros(3)
    file["layers/dense/cell"] = file["layers/dense"]


def more_than_it_has(file) -> None:
    file.create_dataset("layers/dense/vars/0", (4, 2**40), "f4", chunks=(1, 1024))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (no_text, "a name that is not UTF-8"),
        (a_group_within_itself, "has no /layers/dense of its own"),
        (more_than_it_has, r"the model's d/kernel has the shape \(4, 3\), the file has float32 \(4, 1099511627776\)"),
    ],
)
def test_what_keras_does_not_write_is_refused(tmp_path: Path, harm, reason: str):
    path = tmp_path / "harmful.weights.h5"
    with h5py.File(path, "w") as file:
        harm(file)
    with pytest.raises(SpecError, match=reason):
        load_keras_weights(path, network_of([dense("d")], (4,)))


@pytest.mark.parametrize("name", ["broken.keras", "broken.h5"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(SpecError, match="damaged"):
        load_keras_weights(path, network_of([dense("d")], (4,)))
