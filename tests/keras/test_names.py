"""What the modules of tf.keras offer."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import DataError

keras = tf.keras


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (keras.layers, "Conv2D"),
        (keras.layers, "MaxPool2D"),
        (keras.losses, "BinaryCrossentropy"),
        (keras.losses, "mse"),
        (keras.metrics, "SparseCategoricalAccuracy"),
        (keras.optimizers, "AdamW"),
        (keras.optimizers.schedules, "CosineDecay"),
        (keras.initializers, "GlorotUniform"),
        (keras.initializers, "he_normal"),
        (keras.regularizers, "L2"),
        (keras.regularizers, "l1_l2"),
        (keras.constraints, "MaxNorm"),
        (keras.activations, "gelu"),
        (tf.losses, "Huber"),
        (tf.metrics, "Mean"),
        (tf.optimizers, "SGD"),
        (tf.initializers, "Zeros"),
    ],
)
def test_keras_s_names_are_there(module, name):
    assert callable(getattr(module, name))
    assert name in dir(module)


def test_a_name_that_is_not_there_gets_a_suggestion():
    with pytest.raises(AttributeError, match="did you mean `Conv2D`"):
        _ = keras.layers.Conv2d


def test_losses_as_functions_give_a_value_for_each_example():
    y_true, y_pred = np.array([[0.0, 1.0], [0.0, 0.0]], "float32"), np.array([[1.0, 1.0], [1.0, 0.0]], "float32")
    assert keras.losses.mean_squared_error(y_true, y_pred).numpy().tolist() == [0.5, 0.5]
    logits = keras.losses.sparse_categorical_crossentropy([0], np.zeros((1, 2), "float32"), from_logits=True)
    assert np.allclose(logits, np.log(2))


def test_activations_are_functions():
    assert keras.activations.relu([-1.0, 2.0]).numpy().tolist() == [0.0, 2.0]
    assert keras.activations.get("tanh")(tf.constant([0.0])).numpy().tolist() == [0.0]


def test_to_categorical():
    assert keras.utils.to_categorical([0, 2], 3).tolist() == [[1, 0, 0], [0, 0, 1]]
    with pytest.raises(DataError, match="expected 0 to 1"):
        keras.utils.to_categorical([0, 2], 2)


def test_pad_sequences_fills_and_cuts_at_either_end():
    pad = keras.utils.pad_sequences
    assert pad([[1], [1, 2, 3]], maxlen=2).tolist() == [[0, 1], [2, 3]]
    assert pad([[1], [1, 2, 3]], maxlen=2, padding="post", truncating="post").tolist() == [[1, 0], [1, 2]]


def test_normalize_divides_by_the_norm():
    assert np.allclose(keras.utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])


def test_data_sets_are_read_from_local_files(tmp_path):
    arrays = {name: np.arange(3) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(tmp_path / "mnist.npz", **arrays)
    (x_train, _), (_, y_test) = keras.datasets.mnist.load_data(path=str(tmp_path / "mnist.npz"))
    assert x_train.tolist() == y_test.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="nothing is downloaded"):
        keras.datasets.mnist.load_data(path=str(tmp_path / "none.npz"))


def test_the_working_precision_can_be_set():
    keras.backend.set_floatx("float64")
    try:
        assert keras.layers.Dense(1)(np.ones((1, 2))).dtype == "float64"
    finally:
        keras.backend.set_floatx("float32")


def test_a_metric_of_values():
    mean = keras.metrics.Mean(name="m")
    mean.update_state([1.0, 3.0])
    assert float(mean.result()) == 2.0
    mean.reset_state()
    assert float(mean.result()) == 0.0
    assert mean.name == "m"
