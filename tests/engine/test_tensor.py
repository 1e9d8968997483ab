"""Tensors and variables: conversion, dtypes, operators, assignment."""

import numpy as np
import pytest

import tfcli.engine.ops.linalg  # noqa: F401 - the operators
from tfcli.engine.ops import elementwise, join, shape, slicing
from tfcli.engine.tensor import Variable, constant, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int32"),
        (2**40, "int64"),
        (1.5, "float32"),
        ([1, 2.5], "float32"),
        (True, "bool"),
        ("a", "string"),
        (np.float64(1.5), "float64"),
        ([np.int64(1)], "int64"),
        (np.zeros(2, np.uint8), "uint8"),
    ],
)
def test_dtypes_of_values(value, dtype):
    assert constant(value).dtype == dtype


def test_a_dtype_is_met_without_a_detour():
    assert constant(0.1, "float64").item() == 0.1
    assert constant([0.1], "float64").array[0] == 0.1


def test_a_constant_is_a_copy():
    array = np.zeros(2)
    tensor = constant(array)
    array[0] = 1
    assert tensor.array.tolist() == [0, 0]


def test_a_constant_fills_a_shape():
    assert constant(2.0, shape=(2, 2)).array.tolist() == [[2, 2], [2, 2]]
    assert constant([1, 2], shape=(2, 1)).shape == (2, 1)


def test_ragged_lists_are_refused():
    with pytest.raises(ShapeError, match="differ in length"):
        constant([[1], [1, 2]])


def test_objects_are_refused():
    with pytest.raises(DtypeError, match="cannot make a tensor"):
        constant(object())


def test_conversion_does_not_change_a_dtype():
    with pytest.raises(DtypeError, match="expected a float64 tensor, got float32"):
        convert_to_tensor(constant(1.0), "float64")


def test_a_list_of_tensors_is_stacked():
    assert convert_to_tensor([constant(1.0), constant(2.0)]).array.tolist() == [1.0, 2.0]


def test_arrays_and_numbers_stand_on_either_side():
    t = constant([1.0, 2.0])
    for result in (np.ones(2, np.float32) + t, t + np.ones(2), np.float64(1.0) + t, 1 + t):
        assert result.array.tolist() == [2.0, 3.0]
        assert result.dtype == "float32"


def test_operators():
    x = constant([5.0, -5.0])
    assert (x - 1).array.tolist() == [4.0, -6.0]
    assert (1 - x).array.tolist() == [-4.0, 6.0]
    assert (x // 2).array.tolist() == [2.0, -3.0]
    assert (x % 3).array.tolist() == [2.0, 1.0]
    assert (2**x).array.tolist() == [32.0, 0.03125]
    assert abs(-x).array.tolist() == [5.0, 5.0]
    assert ((x > 0) & ~(x == 5)).array.tolist() == [False, False]
    assert (x == None) is False  # noqa: E711 - what Keras code writes


def test_iteration_and_length():
    assert [float(t) for t in constant([1.0, 2.0])] == [1.0, 2.0]
    with pytest.raises(ShapeError, match=r"shape \(\) has no length"):
        len(constant(1.0))


def test_only_integers_are_indices():
    assert [10, 20][constant(1)] == 20
    with pytest.raises(DtypeError, match="cannot be an index"):
        [10, 20][constant(1.0)]


def test_assignment():
    v = Variable([1.0, 2.0])
    v.assign([3.0, 4.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub(constant([0.0, 5.0]))
    assert v.numpy().tolist() == [4.0, 0.0]


def test_a_tensor_read_before_an_assignment_stays():
    v = Variable(1.0)
    before = v.value()
    v.assign(2.0)
    assert (float(before), float(v)) == (1.0, 2.0)


def test_numpy_of_a_variable_is_a_copy():
    v = Variable([1.0])
    v.numpy()[0] = 5.0
    assert v.numpy().tolist() == [1.0]


@pytest.mark.parametrize("value", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]]])
def test_assignment_of_another_shape(value):
    with pytest.raises(ShapeError, match=r"weights has the shape \(2,\), the value .*; they must be equal"):
        Variable([1.0, 2.0], name="weights").assign(value)


def test_assignment_of_another_dtype():
    with pytest.raises(DtypeError, match="weights is float32, the value is float64"):
        Variable([1.0], name="weights").assign(np.ones(1))


def test_a_variable_of_open_shape_takes_any_size():
    v = Variable(np.zeros((1, 2)), shape=(None, 2))
    v.assign(np.ones((3, 2)))
    assert v.value().shape == (3, 2)


def test_integer_variables_are_not_trainable():
    assert not Variable(1).trainable
    assert Variable(1.0).trainable


@pytest.mark.parametrize("target", [(4,), (-1, -1), (5, -1)])
def test_reshape_to_what_does_not_fit(target):
    with pytest.raises(ShapeError, match="reshape"):
        shape.reshape(np.zeros(6), target)


def test_rearranging_is_numpys():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(shape.transpose(x).array, x.T)
    np.testing.assert_array_equal(join.tile(x, [2, 1]).array, np.tile(x, [2, 1]))
    np.testing.assert_array_equal(join.repeat(x, 2, axis=1).array, np.repeat(x, 2, axis=1))
    np.testing.assert_array_equal(slicing.reverse(x, [1]).array, x[:, ::-1])
    np.testing.assert_array_equal(join.stack([x, x], axis=1).array, np.stack([x, x], axis=1))
    np.testing.assert_array_equal(join.split(x, [1, -1], axis=1)[1].array, x[:, 1:])
    np.testing.assert_array_equal(join.unstack(x, axis=1)[2].array, x[:, 2])
    np.testing.assert_array_equal(
        join.pad(x, [[0, 1], [1, 0]], 7.0).array, np.pad(x, [[0, 1], [1, 0]], constant_values=7.0)
    )


def test_concat_of_different_dtypes():
    with pytest.raises(DtypeError, match="concat"):
        join.concat([constant([1.0]), constant([1])], 0)


def test_ops_are_frozen_and_compared_by_their_settings():
    assert shape.Transpose((1, 0)) == shape.Transpose((1, 0)) != shape.Transpose((0, 1))
    with pytest.raises(AttributeError, match="ops are frozen"):
        elementwise.add.name = "plus"


def test_a_traced_tensor_has_no_truth_value():
    from tfcli.engine.function import function

    with pytest.raises(TfcliError, match=r"write tf.cond\(condition, true_fn, false_fn\) instead of `if`"):
        function(lambda x: 1 if x > 0 else 2)(constant(1.0))
