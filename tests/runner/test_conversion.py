"""Models that Keras saved, as specs; `keras_models` has what Keras predicts with them, and what made them."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tfcli.commands.main import run
from tfcli.errors import SpecError
from tfcli.models.layers.base import Layer
from tfcli.runner.conversion import convert_keras
from tfcli.spec.load import load_experiment

pytest.importorskip("h5py", reason="h5py reads Keras's files")
FILES = Path(__file__).parent / "keras_models"
MODELS = sorted(path.stem for path in FILES.glob("*.keras"))


def converted(name: str, folder: Path, examples: int = 1) -> Path:
    """The spec of a model, with the recorded inputs as its data; labels are the outputs, or classes."""
    if name == "normalized" and Layer.registry.find("normalization") is None:
        pytest.skip("needs a normalization layer")
    spec = folder / f"{name}.yaml"
    convert_keras(FILES / f"{name}.keras", spec)
    source = load_experiment(spec).experiment.data.source
    held = np.load(FILES / f"{name}.npz")
    inputs = [source.features] if isinstance(source.features, str) else source.features
    labels = [source.label] if isinstance(source.label, str) else source.label
    arrays = {name: np.repeat(held[f"x{i}"], examples, axis=0) for i, name in enumerate(inputs)}
    for i, label in enumerate(labels):
        output = np.repeat(held[f"y{i}"], examples, axis=0)
        arrays[label] = output.argmax(-1) if name in ("films", "images") else output
    np.savez(folder / "data.npz", **arrays)
    return spec


@pytest.mark.parametrize("name", MODELS)
def test_it_predicts_what_keras_predicts(name: str, tmp_path: Path):
    from tfcli.runner.session import assemble

    session = assemble(load_experiment(converted(name, tmp_path), ["data.split=null"]))
    held = np.load(FILES / f"{name}.npz")
    outputs = session.network({n: held[f"x{i}"] for i, n in enumerate(session.network.inputs)})
    for i, output in enumerate(outputs.values()):
        np.testing.assert_allclose(output.numpy(), held[f"y{i}"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["attention", "images", "nested", "recurrent", "dictionaries"])
def test_it_trains_as_it_is(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    spec = converted(name, tmp_path, examples=8)
    assert run(["train", str(spec), "--logdir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["final"]["loss"] > 0


def test_how_it_was_compiled_comes_with_it(tmp_path: Path):
    experiment = load_experiment(converted("attention", tmp_path)).experiment
    assert {name: loss.type_name for name, loss in experiment.loss.items()} == {
        "pool": "mean_squared_error",
        "cls": "binary_crossentropy",
    }
    assert experiment.loss["cls"].label_smoothing == 0.1
    assert experiment.loss_weights == {"pool": 0.5, "cls": 1.0}
    assert [metric.spec()["type"] for metric in experiment.metrics["cls"]] == ["accuracy"]
    optimizer = load_experiment(converted("recurrent", tmp_path)).experiment.optimizer.spec()
    assert (optimizer["type"], optimizer["momentum"], optimizer["learning_rate"]["type"]) == (
        "sgd",
        0.9,
        "cosine_decay",
    )


def test_outputs_of_a_dictionary_keep_their_losses(tmp_path: Path):
    experiment = load_experiment(converted("dictionaries", tmp_path)).experiment
    outputs = experiment.model.outputs
    assert {name: loss.type_name for name, loss in experiment.loss.items()} == {outputs[0]: "mean_absolute_error"}


def test_a_model_that_was_never_compiled_gets_a_likely_loss_and_says_so(tmp_path: Path):
    spec = converted("branched", tmp_path)
    assert "# guessed, since the model was saved without: loss, optimizer\nloss: mean_squared_error" in spec.read_text()


def test_layers_that_are_not_trained_stay_so(tmp_path: Path):
    layers = load_experiment(converted("images", tmp_path)).experiment.model.layers
    assert [layer.type_name for layer in layers if not layer.trainable] == ["depthwise_conv2d"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("custom_layer", "`Own` is a class of its own, whose code the file does not have"),
        ("function", "the function `own_function` is Python code of its own"),
        ("lambda", "a Lambda holds Python code in the file, which is not run"),
        ("operation", "`cumsum` is Keras's operation `Cumsum`, which no layer of a spec does"),
        ("shared", "is shared: it is called 2 times with the same weights"),
        ("state", "reads output 1 of `lstm_2`, and a layer of a spec has one output"),
        ("subclassed", "`Subclassed` is a subclassed model"),
    ],
)
def test_what_a_spec_cannot_say_is_refused(name: str, reason: str, tmp_path: Path):
    with pytest.raises(SpecError, match=reason):
        convert_keras(FILES / "refused" / f"{name}.keras", tmp_path / "exp.yaml")
    assert not list(tmp_path.iterdir())


def test_files_are_not_overwritten_unless_asked(tmp_path: Path):
    spec = tmp_path / "exp.yaml"
    convert_keras(FILES / "branched.keras", spec)
    with pytest.raises(SpecError, match="exists already"):
        convert_keras(FILES / "branched.keras", spec)
    convert_keras(FILES / "reused.keras", spec, force=True)
    assert "two_dense" in spec.read_text()


@pytest.mark.parametrize(
    "config", ["[]", "{", '{"module": "keras", "class_name": "Functional", "config": {"layers": [{}]}}']
)
def test_a_damaged_description_is_refused(config: str, tmp_path: Path):
    path = tmp_path / "broken.keras"
    with zipfile.ZipFile(FILES / "branched.keras") as whole, zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", whole.read("model.weights.h5"))
    with pytest.raises(SpecError, match=r"broken\.keras"):
        convert_keras(path, tmp_path / "exp.yaml")


def test_a_description_of_more_weights_than_the_archive_can_have_is_refused(tmp_path: Path):
    path = tmp_path / "greedy.keras"
    with zipfile.ZipFile(FILES / "branched.keras") as whole, zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", whole.read("model.weights.h5"))
        config = whole.read("config.json").decode()
        archive.writestr("config.json", re.sub(r'"units": \d+', '"units": 1000000000', config))
    with pytest.raises(SpecError, match="more than the file has weights for"):
        convert_keras(path, tmp_path / "exp.yaml")


def test_a_description_that_grows_without_end_is_refused(tmp_path: Path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (65 * 2**20))
    with pytest.raises(SpecError, match="would grow to"):
        convert_keras(path, tmp_path / "exp.yaml")


def test_the_command_says_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    spec = tmp_path / "exp.yaml"
    assert run(["convert", str(FILES / "images.keras"), "-o", str(spec)]) == 0
    assert "name your data" in capsys.readouterr().out
    assert run(["convert", str(FILES / "images.keras"), "-o", str(spec), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 289


def test_a_file_of_another_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["convert", str(tmp_path / "model.h5"), "-o", str(tmp_path / "exp.yaml")]) == 2
    assert "no .keras archive" in capsys.readouterr().err
