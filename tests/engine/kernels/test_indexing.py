"""Gather, scatter, one-hot and the check of ids by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy, faults_of, is_lowered

import tfcli.engine.kernels.indexing  # noqa: F401
from tfcli.engine.ops.index import Gather, GatherGrad, OneHot
from tfcli.engine.ops.sequences import CheckIds
from tfcli.engine.spec import as_dtype

random = np.random.default_rng(2)


def normal(*shape: int) -> np.ndarray:
    return random.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize(("shape", "axis"), [((9, 17), 0), ((5, 9), 1), ((3, 9, 4), 1), ((9,), 0), ((9, 2, 33), 0)])
def test_rows_are_gathered(shape, axis, kind, lanes):
    assert_as_numpy(Gather(axis, 0), normal(*shape), random.integers(0, shape[axis], (4, 5)).astype(kind), lanes=lanes)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float64])
def test_rows_of_any_dtype_are_gathered(dtype):
    table = random.integers(0, 200, (9, 21)).astype(dtype)
    assert_as_numpy(Gather(0, 0), table, np.array([3, 3, 0, 8]), lanes=8)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    ("size", "width", "count"), [(9, 17, 40), (1000, 8, 3), (3, 1, 200), (2000, 33, 500), (4, 5, 0)]
)
def test_gradients_are_added_where_rows_came_from(size, width, count, lanes):
    indices = random.integers(0, size, count).astype(np.int32)
    assert_as_numpy(GatherGrad(0, 0), normal(count, width), normal(size, width), indices, lanes=lanes)


@pytest.mark.parametrize(("index", "wrong"), [(-1, True), (0, False), (8, False), (9, True), (2**31 - 1, True)])
def test_an_index_outside_is_a_fault(index, wrong):
    ids = np.array([[0, index]], np.int32)
    assert faults_of(Gather(0, 0), normal(9, 3), ids, lanes=8) == wrong
    assert faults_of(CheckIds(9, "embedding"), ids, lanes=8) == wrong


def test_checked_ids_are_unchanged():
    assert_as_numpy(CheckIds(99, "embedding"), random.integers(0, 99, (7, 1001)), lanes=8)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "uint8"])
def test_indices_become_one_hot(dtype, lanes):
    indices = np.array([[0, 3, -1], [9, 10, 5]])
    assert_as_numpy(OneHot(10, 1, 0, -1, as_dtype(dtype)), indices, lanes=lanes)


def test_one_hot_values_are_free():
    assert_as_numpy(OneHot(21, 0.9, 0.1, 1, as_dtype("float32")), np.arange(21), lanes=8)


def test_what_is_not_known_is_left_to_numpy():
    assert not is_lowered(GatherGrad(1, 0), normal(3, 2), normal(3, 4), np.array([0, 1]))
    assert not is_lowered(OneHot(4, 1, 0, 0, as_dtype("float32")), np.array([0, 1]))
