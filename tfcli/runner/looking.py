"""Looking at the data of a file or of a spec."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tfcli.data.looking.anomalies import Anomaly, TableCheck, distance_anomaly, validated
from tfcli.data.looking.detect import blocks, source_of
from tfcli.data.looking.drift import Distance, distances
from tfcli.data.looking.schema import TableSchema, infer, load_schema
from tfcli.data.looking.statistics import TableSketch, sketch
from tfcli.data.table import Table
from tfcli.spec.load import load_experiment

_SPECS = (".yaml", ".yml")


@dataclass(frozen=True)
class Comparison:
    """The file that a file is held against, and whether as an earlier day's (drift) or as what a model learned from
    (skew)."""

    kind: Literal["drift", "skew"]
    file: Path
    threshold: float | None = None


@dataclass(frozen=True)
class Validation:
    """What `tfcli data validate` found."""

    rows: int
    anomalies: list[Anomaly]
    distances: dict[str, list[Distance]]


def looked_at(path: Path, overrides: Sequence[str] = ()) -> list[TableSketch]:
    """One pass over a table, a folder, or each source of a spec. Raises TfcliError."""
    if path.suffix not in _SPECS:
        return [_sketch_of(path)]
    loaded = load_experiment(path, overrides)
    sources = loaded.experiment.data.sources()
    names = ["data"] if loaded.experiment.data.source is not None else list(sources)
    found = zip(names, sources.values(), strict=True)
    return [sketch(name, blocks(source, loaded.root)) for name, source in found]


def inferred_schema(file: Path, slack: float) -> TableSchema:
    """The schema that a file fits. Raises DataError."""
    return infer(_sketch_of(file), slack)


def validate(
    file: Path, schema: Path | None, comparisons: Sequence[Comparison], without: Sequence[str] = ()
) -> Validation:
    """One pass over each file. Without a schema only distances are looked at. Raises DataError."""
    expected = load_schema(schema) if schema is not None else TableSchema({}, additional=True)
    for comparison in comparisons:
        if comparison.threshold is not None:
            setattr(expected, comparison.kind, comparison.threshold)
    check = TableCheck(expected, without)
    now = validated(_blocks_of(file), file.name, check)
    anomalies = list(check.anomalies())
    found: dict[str, list[Distance]] = {}
    for comparison in comparisons:
        before = _sketch_of(comparison.file)
        measured = [d for d in distances(now, before, expected, comparison.kind) if d.column not in without]
        found[comparison.kind] = measured
        far = (d for d in measured if d.is_anomaly)
        anomalies += [distance_anomaly(d, comparison.kind, comparison.file.name) for d in far]
        if schema is None:
            anomalies += _absent(now, before, comparison.file.name, without)
    return Validation(now.rows, anomalies, found)


def _absent(now: TableSketch, before: TableSketch, other: str, without: Sequence[str]) -> Iterator[Anomaly]:
    for name in before.columns:
        if name not in now.columns and name not in without:
            yield Anomaly(name, "missing_column", f"the column is in {other} and not here")


def _sketch_of(path: Path) -> TableSketch:
    return sketch(path.name, _blocks_of(path))


def _blocks_of(path: Path) -> Iterator[Table]:
    return blocks(source_of(path), Path.cwd())
