"""`tfcli compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfcli.commands.completion import complete_columns, complete_runs
from tfcli.commands.many import many_objects
from tfcli.commands.options import Json, Logdir, Quiet
from tfcli.commands.output import note, print_json, print_table, shortest, warn
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.runner.comparison import Comparison, Difference


@many_objects()
def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|LOGDIR]…",
            help="Runs, folders of runs, or a study (its trials). Default: --logdir.",
            autocompletion=complete_runs,
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="A column: metrics best first, others ascending; -KEY: reversed.",
            autocompletion=complete_columns,
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N rows; without --sort, by the first metric.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            help="Metrics (`min val_loss`, `last accuracy`, `best val_accuracy @epoch`), keys of the spec "
            "(`optimizer.type`) and of the environment (`versions.numpy`), state, duration, tags.",
            autocompletion=complete_columns,
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="EXPR", help="Only runs for which this holds: <, <=, >, >=, ==, !=, in, and, or, not, parentheses."
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="KEY,…",
            help="One row for runs with the same KEYs, with the mean of each metric and its 95 % interval (Student's "
            "t); `settings`: all that differs but the seed.",
            autocompletion=complete_columns,
        ),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Two runs in detail: spec, data, git, environment, metrics.")
    ] = False,
    csv_: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the table as CSV; -: on standard output.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write it as Markdown; -: on standard output.")
    ] = None,
    html_: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a web page: table, curves, confusion matrices, what differs."
        ),
    ] = None,
    logdir: Logdir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Runs side by side: the keys of their specs that differ, their metrics, and whether these are comparable.

    \b
    Example:
      tfcli compare runs --sort val_accuracy --top 10
      tfcli compare runs --columns "optimizer.type, min val_loss, best val_accuracy @epoch"
      tfcli compare runs --where "optimizer.learning_rate < 0.01 and val_accuracy > 0.9"
      tfcli compare runs --group-by settings
      tfcli compare runs --html runs.html
      tfcli compare RUN RUN --diff
    """
    from tfcli.commands import compare_formats as formats
    from tfcli.runner import comparison

    found = comparison.collect(runs or [], logdir)
    if diff:
        if any((sort, top, columns, where, group_by, csv_, markdown, html_)):
            raise SpecError("--diff shows two runs in full; leave out the options that choose and write a table")
        _show_difference(comparison.diff(found), json, quiet)
        return
    if Path("-") in (csv_, markdown) and (json or csv_ == markdown):
        raise SpecError("standard output takes one format; name a file for the others")
    table = comparison.compare(found, _names(columns), where, sort, top, _names(group_by))
    is_printed = _write(table, csv_, markdown, html_, quiet)
    if json:
        print_json(formats.as_dict(table))
        return
    if not table.runs:
        if not quiet:
            note(f"none of {len(found)} runs fits")
    elif not is_printed:
        print_table(*formats.shown_table(table))
    if not quiet:
        for text in table.warnings:
            warn(text)


def _names(text: str | None) -> list[str] | None:
    return [name.strip() for name in text.split(",")] if text is not None else None


def _write(table: "Comparison", csv_: Path | None, markdown: Path | None, html_: Path | None, quiet: bool) -> bool:
    """Write the files that are asked for; whether one of them went to standard output."""
    from tfcli.commands import compare_formats as formats
    from tfcli.logging.durable import write_text

    for path, text in ((csv_, formats.as_csv), (markdown, formats.as_markdown), (html_, formats.as_page)):
        if path == Path("-"):
            print(text(table), end="")
        elif path is not None:
            write_text(path, text(table))
            if not quiet:
                note(f"wrote {path}")
    return Path("-") in (csv_, markdown, html_)


def _show_difference(found: "Difference", json: bool, quiet: bool) -> None:
    from tfcli.commands.compare_formats import difference_cell

    first, second = (run.path for run in found.runs)
    if json:
        sections = {
            name: [{"key": key, "values": [one, other]} for key, one, other in rows]
            for name, rows in found.sections.items()
        }
        print_json({"runs": [first, second], **sections, "warnings": found.warnings})
        return
    for name, rows in found.sections.items():
        table = [(key, difference_cell(name, one), difference_cell(name, other)) for key, one, other in rows]
        print_table(table, [name, shortest(first), shortest(second)])
        print()
    if not quiet:
        for text in found.warnings:
            warn(text)
