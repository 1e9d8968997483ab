"""A study's directory: the search as asked for, its trials, and their ranking.

study.json        the search and every trial, rewritten whole after each change
leaderboard.csv   the finished trials, the best first
best.yaml         the resolved spec of the best trial, ready to train
trials/0000/ …    the runs
"""

import csv
import io
from pathlib import Path
from typing import Any

from tfcli.errors import CheckpointError
from tfcli.logging import durable
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.session import located
from tfcli.spec.document import parse_document
from tfcli.spec.dump import dump, flow, to_yaml
from tfcli.spec.experiment import Experiment
from tfcli.spec.load import LoadedSpec, check_document, load_experiment
from tfcli.spec.overrides import set_path
from tfcli.tuning.trial import Trial, ranked

_VERSION = 1


class Study:
    """The search that `loaded` describes, in `run`; `wanted`: how many trials, None: until nothing is left."""

    def __init__(self, run: RunDirectory, loaded: LoadedSpec, maximize: bool, wanted: int | None) -> None:
        self.run, self.loaded, self.maximize, self.wanted = run, loaded, maximize, wanted
        self.objective: str = loaded.experiment.tune.objective
        self.trials: list[Trial] = []

    @classmethod
    def open(cls, run: RunDirectory) -> "Study":
        """The study in a directory. Raises CheckpointError where there is none or it is damaged."""
        path = run.path / "study.json"
        if not path.is_file():
            raise CheckpointError(f"{run.path} is no study: it has no study.json")
        match durable.read_json(path):
            case {
                "version": int(version),
                "name": str(name),
                "spec": str(text),
                "root": str(root),
                "direction": "minimize" | "maximize" as direction,
                "wanted": int() | None as wanted,
                "trials": list(trials),
            }:
                if version != _VERSION:
                    raise CheckpointError(f"{path} has version {version}; this tfcli reads version {_VERSION}")
                study = cls(run, _parse(text, name, Path(root), str(run.spec_path)), direction == "maximize", wanted)
                study.trials = [Trial.from_dict(item, str(path)) for item in trials]
                return study
        raise CheckpointError(f"{path} is damaged: it does not describe a study")

    @property
    def direction(self) -> str:
        return "maximize" if self.maximize else "minimize"

    @property
    def best(self) -> Trial | None:
        done = [trial for trial in self.trials if trial.state == "done"]
        return ranked(done, self.maximize)[0] if done else None

    @property
    def best_spec(self) -> Path:
        return self.run.path / "best.yaml"

    def leaderboard(self) -> list[Trial]:
        """The finished trials, the best first and the failed last."""
        return ranked([trial for trial in self.trials if trial.is_finished], self.maximize)

    def spec_of(self, trial: Trial) -> LoadedSpec:
        """The experiment with the trial's values in their places. Raises InvalidSpec where they do not go together."""
        document = self.loaded.document.copy()
        document.value.pop("tune")
        for path, value in trial.parameters.items():
            set_path(document, path, value, f"trial {trial.number}")
        return _checked(document, self.loaded.experiment.name, self.loaded.root)

    def save(self) -> None:
        """Write study.json, at once and whole. The spec stands in it as it was given: values are set in that form."""
        durable.write_json(
            self.run.path / "study.json",
            {
                "version": _VERSION,
                "name": self.loaded.experiment.name,
                "objective": self.objective,
                "direction": self.direction,
                "wanted": self.wanted,
                "trials": [trial.to_dict() for trial in self.trials],
                "root": str(self.loaded.root),
                "spec": to_yaml(self.loaded.document.value),
            },
        )

    def publish(self) -> None:
        """Write leaderboard.csv, best.yaml and summary.json from the trials."""
        durable.write_text(self.run.path / "leaderboard.csv", self._csv())
        finished = self.leaderboard()
        best = self.best
        summary: dict[str, Any] = {
            "name": self.loaded.experiment.name,
            "monitor": self.objective,
            "trials": {state: sum(t.state == state for t in finished) for state in ("done", "pruned", "failed")},
            "seconds": round(sum(trial.seconds for trial in finished), 3),
        }
        if best is not None:
            experiment = load_experiment(self.run.path / best.folder / "spec.yaml").experiment
            durable.write_text(self.best_spec, dump(experiment, self.run.path, without=("tune",)))
            summary |= {"best_trial": best.number, "best": {self.objective: best.value}}
        self.run.write_summary(summary)

    def _csv(self) -> str:
        keys = list(self.loaded.experiment.tune.space)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", "state", "value", *keys, "duration", "run"])
        for trial in self.leaderboard():
            values = [_cell(trial.parameters[key]) for key in keys]
            writer.writerow([trial.number, trial.state, trial.value, *values, trial.seconds, trial.run])
        return text.getvalue()


def _cell(value: Any) -> Any:
    return flow(value) if isinstance(value, dict | list | bool | None) else value


def _parse(text: str, name: str, root: Path, source: str) -> LoadedSpec:
    document = parse_document(text, source)
    document.declaration = Experiment
    return _checked(document, name, root)


def _checked(document: Any, name: str, root: Path) -> LoadedSpec:
    experiment, problems = check_document(Experiment, document)
    loaded = LoadedSpec(experiment, document, root)
    if problems:
        raise located(loaded, problems)
    experiment.name = name
    return loaded


def create(
    loaded: LoadedSpec, logdir: Path, name: str | None, maximize: bool, wanted: int | None, environment: dict[str, Any]
) -> Study:
    """A new study below `logdir`, with nothing tried yet. Raises CheckpointError, SpecError."""
    experiment = loaded.experiment
    run = RunDirectory.create(logdir, name or experiment.name)
    run.write_spec(dump(experiment, loaded.root))
    run.write_environment(environment)
    study = Study(run, loaded, maximize, wanted)
    study.save()
    return study


def require_search(loaded: LoadedSpec) -> None:
    """Raises InvalidSpec where the spec has no `tune` section."""
    if loaded.experiment.tune is None:
        hint = "as in `tune: {trials: 20, space: {optimizer.learning_rate: {low: 0.0001, high: 0.1, log: true}}}`"
        raise loaded.error_at((), "there is nothing to search: the spec has no `tune` section", hint)
