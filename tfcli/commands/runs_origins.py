"""`tfcli runs reproduce` and `explain`."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfcli.commands.completion import complete_run_keys
from tfcli.commands.naming import setting
from tfcli.commands.options import Json, Logdir, Quiet, Run, Trust
from tfcli.commands.output import number, print_json, print_table, shortest

if TYPE_CHECKING:
    from tfcli.runner.reproduction import Reproduction


def reproduce(
    run: Run,
    logdir: Logdir = Path("runs"),
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a run again from its captured spec, seed and thread settings, and say how far the result drifted.

    The new run stands beside the old one. What else a result depends on is compared: versions, data, git, threads,
    processor.

    \b
    Example:
      tfcli runs reproduce iris
      tfcli runs reproduce runs/iris/20261121-140312-k3f9 --json
    """
    from tfcli.commands.progress import reporter
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.runner import reproduction

    found = RunDirectory.open(run, logdir)
    variables = reproduction.captured_variables(found)
    words = ["runs", "reproduce", str(found.path)]
    options = [*(["--trust"] if trust else []), *(["--json"] if json else []), *(["--quiet"] if quiet else [])]
    if variables is not None:  # threads are chosen when numpy loads: a process of its own gets the run's
        command = [sys.executable, "-m", "tfcli", *words, *options]
        raise typer.Exit(subprocess.run(command, env=variables, check=False).returncode)
    with reporter(quiet) as progress:
        made = reproduction.reproduce(found, progress, trust, ["tfcli", *words])
    if json:
        print_json(_as_dict(made))
    else:
        _print(made, quiet)


def _as_dict(made: "Reproduction") -> dict[str, Any]:
    return {
        "run": made.run.path,
        "exact": made.is_exact,
        "same_weights": made.same_weights,
        "first_epoch_that_differs": made.first_epoch,
        "metrics": [{"metric": d.metric, "values": [d.before, d.after], "drift": d.amount} for d in made.drifts],
        "changed": [{"ingredient": key, "values": [before, after]} for key, before, after in made.changed],
    }


def _print(made: "Reproduction", quiet: bool) -> None:
    print(shortest(made.run.path))
    if quiet:
        return
    if made.is_exact:
        print("the same to the byte: every epoch's metrics, and the trained weights")
    else:
        since = f"from epoch {made.first_epoch} on" if made.first_epoch else "in the weights alone"
        print(f"it differs {since}")
        rows = [(d.metric, d.before, d.after, _amount(d.amount)) for d in made.drifts]
        print_table(rows, ["metric", "before", "now", "drift"])
    if made.changed:
        print("\nwhat changed since:")
        print_table(
            [(key, setting(before), setting(after)) for key, before, after in made.changed],
            ["ingredient", "before", "now"],
        )
    elif not made.is_exact:
        print("nothing that was captured changed: versions, data, git, threads and processor are the same")


def _amount(drift: float | None) -> str:
    return "-" if drift is None else number(drift)


def explain(
    run: Run,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="A dotted key of the run's spec; a layer by its name.", autocompletion=complete_run_keys
        ),
    ],
    no_try: Annotated[bool, typer.Option("--no-try", help="Do not train with the default to see the effect.")] = False,
    trust: Trust = False,
    logdir: Logdir = Path("runs"),
    json: Json = False,
) -> None:
    """Say where a value of a run's spec came from, and whether it had any effect.

    It came from a line of the spec, an option of the command line, a search, or is a default. Its effect is read off
    the run's records where they tell; else three steps are trained with the value and with its default.

    \b
    Example:
      tfcli runs explain iris optimizer.learning_rate
      tfcli runs explain iris train.early_stopping
    """
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.runner.explanation import explain as explain_key

    found = explain_key(RunDirectory.open(run, logdir), key, trust, not no_try)
    if json:
        print_json({**vars(found), "origin": None if found.origin is None else vars(found.origin)})
        return
    print(f"{found.key}: {setting(found.value)}")
    origin, kinds = found.origin, {"file": "from", "override": "from the", "search": "set by the search, in"}
    if origin is None:
        where = "a default: nothing sets it"
    else:
        where = f"{kinds[origin.kind]} {origin.place}: {origin.text}"
    default = "none: it must be given" if found.is_required else setting(found.default)
    rows = [("origin", where), ("default", default), ("effect", found.effect)]
    print_table(rows)
