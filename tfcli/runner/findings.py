"""What is odd about an experiment's data, each remark with its numbers. Of large data some rows are looked at."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfcli.data.feature_space import INPUT
from tfcli.data.prepared import PreparedData
from tfcli.data.source import ChunkedSource
from tfcli.data.stage import Batch, Stage
from tfcli.data.table import Table
from tfcli.data.uneven import is_uneven
from tfcli.models.network import Network

Columns = dict[str, np.ndarray]
"""Each (N,): whole numbers that stand for categories, or floats."""

MOST_ROWS = 20_000
"""Rows that are looked at; of more, those at equal distances."""
_MOST_KNOWN = 500_000
"""Training examples that the others are looked for among."""
_LOOKED_THROUGH = 1000
"""Examples that are put through the pipeline."""
_MOST_ENTRIES = 256
"""Entries of an input up to which each is looked at by itself."""
_FEW_EXAMPLES = 20
_RARE_CLASS = 5
_IMBALANCE = 5
_TELLING = 0.99
"""The accuracy (or share of variance) from which on one column gives the label away."""
_BINS = 50
_SHOWN = 10
_ABSENT = -1.0e300
"""Stands for NaN, which is not equal to itself."""
_PIXELS = 32.0
"""Larger entries of an image are taken for unscaled pixels."""
_LARGE = 1000.0
_SCALING = {"rescaling", "normalization", "batch_normalization", "layer_normalization", "rms_normalization"}


def findings(data: PreparedData, network: Network, labels: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """All remarks. `labels`: of each split its size and its labels' classes, as `check` shows them."""
    yield from split_findings(labels)
    yield from column_findings(data)
    yield from value_findings(data, network)
    yield from shared_examples(data)


def split_findings(splits: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Of splits too small, classes that are rare, out of balance or not in every split."""
    for name, split in splits.items():
        if split["examples"] < _FEW_EXAMPLES:
            points = 100 * 1.96 * np.sqrt(0.25 / split["examples"])
            yield (
                f"the {name} split has only {split['examples']} examples: an accuracy measured on it is uncertain by "
                f"{min(points, 50.0):.0f} points"
            )
    for target, described in splits["train"]["labels"].items():
        known = described.get("classes", {})
        yield from _balance(target, {label: count for label, count in known.items() if count})
        for name, split in splits.items():
            own = split["labels"].get(target, {}).get("classes", {})
            if name != "train" and own:
                yield from _unlike(target, name, known, own)


def _balance(target: str, counts: dict[str, int]) -> Iterator[str]:
    for label, count in counts.items():
        if count < _RARE_CLASS:
            yield f"class {label} of {target} has only {count} examples in the train split"
    if len(counts) < 2:
        return
    most, least = max(counts, key=lambda c: counts[c]), min(counts, key=lambda c: counts[c])
    if counts[most] >= _IMBALANCE * counts[least]:
        share = counts[most] / sum(counts.values())
        yield (
            f"the classes of {target} are out of balance: {most} has {counts[most]:,} examples of the train split and "
            f"{least} {counts[least]:,}; an accuracy of {share:.3f} needs no model; `train.class_weight` weighs them"
        )


def _unlike(target: str, name: str, known: dict[str, int], own: dict[str, int]) -> Iterator[str]:
    unseen = [label for label, count in own.items() if count and not known.get(label)]
    absent = [label for label, count in known.items() if count and not own.get(label)]
    if unseen:
        yield f"the {name} split has classes of {target} that the train split lacks: {', '.join(unseen)}"
    if absent:
        yield f"the {name} split lacks classes of {target}: {', '.join(absent)}; `stratify: true` mends it"


def column_findings(data: PreparedData) -> Iterator[str]:
    """Of columns that say nothing, the same as another, or too much."""
    columns, labels = _columns(data)
    constant = [name for name, column in columns.items() if len(column) > 1 and (column == column[0]).all()]
    if constant:
        yield f"{_listed(constant)} never {'varies' if len(constant) == 1 else 'vary'} in the train split"
    columns = {name: column for name, column in columns.items() if name not in constant}
    yield from _duplicates(columns)
    for target, label in labels.items():
        for name, column in columns.items():
            told = told_by(column, label)
            if told >= _TELLING:
                what = "is right about" if label.dtype.kind == "i" else "explains"
                of = f"{told:.1%} of {'the labels' if label.dtype.kind == 'i' else 'the variance'}"
                yield f"{name} gives the label {target} away: alone it {what} {of}; is it known when one predicts?"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _columns(data: PreparedData) -> tuple[Columns, Columns]:
    """The columns (of an input of arrays its entries) and the labels of the training examples looked at."""
    table = _rows_of(data)
    if table is None or not table.tabular:
        batch = _spread_rows(data.train.sample, MOST_ROWS)
        labels = {name: array for name, array in batch.targets.items() if array.ndim == 1 and not is_uneven(array)}
        return _entries(batch), {name: _coded(array) for name, array in labels.items()}
    table = table.select(_spread(len(table), MOST_ROWS))
    names = list(data.data.features) or table.features
    single = {name for name, column in table.columns.items() if column.ndim == 1 and not is_uneven(column)}
    columns = {f"column {name!r}": _coded(table.columns[name]) for name in names if name in single}
    return columns, {name: _coded(table.columns[name]) for name in table.labels if name in single}


def _rows_of(data: PreparedData) -> Table | None:
    if _is_table(data, "train"):
        return data.table("train")
    source = data.data.training_source
    if isinstance(source, ChunkedSource) and source.streams(data.root):
        return next(source.chunks(source.blobs(data.root), labelled=True))
    return None


def _is_table(data: PreparedData, name: str) -> bool:
    """Whether a split is columns of single values that are held in memory."""
    source = data.data.sources().get(name, data.data.training_source)
    if isinstance(source, ChunkedSource) and source.streams(data.root):
        return False
    return bool(data.data.features) or INPUT in data.train.sample.inputs


def _entries(batch: Batch) -> Columns:
    """The entries of inputs that are vectors of numbers. Pixels in corners, or words, may well be constant."""
    flat = {
        n: a for n, a in batch.inputs.items() if a.ndim == 2 and a.dtype.kind == "f" and a.shape[1] <= _MOST_ENTRIES
    }
    return {f"{name}[{i}]": array[:, i] for name, array in flat.items() for i in range(array.shape[1])}


def _coded(column: np.ndarray) -> np.ndarray:
    """Texts as numbers of their order, whole numbers and floats as they are, NaN as a number of its own."""
    if column.dtype == object:
        return np.unique(column.astype(str), return_inverse=True)[1].astype(np.int64)
    if column.dtype.kind in "iub":
        return column.astype(np.int64)
    return np.nan_to_num(column.astype(np.float64), nan=_ABSENT)


def _duplicates(columns: Columns) -> Iterator[str]:
    """Columns that tell each other: each value of one always goes with the same value of the other."""
    groups: dict[bytes, list[str]] = {}
    for name, column in columns.items():
        _, first, inverse = np.unique(column, return_index=True, return_inverse=True)
        if len(first) < len(column):  # what is different in each row tells everything
            groups.setdefault(np.argsort(np.argsort(first))[inverse].tobytes(), []).append(name)
    for names in groups.values():
        if len(names) > 1:
            yield f"{_listed(names)} tell the same: each value of one goes with one value of the other"


def told_by(column: np.ndarray, label: np.ndarray) -> float:
    """How much of the label one column alone tells: learned from the even rows, measured on the odd ones.

    The accuracy of the most frequent class of each value (numbers: each of 50 bins) where the label has classes, as far
    as it is better than always the same answer; else the share of variance that means by bin explain.
    """
    bins = _binned(column)
    size, even, odd = int(bins.max()) + 1, slice(0, None, 2), slice(1, None, 2)
    if len(label) < 2 * _FEW_EXAMPLES or size > len(label) / 4:
        return 0.0
    if label.dtype.kind != "i" or len(np.unique(label)) > _BINS:
        return _explained(bins, label.astype(np.float64), size)
    classes = np.unique(label, return_inverse=True)[1]
    counts = np.zeros((size, int(classes.max()) + 1))
    np.add.at(counts, (bins[even], classes[even]), 1)
    accuracy = float((counts.argmax(axis=1)[bins[odd]] == classes[odd]).mean())
    plain = float((classes[odd] == counts.sum(axis=0).argmax()).mean())
    return accuracy if 1 - accuracy < (1 - plain) / 4 else 0.0


def _explained(bins: np.ndarray, label: np.ndarray, size: int) -> float:
    """The share of the variance of the odd rows' labels that the even rows' means by bin explain."""
    even, odd = slice(0, None, 2), slice(1, None, 2)
    counts = np.bincount(bins[even], minlength=size)
    sums = np.bincount(bins[even], label[even], minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), label[even].mean())
    spread = float(label[odd].var())
    return 1 - float(((label[odd] - means[bins[odd]]) ** 2).mean()) / spread if spread else 0.0


def _binned(column: np.ndarray) -> np.ndarray:
    values, inverse = np.unique(column, return_inverse=True)
    if len(values) <= _BINS or column.dtype.kind == "i":
        return inverse
    edges = np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, column, side="right")


def value_findings(data: PreparedData, network: Network) -> Iterator[str]:
    """Of values that a stage or the model does not expect."""
    pipeline = data.train.pipeline
    batch = _spread_rows(data.train.sample, _LOOKED_THROUGH)
    for i, stage in enumerate(pipeline.stages):
        yield from _at_stage(f"data.pipeline[{i}]", stage, batch)
        for function in pipeline.functions(i, i + 1):
            batch = function(batch)
    for name, array in batch.inputs.items():
        if array.dtype.kind == "f":
            yield from _not_finite(name, array)
    layers = {step.layer.type_name for step in network.steps}
    if not layers & _SCALING:
        yield from _unscaled(batch)
    yield from _beyond_embeddings(batch, network)


def _at_stage(where: str, stage: Stage, batch: Batch) -> Iterator[str]:
    if stage.type_name != "rescaling":
        return
    scale = np.max(np.abs(np.asarray(getattr(stage, "scale", 1.0))))
    for name, array in batch.inputs.items():
        if (
            array.dtype.kind in "fiu"
            and array.size
            and scale <= 1 / 64
            and 0 < (most := np.nanmax(np.abs(array))) <= 1.0
        ):
            yield f"{where} multiplies {name} by {scale:.4g}, and its entries are {most:.3g} at most before that"


def _not_finite(name: str, array: np.ndarray) -> Iterator[str]:
    rows = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if rows.any():
        yield (
            f"input {name} has NaN or infinite entries in {rows.sum():,} of the {len(array):,} examples looked at; "
            "the loss will be NaN"
        )


def _unscaled(batch: Batch) -> Iterator[str]:
    for name, array in batch.inputs.items():
        if not array.size or array.dtype.kind not in "fiu":
            continue
        most = float(np.nanmax(np.abs(array)))
        if array.ndim == 4 and most > _PIXELS:
            yield (
                f"input {name} goes into the network with entries up to {most:g}; `{{type: rescaling, scale: "
                "0.00392156862745098}` brings pixels to 0..1"
            )
        elif array.ndim == 2 and array.dtype.kind == "f" and most > _LARGE:
            yield (
                f"input {name} goes into the network with entries up to {most:g}; `{{type: normalization}}` in the "
                "pipeline (or float_normalized features) brings them to one scale"
            )


def _beyond_embeddings(batch: Batch, network: Network) -> Iterator[str]:
    for step in network.steps:
        name = network.sources.get(step.sources[0]) if step.layer.type_name == "embedding" else None
        array = batch.inputs.get(name) if name is not None else None
        if array is None or array.dtype.kind not in "fiu" or not array.size:
            continue
        size = step.layer.input_dim  # type: ignore[attr-defined]
        outside = (array < 0) | (array >= size)
        if outside.any():
            yield (
                f"layer {step.path} has rows for 0 to {size - 1}, and {outside.mean():.1%} of {name} is outside: "
                f"{array.min():g} to {array.max():g}; set `input_dim: {int(array.max()) + 1}`"
            )


def shared_examples(data: PreparedData) -> Iterator[str]:
    """Examples for validation or test that the model has seen in training, by hashes of their inputs as the source has
    them."""
    parts = {name: part for name in ("validation", "test") if (part := getattr(data, name)) is not None}
    if not parts:
        return
    known = set(_keys(data, "train", _MOST_KNOWN))
    for name, part in parts.items():
        keys = _keys(data, name, MOST_ROWS)
        shared = sum(key in known for key in keys)
        if shared:
            count = f"{part.num_examples:,}" if len(keys) >= part.num_examples else f"{len(keys):,} looked at of the"
            yield f"{shared:,} of the {count} {name} examples have inputs that also occur in the train split"


def _keys(data: PreparedData, name: str, most: int) -> list[int]:
    """A hash of the inputs of each example of a split, of `most` at equal distances."""
    if _is_table(data, name):
        table = data.table(name)
        table = table.select(_spread(len(table), most))
        columns = [table.columns[feature] for feature in sorted(data.data.features) or table.features]
        return [hash(row) for row in zip(*map(_hashable, columns), strict=True)]
    batch = _spread_rows(getattr(data, name).sample, most)
    return [hash(row) for row in zip(*map(_hashable, batch.inputs.values()), strict=True)]


def _hashable(array: np.ndarray) -> list[Any]:
    if array.ndim == 1 and not is_uneven(array):
        return (np.nan_to_num(array, nan=_ABSENT) if array.dtype.kind == "f" else array).tolist()
    return [row.tobytes() for row in np.ascontiguousarray(array)]


def _spread_rows(batch: Batch, most: int) -> Batch:
    return batch.take(_spread(len(batch), most))


def _spread(count: int, most: int) -> np.ndarray:
    """`most` of `count` rows at equal distances, or all."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)
