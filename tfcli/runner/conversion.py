"""Models of elsewhere as specs: a `.keras` archive becomes a spec and a file of weights beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfcli.declare.functions import own_python
from tfcli.errors import SpecError
from tfcli.logging.durable import write_text
from tfcli.logging.tensors import save_tensors
from tfcli.runner.keras_archive import KerasModel, read_keras_model
from tfcli.runner.keras_nodes import without_policy
from tfcli.spec.dump import flow

_DATA = "data.npz"


@dataclass(frozen=True)
class Conversion:
    """What was written, and what of the model could not be taken over."""

    spec: Path
    weights: Path
    layers: int
    parameters: int
    notes: list[str]


def convert_keras(source: Path, spec: Path, force: bool = False) -> Conversion:
    """Write the model in the archive `source` as the file `spec`, its weights beside it as `.safetensors`.

    Raises SpecError where a spec cannot say the model, or where a file is there already and `force` is not given.
    """
    if source.suffix != ".keras":
        raise SpecError(f"{source} is no .keras archive; save the model with model.save('name.keras')")
    weights = spec.with_suffix(".safetensors")
    for path in (spec, weights):
        if path.exists() and not force:
            raise SpecError(f"{path} exists already; choose another file with -o, or overwrite it with --force")
    with own_python(source, trust=False):
        found = read_keras_model(source)
    save_tensors(weights, found.weights)
    write_text(spec, _text(found, source, weights))
    parameters = sum(array.size for array in found.weights.values())
    return Conversion(spec, weights, len(found.model["layers"]), parameters, found.notes)


def _text(found: KerasModel, source: Path, weights: Path) -> str:
    training = {"loss": _likely_loss(found), "optimizer": "rmsprop"} | found.training
    precision = _precision(found)
    guessed = [key for key in ("loss", "optimizer") if key not in found.training]
    lines = [
        f"# The model of {source.name}, made by `tfcli convert`. Its weights: {weights.name}",
        *(f"# {note}" for text in found.notes for note in text.splitlines()),
        "",
        *([f"precision: {precision}", ""] if precision != "float32" else []),
        f"# Name your data: `{_DATA}` is to hold an array for each input and label, or take another source.",
        "data:",
        f"  source: {flow(_source(found))}",
        "  split: {validation: 0.2}",
        "  pipeline:",
        "    - {type: shuffle, buffer_size: 10000}",
        "    - {type: batch, batch_size: 32}",
        "",
        "model:",
        f"  inputs: {flow(found.model['inputs'])}",
        "  layers:",
        *(f"    - {flow(without_policy(node, precision))}" for node in found.model["layers"]),
        *([f"  outputs: {flow(found.model['outputs'])}"] if "outputs" in found.model else []),
        "",
        *([f"# guessed, since the model was saved without: {', '.join(guessed)}"] if guessed else []),
        *(f"{key}: {flow(value)}" for key, value in training.items()),
        "",
        "train:",
        "  epochs: 1",
        f"  initial_weights: {flow(weights.name)}",
    ]
    return "\n".join(line.removesuffix("\n") for line in lines) + "\n"


def _source(found: KerasModel) -> dict[str, Any]:
    inputs, outputs = list(found.layers.inputs), list(found.layers.outputs.values())
    labels = ["y"] if len(outputs) == 1 else outputs
    one = {"features": inputs[0] if len(inputs) == 1 else inputs, "label": labels[0] if len(labels) == 1 else labels}
    return {"type": "npz", "path": _DATA, **one}


def _precision(found: KerasModel) -> str:
    """What most layers compute in; the others say it themselves."""
    counted = found.layers.precisions.most_common(1)
    return counted[0][0] if counted else "float32"


def _likely_loss(found: KerasModel) -> Any:
    """A loss for each output of a model that was never compiled, by its last activation."""
    by_name = {node["name"]: node for node in found.model["layers"]}
    chosen = {
        name: _loss_of(by_name[name], units)
        for name, units in zip(found.layers.outputs.values(), found.output_units, strict=True)
    }
    return chosen if len(chosen) > 1 else next(iter(chosen.values()))


def _loss_of(node: dict[str, Any], units: int | None) -> str:
    activation = node["type"] if node["type"] == "softmax" else node.get("activation")
    if activation == "softmax":
        return "sparse_categorical_crossentropy"
    return "binary_crossentropy" if activation == "sigmoid" else "mean_squared_error"
