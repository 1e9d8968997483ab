"""A trial: one setting, and what came of it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tfcli.errors import CheckpointError

State = Literal["running", "interrupted", "done", "pruned", "failed"]
FINISHED = ("done", "pruned", "failed")


@dataclass(frozen=True)
class Objective:
    """A value that decides, and whether more of it is better."""

    name: str
    maximize: bool

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        return "maximize" if self.maximize else "minimize"

    def order(self, value: float) -> float:
        """Less for the better."""
        return -value if self.maximize else value


@dataclass
class Trial:
    """`value` is the first objective's best over the epochs, `epoch` the one that had it; a failed trial has an
    `error`."""

    number: int
    parameters: dict[str, Any]
    state: State = "running"
    value: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    """Every objective, with folds or repeats the mean."""
    spread: dict[str, float] = field(default_factory=dict)
    """The standard deviation over folds and repeats."""
    violations: dict[str, float] = field(default_factory=dict)
    """How far each constrained value is outside of its limits; 0 or less: it is inside."""
    epoch: int | None = None
    seconds: float = 0.0
    run: str | None = None
    """Its run directory, or the first of several, relative to the study's; None where it failed before it had one."""
    error: str | None = None
    reports: list[list[float]] = field(default_factory=list)
    """What the pruner has seen: [epoch, value], with folds or repeats [how many, mean]."""
    after: int = 0
    """How many trials had finished when this was chosen: what the sampler knew."""
    ended: int | None = None
    """Its place in the order in which trials finished, from 0."""

    @property
    def folder(self) -> str:
        return f"trials/{self.number:04d}"

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def is_allowed(self) -> bool:
        """Whether it is done and within all constraints."""
        return self.state == "done" and all(violation <= 0 for violation in self.violations.values())

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, item: Any, source: str) -> "Trial":
        """What `to_dict` gave. Raises CheckpointError."""
        match item:
            case {
                "number": int(),
                "parameters": dict(),
                "state": "running" | "interrupted" | "done" | "pruned" | "failed",
                "value": None | int() | float(),
                "values": dict(values),
                "spread": dict(spread),
                "violations": dict(violations),
                "epoch": int() | None,
                "seconds": int() | float(),
                "run": str() | None,
                "error": str() | None,
                "reports": list(reports),
                "after": int(),
                "ended": int() | None,
            }:
                numbers = [*values.values(), *spread.values(), *violations.values()]
                are_numbers = all(isinstance(number, int | float) for number in numbers)
                if are_numbers and all(map(_is_report, reports)) and item.keys() == cls.__dataclass_fields__.keys():
                    return cls(**item)
        raise CheckpointError(f"{source} is damaged: it has an entry that is no trial")


def _is_report(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(isinstance(number, int | float) for number in item)


def best_row(rows: Iterable[Mapping[str, Any]], objective: Objective) -> Mapping[str, Any] | None:
    """The epoch with the best finite value of the objective, the first where several have it; None without one."""
    found = [row for row in rows if is_finite(row.get(objective.name))]
    if not found:
        return None
    return min(found, key=lambda row: (objective.order(row[objective.name]), row["epoch"]))


def is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def ranked(trials: Iterable[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The best first: those on the front, the other done ones, those outside a constraint, the pruned, the failed."""
    listed = list(trials)
    front = {trial.number for trial in pareto_front(listed, objectives)}

    def order(trial: Trial) -> tuple[bool, bool, int, float, int]:
        value = objectives[0].order(trial.value) if trial.value is not None else math.inf
        outside = not trial.is_allowed
        return trial.number not in front, outside, FINISHED.index(trial.state), value, trial.number

    return sorted(listed, key=order)


def pareto_front(trials: Iterable[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The allowed trials that no other betters in one objective without being worse in another; with one objective,
    the best. In the order given."""
    scored = [(trial, [o.order(trial.values[o.name]) for o in objectives]) for trial in trials if trial.is_allowed]

    def is_bettered(mine: list[float]) -> bool:
        return any(other != mine and all(o <= m for o, m in zip(other, mine, strict=True)) for _, other in scored)

    return [trial for trial, mine in scored if not is_bettered(mine)]
