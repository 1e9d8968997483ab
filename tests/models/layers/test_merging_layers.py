import numpy as np
import pytest

from tfcli.declare import FieldError
from tfcli.engine.function import function
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import constant
from tfcli.errors import ShapeError
from tfcli.models.layers.merging import Add, Concatenate, Dot, Maximum, Subtract

A, B = np.ones((2, 3, 4), np.float32), np.full((2, 3, 4), 2.0, np.float32)
SHOWN = np.array([[True, False, False], [True, True, False]])
OTHER = np.array([[False, False, True], [True, False, False]])


def masked(x, mask):
    tensor = constant(x)
    tensor.mask = None if mask is None else constant(mask)
    return tensor


@pytest.mark.parametrize("layer", [Add(), Maximum()], ids=lambda layer: layer.type_name)
def test_the_output_shows_what_any_input_shows(layer):
    np.testing.assert_array_equal(layer([masked(A, SHOWN), masked(B, OTHER)]).mask.array, SHOWN | OTHER)


def test_without_a_mask_on_each_input_the_output_has_none():
    assert Add()([masked(A, SHOWN), masked(B, None)]).mask is None


def test_an_extreme_takes_the_other_entry_where_one_is_masked():
    y = Maximum()([masked(A, None), masked(B, SHOWN)])
    np.testing.assert_array_equal(y.array, np.where(SHOWN[..., None], 2.0, 1.0) * A)


def test_concatenated_steps_keep_their_masks():
    y = Concatenate(axis=1)([masked(A, SHOWN), masked(B, None)])
    np.testing.assert_array_equal(y.mask.array, np.concatenate([SHOWN, np.ones((2, 3), bool)], axis=1))


def test_concatenated_features_show_what_any_input_shows():
    y = Concatenate()([masked(A, SHOWN), masked(B, OTHER)])
    np.testing.assert_array_equal(y.mask.array, SHOWN | OTHER)


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (Add(), [A, B[:1]], "differ in their batch sizes"),
        (Add(), [A, B[:, :2]], "do not broadcast"),
        (Subtract(), [A, B, B], "reads two inputs, got 3"),
        (Concatenate(), [A, B[:, :2]], "differ in more than axis 2"),
        (Dot(1), [A, B[:, :2]], "axis 1 of"),
        (Dot(-3), [A, B], "reach the batch"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layer, inputs, message):
    with pytest.raises(ShapeError, match=message):
        layer(inputs)


def test_one_input_is_refused_with_the_way_out():
    with pytest.raises(ShapeError, match=r"inputs: \[a, b\]"):
        Add()(A)


def test_dot_refuses_the_batch():
    with pytest.raises(FieldError, match="axis 0 is the batch"):
        Dot([0, 1])


def test_merging_an_unknown_batch():
    specs = TensorSpec((None, 3, 4)), TensorSpec((None, 4))
    concrete = function(lambda a, b: Add()([a, b])).get_concrete_function(*specs)
    assert concrete.structured_outputs.shape == (None, 3, 4)
    np.testing.assert_array_equal(concrete(A, B[:, 0]).array, A + 2.0)
