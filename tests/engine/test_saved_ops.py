"""Every op that a graph can have is saved and loaded."""

from functools import partial

import numpy as np
import pytest
from test_ops import CASES

import tfcli as tf
from tfcli.engine.dispatch import apply
from tfcli.engine.tensor import constant

REFUSED = {"Preprocess"}
"""What holds Python objects; tests/saved_model/ has how it is refused."""


@pytest.mark.parametrize("name", sorted(CASES.keys() - REFUSED))
def test_the_op_computes_the_same(tmp_path, name):
    module, cases = tf.Module(), CASES[name]
    module.functions = [tf.function(partial(apply, case.op)) for case in cases]
    inputs = [list(map(constant, case.inputs)) for case in cases]
    expected = [function(*given) for function, given in zip(module.functions, inputs, strict=True)]
    tf.saved_model.save(module, tmp_path / "m")
    loaded = tf.saved_model.load(tmp_path / "m")
    for function, given, wanted in zip(loaded.functions, inputs, expected, strict=True):
        for found, value in zip(tf.nest.flatten(function(*given)), tf.nest.flatten(wanted), strict=True):
            np.testing.assert_array_equal(found.numpy(), value.numpy())
