"""Random numbers by kernels are numpy's own."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import is_lowered, run_lowered

import tfcli.engine.kernels.randomness  # noqa: F401
from tfcli.engine.ops.random import RandomUniform
from tfcli.engine.spec import Shape, as_dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (8,), (9,), (3, 5, 11), (4099,), (20_000,)])
@pytest.mark.parametrize(
    ("seed", "op_seed", "stream", "counter"),
    [
        (1, 0, 2, np.int64(5)),
        (-3, 2**64 - 2, 2**63 + 1, np.int64(-1)),
        (0, 7, 2**64 - 1, np.array([3, -4])),
    ],
)
def test_the_numbers_are_those_of_numpy(seed, op_seed, stream, counter, shape, dtype):
    op = RandomUniform(seed, op_seed, stream, Shape(shape), as_dtype(dtype))
    counter = np.asarray(counter)
    (got,) = run_lowered(op, counter, lanes=8)
    np.testing.assert_array_equal(got, op.forward(counter))


def test_the_shape_may_be_lent():
    op, like = RandomUniform(1, 0, 2, None, as_dtype("float32")), np.zeros((5, 3), np.float32)
    counter = np.asarray(np.int64(9))
    np.testing.assert_array_equal(run_lowered(op, counter, like, lanes=8)[0], op.forward(counter, like))


def test_narrow_floats_are_left_to_numpy():
    assert not is_lowered(RandomUniform(1, 0, 2, Shape((4,)), as_dtype("float16")), np.asarray(np.int64(9)))
