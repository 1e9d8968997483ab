"""map: the user's own Python."""

import numpy as np
import pytest

from tfcli.data import DataSpec, prepare
from tfcli.errors import DataError

MODULE = """
def halve(x, y):
    assert x.ndim == 1
    return x / 2, y

def flip(x, y, w):
    assert x.ndim == 2
    return x[::-1], y[::-1], w[::-1]

def named(inputs, y):
    return {"sum": inputs["a"] + inputs["b"]}, {"one": y, "two": -y}

def itself(x):
    return x, x

def ragged(x, y):
    return x[: int(y)], y

def broken(x, y):
    raise KeyError("oops")

def text(x, y):
    return object(), y

def ordered(x, y):
    return x, y + 1

number = 3
"""

NEIGHBOURS = """
from __future__ import annotations

from dataclasses import dataclass

import constants_of_mine

@dataclass
class Scale:
    factor: float

def scaled(x, y):
    return x * Scale(constants_of_mine.FACTOR).factor, y
"""


@pytest.fixture
def first(tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "neighbours.py").write_text(NEIGHBOURS)
    (tmp_path / "constants_of_mine.py").write_text("FACTOR = 3.0")
    arrays = {"x": np.arange(6.0).reshape(3, 2), "y": np.arange(1, 4), "w": np.arange(3.0)}
    np.savez(tmp_path / "t.npz", a=np.ones((3, 2)), b=np.ones((3, 2)), **arrays)

    def run(function: str, batched: bool = False, **source):
        stages = [{"type": "batch", "batch_size": 3}, {"type": "map", "function": function}]
        spec = DataSpec(source={"type": "npz", "path": "t.npz", **source}, pipeline=stages if batched else stages[::-1])
        prepared = prepare(spec, tmp_path)
        return prepared, next(prepared.train.batches())

    return run


def test_before_batch_the_function_sees_examples(first):
    prepared, batch = first("mine:halve")
    assert batch.inputs["x"].tolist() == [[0, 0.5], [1, 1.5], [2, 2.5]]
    assert prepared.inputs["x"].dtype == "float32"


def test_after_batch_the_function_sees_batches_and_weights_where_there_are_some(first):
    _, batch = first("mine:flip", batched=True, sample_weight="w")
    assert batch.inputs["x"].tolist() == [[4, 5], [2, 3], [0, 1]]
    assert batch.weights.tolist() == [2, 1, 0]


def test_several_arrays_are_mappings_by_name(first):
    prepared, batch = first("mine:named", features=["a", "b"])
    assert batch.inputs["sum"].tolist() == [[2, 2]] * 3
    assert batch.targets["two"].tolist() == [-1, -2, -3]
    assert set(prepared.targets) == {"one", "two"}


def test_a_source_without_labels_gives_the_function_x_alone(first):
    _, batch = first("mine:itself", label=None)
    assert batch.targets["y"].tolist() == batch.inputs["x"].tolist()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("mine:broken", r"data.pipeline\[0\] \(map\): mine:broken failed: KeyError: 'oops'"),
        ("mine:nothing", "mine has no function 'nothing'"),
        ("mine:number", "is no function but int"),
        ("nowhere_at_all:f", "cannot import 'nowhere_at_all'"),
        ("mine:ragged", "different names or shapes"),
        ("mine:text", "must return arrays of numbers, got object"),
    ],
)
def test_what_goes_wrong_is_said_with_the_stage(first, function, message):
    with pytest.raises(DataError, match=message):
        first(function)


def test_a_function_that_needs_labels_is_told_that_there_are_none(first, tmp_path):
    prepared, _ = first("mine:ordered")
    np.savez(tmp_path / "raw.npz", x=np.ones((2, 2)))
    with pytest.raises(DataError, match="there are no labels here, so y is None"):
        next(prepared.predict_input(tmp_path / "raw.npz").batches())


def test_a_module_may_declare_dataclasses_and_import_its_neighbours(first):
    _, batch = first("neighbours:scaled")
    assert batch.inputs["x"][0].tolist() == [0, 3]
