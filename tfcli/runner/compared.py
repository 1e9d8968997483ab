"""One run of a comparison. Its files are read when they are asked for, and cheaply: a thousand runs take a second."""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from tfcli.errors import CheckpointError
from tfcli.logging.listing import RunInfo
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.monitors import improves, is_maximized
from tfcli.runner.differences import MISSING, by_name, is_nodes, summary
from tfcli.runner.expressions import Column
from tfcli.runner.monitors import UNMEASURED

FIELDS = ("state", "duration", "epochs", "parameters", "best_epoch", "started", "error")
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ComparedRun:
    """A run's fields, metrics and the keys of its spec, by `Column`; `problem` says what could not be read."""

    def __init__(self, info: RunInfo) -> None:
        self.info, self.path = info, info.path
        self.problem = info.problem
        self._directory = RunDirectory(info.path)

    def _read(self, read: Any, fallback: Any) -> Any:
        try:
            return read()
        except CheckpointError as error:
            self.problem = str(error)
            return fallback

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The resolved spec as plain data; not to be changed, for runs share equal sections."""
        return self._read(lambda: read_spec(self._directory.spec_text(), self._directory.spec_path), {})

    @cached_property
    def environment(self) -> dict[str, Any]:
        return self._read(self._directory.environment, {})

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        return self._read(self._directory.metrics, [])

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

    def is_metric(self, column: Column) -> bool:
        return column.name in self.metric_names

    def has(self, column: Column) -> bool:
        if self.is_metric(column):
            return True
        return column.pick is None and (column.name in FIELDS or value_at(self.spec, column.name) is not MISSING)

    def value(self, column: Column) -> Any:
        """None where the run has no such value. A metric without a pick is its best."""
        if self.is_metric(column):
            return self._metric(column.name, column.pick or "best")
        if column.pick is None and column.name in FIELDS:
            return self._field(column.name)
        return summary(value_at(self.spec, column.name)) if column.pick is None else None

    def _field(self, name: str) -> Any:
        match name:
            case "state":
                return self.info.state
            case "duration":
                return self.info.summary.get("seconds")
            case "epochs":
                return self.info.summary.get("epochs", self.info.status.get("epoch"))
            case "started" | "error":
                return self.info.status.get(name)
            case _:
                return self.info.summary.get(name)

    def _metric(self, name: str, pick: str) -> Any:
        known = {"best": self.info.summary.get("best", {}), "last": self.info.summary.get("final", {})}.get(pick, {})
        if name in known:
            return known[name]
        if name.removeprefix("test_") in self._test and name.startswith("test_"):
            return self._test[name.removeprefix("test_")]
        values = [row[name] for row in self.rows if row.get(name) is not None]
        if pick in ("first", "last"):
            return values[0 if pick == "first" else -1] if values else None
        return _extreme(values, pick == "max" or (pick == "best" and is_maximized(name)))


def _extreme(values: list[Any], maximize: bool) -> float | None:
    best: float | None = None
    for value in values:
        if isinstance(value, int | float) and improves(value, best, maximize):
            best = value
    return best


def read_spec(text: str, path: Path) -> dict[str, Any]:
    """A resolved spec as plain data. Raises CheckpointError.

    It is read by top-level section, and sections that occurred in another run are not read again: that is most of them.
    """
    spec: dict[str, Any] = {}
    for section in re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE):
        try:
            value = _section(section)
        except yaml.YAMLError as error:
            raise CheckpointError(f"{path} is damaged: it is not YAML ({error})") from error
        if not isinstance(value, dict | None):
            raise CheckpointError(f"{path} is damaged: it is not a mapping")
        spec |= value or {}
    return spec


@lru_cache(maxsize=4096)
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
