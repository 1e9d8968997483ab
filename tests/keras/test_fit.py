"""Training: what fit takes, what it reports, and what callbacks do."""

import csv

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import DataError, SpecError, TrainingError

keras = tf.keras
layers = keras.layers

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = X @ np.array([[1.0], [2.0], [3.0]], "float32")


def linear(optimizer="sgd", **settings):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile(optimizer, "mse", **settings)
    return model


def test_the_history_has_keras_s_keys_in_its_order():
    history = linear(metrics=["mae"]).fit(X, Y, epochs=2, validation_split=0.25, verbose=0)
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert history.epoch == [0, 1]


def test_traced_and_eager_steps_give_the_same_numbers():
    first = linear().fit(X, Y, epochs=3, verbose=0).history["loss"]
    second = linear(run_eagerly=True).fit(X, Y, epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_a_seed_repeats_training():
    runs = [linear("adam").fit(X, Y, epochs=2, batch_size=8, verbose=0).history["loss"] for _ in range(2)]
    assert runs[0] == runs[1]


def test_arrays_datasets_sequences_and_generators_train_alike():
    class Rows(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return X[10 * i : 10 * i + 10], Y[10 * i : 10 * i + 10]

    def generate():
        while True:
            yield from (Rows()[i] for i in range(4))

    expected = linear().fit(X, Y, batch_size=10, shuffle=False, epochs=2, verbose=0).history["loss"]
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(10)
    assert linear().fit(dataset, epochs=2, verbose=0).history["loss"] == expected
    assert linear().fit(Rows(), shuffle=False, epochs=2, verbose=0).history["loss"] == expected
    assert linear().fit(generate(), steps_per_epoch=4, epochs=2, verbose=0).history["loss"] == expected


def test_weights_of_classes_and_examples_multiply():
    def loss(**settings):
        model = keras.Sequential([keras.Input((1,)), layers.Dense(2, kernel_initializer="zeros", activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        x, y = np.ones((4, 1)), np.array([0, 0, 1, 1])
        return model.fit(x, y, verbose=0, **settings).history["loss"][0]

    assert np.isclose(loss(), np.log(2))
    assert np.isclose(loss(class_weight={0: 0.0, 1: 2.0}), np.log(2))
    assert np.isclose(loss(sample_weight=np.array([1.0, 0.0, 0.0, 0.0])), np.log(2) / 4)
    assert np.isclose(loss(class_weight={0: 2.0}, sample_weight=np.array([1.0, 0.0, 0.0, 0.0])), np.log(2) / 2)


def test_weighted_metrics_count_by_weight():
    model = linear(
        metrics=[keras.metrics.MeanSquaredError(name="plain")],
        weighted_metrics=[keras.metrics.MeanSquaredError(name="w")],
    )
    weights = np.concatenate([np.ones(20), np.zeros(20)])
    logs = model.evaluate(X, Y, sample_weight=weights, verbose=0, return_dict=True)
    first = model.evaluate(X[:20], Y[:20], verbose=0, return_dict=True)
    assert np.isclose(logs["w"], first["plain"], rtol=1e-5)
    assert not np.isclose(logs["plain"], logs["w"])


def test_single_batches():
    model = linear(metrics=["mae"])
    loss, mae = model.train_on_batch(X, Y)
    assert loss > 0
    assert mae > 0
    model.reset_metrics()
    assert model.test_on_batch(X, Y, return_dict=True)["loss"] < loss
    assert model.predict_on_batch(X[:2]).shape == (2, 1)


def test_numbers_agree_with_a_step_by_hand():
    model = linear(keras.optimizers.SGD(0.1))
    kernel, bias = model.get_weights()
    model.fit(X, Y, batch_size=40, verbose=0)
    error = X @ kernel + bias - Y
    np.testing.assert_allclose(model.get_weights()[0], kernel - 0.1 * 2 * X.T @ error / 40, rtol=1e-4)


def test_early_stopping_restores_the_best_weights():
    stopping = keras.callbacks.EarlyStopping(monitor="loss", mode="max", patience=2, restore_best_weights=True)
    model = linear()
    start = model.fit(X, Y, epochs=20, batch_size=40, callbacks=[stopping], verbose=0)
    assert len(start.epoch) == 3
    assert stopping.stopped_epoch == 2
    assert np.isclose(model.evaluate(X, Y, verbose=0), start.history["loss"][1], rtol=1e-4)


def test_the_learning_rate_follows_callbacks():
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    history = linear().fit(X, Y, epochs=2, callbacks=[scheduler], verbose=0)
    np.testing.assert_allclose(history.history["learning_rate"], [0.005, 0.0025])
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", mode="max", factor=0.1, patience=1)
    model = linear()
    model.fit(X, Y, epochs=3, callbacks=[plateau], verbose=0)
    assert np.isclose(float(model.optimizer.learning_rate), 1e-4)


def test_an_optimizer_s_learning_rate_can_be_read_and_set():
    optimizer = keras.optimizers.Adam(learning_rate=0.5)
    assert optimizer.learning_rate.numpy() == 0.5
    optimizer.learning_rate.assign(0.25)
    assert float(optimizer.learning_rate) == 0.25
    optimizer.learning_rate = 0.125
    assert optimizer.learning_rate.numpy() == 0.125


def test_checkpoints_keep_the_best_weights(tmp_path):
    path = str(tmp_path / "{epoch}.weights.safetensors")
    checkpoint = keras.callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True, save_weights_only=True)
    model = linear()
    model.fit(X, Y, epochs=2, callbacks=[checkpoint], verbose=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.weights.safetensors", "2.weights.safetensors"]
    before = model.get_weights()[0]
    model.load_weights(tmp_path / "1.weights.safetensors")
    assert not np.array_equal(before, model.get_weights()[0])
    with pytest.raises(SpecError, match="must end in"):
        keras.callbacks.ModelCheckpoint("best.keras", save_weights_only=True)


def test_an_interrupted_fit_goes_on_from_its_backup(tmp_path):
    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path)

    class Crash(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    whole = linear("adam")
    whole.fit(X, Y, epochs=4, shuffle=False, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        linear("adam").fit(X, Y, epochs=4, shuffle=False, callbacks=[backup(), Crash()], verbose=0)
    again = linear("adam")
    assert again.fit(X, Y, epochs=4, shuffle=False, callbacks=[backup()], verbose=0).epoch == [2, 3]
    assert np.array_equal(again.get_weights()[0], whole.get_weights()[0])


def test_epochs_are_logged_to_csv(tmp_path):
    linear().fit(X, Y, epochs=2, callbacks=[keras.callbacks.CSVLogger(tmp_path / "log.csv")], verbose=0)
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "loss"]
    assert [row[0] for row in rows[1:]] == ["0", "1"]


def test_results_are_written_as_event_files(tmp_path):
    linear().fit(X, Y, validation_split=0.5, callbacks=[keras.callbacks.TensorBoard(tmp_path)], verbose=0)
    assert list((tmp_path / "train").iterdir())
    assert list((tmp_path / "validation").iterdir())


def test_the_tensorboard_callback_writes_weights_graph_and_speed(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    callback = keras.callbacks.TensorBoard(
        tmp_path, histogram_freq=1, write_images=True, write_steps_per_second=True, update_freq="batch"
    )
    linear().fit(X, Y, epochs=2, callbacks=[callback], verbose=0)
    found = EventAccumulator(str(tmp_path / "train"))
    found.Reload()
    assert {"epoch_loss", "epoch_steps_per_second", "batch_loss"} <= set(found.Tags()["scalars"])
    kernel = next(tag for tag in found.Tags()["tensors"] if tag.endswith("kernel"))
    assert [event.step for event in found.Tensors(kernel)] == [0, 1]
    assert f"{kernel}/image" in found.Tags()["tensors"]
    assert len(found.Graph().node) > 0


@pytest.mark.parametrize("option", ["profile_batch", "embeddings_freq"])
def test_the_tensorboard_callback_refuses_what_it_does_not_do(option):
    with pytest.raises(SpecError, match=option):
        keras.callbacks.TensorBoard("logs", **{option: 1})


def test_progress_is_a_line_an_epoch(capsys):
    model = linear()
    model.fit(X, Y, batch_size=20, epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[1].startswith("2/2 - 0s - ")
    assert " - loss: " in lines[1]
    model.predict(X, verbose=1)
    assert capsys.readouterr().out.startswith("2/2 ━━━━━━━━━━━━━━━━━━━━ ")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(1)]).fit(X, Y), SpecError, "call compile"),
        (lambda: linear(metrics=["acuracy"]), SpecError, "did you mean `accuracy`"),
        (lambda: linear().fit(X, Y[:10], verbose=0), DataError, "same number of examples"),
        (lambda: linear().fit(X, verbose=0), TrainingError, "nothing to minimise"),
        (lambda: linear().fit(X[:1], Y[:1], validation_split=0.2, verbose=0), DataError, "validation_split"),
    ],
)
def test_errors_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()
