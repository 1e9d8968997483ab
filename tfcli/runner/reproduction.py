"""Training a run once more from what it captured, and telling how far the result drifted and what may be why."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfcli.declare.functions import own_python
from tfcli.errors import CheckpointError
from tfcli.logging.environment import THREAD_VARIABLES
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner import training
from tfcli.runner.differences import differences
from tfcli.runner.monitors import UNMEASURED
from tfcli.runner.report import Reporter
from tfcli.spec.load import load_experiment

INGREDIENTS = ("versions", "data", "git", "threads", "variables", "blas", "cpu", "platform", "seed")
"""What a result may depend on besides the spec."""


@dataclass(frozen=True)
class Drift:
    """A metric's final value in the run and in its reproduction; both None where neither has it."""

    metric: str
    before: Any
    after: Any

    @property
    def amount(self) -> float | None:
        """How far apart the two are; None where they are no numbers."""
        both = isinstance(self.before, int | float) and isinstance(self.after, int | float)
        return abs(self.after - self.before) if both else None


@dataclass(frozen=True)
class Reproduction:
    """`same_weights`: to the byte; `first_epoch` that differed; `changed`: ingredients, before and after."""

    run: RunDirectory
    drifts: list[Drift]
    same_weights: bool
    first_epoch: int | None
    changed: list[tuple[str, Any, Any]]

    @property
    def is_exact(self) -> bool:
        return self.same_weights and self.first_epoch is None


def captured_variables(run: RunDirectory) -> dict[str, str] | None:
    """The environment to start a process with so that it computes as the run's did; None where this one does."""
    captured: Mapping[str, str] = run.environment().get("variables", {})
    if captured == {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}:
        return None
    others = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    return others | {name: str(value) for name, value in captured.items() if name in THREAD_VARIABLES}


def reproduce(
    run: RunDirectory, reporter: Reporter | None = None, trust: bool = False, command: list[str] | None = None
) -> Reproduction:
    """Train the run's resolved spec in a new directory beside it, as many epochs as the run has.

    `trust`: Python that its spec names may run. Raises TfcliError.
    """
    rows = run.metrics()
    if not rows:
        raise CheckpointError(f"{run.path} has no finished epoch to compare with")
    with own_python(run.path, trust):
        early = run.status().get("state") != "done"
        overrides = [f"train.epochs={len(rows)}"] if early else []
        loaded = load_experiment(run.spec_path, overrides)
        made = training.train(loaded, run.path.parent.parent, run.name, reporter, command or []).run
    made.write_origins(run.origins())
    made.annotate([], f"reproduces {run.name}/{run.id}")
    return compare_with(run, made)


def compare_with(run: RunDirectory, made: RunDirectory) -> Reproduction:
    """How `made`, trained from the spec of `run`, differs from it."""
    rows, again = run.metrics(), made.metrics()
    names = [name for name in rows[-1] if name not in UNMEASURED]
    drifts = [Drift(name, rows[-1][name], again[-1].get(name) if again else None) for name in names]
    tested, tested_again = run.summary().get("test", {}), made.summary().get("test", {})
    drifts += [Drift(f"test_{name}", value, tested_again.get(name)) for name, value in tested.items()]
    return Reproduction(
        made, drifts, _digest(run) == _digest(made), _first_difference(rows, again), changed_ingredients(run, made)
    )


def changed_ingredients(run: RunDirectory, made: RunDirectory) -> list[tuple[str, Any, Any]]:
    """Ingredients that differ, by dotted name, with their values before and after."""
    states = [
        {name: environment[name] for name in INGREDIENTS if environment.get(name) is not None}
        for environment in (run.environment(), made.environment())
    ]
    return [(key, before, after) for key, (before, after) in differences(states)]


def _first_difference(rows: list[dict[str, Any]], again: list[dict[str, Any]]) -> int | None:
    for row, other in zip(rows, again, strict=False):
        if any(repr(row[name]) != repr(other.get(name)) for name in row if name not in UNMEASURED):
            return row["epoch"]
    return None if len(rows) == len(again) else min(len(rows), len(again)) + 1


def _digest(run: RunDirectory) -> str | None:
    """Of the trained weights; of an unfinished run there are none."""
    if not run.weights_path.is_file():
        return None
    return hashlib.sha256(run.weights_path.read_bytes()).hexdigest()
