"""`tfcli runs remove`, `restore` and `gc`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.completion import complete_runs
from tfcli.commands.options import Json, Logdir, Quiet
from tfcli.commands.output import note, print_json, print_table, shortest, typed
from tfcli.declare.sizes import size
from tfcli.errors import SpecError

Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN…", help="Run directories, or names or ids in --logdir.", autocompletion=complete_runs),
]


def remove(
    runs: Runs,
    logdir: Logdir = Path("runs"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put runs into the trash, after asking; `tfcli runs restore` takes them out, `tfcli runs gc --trash` empties it.

    \b
    Example:
      tfcli runs remove runs/iris/20261121-140312-k3f9
    """
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.logging.trash import move_to_trash

    found = [RunDirectory.open(run, logdir).path for run in runs]
    if not yes:
        if not sys.stdin.isatty():
            raise SpecError("nobody is there to ask; --yes removes without asking")
        for run in found:
            note(f"  {shortest(run)}")
        typer.confirm(f"Remove {'this run' if len(found) == 1 else f'these {len(found)} runs'}?", abort=True, err=True)
    places = [move_to_trash(run) for run in found]
    if not quiet:
        for run in found:
            note(f"removed {shortest(run)}; back with: {typed('tfcli', 'runs', 'restore', run.name)}")
    if json:
        print_json({"removed": found, "trash": places})


def restore(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]…", help="Names or ids of removed runs; none: list the trash.")
    ] = None,
    logdir: Logdir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take removed runs out of the trash; without a run, list what is in it.

    \b
    Example:
      tfcli runs restore
      tfcli runs restore 20261121-140312-k3f9
    """
    from tfcli.logging import trash

    if not runs:
        removed = trash.in_trash(logdir)
        if json:
            print_json({"trash": [run.path for run in removed]})
        elif removed:
            print_table([(f"{run.name}/{run.id}", size(trash.size_of(run.path))) for run in removed], ["run", "size"])
        elif not quiet:
            note(f"the trash of {logdir} is empty")
        return
    places = [trash.restore(run, logdir) for run in runs]
    if json:
        print_json({"restored": places})
    else:
        for place in places:
            print(shortest(place))


def gc(
    keep_best: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Keep the N best of each name, by what each run monitors.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Only what has not changed for so long: 30d, 12h, 2w.")
    ] = None,
    trash: Annotated[bool, typer.Option("--trash", help="Also what is in the trash.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it; without, only show what would go.")] = False,
    logdir: Logdir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Delete runs for good to make room: those that are old, and not among the best. Without --yes nothing goes.

    With both --keep-best and --older-than a run goes where both allow it. A run that trains now, or is tagged `keep`,
    stays.

    \b
    Example:
      tfcli runs gc --keep-best 5 --older-than 30d
      tfcli runs gc --keep-best 5 --older-than 30d --yes
      tfcli runs gc --trash --yes
    """
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.runner.cleaning import candidates, parse_age

    found = candidates(logdir, keep_best, parse_age(older_than) if older_than else None, trash)
    total = sum(candidate.bytes for candidate in found)
    if yes:
        for candidate in found:
            RunDirectory(candidate.run.path).remove()
    if json:
        rows = [{"run": candidate.run.path, "bytes": candidate.bytes} for candidate in found]
        print_json({"runs": rows, "bytes": total, "removed": yes})
        return
    if quiet:
        for candidate in found:
            print(shortest(candidate.run.path))
    elif found:
        print_table([(shortest(c.run.path), c.run.state, size(c.bytes)) for c in found], ["run", "state", "size"])
    if not quiet:
        what = f"{len(found)} {'run' if len(found) == 1 else 'runs'}, {size(total)}"
        note(f"{what} reclaimed" if yes else f"{what} would be reclaimed; nothing is removed without --yes")
