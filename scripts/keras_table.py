"""Writes docs/keras.md: each class of Keras 3 and whether it is here. `docs/keras_classes.txt` lists them."""

from collections.abc import Iterator
from pathlib import Path

from tfcli.declare import Declared
from tfcli.models.activations import Activation
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.base import Layer
from tfcli.models.losses import Loss
from tfcli.models.metrics import Metric
from tfcli.models.optimizers import Optimizer
from tfcli.models.regularizers import Regularizer
from tfcli.models.schedules import Schedule

DOCS = Path(__file__).resolve().parents[1] / "docs"
KINDS: dict[str, type[Declared]] = {
    "layers": Layer,
    "losses": Loss,
    "metrics": Metric,
    "optimizers": Optimizer,
    "schedules": Schedule,
    "initializers": Initializer,
    "regularizers": Regularizer,
    "constraints": Constraint,
    "activations": Activation,
}
CALLBACKS = {
    "EarlyStopping": "`train.early_stopping`",
    "ReduceLROnPlateau": "`train.reduce_lr_on_plateau`",
    "ModelCheckpoint": "`train.checkpoint`",
    "BackupAndRestore": "`train.checkpoint`, and `tfcli train --resume`",
    "TensorBoard": "`train.tensorboard`",
    "TerminateOnNaN": "`train.terminate_on_nan`",
    "CSVLogger": "`train.csv_log`",
    "SwapEMAWeights": "`train.swap_ema_weights`",
    "Callback": "`train.callbacks`, for a class of one's own",
    "History": "every run's `metrics.jsonl`",
    "ProgbarLogger": "always, on a terminal",
    "LearningRateScheduler": "a schedule as `optimizer.learning_rate`",
}
WHY = {
    "Layer": "the base class",
    "Wrapper": "the base class of wrappers",
    "InputLayer": "`model.inputs`",
    "InputSpec": "shapes are checked by each layer",
    "Loss": "the base class",
    "Metric": "the base class",
    "MeanMetricWrapper": "a helper for classes of one's own",
    "Optimizer": "the base class",
    "LossScaleOptimizer": "`precision: mixed_float16` scales any optimizer's loss so; `loss_scale_factor` is fixed",
    "LearningRateSchedule": "the base class",
    "Initializer": "the base class",
    "RandomInitializer": "the base class of the random ones",
    "Regularizer": "the base class",
    "Constraint": "the base class",
    "CallbackList": "a helper of `fit`",
    "MaxNumBoundingBoxes": "it changes bounding boxes alone, which no data source or layer here has",
    "TFSMLayer": "it runs TensorFlow's SavedModel files",
    "JaxLayer": "it runs code of JAX",
    "FlaxLayer": "it runs code of Flax",
    "TorchModuleWrapper": "it runs code of PyTorch",
}


def table() -> str:
    """The page."""
    lines = [
        "# Keras's classes",
        "",
        "Written by `scripts/keras_table.py`. Names, fields, defaults and arithmetic are those of Keras 3.",
    ]
    for kind, names in classes().items():
        rows = [f"| `{name}` | {here(kind, name)} |" for name in names]
        lines += ["", f"## {kind.capitalize()}", "", "| Keras | here |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def classes() -> dict[str, list[str]]:
    """Keras's class names by kind."""
    return {line.split(":")[0]: line.split(":")[1].split() for line in _lines()}


def _lines() -> Iterator[str]:
    yield from (DOCS / "keras_classes.txt").read_text().splitlines()


def here(kind: str, name: str) -> str:
    """The name in a spec, or why there is none."""
    if kind == "callbacks":
        return CALLBACKS.get(name) or f"no: {WHY.get(name, 'not in this version')}"
    registry = KINDS[kind].registry
    assert registry is not None
    found = registry.find(name)
    return f"`{found.type_name}`" if found else f"no: {WHY.get(name, 'not in this version')}"


if __name__ == "__main__":
    (DOCS / "keras.md").write_text(table())
