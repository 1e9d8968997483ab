"""`tfcli runs`: what is in the logs directory: lists, one run, tags and notes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfcli.commands.many import many_objects
from tfcli.commands.options import Json, Logdir, Quiet, Run
from tfcli.commands.output import duration, note, number, print_json, print_table, shortest, values
from tfcli.commands.runs_cleaning import gc, remove, restore
from tfcli.commands.runs_origins import explain, reproduce
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
        list_(logdir, None, json, quiet)


@app.command("list")
def list_(
    logdir: Logdir = Path("runs"),
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Only runs with this tag.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """All runs, the oldest first; with --quiet their directories alone.

    \b
    Example:
      tfcli runs list --logdir runs
      tfcli runs list --tag baseline
    """
    from tfcli.logging.listing import list_runs

    with many_objects():
        _list(
            [run for run in list_runs(logdir) if tag is None or tag in run.annotations.get("tags", [])],
            logdir,
            json,
            quiet,
        )


def _list(found: "list[RunInfo]", logdir: Path, json: bool, quiet: bool) -> None:
    if json:
        print_json({"runs": [_to_dict(run) for run in found]})
    elif quiet:
        for run in found:
            print(shortest(run.path))
    elif found:
        tagged = any(run.annotations.get("tags") for run in found)
        print_table(
            [_row(run, tagged) for run in found],
            ["run", "state", "epoch", "best", "took", *(["tags"] if tagged else [])],
        )
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
        "epochs": None if found.is_study else found.status.get("epoch"),
        "trials": _trials(summary) if found.is_study else None,
        "best trial": summary.get("best_trial"),
        "best epoch": summary.get("best_epoch"),
        "final": values(summary["final"]) if "final" in summary else None,
        "best": values(summary["best"]) if "best" in summary else None,
        "test": values(summary["test"]) if "test" in summary else None,
        "parameters": f"{summary['parameters']:,}" if "parameters" in summary else None,
        "took": duration(summary["seconds"]) if "seconds" in summary else None,
        "tags": ", ".join(found.annotations.get("tags", [])) or None,
        "note": found.annotations.get("note") or None,
        "error": found.status.get("error") or found.problem,
    }
    print_table([(name, str(value)) for name, value in facts.items() if value is not None])


@app.command()
def tag(
    run: Run,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="[TAG]…", help="Words to add; `keep`: gc spares it.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="TAG", help="A tag to take away.")] = None,
    logdir: Logdir = Path("runs"),
    json: Json = False,
) -> None:
    """Tag a run, or take tags away; `tfcli compare --where '"baseline" in tags'` finds it.

    \b
    Example:
      tfcli runs tag iris baseline keep
      tfcli runs tag iris --remove keep
    """
    from tfcli.logging.run_directory import RunDirectory

    found = RunDirectory.open(run, logdir)
    before = found.annotations()
    given = _checked_tags([*(tags or []), *(remove or [])])
    kept = dict.fromkeys([*before.get("tags", []), *given])
    after = [word for word in kept if word not in (remove or [])]
    found.annotate(after, before.get("note", ""))
    if json:
        print_json({"run": found.path, "tags": after})
    else:
        print(f"{shortest(found.path)}: {', '.join(after) or 'no tags'}")


def _checked_tags(tags: list[str]) -> list[str]:
    for word in tags:
        if not word.strip() or "," in word:
            raise SpecError(f"a tag is a word without commas, got {word!r}")
    return tags


@app.command("note")
def note_(
    run: Run,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What to remember; `''` takes it away.")] = None,
    logdir: Logdir = Path("runs"),
    json: Json = False,
) -> None:
    """Write a note to a run; without a text, print it.

    \b
    Example:
      tfcli runs note iris "wider hidden layer, same split as before"
      tfcli runs note iris
    """
    from tfcli.logging.run_directory import RunDirectory

    found = RunDirectory.open(run, logdir)
    before = found.annotations()
    if text is not None:
        found.annotate(before.get("tags", []), text)
    shown = before.get("note", "") if text is None else text
    if json:
        print_json({"run": found.path, "note": shown})
    elif shown:
        print(shown)


for _command in (remove, restore, gc, reproduce, explain):
    app.command()(_command)


def _to_dict(run: "RunInfo") -> dict[str, Any]:
    return {
        "run": run.path,
        "name": run.name,
        "id": run.id,
        "state": run.state,
        "is_study": run.is_study,
        "status": run.status,
        "summary": run.summary,
        "tags": run.annotations.get("tags", []),
        "note": run.annotations.get("note", ""),
        "problem": run.problem,
    }


def _row(run: "RunInfo", tagged: bool) -> tuple[Any, ...]:
    summary = run.summary
    monitor = summary.get("monitor")
    best = summary.get("best", {}).get(monitor)
    shown = f"{monitor} {number(best)}" if best is not None else None
    seconds = summary.get("seconds")
    took = duration(seconds) if seconds is not None else None
    tags = [", ".join(run.annotations.get("tags", []))] if tagged else []
    epoch = None if run.is_study else run.status.get("epoch")
    return f"{run.name}/{run.id}", _state(run), epoch, shown, took, *tags


def _state(run: "RunInfo") -> str:
    if run.problem:
        return "damaged"
    return f"study of {run.status.get('trials', 0)}, {run.state}" if run.is_study else run.state


def _trials(summary: dict[str, Any]) -> str | None:
    """`14 done, 2 failed`."""
    return ", ".join(f"{count} {state}" for state, count in summary.get("trials", {}).items() if count) or None
