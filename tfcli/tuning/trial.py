"""A trial: one setting, and what came of it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tfcli.errors import CheckpointError

State = Literal["running", "interrupted", "done", "pruned", "failed"]
FINISHED = ("done", "pruned", "failed")


@dataclass
class Trial:
    """`value` is the objective's best over the epochs, `epoch` the one that had it; a failed trial has an `error`."""

    number: int
    parameters: dict[str, Any]
    state: State = "running"
    value: float | None = None
    epoch: int | None = None
    seconds: float = 0.0
    run: str | None = None
    """Its run directory, relative to the study's; None where it failed before it had one."""
    error: str | None = None

    @property
    def folder(self) -> str:
        return f"trials/{self.number:04d}"

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

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
            }:
                if item.keys() == cls.__dataclass_fields__.keys():
                    return cls(**item)
        raise CheckpointError(f"{source} is damaged: it has an entry that is no trial")


def best_epoch(rows: Iterable[Mapping[str, Any]], objective: str, maximize: bool) -> tuple[float, int] | None:
    """The best finite value of `objective` over an experiment's epochs, and the first epoch that had it."""
    found = [
        (row[objective], row["epoch"])
        for row in rows
        if isinstance(row.get(objective), int | float) and math.isfinite(row[objective])
    ]
    if not found:
        return None
    return max(found, key=lambda pair: (pair[0] if maximize else -pair[0], -pair[1]))


def ranked(trials: Iterable[Trial], maximize: bool) -> list[Trial]:
    """The best first; those without a value at the end."""

    def order(trial: Trial) -> tuple[bool, float, int]:
        value = trial.value or 0.0
        return trial.value is None, -value if maximize else value, trial.number

    return sorted(trials, key=order)
