"""Models and weights in files: Keras's archives, directories, and what cannot be saved."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tfcli as tf
from tfcli.engine import nest

K = tf.keras
L = K.layers

X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(2, 6, 4)
Y = np.ones((2, 2), np.float32)


def wired():
    """Shared layers, parts of layers, a model inside of the model, named outputs."""
    given = K.Input((6, 4), name="given")
    shared = L.Dense(4, name="shared", activation="relu", kernel_regularizer="l2")
    h = shared(shared(given))
    h = L.Bidirectional(L.LSTM(3, return_sequences=True))(h)
    h = L.MultiHeadAttention(2, 3)(h, h, use_causal_mask=True)
    h = L.GRU(5)(L.TimeDistributed(L.Dense(4))(L.Add()([h, h])))
    inner = K.Sequential([K.Input((5,)), L.Dense(3), L.BatchNormalization()])
    return K.Model(given, {"out": L.Dense(2)(inner(h))}, name="wired")


def stacked():
    model = K.Sequential([L.Flatten(), L.Dense(3, activation="tanh"), L.Dropout(0.5), L.Dense(2)], name="stacked")
    model.build((None, 6, 4))
    return model


class Own(K.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.norm = L.Dense(3), L.BatchNormalization()
        self.dropout, self.scale = L.Dropout(0.5), tf.Variable(2.0)

    def call(self, inputs, training=False):
        h = self.norm(self.dense(tf.reshape(inputs, [-1, 24])), training=training)
        return self.dropout(h, training=training)[:, :2] * self.scale


@pytest.fixture(params=[wired, stacked, Own])
def model(request):
    made = request.param()
    made.compile(K.optimizers.Adam(0.01), "mse", metrics=["mae"])
    made.fit(X, Y, verbose=0)
    return made


def outputs(model):
    return tf.nest.flatten(model.predict(X, verbose=0))[0]


def test_a_directory_keeps_what_the_call_computes(model, tmp_path):
    model.save(tmp_path / "m")
    again = K.models.load_model(tmp_path / "m")
    np.testing.assert_allclose(outputs(again), outputs(model), rtol=1e-5, atol=1e-6)
    assert again.name == model.name
    assert len(again.trainable_weights) == len(model.trainable_weights)


def test_a_loaded_directory_is_trained_further(tmp_path):
    model = Own()
    model(X)
    model.save(tmp_path / "m")
    again = K.models.load_model(tmp_path / "m")
    again.compile(K.optimizers.SGD(0.05), "mse")
    before = [w.numpy() for w in again.weights]
    again.fit(X, Y, epochs=3, verbose=0)
    moved = [not np.array_equal(a, w.numpy()) for a, w in zip(before, again.weights, strict=True)]
    assert sum(moved) >= 5  # kernel, bias or scale, gamma, beta, and the moving statistics


def test_training_is_told_from_prediction(tmp_path):
    model = Own()
    model(X)
    model.save(tmp_path / "m")
    again = K.models.load_model(tmp_path / "m")
    mean = next(w for w in again.non_trainable_weights if w.name == "moving_mean")
    before = mean.numpy()
    again(X)
    np.testing.assert_array_equal(mean.numpy(), before)
    again(X, training=True)
    assert not np.array_equal(mean.numpy(), before)


@pytest.mark.parametrize("make", [wired, stacked])
def test_an_archive_makes_the_model_anew(make, tmp_path):
    pytest.importorskip("h5py")
    model = make()
    model.compile(K.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    path = tmp_path / "m.keras"
    model.save(path)
    again = K.models.load_model(path)
    np.testing.assert_array_equal(outputs(again), outputs(model))
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert type(again) is type(model)
    assert [x.name for x in again.layers] == [x.name for x in model.layers]
    assert again.optimizer.iterations.numpy() == model.optimizer.iterations.numpy() > 0


def test_equal_models_give_equal_bytes(tmp_path):
    pytest.importorskip("h5py")
    model = stacked()
    for name in ("a.keras", "b.keras"):
        model.save(tmp_path / name)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_without_compile_nothing_is_compiled(tmp_path):
    pytest.importorskip("h5py")
    model = stacked()
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    assert not K.models.load_model(tmp_path / "m.keras", compile=False).compiled


def test_frozen_layers_stay_frozen(tmp_path):
    pytest.importorskip("h5py")
    model = stacked()
    model.layers[1].trainable = False
    model.save(tmp_path / "m.keras")
    assert len(K.models.load_model(tmp_path / "m.keras").trainable_weights) == 2


@pytest.mark.parametrize("suffix", [".weights.h5", ".weights.safetensors"])
@pytest.mark.parametrize("make", [wired, stacked])
def test_weights_alone(make, suffix, tmp_path):
    pytest.importorskip("h5py")
    model, other = make(), make()
    model.save_weights(tmp_path / f"w{suffix}")
    other.load_weights(tmp_path / f"w{suffix}")
    np.testing.assert_array_equal(outputs(other), outputs(model))


def test_weights_that_do_not_fit_are_named(tmp_path):
    pytest.importorskip("h5py")
    stacked().save_weights(tmp_path / "w.weights.h5")
    other = K.Sequential([L.Flatten(), L.Dense(4), L.Dense(2)])
    other.build((None, 6, 4))
    with pytest.raises(tf.errors.SpecError, match=r"kernel has the shape \(24, 4\), in the file \(24, 3\)"):
        other.load_weights(tmp_path / "w.weights.h5")


def test_a_class_of_ones_own_is_refused_in_an_archive(tmp_path):
    model = Own()
    model(X)
    with pytest.raises(tf.errors.SpecError, match=r"class of your own, Own.*in a directory"):
        model.save(tmp_path / "m.keras")


def test_an_operation_between_layers_is_refused_in_an_archive_and_kept_in_a_directory(tmp_path):
    given = K.Input((6, 4))
    model = K.Model(given, L.Dense(2)(given) * 2.0)
    with pytest.raises(tf.errors.SpecError, match=r"applies the operation multiply between its layers"):
        model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m")
    np.testing.assert_allclose(outputs(K.models.load_model(tmp_path / "m")), outputs(model))


def test_a_model_that_was_never_called_is_refused(tmp_path):
    with pytest.raises(tf.errors.SpecError, match="does not know its inputs yet"):
        Own().save(tmp_path / "m")


def test_what_exists_is_kept_unless_overwritten(tmp_path):
    model = stacked()
    model.save(tmp_path / "m")
    with pytest.raises(tf.errors.SpecError, match="exists already"):
        model.save(tmp_path / "m", overwrite=False)


def test_an_archive_with_python_in_it_is_refused(tmp_path):
    pytest.importorskip("h5py")
    stacked().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][2] = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "l", "function": {"class_name": "__lambda__"}},
    }
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        for name, data in (members | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, data)
    with pytest.raises(tf.errors.SpecError, match="Lambda"):
        K.models.load_model(tmp_path / "bad.keras")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04nothing", b"x" * 1000])
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "m.keras").write_bytes(data)
    with pytest.raises(tf.errors.SpecError, match=r"is no \.keras archive"):
        K.models.load_model(tmp_path / "m.keras")


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(tf.errors.SpecError, match="there is no model"):
        K.models.load_model(tmp_path / "m.keras")


def test_model_checkpoint_saves_whole_models(tmp_path):
    model = stacked()
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[K.callbacks.ModelCheckpoint(tmp_path / "m-{epoch}")])
    np.testing.assert_allclose(outputs(K.models.load_model(tmp_path / "m-2")), outputs(model), rtol=1e-6)
    assert tf.saved_model.contains_saved_model(tmp_path / "m-1")


@pytest.mark.parametrize("make", [wired, stacked])
def test_json_makes_a_model_of_the_same_layers(make):
    model = make()
    again = K.models.model_from_json(model.to_json())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("change", [("inbound_nodes", []), ("input_layers", [["given"]]), ("layers", 3)])
def test_what_keras_does_not_write_is_refused(change):
    config = json.loads(wired().to_json())
    key, value = change
    (config["config"]["layers"][-1] if key == "inbound_nodes" else config["config"])[key] = value
    with pytest.raises(tf.errors.SpecError, match="not what Keras 3 writes"):
        K.models.model_from_json(json.dumps(config))
    with pytest.raises(tf.errors.SpecError, match="not what Keras 3 writes"):
        K.models.model_from_json("{}")


RECORDED = Path(__file__).parents[1] / "runner" / "keras_models"


@pytest.mark.parametrize("name", ["branched", "films", "attention", "images", "reused", "dictionaries"])
def test_archives_that_keras_wrote(name):
    pytest.importorskip("h5py")
    model = K.models.load_model(RECORDED / f"{name}.keras")
    arrays = np.load(RECORDED / f"{name}.npz")
    given = [arrays[key] for key in arrays.files if key.startswith("x")]
    if isinstance(model.input, dict):
        given = [dict(zip(model.input, given, strict=True))]
    found = nest.flatten(model(given if len(given) > 1 else given[0]))
    for i, output in enumerate(found):
        np.testing.assert_allclose(output.numpy(), arrays[f"y{i}"], rtol=1e-4, atol=1e-5)


def test_an_archive_keeps_what_each_layer_computes_in(tmp_path):
    pytest.importorskip("h5py")
    given = K.Input((6, 4))
    h = L.Bidirectional(L.LSTM(3, dtype="float64"), dtype="float64")(L.Dense(4, dtype="mixed_bfloat16")(given))
    model = K.Model(given, L.Dense(2, dtype="float32")(h))
    model.save(tmp_path / "m.keras")
    again = K.models.load_model(tmp_path / "m.keras")
    assert [x.dtype_policy.name for x in again.layers[1:]] == ["mixed_bfloat16", "float64", "float32"]
    assert again.layers[2].backward.dtype == "float64"
    np.testing.assert_array_equal(outputs(again), outputs(model))


def test_a_config_tells_the_policy():
    assert L.Dense(2, dtype="mixed_float16").get_config()["dtype"] == "mixed_float16"
    assert L.Dense.from_config(L.Dense(2, dtype="float64").get_config()).dtype == "float64"


class Shifted(L.Layer):
    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="bias")

    def call(self, inputs):
        return inputs + self.bias * self.by

    def get_config(self):
        return super().get_config() | {"by": self.by}


def cubed_error(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred) ** 3, axis=-1)


@pytest.mark.parametrize("registered", [True, False])
def test_an_archive_holds_classes_and_functions_of_ones_own_by_name(registered, tmp_path, monkeypatch):
    pytest.importorskip("h5py")
    own = {"Shifted": Shifted, "cubed_error": cubed_error}
    monkeypatch.setattr("tfcli.models.custom._registered", {})
    if registered:
        for value in own.values():
            assert K.utils.register_keras_serializable("mine")(value) is value
        assert K.utils.get_registered_name(Shifted) == "mine>Shifted"
    model = K.Sequential([K.Input((6, 4)), L.Flatten(), Shifted(2.5, dtype="float64"), L.Dense(2)])
    model.compile("sgd", cubed_error)
    model.fit(X, Y, verbose=0)
    with K.utils.custom_object_scope({} if registered else own):
        model.save(tmp_path / "m.keras")
    again = K.models.load_model(tmp_path / "m.keras", custom_objects=None if registered else own)
    assert isinstance(again.layers[1], Shifted)
    assert (again.layers[1].by, again.layers[1].dtype) == (2.5, "float64")
    np.testing.assert_array_equal(outputs(again), outputs(model))
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_a_class_without_a_config_is_not_registered():
    with pytest.raises(tf.errors.SpecError, match="needs a get_config"):
        K.utils.register_keras_serializable()(type("Bare", (), {}))
