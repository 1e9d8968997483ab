"""Runs the real tasks of experiments/ and writes docs/results.md.

    TFCLI_DATA=FOLDER python scripts/results.py            all tasks: a quarter of an hour on two cores
    TFCLI_DATA=FOLDER python scripts/results.py adult co2  these alone; the others' figures stay as they are

What was measured is kept in docs/results.json.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.prepared import prepare
from tfcli.data.sources.time_series import TimeSeries
from tfcli.spec.load import load_experiment

ROOT = Path(__file__).resolve().parents[1]
MEASURED, PAGE = ROOT / "docs" / "results.json", ROOT / "docs" / "results.md"
_RISING = ("accuracy", "auc", "r2_score")

_HEAD = """\
# Results

What the specs of experiments/ come to, each as it is in the repository. Specs whose data do not come with the package
look for them below the folder `TFCLI_DATA`; a path of your own goes into `data.source.path`. Written by
`TFCLI_DATA=FOLDER python scripts/results.py`.

| spec | task | result | goal | weights | time |
|---|---|---|---|---:|---:|"""
_FOOT = """
Results are of the test split (shakespeare: the validation split, the last tenth of the text), which has no part in
training. A forecast's goal is the mean absolute error of persistence, which says that nothing will change. Times are
processor times of whole runs, by two threads, on a machine that had much other work to do at the same time.
"""


@dataclass(frozen=True)
class Task:
    """A spec of experiments/: what it is, the figures to show, and what some of them are to be at least (losses and
    errors: at most)."""

    about: str
    metrics: tuple[str, ...]
    goals: dict[str, float] = field(default_factory=dict)
    split: str = "test"
    against: str | None = None
    """`persistence`: the first figure is to be better than to say that nothing will change."""

    def all_goals(self, measured: dict[str, Any]) -> dict[str, float]:
        return self.goals if self.against is None else {self.metrics[0]: measured["baseline"]}

    def reached(self, measured: dict[str, Any]) -> bool:
        """Whether all goals are."""
        values = measured["metrics"]
        goals = self.all_goals(measured).items()
        return all(values[name] >= goal if name in _RISING else values[name] <= goal for name, goal in goals)


TASKS = {
    "adult": Task(
        "income of 48,842 people, from categories and numbers", ("accuracy", "auc"), {"accuracy": 0.85, "auc": 0.9}
    ),
    "penguins": Task("species of 344 penguins, with missing values", ("accuracy",), {"accuracy": 0.95}),
    "auto_mpg": Task("miles a gallon of 398 cars", ("mean_absolute_error", "r2_score"), {"r2_score": 0.85}),
    "california_housing": Task("house prices of 20,640 blocks, in dollars", ("r2_score", "loss"), {"r2_score": 0.8}),
    "sms_spam": Task("spam among 5,574 messages", ("accuracy", "precision", "recall"), {"accuracy": 0.97}),
    "rt_polarity": Task("praise or blame in 10,662 sentences", ("accuracy",), {"accuracy": 0.74}),
    "shakespeare": Task("next character, in nats", ("loss", "accuracy"), {"loss": 1.75}, "validation"),
    "co2": Task("CO2 four weeks ahead, in ppm", ("mean_absolute_error",), against="persistence"),
    "beijing_pm25": Task(
        "fine dust six hours ahead, in µg/m³", ("loss", "root_mean_squared_error"), against="persistence"
    ),
    "cifar10_folder": Task("1,000 colour pictures of ten classes, with augmentation", ("accuracy",), {"accuracy": 0.4}),
    "spoken_digits": Task("360 recordings of ten digits, as mel spectrograms", ("accuracy",), {"accuracy": 0.9}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="TASK", help="Default: all.")
    measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    for name in parser.parse_args().names or TASKS:
        print(name, file=sys.stderr)
        measured[name] = measure(name, TASKS[name])
        MEASURED.write_text(json.dumps({n: measured[n] for n in TASKS if n in measured}, indent=2) + "\n")
        PAGE.write_text(page(measured))


def measure(name: str, task: Task) -> dict[str, Any]:
    """Trains the spec and reads what came of it."""
    spec = ROOT / "experiments" / f"{name}.yaml"
    with tempfile.TemporaryDirectory() as logdir:
        command = [sys.executable, "-m", "tfcli", "train", str(spec), "--logdir", logdir, "--json"]
        used = _children()
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        used = _children() - used
        environment = json.loads((Path(found["run"]) / "environment.json").read_text())
    values = [found["test"][m] if task.split == "test" else found["best"][f"val_{m}"] for m in task.metrics]
    return {
        "metrics": {metric: round(value, 5) for metric, value in zip(task.metrics, values, strict=True)},
        "parameters": found["parameters"],
        "seconds": found["seconds"],
        "processor_seconds": round(used, 1),
        "machine": _machine(environment),
    } | ({"baseline": persistence(spec)} if task.against else {})


def persistence(spec: Path) -> float:
    """The mean absolute error over the test split of saying that the target stays as it was last seen."""
    loaded = load_experiment(spec)
    data = loaded.experiment.data
    source = data.training_source
    assert isinstance(source, TimeSeries), "persistence is a forecast"
    examples = prepare(data, loaded.root, loaded.experiment.seed, "float64").table("test")
    (name,) = examples.labels
    last = examples.columns["window"][:, -1, (source.columns or [name]).index(name)]
    return round(float(np.abs(examples.columns[name] - last).mean()), 5)


def _children() -> float:
    """The processor time, in seconds, of all processes that were run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _machine(environment: dict[str, Any]) -> str:
    versions, cpu = environment["versions"], environment["cpu"]
    shown = ", ".join(f"{name} {versions[name]}" for name in ("tfcli", "python", "numpy") if name in versions)
    return f"{shown}; {cpu['model']}, {environment['threads']} threads"


def page(measured: dict[str, Any]) -> str:
    """docs/results.md."""
    rows = [_row(name, task, measured[name]) for name, task in TASKS.items() if name in measured]
    machines = sorted({f"Measured with {found['machine']}." for found in measured.values()})
    return "\n".join([_HEAD, *rows, _FOOT, *machines, ""])


def _row(name: str, task: Task, found: dict[str, Any]) -> str:
    shown = ", ".join(f"{metric.replace('_', ' ')} {_figure(value)}" for metric, value in found["metrics"].items())
    goal = ", ".join(f"{'≥' if m in _RISING else '≤'} {_figure(g)}" for m, g in task.all_goals(found).items())
    return (
        f"| [{name}](../experiments/{name}.yaml) | {task.about} | {shown} | {goal} "
        f"| {found['parameters']:,} | {found['processor_seconds']:.0f} s |"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}"


if __name__ == "__main__":
    main()
