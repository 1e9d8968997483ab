"""`tfcli tune`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfcli.commands.naming import setting
from tfcli.commands.options import Json, Logdir, Quiet, Set
from tfcli.commands.output import duration, print_json, print_table, shortest, typed
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.tuning.study import Study

_SHOWN_TRIALS = 20


def tune(
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="An experiment with a `tune` section.")] = None,
    set_: Set = None,
    logdir: Logdir = Path("runs"),
    name: Annotated[str | None, typer.Option(help="The study's name, instead of the spec's.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many trials, all in all.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trials at a time; this version runs 1.")] = 1,
    resume: Annotated[str | None, typer.Option(metavar="STUDY", help="Go on where this study stopped.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for the best values of the keys in the spec's `tune` section.

    Each trial is a run of its own below the study's directory, with the spec's seed; its value is the best that the
    objective had over its epochs. A trial that fails is recorded with its error, and the search goes on.

    \b
    Example:
      tfcli tune exp.yaml --trials 20
      tfcli tune --resume runs/exp/20261121-140312-k3f9 --trials 40
    """
    if (spec is None) == (resume is None):
        raise SpecError("give either a spec to search, or --resume STUDY to go on with a study")
    if resume is not None and (set_ or name):
        raise SpecError("--resume goes on with the study's own spec and name; leave out --set and --name")
    if workers > 1:
        raise SpecError(f"--workers {workers}: this version runs one trial at a time; leave --workers out")
    from tfcli.commands.tune_progress import study_reporter
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.spec.load import load_experiment
    from tfcli.tuning import search

    command = ["tfcli", *sys.argv[1:]]
    with study_reporter(quiet) as progress:
        if resume is not None:
            study = search.resume(RunDirectory.open(resume, logdir), trials, progress, command)
        else:
            assert spec is not None, "checked above"
            study = search.tune(load_experiment(spec, set_ or []), logdir, name, trials, progress, command)
    if json:
        print_json(_to_dict(study))
    elif quiet:
        print(shortest(study.run.path))
    else:
        _print_study(study)


def _to_dict(study: "Study") -> dict[str, Any]:
    return {
        "study": study.run.path,
        "objective": study.objective,
        "direction": study.direction,
        "best": study.best.to_dict() if study.best else None,
        "best_spec": study.best_spec if study.best else None,
        "trials": [trial.to_dict() for trial in study.trials],
    }


def _print_study(study: "Study") -> None:
    print(shortest(study.run.path))
    ranking = study.leaderboard()
    keys = list(study.loaded.experiment.tune.space)
    rows = [
        (
            str(trial.number),
            trial.state,
            trial.value,
            *(setting(trial.parameters[key]) for key in keys),
            duration(trial.seconds),
        )
        for trial in ranking[:_SHOWN_TRIALS]
    ]
    print_table(rows, ["trial", "state", study.objective, *keys, "took"])
    if len(ranking) > _SHOWN_TRIALS:
        print(f"and {len(ranking) - _SHOWN_TRIALS} more in {shortest(study.run.path / 'leaderboard.csv')}")
    print("next:")
    for words in (("train", study.best_spec), ("compare", study.run.path), ("board", study.run.path)):
        print(f"  {typed('tfcli', *words)}")
