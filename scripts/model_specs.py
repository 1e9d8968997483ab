"""Writes experiments/models/*.yaml: each preset with its layers written out. Run again when a preset changes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfcli.declare import convert
from tfcli.models.presets import Preset
from tfcli.spec.dump import flow

FOLDER = Path(__file__).resolve().parents[1] / "experiments" / "models"
DIGITS = {"type": "bundled", "name": "digits"}
NPZ = {"type": "npz", "path": "data.npz", "features": "x", "label": "y"}
CLASSES = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Model:
    """A preset with settings, and the data, loss and optimizer that go with it.

    `arrays` says what x and y of data.npz are, where the spec does not take a set that comes with the package.
    """

    preset: Any
    arrays: str | None = None
    source: dict[str, Any] = field(default_factory=lambda: NPZ)
    loss: Any = CLASSES
    metrics: tuple[str, ...] = ("accuracy",)
    optimizer: Any = "adam"
    batch_size: int = 32


def digits(preset: Any) -> Model:
    return Model(preset, source=DIGITS)


def images(preset: Any, optimizer: Any) -> Model:
    return Model(preset, "images x (N, 224, 224, 3), classes y (N) from 0 to 999", optimizer=optimizer)


SGD = {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0001}
ADAMW = {"type": "adamw", "learning_rate": 0.0001, "weight_decay": 0.01}
TEXTS = "word numbers x (N, T) below 10000, 0 for padding, and classes y (N), 0 or 1"
MODELS = {
    "mlp": digits("mlp"),
    "lenet": digits("lenet"),
    "vgg": digits("vgg"),
    "densenet": digits("densenet"),
    **{f"resnet{depth}": digits(f"resnet{depth}") for depth in (8, 14, 20, 26, 32, 38, 44)},
    **{f"resnet{depth}": images({"type": f"resnet{depth}", "classes": 1000}, SGD) for depth in (18, 34)},
    "resnet50": images({"type": "resnet", "depth": 50, "classes": 1000}, SGD),
    "densenet121": images("densenet121", SGD),
    "mobilenet_v2": images("mobilenet_v2", {"type": "rmsprop", "learning_rate": 0.001, "momentum": 0.9}),
    "efficientnet_b0": images("efficientnet_b0", {"type": "rmsprop", "learning_rate": 0.001, "momentum": 0.9}),
    "vit": images("vit", ADAMW),
    "unet": Model("unet", "images x (N, 64, 64, 3), and y (N, 64, 64), the class of each pixel, 0 or 1"),
    "text_cnn": Model("text_cnn", TEXTS),
    "bilstm": Model("bilstm", TEXTS),
    "transformer_encoder": Model(
        "bert", "token numbers x (N, 512) below 30522, and classes y (N), 0 or 1", optimizer=ADAMW
    ),
    "transformer_decoder": Model(
        "gpt2",
        "token numbers x (N, 1024) below 50257, and y (N, 1024), the token after each",
        loss={"type": CLASSES, "from_logits": True},
        optimizer=ADAMW,
        batch_size=4,
    ),
    "autoencoder": Model(
        {"type": "autoencoder", "size": 64}, "vectors x (N, 64), and y, the same again", loss="mse", metrics=()
    ),
    "wide_and_deep": Model(
        {"type": "wide_and_deep", "classes": 3}, source={"type": "bundled", "name": "iris"}, batch_size=16
    ),
    "siamese": Model(
        "siamese",
        "pairs of vectors x (N, 2, size), and y (N), 1 for pairs that belong together",
        loss="binary_crossentropy",
    ),
}


def text(name: str) -> str:
    """The spec of a model."""
    model = MODELS[name]
    preset: Any = convert(Preset, model.preset, (), [])
    comment = str(type(preset).__doc__).split("\n")[0].split(": ")[0].removesuffix(".")
    lines = [
        f"# {comment}.",
        f"# `model: {{preset: {flow(model.preset)}}}`, written out by scripts/model_specs.py.",
        *([f"# data.npz is yours: {model.arrays}."] if model.arrays else []),
        f"name: {name}",
        "seed: 1",
        "data:",
        f"  source: {flow(model.source)}",
        f"  split: {flow({'validation': 0.2})}",
        "  pipeline:",
        *(["    - {type: rescaling, scale: 0.0625}"] if model.source is DIGITS else []),
        "    - {type: shuffle, buffer_size: 10000}",
        f"    - {{type: batch, batch_size: {model.batch_size}}}",
        "model:",
        "  layers:",
        *_layers(preset.layers(), 4),
        f"loss: {flow(model.loss)}",
        f"optimizer: {flow(model.optimizer)}",
        f"metrics: {flow(list(model.metrics))}",
        "train: {epochs: 10}",
    ]
    return "\n".join(lines) + "\n"


def _layers(nodes: list[dict[str, Any]], indent: int) -> list[str]:
    """A line a layer; the layers of a block below it."""
    lines = []
    for node in nodes:
        own = {key: value for key, value in node.items() if key != "layers"}
        if "layers" not in node:
            lines.append(" " * indent + f"- {flow(own)}")
            continue
        first, *rest = (f"{key}: {flow(value)}" for key, value in own.items())
        lines += [" " * indent + f"- {first}", *(" " * indent + f"  {line}" for line in rest)]
        lines += [" " * indent + "  layers:", *_layers(node["layers"], indent + 4)]
    return lines


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in MODELS:
        (FOLDER / f"{name}.yaml").write_text(text(name))
