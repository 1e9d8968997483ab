import keras_cases as cases
import numpy as np
import pytest
from keras_reference import close, make, numbered, recorded, uncovered

from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops.nn import softmax
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant
from tfcli.errors import ShapeError
from tfcli.models.activations import Sigmoid, Softmax
from tfcli.models.losses import Loss

all_cases = pytest.mark.parametrize("case", **numbered(cases.LOSSES))


def test_every_loss_is_compared_with_keras():
    assert uncovered(Loss, cases.LOSSES) == set()


@all_cases
def test_the_mean_and_the_errors_are_keras_s(case):
    i, (name, settings, data) = case
    y_true, y_pred = cases.INPUTS[data]
    close(make(Loss, name, settings)(y_true, y_pred), recorded()[f"loss/{i}/mean"])
    close(make(Loss, name, settings | {"reduction": "none"})(y_true, y_pred), recorded()[f"loss/{i}/none"])


@all_cases
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_weights_and_masks_count_as_in_keras(case, reduction):
    i, (name, settings, data) = case
    y_true, y_pred = cases.INPUTS[data]
    loss = make(Loss, name, settings | {"reduction": reduction})
    if f"loss/{i}/{reduction}" in recorded():
        value = loss(y_true, y_pred, sample_weight=cases.WEIGHTS)
        close(value, recorded()[f"loss/{i}/{reduction}"])
    else:
        prediction = constant(y_pred)
        prediction.mask = constant(cases.MASK)
        close(loss(y_true, prediction), recorded()[f"loss/{i}/masked_{reduction}"])


@all_cases
def test_gradients_are_right(case):
    _, (name, settings, data) = case
    y_true, y_pred = cases.INPUTS[data]
    loss = make(Loss, name, settings)
    check_gradients(lambda prediction: loss(constant(y_true), prediction), [y_pred.astype(np.float64)], order=1)


@pytest.mark.parametrize(
    ("activation", "name", "y_true"),
    [
        (Sigmoid(), "binary_crossentropy", [[1.0], [0.0]]),
        (Softmax(), "categorical_crossentropy", [[1.0, 0.0], [0.0, 1.0]]),
        (Softmax(), "sparse_categorical_crossentropy", [0, 1]),
    ],
)
def test_crossentropies_of_an_activation_s_output_are_computed_from_its_logits(activation, name, y_true):
    logits = [[-60.0], [60.0]] if name.startswith("binary") else [[-60.0, 60.0], [60.0, -60.0]]
    assert float(make(Loss, name, {})(y_true, activation(constant(logits)))) == pytest.approx(
        60.0 if name.startswith("binary") else 120.0
    )


def test_logits_survive_a_change_of_precision_and_of_rank():
    output = Sigmoid()(constant(np.array([[60.0]])))
    assert float(make(Loss, "binary_crossentropy", {"dtype": "float32"})([0.0], output)) == pytest.approx(60.0)


def test_a_weight_for_each_example_counts_for_all_its_steps():
    y_true, y_pred = cases.INPUTS["steps"]
    loss = make(Loss, "mean_squared_error", {})
    spread = np.repeat(cases.WEIGHTS[:, None], 5, axis=1)
    close(loss(y_true, y_pred, sample_weight=cases.WEIGHTS), loss(y_true, y_pred, sample_weight=spread))


def test_an_example_alone_in_its_class_does_not_count_in_circle():
    y_pred = constant([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    values = make(Loss, "circle", {"reduction": "none"})([0, 0, 1], y_pred)
    assert float(values[2]) == 0.0


def test_circle_s_gradient_is_finite_where_a_class_has_one_example():
    y_pred = constant([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    with GradientTape() as tape:
        tape.watch(y_pred)
        value = make(Loss, "circle", {})([0, 0, 1], y_pred)
    assert np.isfinite(tape.gradient(value, y_pred).numpy()).all()


@pytest.mark.parametrize(
    ("name", "y_true", "y_pred", "advice"),
    [
        ("categorical_crossentropy", (8,), (8, 3), "use sparse_categorical_crossentropy"),
        ("categorical_crossentropy", (8, 1), (8, 3), "use sparse_categorical_crossentropy"),
        ("categorical_crossentropy", (8, 1), (8, 1), "use binary_crossentropy"),
        ("sparse_categorical_crossentropy", (8, 3), (8, 3), "use categorical_crossentropy"),
        ("sparse_categorical_crossentropy", (8,), (8, 1), "use binary_crossentropy"),
        ("binary_crossentropy", (8, 1), (8, 3), "use sparse_categorical_crossentropy"),
        ("mean_squared_error", (8, 2), (8,), "same number of axes"),
    ],
)
def test_shapes_that_do_not_go_together_name_the_loss_to_use(name, y_true, y_pred, advice):
    with pytest.raises(ShapeError) as error:
        make(Loss, name, {})(np.zeros(y_true, np.float32), np.full(y_pred, 0.5, np.float32))
    assert advice in str(error.value)


def test_a_python_function_is_a_loss():
    loss = Loss.from_value(lambda y_true, y_pred: y_true * 2.0 - y_pred)
    assert float(loss([1.0, 2.0], constant([1.0, 1.0]))) == 2.0


def test_softmax_with_no_logits_is_taken_as_probabilities():
    logits = constant([[1.0, 2.0, 3.0]])
    with_logits = make(Loss, "sparse_categorical_crossentropy", {})([2], Softmax()(logits))
    close(make(Loss, "sparse_categorical_crossentropy", {})([2], softmax(logits)), with_logits)


@pytest.mark.parametrize(
    ("model", "computed"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")]
)
def test_losses_are_computed_in_float32_at_least(model, computed):
    y_true, y_pred = cases.INPUTS["numbers"]
    assert make(Loss, "mean_squared_error", {})(y_true, y_pred.astype(model)).dtype == computed
