import numpy as np
import pytest

from tfcli.declare import DeclarationError, FieldError, convert
from tfcli.engine.ops.elementwise import square
from tfcli.engine.tensor import Tensor, constant
from tfcli.errors import ShapeError, SpecError
from tfcli.models.layers.activations import ActivityRegularization, PReLU, Softmax
from tfcli.models.layers.base import Layer, building, calling
from tfcli.models.layers.core import Dense, EinsumDense, Identity, Lambda

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def with_bonus(x: Tensor, bonus: float, training: bool) -> Tensor:
    return x + bonus if training else x


def first_step_hidden(inputs: Tensor, mask: Tensor) -> Tensor:
    return constant(np.array([[False, True, True]] * 2))


def no_tensor(x: Tensor) -> float:
    return 1.0


HERE = __name__


def test_dense_needs_a_known_last_size():
    from tfcli.engine.function import function
    from tfcli.engine.spec import TensorSpec

    traced = function(Dense(2), input_signature=[TensorSpec((None, None))])
    with pytest.raises(ShapeError, match=r"last size .* \(None, None\)"):
        traced(X)


def test_einsum_dense_scales_its_kernel_by_the_fans_of_the_equation():
    layer = EinsumDense("ab,bcd->acd", [40, 50], kernel_initializer={"type": "variance_scaling", "scale": 1.0})
    with building(seed=0):
        layer(np.zeros((1, 30), np.float32))
    assert layer.kernel.numpy().std() == pytest.approx(30**-0.5, rel=0.02)


@pytest.mark.parametrize("equation", ["ab,bc", "ab->ac", "...ab,bc->ac", "ab...,bc->...ac"])
def test_einsum_dense_refuses_an_equation_of_another_form(equation):
    with pytest.raises(FieldError, match="none of the forms"):
        EinsumDense(equation, 3)


def test_einsum_dense_refuses_a_label_without_a_size():
    with pytest.raises(FieldError, match=r"`d` of .* stands in one place alone"):
        EinsumDense("ab,bd->ac", 3)


def test_einsum_dense_refuses_a_bias_along_no_axis_of_the_output():
    with pytest.raises(FieldError, match="`b` is not a label of the output"):
        EinsumDense("ab,bc->ac", 3, bias_axes="b")


def test_einsum_dense_refuses_an_output_shape_that_contradicts_the_input():
    with pytest.raises(ShapeError, match="`b` is 3 in the input"):
        EinsumDense("abc,cd->abd", [4, 5])(np.zeros((2, 3, 6), np.float32))


def test_identity_keeps_integers():
    assert Identity()(np.array([[1, 2]])).dtype == "int64"


def test_lambda_calls_a_function_by_name_with_what_it_asks_for():
    layer = Lambda(f"{HERE}:with_bonus", arguments={"bonus": 2.0})
    np.testing.assert_array_equal(layer(X, training=True).array, X + 2)
    np.testing.assert_array_equal(layer(X).array, X)


def test_lambda_takes_a_function_from_python():
    np.testing.assert_array_equal(Lambda(square)(X).array, X * X)


def test_lambda_gives_the_mask_that_its_mask_function_makes():
    layer = Lambda(square, mask=f"{HERE}:first_step_hidden")
    np.testing.assert_array_equal(layer(X).mask.array, [[False, True, True]] * 2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:f", "cannot import 'no_such_module'"),
        ("math:no_such", "math has no function 'no_such'"),
        ("math:pi", "no function"),
    ],
)
def test_lambda_says_which_function_is_missing(name, message):
    with pytest.raises(SpecError, match=message):
        Lambda(name)(X)


def test_lambda_refuses_outputs_of_another_shape_than_declared():
    with pytest.raises(ShapeError, match=r"\(2, 3\), not \(None, 4\)"):
        Lambda(square, output_shape=[4])(X)


def test_lambda_refuses_a_function_that_returns_no_tensor():
    with pytest.raises(ShapeError, match="must return tensors, got float"):
        Lambda(no_tensor)(X)


def test_activity_regularization_adds_its_penalty_per_example():
    with calling(training=True) as losses:
        ActivityRegularization(l1=0.5, l2=0.25)(X)
    assert float(losses[0]) == pytest.approx((0.5 * 15 + 0.25 * 55) / 2)


def test_prelu_refuses_to_share_along_the_batch():
    with pytest.raises(ShapeError, match="batch axis"):
        PReLU(shared_axes=[0])(X)


def test_softmax_refuses_a_mask_that_does_not_broadcast():
    with pytest.raises(ShapeError, match=r"the mask \(2, 2\) does not broadcast"):
        Softmax()(X, mask=constant(np.ones((2, 2), bool)))


def test_softmax_of_an_unknown_field_names_the_near_one():
    with pytest.raises(DeclarationError, match="did you mean `axis`"):
        Softmax(axes=1)


def test_a_layer_of_a_spec_says_what_it_computes_in():
    problems = []
    layer = convert(Layer, {"type": "dense", "units": 2, "dtype": "float64"}, (), problems)
    assert problems == []
    assert layer(np.ones((1, 3), np.float32)).dtype == "float64"
    assert layer.kernel.dtype == "float64"
    assert layer.spec()["dtype"] == layer.clone().spec()["dtype"] == "float64"
    assert Dense(2).spec()["dtype"] is None


def test_a_block_has_no_dtype():
    problems = []
    convert(Layer, {"type": "block", "layers": ["identity"], "dtype": "float64"}, (), problems)
    assert "a block computes nothing itself" in problems[0].message
