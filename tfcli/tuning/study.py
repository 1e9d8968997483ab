"""A study's directory: the search as asked for, its trials, and their ranking.

study.json        the search and every trial, rewritten whole after each change
leaderboard.csv   the finished trials, the best first
best.yaml         the resolved spec of the best trial, ready to train
trials/0000/ …    the runs; with folds or repeats trials/0000-fold-0-seed-3/ …
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfcli.declare.functions import functions_in
from tfcli.errors import CheckpointError
from tfcli.logging import durable
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.session import located
from tfcli.spec.document import parse_document
from tfcli.spec.dump import dump, flow, to_yaml
from tfcli.spec.experiment import Experiment
from tfcli.spec.load import LoadedSpec, check_document
from tfcli.spec.overrides import set_path
from tfcli.tuning.space import Parameters
from tfcli.tuning.trial import FINISHED, Objective, Trial, pareto_front, ranked

_VERSION = 2


@dataclass(frozen=True)
class Part:
    """One of the runs whose mean is a trial's value: `folder` is what tells its directory, `changes` its spec."""

    folder: str = ""
    changes: tuple[tuple[str, Any], ...] = ()


class Study:
    """The search that `loaded` describes, in `run`; `wanted`: how many trials, None: until nothing is left.

    `storage`: the URL of Optuna's storage, where several machines share the search. `elsewhere`: the trials of the
    other machines, finished or not.
    """

    def __init__(
        self,
        run: RunDirectory,
        loaded: LoadedSpec,
        objectives: list[Objective],
        wanted: int | None,
        storage: str | None = None,
    ) -> None:
        self.run, self.loaded, self.objectives, self.wanted, self.storage = run, loaded, objectives, wanted, storage
        self.trials: list[Trial] = []
        self.elsewhere: list[Trial] = []
        self._text = to_yaml(loaded.document.value)
        self._published_best: int | None = None

    @classmethod
    def open(cls, run: RunDirectory) -> "Study":
        """The study in a directory. Raises CheckpointError where there is none or it is damaged."""
        path = run.path / "study.json"
        if not path.is_file():
            raise CheckpointError(f"{run.path} is no study: it has no study.json")
        match durable.read_json(path):
            case {"version": int(version)} if version != _VERSION:
                raise CheckpointError(f"{path} has version {version}; this tfcli reads version {_VERSION}")
            case {
                "name": str(name),
                "spec": str(text),
                "root": str(root),
                "objectives": dict(objectives),
                "wanted": int() | None as wanted,
                "storage": str() | None as storage,
                "trials": list(trials),
            } if objectives:
                known = [Objective(key, direction == "maximize") for key, direction in objectives.items()]
                study = cls(run, _parse(text, name, Path(root), str(run.spec_path)), known, wanted, storage)
                study.trials = [Trial.from_dict(item, str(path)) for item in trials]
                if any(t.state == "done" and not t.values.keys() >= objectives.keys() for t in study.trials):
                    raise CheckpointError(f"{path} is damaged: a trial that is done lacks its values")
                return study
        raise CheckpointError(f"{path} is damaged: it does not describe a study")

    @property
    def objective(self) -> Objective:
        """The first, which ranks the trials."""
        return self.objectives[0]

    @property
    def best(self) -> Trial | None:
        """The best trial that is done and within the constraints; of several objectives by the first of them."""
        first = next(iter(self.leaderboard()), None)
        return first if first is not None and first.is_allowed else None

    @property
    def best_spec(self) -> Path:
        return self.run.path / "best.yaml"

    @property
    def parts(self) -> list[Part]:
        """The runs of each trial: one, or one a fold and seed."""
        tune, seed = self.loaded.experiment.tune, self.loaded.experiment.seed
        folds = range(tune.folds) if tune.folds else [None]
        return [self._part(fold, seed + i) for i in range(tune.repeats) for fold in folds]

    def _part(self, fold: int | None, seed: int) -> Part:
        experiment = self.loaded.experiment
        name, changes = "", []
        if fold is not None:
            name += f"-fold-{fold}"
            changes += [("data.split.validation", None), ("data.split.folds", experiment.tune.folds)]
            changes += [("data.split.fold", fold)]
        if experiment.tune.repeats > 1:
            name += f"-seed-{seed}"
            changes += [("seed", seed)]
            if experiment.data.split is not None and experiment.data.split.seed is None:
                # The examples are divided as with the spec's own seed: what varies is the training.
                changes += [("data.split.seed", experiment.seed)]
        return Part(name, tuple(changes))

    def leaderboard(self) -> list[Trial]:
        """The finished trials, the best first and the failed last."""
        return ranked([trial for trial in self.everywhere if trial.is_finished], self.objectives)

    @property
    def everywhere(self) -> list[Trial]:
        """The trials of all machines that share the study, by their number."""
        return sorted([*self.trials, *self.elsewhere], key=lambda trial: trial.number)

    def spec_of(self, parameters: Parameters, number: int, part: Part | None = None) -> LoadedSpec:
        """The experiment with a trial's values in their places. Raises InvalidSpec where they do not go together."""
        document = self.loaded.document.copy()
        document.value.pop("tune")
        for path, value in (*parameters.items(), *(part.changes if part else ())):
            set_path(document, path, value, f"trial {number}")
        return _checked(document, self.loaded.experiment.name, self.loaded.root)

    def save(self) -> None:
        """Write study.json, at once and whole. The spec stands in it as it was given: values are set in that form."""
        durable.write_json(
            self.run.path / "study.json",
            {
                "version": _VERSION,
                "name": self.loaded.experiment.name,
                "objectives": {objective.name: objective.direction for objective in self.objectives},
                "wanted": self.wanted,
                "storage": self.storage,
                "trials": [trial.to_dict() for trial in self.trials],
                "root": str(self.loaded.root),
                "spec": self._text,
            },
        )

    def publish(self) -> None:
        """Write leaderboard.csv, best.yaml and summary.json from the trials."""
        finished = self.leaderboard()
        durable.write_text(self.run.path / "leaderboard.csv", self._csv(finished))
        best = self.best
        summary: dict[str, Any] = {
            "name": self.loaded.experiment.name,
            "monitor": self.objective.name,
            "trials": {state: sum(t.state == state for t in finished) for state in FINISHED},
            "seconds": round(sum(trial.seconds for trial in finished), 3),
        }
        if best is not None:
            if best.number != self._published_best:
                experiment = self.spec_of(best.parameters, best.number).experiment
                durable.write_text(self.best_spec, dump(experiment, self.loaded.root, without=("tune",)))
                self._published_best = best.number
            summary |= {"best_trial": best.number, "best": best.values}
        if len(self.objectives) > 1:
            summary["pareto_front"] = [trial.number for trial in pareto_front(finished, self.objectives)]
        self.run.write_summary(summary)

    def _csv(self, finished: list[Trial]) -> str:
        keys = list(self.loaded.experiment.tune.space)
        others = [objective.name for objective in self.objectives[1:]]
        limited = list(self.loaded.experiment.tune.constraints)
        spread = ["spread"] if len(self.parts) > 1 else []
        front = {trial.number for trial in pareto_front(finished, self.objectives)}
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        head = ["trial", "state", "value", *spread, *others, *(["pareto"] if others else [])]
        writer.writerow([*head, *(["allowed"] if limited else []), *keys, "duration", "run"])
        for trial in finished:
            cells: list[Any] = [trial.number, trial.state, trial.value]
            cells += [trial.spread.get(self.objective.name)] if spread else []
            cells += [trial.values.get(name) for name in others]
            cells += [flow(trial.number in front)] if others else []
            cells += [flow(trial.is_allowed)] if limited else []
            cells += [_cell(trial.parameters[key]) if key in trial.parameters else None for key in keys]
            writer.writerow([*cells, trial.seconds, trial.run])
        return text.getvalue()


def _cell(value: Any) -> Any:
    return flow(value) if isinstance(value, dict | list | bool | None) else value


def _parse(text: str, name: str, root: Path, source: str) -> LoadedSpec:
    document = parse_document(text, source)
    document.declaration = Experiment
    return _checked(document, name, root)


def _checked(document: Any, name: str, root: Path) -> LoadedSpec:
    with functions_in(root):
        experiment, problems = check_document(Experiment, document)
    loaded = LoadedSpec(experiment, document, root)
    if problems:
        raise located(loaded, problems)
    experiment.name = name
    return loaded


def create(
    loaded: LoadedSpec,
    logdir: Path,
    name: str | None,
    objectives: list[Objective],
    wanted: int | None,
    environment: dict[str, Any],
    storage: str | None = None,
) -> Study:
    """A new study below `logdir`, with nothing tried yet. Raises CheckpointError, SpecError."""
    experiment = loaded.experiment
    run = RunDirectory.create(logdir, name or experiment.name)
    run.write_spec(dump(experiment, loaded.root))
    run.write_environment(environment)
    study = Study(run, loaded, objectives, wanted, storage)
    study.save()
    return study


def require_search(loaded: LoadedSpec) -> None:
    """Raises InvalidSpec where the spec has no `tune` section."""
    if loaded.experiment.tune is None:
        hint = "as in `tune: {trials: 20, space: {optimizer.learning_rate: {low: 0.0001, high: 0.1, log: true}}}`"
        raise loaded.error_at((), "there is nothing to search: the spec has no `tune` section", hint)
