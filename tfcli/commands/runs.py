"""`tfcli runs`: what is in the logs directory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfcli.commands.options import Json, Logdir, Quiet, Run
from tfcli.commands.output import duration, note, number, print_json, print_table, shortest, values
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.logging.listing import RunInfo

app = typer.Typer(
    name="runs",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def runs(context: typer.Context, logdir: Logdir = Path("runs"), json: Json = False, quiet: Quiet = False) -> None:
    """What is in the logs directory; without a command, a list of it.

    \b
    Example:
      tfcli runs
      tfcli runs show iris
      tfcli runs remove runs/iris/20261121-140312-k3f9
    """
    if context.invoked_subcommand is None:
        list_(logdir, json, quiet)


@app.command("list")
def list_(logdir: Logdir = Path("runs"), json: Json = False, quiet: Quiet = False) -> None:
    """All runs, the oldest first; with --quiet their directories alone.

    \b
    Example:
      tfcli runs list --logdir runs
    """
    from tfcli.logging.listing import list_runs

    found = list_runs(logdir)
    if json:
        print_json({"runs": [_to_dict(run) for run in found]})
    elif quiet:
        for run in found:
            print(shortest(run.path))
    elif found:
        print_table([_row(run) for run in found], ["run", "state", "epoch", "best", "took"])
    else:
        note(f"there are no runs in {logdir}")


@app.command()
def show(run: Run, logdir: Logdir = Path("runs"), json: Json = False, quiet: Quiet = False) -> None:
    """One run: its state, metrics and files.

    \b
    Example:
      tfcli runs show iris
    """
    from tfcli.logging.listing import find_run, list_runs

    (found,) = list_runs(find_run(run, logdir))
    if json:
        print_json(_to_dict(found))
        return
    print(shortest(found.path))
    if quiet:
        return
    summary = found.summary
    facts = {
        "state": _state(found),
        "started": found.status.get("started"),
        "epochs": found.status.get("epoch"),
        "best epoch": summary.get("best_epoch"),
        "final": values(summary["final"]) if "final" in summary else None,
        "best": values(summary["best"]) if "best" in summary else None,
        "test": values(summary["test"]) if "test" in summary else None,
        "parameters": f"{summary['parameters']:,}" if "parameters" in summary else None,
        "took": duration(summary["seconds"]) if "seconds" in summary else None,
        "error": found.status.get("error") or found.problem,
    }
    print_table([(name, str(value)) for name, value in facts.items() if value is not None])


@app.command()
def remove(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Run directories, or names or ids in --logdir.")],
    logdir: Logdir = Path("runs"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove runs with all that they hold, after asking.

    \b
    Example:
      tfcli runs remove runs/iris/20261121-140312-k3f9
    """
    import sys

    from tfcli.logging.run_directory import RunDirectory

    found = [RunDirectory.open(run, logdir) for run in runs]
    if not yes:
        if not sys.stdin.isatty():
            raise SpecError("nobody is there to ask; --yes removes without asking")
        for run in found:
            note(f"  {shortest(run.path)}")
        typer.confirm(f"Remove {'this run' if len(found) == 1 else f'these {len(found)} runs'}?", abort=True, err=True)
    for run in found:
        run.remove()
        if not quiet:
            note(f"removed {shortest(run.path)}")
    if json:
        print_json({"removed": [run.path for run in found]})


def _to_dict(run: "RunInfo") -> dict[str, Any]:
    return {
        "run": run.path,
        "name": run.name,
        "id": run.id,
        "state": run.state,
        "is_study": run.is_study,
        "status": run.status,
        "summary": run.summary,
        "problem": run.problem,
    }


def _row(run: "RunInfo") -> tuple[Any, ...]:
    summary = run.summary
    monitor = summary.get("monitor")
    best = summary.get("best", {}).get(monitor)
    shown = f"{monitor} {number(best)}" if best is not None else None
    seconds = summary.get("seconds")
    took = duration(seconds) if seconds is not None else None
    return f"{run.name}/{run.id}", _state(run), run.status.get("epoch"), shown, took


def _state(run: "RunInfo") -> str:
    return "damaged" if run.problem else f"study, {run.state}" if run.is_study else run.state
