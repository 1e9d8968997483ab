"""`tfcli tune`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfcli.commands.completion import complete_runs
from tfcli.commands.naming import setting, short_names
from tfcli.commands.options import Json, Logdir, Quiet, Set, Trust
from tfcli.commands.output import duration, print_json, print_table, shortest, typed
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.tuning.study import Study
    from tfcli.tuning.trial import Trial

_SHOWN_TRIALS = 20


class EngineName(StrEnum):
    """Where trials run."""

    LOCAL = "local"
    RAY = "ray"


def tune(
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="An experiment with a `tune` section.")] = None,
    set_: Set = None,
    logdir: Logdir = Path("runs"),
    name: Annotated[str | None, typer.Option(help="The study's name, instead of the spec's.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many trials, all in all.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trials at a time, each with its share of the threads; default: 1.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="STUDY", help="Go on where this study stopped.", autocompletion=complete_runs),
    ] = None,
    trust: Trust = False,
    storage: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Share the search with other machines: sqlite:///FILE, …, journal:FILE."),
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="local: processes on this machine; ray: Ray tasks.")] = (
        EngineName.LOCAL
    ),
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A Ray cluster; default: one started here on loopback.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for the best values of the keys in the spec's `tune` section.

    Each trial is a run of its own below the study's directory, with the spec's seed; its value is the best that the
    objective had over its epochs. A trial that fails is recorded with its error, and the search goes on. ctrl-C parks
    the trials under way. docs/tuning.md tells of samplers, pruners, conditions, folds and several machines.

    \b
    Example:
      tfcli tune exp.yaml --trials 20 --workers 2
      tfcli tune --resume runs/exp/20261121-140312-k3f9 --trials 40
    """
    if (spec is None) == (resume is None):
        raise SpecError("give either a spec to search, or --resume STUDY to go on with a study")
    if trust and resume is None:
        raise SpecError("--trust is for --resume: the Python of a spec that you name runs without it")
    if resume is not None and (set_ or name or storage):
        raise SpecError(
            "--resume goes on with the study's own spec, name and storage; leave out --set, --name, --storage"
        )
    if address is not None and engine is EngineName.LOCAL:
        raise SpecError("--address is of a Ray cluster: add --engine ray")
    from tfcli.commands.tune_progress import study_reporter
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.spec.load import load_experiment
    from tfcli.tuning import search

    command = ["tfcli", *sys.argv[1:]]
    means = search.Means(workers, engine.value, address)
    with study_reporter(quiet) as progress:
        if resume is not None:
            study = search.resume(RunDirectory.open(resume, logdir), trials, progress, command, means, trust)
        else:
            assert spec is not None, "checked above"
            loaded = load_experiment(spec, set_ or [])
            study = search.tune(loaded, logdir, name, trials, progress, command, means, storage)
    from tfcli.tuning.pictures import draw_study

    draw_study(study, short_names(list(study.loaded.experiment.tune.space)))
    if json:
        print_json(_to_dict(study))
    elif quiet:
        print(shortest(study.run.path))
    else:
        _print_study(study)


def _to_dict(study: "Study") -> dict[str, Any]:
    from tfcli.tuning.trial import pareto_front

    return {
        "study": study.run.path,
        "objective": study.objective.name,
        "direction": study.objective.direction,
        "objectives": {objective.name: objective.direction for objective in study.objectives},
        "best": study.best.to_dict() if study.best else None,
        "best_spec": study.best_spec if study.best else None,
        "pareto_front": [trial.number for trial in pareto_front(study.leaderboard(), study.objectives)],
        "trials": [trial.to_dict() for trial in study.trials],
    }


def _print_study(study: "Study") -> None:
    print(shortest(study.run.path))
    ranking = study.leaderboard()
    keys = list(study.loaded.experiment.tune.space)
    names = [objective.name for objective in study.objectives]
    spread = ["±"] if len(study.parts) > 1 else []
    limited = ["allowed"] if study.loaded.experiment.tune.constraints else []
    rows = [
        (
            str(trial.number),
            trial.state,
            *(trial.values.get(name) for name in names),
            *(trial.spread.get(names[0]) for _ in spread),
            *(("yes" if trial.is_allowed else "no") for _ in limited),
            *(_setting(trial, key) for key in keys),
            duration(trial.seconds),
        )
        for trial in ranking[:_SHOWN_TRIALS]
    ]
    shown = short_names(keys).values()
    print_table(rows, ["trial", "state", *names, *spread, *limited, *shown, "took"])
    if len(ranking) > _SHOWN_TRIALS:
        print(f"and {len(ranking) - _SHOWN_TRIALS} more in {shortest(study.run.path / 'leaderboard.csv')}")
    if len(names) > 1:
        from tfcli.tuning.trial import pareto_front

        front = [str(trial.number) for trial in pareto_front(ranking, study.objectives)]
        print(f"none betters all objectives of trials {', '.join(front)} (the Pareto front)")
    print("next:")
    best = [("train", study.best_spec)] if study.best else []
    for words in (*best, ("compare", study.run.path), ("board", study.run.path)):
        print(f"  {typed('tfcli', *words)}")


def _setting(trial: "Trial", key: str) -> str:
    """The key's value; nothing where the trial's other values switch it off."""
    return setting(trial.parameters[key]) if key in trial.parameters else ""
