"""`tfcli train`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfcli.commands.completion import complete_runs
from tfcli.commands.options import Json, Logdir, Quiet, Set, Trust
from tfcli.commands.output import duration, note, print_json, print_table, shortest, typed
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.runner.training import Finished


def train(
    spec: Annotated[Path | None, typer.Argument(metavar="SPEC", help="The experiment, a YAML file.")] = None,
    set_: Set = None,
    logdir: Logdir = Path("runs"),
    name: Annotated[str | None, typer.Option(help="The run's name, instead of the spec's.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How many epochs, all in all.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on where this run stopped.", autocompletion=complete_runs),
    ] = None,
    report: Annotated[
        bool,
        typer.Option("--report", help="Afterwards write a report on the model, as `tfcli evaluate --report` does."),
    ] = False,
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train the experiment in a run directory of its own.

    Prints the run directory, the metrics and the commands to try next; with --quiet the run directory alone.

    \b
    Example:
      tfcli train exp.yaml
      tfcli train exp.yaml --set optimizer.learning_rate=0.01 --epochs 20
      tfcli train --resume runs/exp/20261121-140312-k3f9 --epochs 40
    """
    if (spec is None) == (resume is None):
        raise SpecError("give either a spec to train, or --resume RUN to go on with a run")
    if trust and resume is None:
        raise SpecError("--trust is for --resume: the Python of a spec that you name runs without it")
    if resume is not None and (set_ or name):
        raise SpecError("--resume goes on with the run's own spec and name; leave out --set and --name")
    from tfcli.commands.progress import reporter
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.runner import training
    from tfcli.spec.load import load_experiment

    with reporter(quiet) as progress:
        if resume is not None:
            finished = training.resume(RunDirectory.open(resume, logdir), epochs, progress, trust)
        else:
            assert spec is not None, "checked above"
            overrides = [*(set_ or []), *([f"train.epochs={epochs}"] if epochs else [])]
            command = ["tfcli", *sys.argv[1:]]
            finished = training.train(load_experiment(spec, overrides), logdir, name, progress, command)
    if report:
        from tfcli.runner.evaluation import evaluate

        # What the spec names has just run: it may once more.
        folder = finished.run.path / "report"
        evaluate(finished.run, trust=trust or spec is not None, report=folder)
        if not quiet:
            note(f"wrote {shortest(folder / 'report.md')}")
    if json:
        print_json({"run": finished.run.path, **finished.summary})
    elif quiet:
        print(shortest(finished.run.path))
    else:
        _print_summary(finished)


def _print_summary(finished: "Finished") -> None:
    run, summary = finished.run.path, finished.summary
    print(shortest(run))
    best_epoch = f", best epoch {summary['best_epoch']} by {summary['monitor']}" if summary["best_epoch"] else ""
    took = f"{summary['epochs']} epochs in {duration(summary['seconds'])}"
    print(f"{took}, {summary['parameters']:,} parameters{best_epoch}")
    final, best, test = summary["final"], summary["best"], summary.get("test", {})
    names = [name for name in final if not name.startswith("val_")]
    has_validation = any(name.startswith("val_") for name in final)
    header = ["", "training", *(["validation", "best"] if has_validation else ["best"]), *(["test"] if test else [])]
    rows = []
    for metric in names:
        best_name = f"val_{metric}" if has_validation else metric
        validation = [final.get(best_name)] if has_validation else []
        rows.append([metric, final[metric], *validation, best.get(best_name), *([test.get(metric)] if test else [])])
    print_table(rows, header)
    print("next:")
    split = "test" if test else "validation" if has_validation else "train"
    for words in _next_commands(run, summary["epochs"], split):
        print(f"  {typed(*words)}")


def _next_commands(run: Path, epochs: int, split: str) -> list[tuple[str | Path, ...]]:
    logdir = run.parent.parent
    return [
        ("tfcli", "evaluate", run, "--split", split),
        ("tfcli", "predict", run, "-o", "predictions.csv"),
        ("tfcli", "train", "--resume", run, "--epochs", str(2 * epochs)),
        ("tfcli", "compare", logdir),
        ("tfcli", "board", logdir),
    ]
