"""Models put together: names, shapes, weights, files, summaries."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import ShapeError, SpecError

keras = tf.keras
layers = keras.layers


@pytest.fixture(autouse=True)
def fresh_names():
    keras.backend.clear_session()


def small() -> tf.keras.Sequential:
    return keras.Sequential(
        [layers.Dense(3, activation="relu", input_shape=(4,)), layers.Dropout(0.5), layers.Dense(2)]
    )


def text_of(model, **settings) -> str:
    lines = []
    model.summary(print_fn=lines.append, **settings)
    return "\n".join(lines)


def test_the_summary_is_keras_s_table(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert text_of(small()) == (
        'Model: "sequential"\n'
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
        "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
        "│ dense (Dense)                   │ (None, 3)              │            15 │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ dropout (Dropout)               │ (None, 3)              │             0 │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ dense_1 (Dense)                 │ (None, 2)              │             8 │\n"
        "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
        " Total params: 23 (92.00 B)\n"
        " Trainable params: 23 (92.00 B)\n"
        " Non-trainable params: 0 (0.00 B)"
    )


def test_a_branched_model_s_summary_says_what_is_connected_to_what(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    text = text_of(keras.Model([a, b], layers.Add(name="sum")([a, b])))
    assert "a[0][0], b[0][0]" in text
    assert "Connected to" in text


def test_an_unbuilt_model_says_so():
    model = keras.Sequential([layers.Dense(3)])
    assert "0 (unbuilt)" in text_of(model)
    with pytest.raises(SpecError, match="no weights yet"):
        model.count_params()


def test_layers_are_named_by_type_and_number():
    model = small()
    assert [layer.name for layer in model.layers] == ["dense", "dropout", "dense_1"]
    assert model.get_layer("dense_1") is model.layers[2]
    assert model.get_layer(index=0) is model.layers[0]
    with pytest.raises(SpecError, match="no layer is called 'conv'"):
        model.get_layer("conv")


def test_sequential_is_built_by_the_first_call_or_by_build():
    called, built = (keras.Sequential([layers.Dense(3), layers.Dense(2)]) for _ in range(2))
    assert called(np.ones((5, 4))).shape == (5, 2)
    built.build((None, 4))
    assert [w.shape for w in called.weights] == [w.shape for w in built.weights] == [(4, 3), (3,), (3, 2), (2,)]
    assert called.output_shape == built.output_shape == (None, 2)


def test_layers_can_be_added_and_taken_away():
    model = keras.Sequential()
    model.add(keras.Input(shape=(4,)))
    model.add(layers.Dense(3))
    model.add(layers.Dense(2))
    model.pop()
    assert model.output_shape == (None, 3)
    with pytest.raises(SpecError, match="a layer called"):
        model.add(model.layers[0])


def test_a_subclassed_model_is_built_for_a_shape():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = {"a": layers.Dense(3), "b": [layers.Dense(2)]}

        def call(self, x):
            return self.parts["b"][0](self.parts["a"](x))

    model = Net()
    model.build((None, 4))
    assert model.count_params() == 23
    assert model.weights[0].path == "net/dense/kernel"


def test_an_output_that_depends_on_no_input_of_the_model_is_refused():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    with pytest.raises(SpecError, match="depend on the input `b`"):
        keras.Model(a, layers.add([a, b]))


def test_two_layers_of_one_name_are_refused():
    a = keras.Input((4,))
    with pytest.raises(SpecError, match="several layers called `d`"):
        keras.Model(a, layers.Dense(1, name="d")(layers.Dense(1, name="d")(a)))


def test_plain_operations_are_part_of_a_functional_model():
    a = keras.Input((2,))
    model = keras.Model(a, {"sum": tf.reduce_sum(a, axis=1) + 1.0, "twice": a * 2.0})
    found = model(np.array([[1.0, 2.0]], "float32"))
    assert found["twice"].numpy().tolist() == [[2.0, 4.0]]
    assert found["sum"].numpy().tolist() == [4.0]


def test_inputs_go_by_name_or_by_order():
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    model = keras.Model({"a": a, "b": b}, layers.subtract([a, b]))
    x, y = np.array([[5.0]]), np.array([[3.0]])
    assert model({"b": y, "a": x}).numpy().item() == 2
    assert model([x, y]).numpy().item() == 2
    with pytest.raises(ShapeError, match="the input `b` is missing"):
        model({"a": x})


def test_the_shape_of_an_input_is_checked():
    model = small()
    with pytest.raises(ShapeError, match=r"has the shape \(2, 5\), the model reads \(None, 4\)"):
        model(np.ones((2, 5)))


def test_weights_can_be_carried_over():
    first, second = small(), small()
    second.set_weights(first.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 4))
    assert np.array_equal(first(x), second(x))
    assert [w.name for w in first.weights] == ["kernel", "bias", "kernel", "bias"]


def test_weights_are_saved_by_their_place_and_loaded_into_an_equal_model(tmp_path):
    first, second = small(), small()
    first.save_weights(tmp_path / "m.weights.safetensors")
    second.load_weights(tmp_path / "m.weights.safetensors")
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    other = keras.Sequential([layers.Dense(3, input_shape=(5,))])
    with pytest.raises(
        SpecError, match=r"dense/kernel is \(4, 3\), in the model \(5, 3\)\n  dense_1/bias is no weight"
    ):
        other.load_weights(tmp_path / "m.weights.safetensors")


def test_weights_files_of_another_kind_are_refused():
    with pytest.raises(SpecError, match=r"ends in '\.weights\.safetensors' or '\.weights\.h5', got 'm\.ckpt'"):
        small().save_weights("m.ckpt")


def test_a_seed_makes_initial_weights_repeatable():
    made = []
    for seed in (7, 7, 8):
        keras.utils.set_random_seed(seed)
        made.append(small().get_weights()[0])
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_what_is_frozen_is_not_trainable():
    model = small()
    model.layers[0].trainable = False
    assert len(model.trainable_weights) == len(model.non_trainable_weights) == 2
    model.trainable = False
    assert model.trainable_weights == []


def test_a_layer_s_own_precision_holds_for_its_weights_and_outputs():
    layer = layers.Dense(2, dtype="float64")
    assert layer(np.ones((1, 3), "float32")).dtype == "float64"
    assert layer.kernel.dtype == "float64"


def test_a_layer_takes_initial_weights_and_weights_by_either_signature():
    kernel, bias = np.ones((3, 2), "float32"), np.zeros(2, "float32")
    layer = layers.Dense(2, weights=[kernel, bias])
    assert layer(np.ones((1, 3))).numpy().tolist() == [[3.0, 3.0]]

    class Scale(layers.Layer):
        def build(self, input_shape):
            self.a = self.add_weight("a", shape=[int(input_shape[-1])], initializer="ones")
            self.b = self.add_weight((1,), "zeros", name="b", trainable=False)

        def call(self, x):
            return x * self.a + self.b

    scale = Scale(name="scale")
    assert scale(np.ones((1, 3))).shape == (1, 3)
    assert [w.path for w in scale.weights] == ["scale/a", "scale/b"]
    assert [w.path for w in scale.trainable_weights] == ["scale/a"]


def test_initializers_and_regularizers_of_ones_own():
    class Sevens(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None, **kwargs):
            return tf.fill(shape, 7.0)

    class Size(keras.regularizers.Regularizer):
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return self.factor * tf.reduce_sum(tf.abs(x))

    layer = layers.Dense(
        2, kernel_initializer=Sevens(), kernel_regularizer=Size(0.5), bias_initializer=lambda s, dtype: tf.ones(s)
    )
    layer.build((None, 3))
    assert layer.get_weights()[0].tolist() == [[7.0, 7.0]] * 3
    assert float(layer.losses[0]) == 21.0
    assert keras.initializers.Ones()(shape=(2,)).numpy().tolist() == [1.0, 1.0]


def test_a_layer_that_asks_python_for_the_batch_size_fits_into_a_functional_model():
    class Noise(layers.Layer):
        def call(self, x):
            return x + tf.random.normal((tf.shape(x)[0], tf.shape(x)[1]))

    a = keras.Input((3,))
    model = keras.Model(a, Noise()(a))
    assert model.output_shape == (None, 3)
    assert model.predict(np.ones((5, 3)), verbose=0).shape == (5, 3)
