"""One run of a comparison. Its files are read when they are asked for, and cheaply: a thousand runs take a second."""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from tfcli.errors import CheckpointError
from tfcli.logging.listing import RunInfo
from tfcli.logging.run_directory import RunDirectory
from tfcli.models import monitors
from tfcli.models.monitors import improves
from tfcli.runner.differences import MISSING, by_name, is_nodes, summary
from tfcli.runner.expressions import Column
from tfcli.runner.monitors import UNMEASURED

FIELDS = ("state", "duration", "epochs", "parameters", "best_epoch", "started", "error", "tags", "note", "name", "id")
AVERAGED = ("duration", "epochs", "best_epoch")
"""Fields that vary from run to run of one setting, as metrics do."""
is_maximized = lru_cache(monitors.is_maximized)  # asked of the same few names for each of thousands of runs
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ComparedRun:
    """A run's fields, metrics, and keys of its spec and environment, by `Column`; `problem`: what cannot be read."""

    def __init__(self, info: RunInfo) -> None:
        self.info, self.path = info, info.path
        self.problem = info.problem

    @property
    def environment(self) -> dict[str, Any]:
        return self.info.environment

    def _read(self, read: Any, fallback: Any) -> Any:
        try:
            return read()
        except CheckpointError as error:
            self.problem = str(error)
            return fallback

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The resolved spec as plain data; not to be changed, for runs share equal sections."""
        return self._read(lambda: read_sections(self.info.spec, self.path / "spec.yaml"), {})

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        return self._read(RunDirectory(self.path).metrics, [])

    @property
    def fingerprints(self) -> dict[str, str]:
        return self.environment.get("data", {})

    @property
    def split(self) -> Any:
        """What tells which examples are held out; None where the splits have sources of their own."""
        split = self.spec.get("data", {}).get("split")
        return split and split | {"seed": self.spec.get("seed") if split.get("seed") is None else split["seed"]}

    @cached_property
    def metric_names(self) -> list[str]:
        """What an epoch reports, and `test_…` for what was measured on the test split."""
        final = self.info.summary.get("final")
        names = final if final is not None else self.rows[-1] if self.rows else {}
        return [*(n for n in names if n not in UNMEASURED), *(f"test_{name}" for name in self._test)]

    @property
    def _test(self) -> dict[str, Any]:
        return self.info.summary.get("test", {})

    @cached_property
    def spec_keys(self) -> list[str]:
        return list(_paths("", self.spec))

    @cached_property
    def environment_keys(self) -> list[str]:
        return list(_paths("", self.environment))

    def is_metric(self, column: Column) -> bool:
        return column.name in self.metric_names

    def has(self, column: Column) -> bool:
        if self.is_metric(column):
            return True
        return column.pick is None and (column.name in FIELDS or self._at(column.name) is not MISSING)

    def value(self, column: Column) -> Any:
        """None where the run has no such value. A metric without a pick is its best."""
        if self.is_metric(column):
            return self._epoch(column) if column.of_epoch else self._metric(column.name, column.pick or "best")
        if column.pick is not None or column.of_epoch:
            return None
        if column.name in FIELDS:
            return self._field(column.name)
        return summary(self._at(column.name))

    def _at(self, name: str) -> Any:
        """What the spec has at a dotted path, else the environment; `environment.` in front asks for that alone."""
        found = value_at(self.spec, name)
        return found if found is not MISSING else value_at(self.environment, name.removeprefix("environment."))

    def _field(self, name: str) -> Any:
        match name:
            case "state" | "name" | "id":
                return getattr(self.info, name)
            case "duration":
                return self.info.summary.get("seconds")
            case "epochs":
                return self.info.summary.get("epochs", self.info.status.get("epoch"))
            case "started" | "error":
                return self.info.status.get(name)
            case "tags":
                return ", ".join(self.info.annotations.get("tags", [])) or None
            case "note":
                return self.info.annotations.get("note") or None
            case _:
                return self.info.summary.get(name)

    def _metric(self, name: str, pick: str) -> Any:
        best = "max" if is_maximized(name) else "min"
        known = {best: "best", "best": "best", "last": "final"}.get(pick)
        values = self.info.summary.get(known, {}) if known else {}
        if name in values:
            return values[name]
        if name.removeprefix("test_") in self._test and name.startswith("test_"):
            return self._test[name.removeprefix("test_")]
        row = self._picked(name, pick)
        return row[name] if row else None

    def _epoch(self, column: Column) -> int | None:
        """The epoch that a metric's value is of."""
        row = self._picked(column.name, column.pick or "best")
        return row["epoch"] if row else None

    def _picked(self, name: str, pick: str) -> dict[str, Any] | None:
        rows = [row for row in self.rows if row.get(name) is not None]
        if pick in ("first", "last"):
            return rows[0 if pick == "first" else -1] if rows else None
        return _extreme(rows, name, pick == "max" or (pick == "best" and is_maximized(name)))


def _extreme(rows: list[dict[str, Any]], name: str, maximize: bool) -> dict[str, Any] | None:
    best: dict[str, Any] | None = None
    for row in rows:
        if isinstance(row[name], int | float) and improves(row[name], best[name] if best else None, maximize):
            best = row
    return best


def read_sections(sections: list[str], path: Path) -> dict[str, Any]:
    """A resolved spec as plain data, from its top-level sections. Raises CheckpointError.

    Sections that occurred in another run are not read again: that is most of them.
    """
    spec: dict[str, Any] = {}
    for section in sections:
        try:
            value = _section(section)
        except yaml.YAMLError as error:
            raise CheckpointError(f"{path} is damaged: it is not YAML ({error})") from error
        if not isinstance(value, dict | None):
            raise CheckpointError(f"{path} is damaged: it is not a mapping")
        if value:
            spec.update(value)
    return spec


@lru_cache(maxsize=1 << 16)
def _section(text: str) -> Any:
    loader = _SafeLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def value_at(value: Any, path: str) -> Any:
    """What is at a dotted path of a spec, a list's item by its name or index; MISSING where nothing is."""
    for word in path.split("."):
        if isinstance(value, list) and word.isdecimal():
            value = value[int(word)] if int(word) < len(value) else MISSING
            continue
        if is_nodes(value):
            value = by_name(value)
        if not isinstance(value, dict):
            return MISSING
        value = value.get(word, value.get(int(word), MISSING) if word.isdecimal() else MISSING)
    return value


def _paths(path: str, value: Any) -> Iterator[str]:
    """The dotted paths of all that a spec holds, nodes by name."""
    if path:
        yield path
    if is_nodes(value):
        value = by_name(value)
    for key, item in value.items() if isinstance(value, dict) else ():
        yield from _paths(f"{path}.{key}" if path else str(key), item)
