"""experiments/models/: each preset written out, of its known size, and ready to train."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tfcli.engine.spec import Shape, TensorSpec
from tfcli.models.network import Network
from tfcli.models.presets import Preset
from tfcli.runner.session import assemble
from tfcli.spec.load import load_experiment

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "experiments" / "models"
SPECS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
IMAGE, TEXT = (32, 32, 3), (6,)
DATA = {
    # spec: shape of x, shape of y, words besides; x of one axis are tokens below 9
    **dict.fromkeys(("resnet18", "resnet34", "mobilenet_v2", "efficientnet_b0", "vit", "densenet121"), (IMAGE, ())),
    "resnet50": (IMAGE, ()),
    "unet": (IMAGE, (32, 32)),
    **dict.fromkeys(("text_cnn", "bilstm", "transformer_encoder"), (TEXT, ())),
    "transformer_decoder": (TEXT, TEXT),
    "autoencoder": ((64,), (64,)),
    "siamese": ((2, 5), ()),
}
SMALLER = {
    "transformer_encoder": ["model.layers.tokens.input_dim=9", "model.layers.blocks.repeat=1"],
    "transformer_decoder": [
        *("model.layers.tokens.input_dim=9", "model.layers.blocks.repeat=1", "model.layers.head.units=9"),
    ],
    "vit": ["model.layers.blocks.repeat=1"],
}


def script():
    spec = importlib.util.spec_from_file_location("model_specs", ROOT / "scripts" / "model_specs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_they_are_up_to_date():
    module = script()
    written = {name: (FOLDER / f"{name}.yaml").read_text() for name in SPECS}
    assert written == {name: module.text(name) for name in module.MODELS}, "run: python scripts/model_specs.py"


def test_every_preset_is_among_them():
    heads = "\n".join((FOLDER / f"{name}.yaml").read_text()[:400] for name in SPECS)
    missing = [cls.type_name for cls in Preset.registry if cls.type_name not in heads]
    assert set(missing) <= {"transformer_decoder", "transformer_encoder"}  # under the names gpt2 and bert
    assert "gpt2" in heads
    assert "bert" in heads


@pytest.mark.parametrize("name", SPECS)
def test_it_trains_a_step(name: str, tmp_path: Path):
    path = tmp_path / f"{name}.yaml"
    path.write_text((FOLDER / f"{name}.yaml").read_text())
    if name in DATA:
        random = np.random.default_rng(0)
        shape, label = DATA[name]
        is_text = shape == TEXT
        x = random.integers(1, 9, (2, *shape)) if is_text else random.normal(size=(2, *shape)).astype("float32")
        y = x if name == "autoencoder" else random.integers(0, 2, (2, *label))
        np.savez(tmp_path / "data.npz", x=x, y=y)
    batches = [{"type": "batch", "batch_size": 2}]
    sizes = ["data.split=null", "optimizer={type: sgd, learning_rate: 0.01}", f"data.pipeline={batches}"]
    session = assemble(load_experiment(path, [*sizes, *SMALLER.get(name, [])]))
    weights = [weight.array.copy() for weight in session.network.trainable_weights]
    assert np.isfinite(session.trainer.train_batch(next(session.data.train.batches(0))))
    after = session.network.trainable_weights
    assert any(not np.array_equal(array, weight.array) for array, weight in zip(weights, after, strict=True))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet50", 25_636_712),
        ("mobilenet_v2", 3_538_984),
        ("densenet121", 8_062_504),
        ("efficientnet_b0", 5_330_571 - 7),  # without the normalization that keras.applications begins with
    ],
)
def test_it_has_as_many_parameters_as_that_of_keras(name: str, parameters: int):
    model = load_experiment(FOLDER / f"{name}.yaml").experiment.model
    network = Network(model, {"x": TensorSpec(Shape((None, 224, 224, 3)), "float32")})
    assert network.count_params() == parameters


@pytest.mark.parametrize(
    ("name", "length", "layer", "parameters"),
    [
        ("transformer_decoder", 1024, 0, 124_439_808),  # the head is the embedding again, as GPT-2's is
        ("transformer_encoder", 512, 2, 109_482_240 - 2 * 768 - 768 * 769),  # without segments and pooler
    ],
)
def test_transformers_are_of_the_size_of_gpt2_and_bert(name: str, length: int, layer: int, parameters: int):
    overrides = ["model.layers.blocks.repeat=1"]
    model = load_experiment(FOLDER / f"{name}.yaml", overrides).experiment.model
    network = Network(model, {"x": TensorSpec(Shape((None, length)), "int64")})
    sizes = {weight.path: weight.array.size for weight in network.weights if not weight.path.startswith("head/")}
    blocks = sum(size for path, size in sizes.items() if path.startswith("blocks/"))
    assert sum(sizes.values()) + 11 * blocks == parameters
