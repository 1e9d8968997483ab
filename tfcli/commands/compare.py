"""`tfcli compare`."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfcli.commands.naming import setting, short_names
from tfcli.commands.options import Json, Logdir, Quiet
from tfcli.commands.output import duration, note, number, print_json, print_table, shortest, warn
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.runner.comparison import Comparison, Difference
    from tfcli.runner.expressions import Column


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|LOGDIR]…", help="Runs, folders of runs, or a study (its trials). Default: --logdir."
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="KEY", help="A column: metrics best first, others ascending; -KEY: reversed.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Separated by commas: a spec's key, or min|max|first|last|best and a metric."
        ),
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Only runs for which this holds; a metric means its best value.")
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Two runs in detail: spec, data, git, environment, metrics.")
    ] = False,
    csv_: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the table to a file as well.")
    ] = None,
    html_: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the table to a web page as well.")
    ] = None,
    logdir: Logdir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Runs side by side: the keys of their specs that differ, their metrics, and whether these are comparable.

    \b
    Example:
      tfcli compare runs --sort val_accuracy
      tfcli compare runs --columns "optimizer.type, min val_loss, last accuracy"
      tfcli compare runs --where "optimizer.learning_rate < 0.01 and val_accuracy > 0.9"
      tfcli compare RUN RUN --diff
    """
    from tfcli.runner import comparison

    found = comparison.collect(runs or [], logdir)
    if diff:
        if sort or columns or where or csv_ or html_:
            raise SpecError("--diff shows two runs in full; leave out --sort, --columns, --where, --csv and --html")
        _show_difference(comparison.diff(found), json, quiet)
        return
    wanted = [name.strip() for name in columns.split(",")] if columns is not None else None
    table = comparison.compare(found, wanted, where, sort)
    if csv_ is not None:
        _write_csv(table, csv_)
    if html_ is not None:
        _write_html(table, html_)
    if json:
        print_json(_to_dict(table))
        return
    if table.runs:
        _print(table)
    elif not quiet:
        note(f"none of {len(found)} runs fits")
    if not quiet:
        for text in table.warnings:
            warn(text)


def _to_dict(table: "Comparison") -> dict[str, Any]:
    names = [str(column) for column in table.columns]
    rows = zip(table.runs, table.values, strict=True)
    return {
        "runs": [{"run": run.path, **dict(zip(names, values, strict=True))} for run, values in rows],
        "columns": names,
        "warnings": table.warnings,
    }


def _print(table: "Comparison") -> None:
    short = short_names([column.name for column in table.columns if "." in column.name])
    header = [str(column) if column.name not in short else short[column.name] for column in table.columns]
    rows = zip(table.labels, table.values, strict=True)
    print_table([(label, *map(_shown, table.columns, values)) for label, values in rows], ["run", *header])


def _shown(column: "Column", value: Any) -> Any:
    """Metrics with four decimals; what stands in a spec as it stands there."""
    if column.name == "duration":
        return None if value is None else duration(value)
    if "." in column.name and value is not None:
        return setting(value)
    return number(value) if isinstance(value, list) else value


def _write_csv(table: "Comparison", path: Path) -> None:
    import io

    from tfcli.logging.durable import write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", *map(str, table.columns)])
    for run, values in zip(table.runs, table.values, strict=True):
        writer.writerow([run.path, *(setting(value) if isinstance(value, list | dict) else value for value in values)])
    write_text(path, text.getvalue())


_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Runs</title>
<style>
  body {{ font: 14px system-ui, sans-serif; margin: 2em }}
  td, th {{ padding: 0.3em 0.8em; text-align: left; border-bottom: 1px solid #ddd }}
</style>
<table>
{rows}
</table>
{warnings}
"""


def _write_html(table: "Comparison", path: Path) -> None:
    """A page that stands alone; what comes from specs is escaped."""
    from html import escape

    from tfcli.logging.durable import write_text

    def row(tag: str, cells: list[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    lines = [row("th", ["run", *map(str, table.columns)])]
    for run, values in zip(table.runs, table.values, strict=True):
        lines.append(row("td", [str(run.path), *map(_cell, table.columns, values)]))
    warnings = "\n".join(f"<p>{escape(text)}</p>" for text in table.warnings)
    write_text(path, _PAGE.format(rows="\n".join(lines), warnings=warnings))


def _cell(column: "Column", value: Any) -> str:
    shown = _shown(column, value)
    return "-" if shown is None else shown if isinstance(shown, str) else number(shown)


def _show_difference(found: "Difference", json: bool, quiet: bool) -> None:
    first, second = (run.path for run in found.runs)
    if json:
        sections = {
            name: [{"key": key, "values": [one, other]} for key, one, other in rows]
            for name, rows in found.sections.items()
        }
        print_json({"runs": [first, second], **sections, "warnings": found.warnings})
        return
    for name, rows in found.sections.items():
        table = [(key, _text(name, one), _text(name, other)) for key, one, other in rows]
        print_table(table, [name, shortest(first), shortest(second)])
        print()
    if not quiet:
        for text in found.warnings:
            warn(text)


def _text(section: str, value: Any) -> str:
    if value is None:
        return "-"
    return number(value) if section == "metrics" else setting(value)
