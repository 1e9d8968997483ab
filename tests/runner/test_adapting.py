"""Preprocessing layers in a spec: they learn from the training split alone, and a run keeps what they learned."""

import json
from pathlib import Path

import numpy as np
import pytest

from tfcli.data.pipeline import Split
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.evaluation import evaluate, open_session, predict
from tfcli.runner.session import assemble
from tfcli.runner.training import resume, train
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.dump import to_yaml
from tfcli.spec.load import load_experiment

ROWS = 24
TEXTS = np.array([f"{'good' if i % 2 else 'bad'} film number {i % 5}" for i in range(ROWS)])
DATA = {
    "texts": TEXTS,
    "words": np.array([[text.split()[0], text.split()[3]] for text in TEXTS]),
    "whole": np.arange(2 * ROWS).reshape(ROWS, 2) % 7,
    "one": (np.arange(ROWS) % 7)[:, None],
    "numbers": (np.arange(3.0 * ROWS).reshape(ROWS, 3) ** 2).astype(np.float32),
    "sound": np.sin(np.arange(64.0 * ROWS).reshape(ROWS, 64)).astype(np.float32),
}
LAYERS = {
    "normalization": ("numbers", {}),
    "normalization given": ("numbers", {"mean": 3.0, "variance": 2.0, "axis": None}),
    "discretization": ("numbers", {"num_bins": 3, "output_mode": "multi_hot"}),
    "category_encoding": ("whole", {"num_tokens": 7}),
    "hashing": ("words", {"num_bins": 5, "output_mode": "count"}),
    "string_lookup": ("words", {"output_mode": "multi_hot"}),
    "integer_lookup": ("whole", {"output_mode": "tf_idf"}),
    "text_vectorization": ("texts", {"output_mode": "tf_idf", "ngrams": 2}),
    "mel_spectrogram": ("sound", {"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 3}),
    "stft_spectrogram": ("sound", {"frame_length": 8}),
}


def write(folder: Path, input_name: str, layers: list, **more) -> Path:
    """The spec of a small classifier over some of the data."""
    np.savez(folder / "data.npz", x=DATA[input_name], y=np.arange(ROWS) % 2)
    np.savez(folder / "new.npz", x=DATA[input_name][:5])
    spec = {
        "data": {
            "source": {"type": "npz", "path": "data.npz", "features": "x", "label": "y"},
            "split": {"validation": 0.25},
            "pipeline": [{"type": "shuffle", "buffer_size": 30}, {"type": "batch", "batch_size": 4}],
        },
        "model": {"layers": [*layers, "flatten", {"type": "dense", "units": 1, "activation": "sigmoid"}]},
        "loss": "binary_crossentropy",
        "optimizer": "adam",
        "train": {"epochs": 2},
    }
    (folder / "spec.yaml").write_text(to_yaml(spec | more))
    return folder / "spec.yaml"


def trained(spec: Path, epochs: int = 2) -> RunDirectory:
    return train(load_experiment(spec, [f"train.epochs={epochs}"]), spec.parent / "runs").run


def learned_of(run: RunDirectory) -> dict:
    return json.loads((run.preprocessing / "layers" / "preprocessing.json").read_text())


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_goes_from_yaml_to_training_to_the_same_predictions_later(tmp_path, name):
    input_name, fields = LAYERS[name]
    layer = {"type": name.split()[0], **fields}
    reshape = [{"type": "reshape", "target_shape": [64, 1]}] if layer["type"] == "stft_spectrogram" else []
    run = trained(write(tmp_path, input_name, [*reshape, layer]))
    session, _ = open_session(run)
    expected = session.network({"x": DATA[input_name][:5]})
    found = predict(run, source=tmp_path / "new.npz").outputs
    for output, array in found.items():
        np.testing.assert_allclose(array, expected[output].numpy(), rtol=1e-6)
    assert np.isfinite(evaluate(run, "validation").results["loss"])


def test_hashed_crossing_reads_several_inputs(tmp_path):
    np.savez(tmp_path / "data.npz", a=DATA["words"][:, 0], b=DATA["whole"][:, 0], y=np.arange(ROWS) % 2)
    spec = {
        "data": {"source": {"type": "npz", "path": "data.npz", "features": ["a", "b"], "label": "y"}},
        "model": {
            "layers": [
                {"type": "hashed_crossing", "num_bins": 4, "output_mode": "one_hot", "inputs": ["a", "b"]},
                {"type": "dense", "units": 1, "activation": "sigmoid"},
            ]
        },
        "loss": "binary_crossentropy",
        "optimizer": "adam",
        "train": {"epochs": 2},
    }
    (tmp_path / "spec.yaml").write_text(to_yaml(spec))
    run = trained(tmp_path / "spec.yaml")
    first, again = (predict(run, split="train").outputs for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert len(next(iter(first.values()))) == ROWS


def test_a_vocabulary_is_that_of_the_training_split_alone(tmp_path):
    run = trained(write(tmp_path, "texts", [{"type": "text_vectorization", "output_mode": "multi_hot"}]))
    session, _ = open_session(run)
    words = [word for text in session.data.train.examples.inputs["x"] for word in text.split()]
    assert set(learned_of(run)["text_vectorization"]["vocabulary"]) == set(words)
    assert len(words) == 18 * 4


def test_a_mean_is_that_of_the_training_split_alone(tmp_path):
    run = trained(write(tmp_path, "numbers", ["normalization"]))
    session, _ = open_session(run)
    examples = session.data.train.examples.inputs["x"].astype(np.float64)
    np.testing.assert_allclose(session.network.layers[0].weights[0].array, examples.mean(0), rtol=1e-6)
    np.testing.assert_allclose(session.network.layers[0].weights[1].array, examples.var(0), rtol=1e-5)


def test_resuming_goes_on_with_what_was_learned(tmp_path):
    spec = write(tmp_path, "texts", [{"type": "text_vectorization", "output_mode": "tf_idf"}])
    whole, cut = trained(spec, 4), trained(spec, 2)
    before = learned_of(cut)
    resume(cut, 4)
    assert learned_of(cut) == before
    assert cut.weights_path.read_bytes() == whole.weights_path.read_bytes()


def test_a_vocabulary_from_a_file_need_not_be_there_later(tmp_path):
    (tmp_path / "words.txt").write_text("good\nbad\n")
    layer = {"type": "text_vectorization", "output_mode": "count", "vocabulary": "words.txt"}
    run = trained(write(tmp_path, "texts", [layer]))
    expected = predict(run, source=tmp_path / "new.npz").outputs
    (tmp_path / "words.txt").unlink()
    for output, array in predict(run, source=tmp_path / "new.npz").outputs.items():
        np.testing.assert_array_equal(array, expected[output])


def test_layers_learn_from_what_those_before_them_make(tmp_path):
    layers = [
        {"type": "rescaling", "scale": 2.0},
        {"type": "normalization", "name": "first"},
        {"type": "normalization", "name": "second", "axis": None},
    ]
    first, second = (learned_of(trained(write(tmp_path, "numbers", layers)))[name] for name in ("first", "second"))
    assert min(first["mean"]["values"]) > 1000
    assert second["mean"]["values"] == pytest.approx(0.0, abs=1e-5)
    assert second["variance"]["values"] == pytest.approx(1.0, rel=1e-4)


def test_one_pass_over_the_data_serves_all_layers_that_wait(tmp_path, monkeypatch):
    passes = []
    batches = Split.batches
    monkeypatch.setattr(Split, "batches", lambda self, *a, **k: passes.append(a) or batches(self, *a, **k))
    layers = [
        {"type": "normalization", "name": "a", "inputs": "x"},
        {"type": "normalization", "name": "b", "inputs": "x", "axis": None},
        {"type": "add", "inputs": ["a", "b"]},
    ]
    assemble(load_experiment(write(tmp_path, "numbers", layers), []))
    assert len(passes) == 1


def problem(spec: Path) -> str:
    with pytest.raises(InvalidSpec) as found:
        trained(spec)
    return str(found.value)


def test_a_layer_cannot_learn_from_what_training_changes(tmp_path):
    spec = write(tmp_path, "numbers", [{"type": "dense", "units": 2, "name": "d"}, "normalization"])
    assert "learns before training from what `d` makes" in problem(spec)


def test_texts_that_reach_a_layer_for_numbers_are_shown_with_what_to_do(tmp_path):
    assert "a `text_vectorization` or `string_lookup` layer (or stage)" in problem(write(tmp_path, "words", []))


def test_a_value_that_a_layer_cannot_learn_from_is_shown_at_the_layer(tmp_path):
    spec = write(tmp_path, "words", ["integer_lookup"])
    assert "expected whole numbers, got texts" in problem(spec)
    assert "spec.yaml" in problem(spec)
