"""What `check` finds out about an experiment without training it."""

from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from tfcli.data.pipeline import Split
from tfcli.data.prepared import PreparedData
from tfcli.engine.kernels.jit import available
from tfcli.engine.kernels.target import host
from tfcli.models.network import Network
from tfcli.runner.callbacks import check_callbacks
from tfcli.runner.findings import findings
from tfcli.runner.memory import Memory
from tfcli.runner.rehearsal import Timing, rehearse
from tfcli.runner.session import assemble
from tfcli.spec.load import LoadedSpec

_MOST_CLASSES = 100


@dataclass(frozen=True)
class LayerRow:
    """One layer; None in `shape` where a size varies."""

    name: str
    type: str
    shape: tuple[int | None, ...]
    parameters: int
    trainable: bool


@dataclass(frozen=True)
class SplitRow:
    """One split; `labels` says for each target its classes with their counts, or the range of its numbers."""

    name: str
    examples: int
    batches: int
    labels: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Inspection:
    """Everything that `check` shows."""

    name: str
    precision: str
    """The spec's, and what it means on this machine."""
    inputs: dict[str, dict[str, Any]]
    targets: dict[str, dict[str, Any]]
    layers: list[LayerRow]
    parameters: int
    trainable_parameters: int
    batch_size: int
    memory: Memory
    timing: Timing
    splits: list[SplitRow]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def inspect(loaded: LoadedSpec) -> Inspection:
    """Build the experiment, look at its data, and time a few steps; nothing is written. Raises TfcliError."""
    session = assemble(loaded)
    check_callbacks(session)
    network, data = session.network, session.data
    first = next(data.train.batches())
    splits = {name: split for name in ("train", "validation", "test") if (split := getattr(data, name)) is not None}
    rehearsal = rehearse(session)
    rows = [_split_row(name, split, data) for name, split in splits.items()]
    return Inspection(
        name=str(session.experiment.name),
        precision=_precision(network),
        inputs={name: asdict(spec) for name, spec in data.inputs.items()},
        targets={name: asdict(spec) for name, spec in data.targets.items()},
        layers=[_layer_row(step) for step in network.steps],
        parameters=network.count_params(),
        trainable_parameters=sum(weight.array.size for weight in network.trainable_weights),
        batch_size=len(first),
        timing=rehearsal.timing,
        memory=rehearsal.memory,
        splits=rows,
        warnings=[
            *([rehearsal.warning] if rehearsal.warning else []),
            *findings(data, network, {row.name: asdict(row) for row in rows}),
        ],
    )


def _precision(network: Network) -> str:
    policy = network.policy
    if policy.operands is None:
        return policy.name
    meaning = f"{policy.name}: products round their operands to {policy.operands}"
    if policy.operands == "bfloat16":
        fast = available() and host().bfloat16
        processor = "multiplies these twice as fast" if fast else "multiplies these no faster than float32"
        return f"{meaning}; this processor {processor}"
    return f"{meaning} and multiply them as float32; the loss is scaled"


def _layer_row(step: Any) -> LayerRow:
    weights = step.layer.weights
    trainable = bool(step.layer.trainable_weights) or not weights
    return LayerRow(
        step.path, step.layer.type_name, tuple(step.spec.shape), sum(w.array.size for w in weights), trainable
    )


def _split_row(name: str, split: Split, data: PreparedData) -> SplitRow:
    labels = {target: _describe_labels(a, data.class_names.get(target)) for target, a in split.labels().items()}
    return SplitRow(name, split.num_examples, split.num_batches, labels)


def _describe_labels(labels: np.ndarray, names: list[str] | None) -> dict[str, Any]:
    classes = _as_classes(labels)
    if classes is None:
        return {"min": float(labels.min()), "mean": float(labels.mean()), "max": float(labels.max())}
    values, counts = np.unique(classes, return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    if names is not None:
        return {"classes": {label: found.get(i, 0) for i, label in enumerate(names)}}
    return {"classes": {str(value): count for value, count in found.items()}}


def _as_classes(labels: np.ndarray) -> np.ndarray | None:
    """The labels as whole numbers, one an example, where there are not too many different ones; else None."""
    width = prod(labels.shape[1:])
    if width > 1:
        is_one_hot = labels.ndim == 2 and all(_is_one_hot(part) for part in (labels[:1000], labels))
        return labels.argmax(axis=1) if is_one_hot else None
    flat = labels.reshape(-1)
    if labels.dtype.kind == "f" and np.isin(flat, (0, 1)).all():
        flat = flat.astype(np.int64)
    if flat.dtype.kind not in "iub":
        return None
    return flat if len(np.unique(flat)) <= _MOST_CLASSES else None


def _is_one_hot(labels: np.ndarray) -> bool:
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())
