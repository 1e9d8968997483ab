import keras_cases as cases
import numpy as np
import pytest
from keras_reference import close, make, numbered, recorded, uncovered

from tfcli.declare import convert
from tfcli.engine.function import function
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import constant
from tfcli.errors import ShapeError, SpecError
from tfcli.models.metrics.accuracy import Accuracy
from tfcli.models.metrics.base import Metric
from tfcli.models.objective import Head, Objective

all_cases = pytest.mark.parametrize("case", **numbered(cases.METRICS))


def arrays_of(name, data):
    y_true, y_pred = cases.INPUTS[data]
    return (y_pred,) if name in ("mean", "sum") else (y_true, y_pred)


def weights_of(name, data):
    whole = cases.WHOLE_WEIGHTS[:, :1] if data == "binary" else cases.WHOLE_WEIGHTS
    return whole if "io_u" in name else cases.WEIGHTS


def test_every_metric_is_compared_with_keras():
    assert uncovered(Metric, cases.METRICS) == set()


@all_cases
def test_results_are_keras_s(case):
    i, (name, settings, data) = case
    metric = make(Metric, name, settings)
    metric.update_state(*arrays_of(name, data))
    close(metric.result(), recorded()[f"metric/{i}/plain"])


@all_cases
def test_weighted_results_are_keras_s(case):
    i, (name, settings, data) = case
    metric = make(Metric, name, settings)
    metric.update_state(*arrays_of(name, data), sample_weight=weights_of(name, data))
    close(metric.result(), recorded()[f"metric/{i}/weighted"])


@all_cases
def test_batches_add_up_to_the_whole(case):
    i, (name, settings, data) = case
    metric = make(Metric, name, settings)
    for part in (slice(0, 5), slice(5, 6), slice(6, 12)):
        metric.update_state(*(a[part] for a in arrays_of(name, data)), sample_weight=weights_of(name, data)[part])
    close(metric.result(), recorded()[f"metric/{i}/weighted"])


@all_cases
def test_a_reset_forgets(case):
    i, (name, settings, data) = case
    metric = make(Metric, name, settings)
    for _ in range(2):
        metric.reset_state()
        metric.update_state(*arrays_of(name, data))
    close(metric.result(), recorded()[f"metric/{i}/plain"])


@all_cases
def test_a_traced_update_gives_the_same(case):
    i, (name, settings, data) = case
    metric, arrays = make(Metric, name, settings), arrays_of(name, data)
    specs = [TensorSpec((None, *a.shape[1:]), a.dtype) for a in arrays]
    metric.build(specs[0], specs[-1])
    update = function(lambda *batch: metric.update_state(*batch), input_signature=specs)
    for part in (slice(0, 5), slice(5, 12)):
        update(*(constant(a[part]) for a in arrays))
    close(metric.result(), recorded()[f"metric/{i}/plain"])


@pytest.mark.parametrize(
    ("y_true", "y_pred", "type_name"),
    [
        ((None, 1), (None, 1), "binary_accuracy"),
        ((None,), (None, 1), "binary_accuracy"),
        ((None,), (None, 10), "sparse_categorical_accuracy"),
        ((None, 1), (None, 10), "sparse_categorical_accuracy"),
        ((None, 5), (None, 5, 10), "sparse_categorical_accuracy"),
        ((None, 10), (None, 10), "categorical_accuracy"),
    ],
)
def test_accuracy_is_chosen_by_shapes(y_true, y_pred, type_name):
    metric = Accuracy().resolve(TensorSpec(y_true), TensorSpec(y_pred))
    assert (metric.type_name, metric.report_name) == (type_name, "accuracy")


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ("mse", "mse"),
        ("mean_squared_error", "mean_squared_error"),
        ("acc", "acc"),
        ({"type": "auc", "name": "area"}, "area"),
        ({"type": "log_cosh_error"}, "logcosh"),
        ("IoU", None),
    ],
)
def test_reports_use_the_name_keras_would(given, reported):
    problems = []
    metric = convert(Metric, given, (), problems)
    if reported is None:
        assert "num_classes" in str(problems[0])
    else:
        assert metric.report_name == reported


def test_masked_steps_do_not_count():
    y_true, y_pred = cases.INPUTS["class_steps"]
    prediction = constant(y_pred)
    prediction.mask = constant(cases.MASK)
    metric = make(Metric, "sparse_categorical_accuracy", {})
    metric.update_state(y_true, prediction)
    right = (y_pred.argmax(-1) == y_true)[cases.MASK]
    assert float(metric.result()) == pytest.approx(right.mean())


def test_a_python_function_is_a_metric():
    def largest_error(y_true, y_pred):
        return abs(y_true - y_pred)

    metric = Metric.from_value(largest_error)
    metric.update_state([1.0, 2.0], constant([1.0, 4.0]))
    assert (metric.report_name, float(metric.result())) == ("largest_error", 1.0)


def test_counts_refuse_class_numbers_for_several_outputs():
    with pytest.raises(ShapeError, match="one-hot"):
        make(Metric, "precision", {}).update_state(np.zeros(4, np.int64), np.zeros((4, 3), np.float32))


def test_every_state_has_a_name_for_checkpoints():
    metric = make(Metric, "auc", {})
    metric.build(TensorSpec((None, 1)), TensorSpec((None, 1)))
    assert sorted(metric.variables) == ["false_negatives", "false_positives", "true_negatives", "true_positives"]


@pytest.mark.parametrize(("model", "kept"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")])
def test_states_are_float32_at_least(model, kept):
    metric = make(Metric, "mean_squared_error", {})
    metric.build(TensorSpec((None, 1), model), TensorSpec((None, 1), model))
    assert {v.dtype.name for v in metric.variables.values()} == {kept}


def test_metrics_of_plain_values_are_refused_in_a_model():
    with pytest.raises(SpecError, match="from Python"):
        make(Metric, "mean", {}).resolve(TensorSpec((None, 1)), TensorSpec((None, 1)))


def test_metrics_of_one_name_are_told_apart_as_in_keras():
    listed = [make(Metric, "auc", {"curve": curve}) for curve in ("ROC", "PR")]
    again = make(Metric, "auc", {})
    objective = Objective([Head("y", "y", None, 1.0, listed, "", [again])])
    assert objective.head_metrics() == {"auc": listed[0], "auc_1": listed[1], "weighted_auc": again}
