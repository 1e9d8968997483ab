"""A comparison as a table on a terminal, JSON, CSV, Markdown and a web page."""

import csv
import io
from typing import Any

from tfcli.commands.naming import setting, short_names
from tfcli.commands.output import cell, duration, number
from tfcli.runner.comparison import Comparison
from tfcli.runner.comparison_page import page
from tfcli.runner.expressions import Column
from tfcli.runner.grouping import Estimate

_WIDEST = 40
"""Characters of a setting in a table for people; CSV and JSON have all of it."""


def as_dict(table: Comparison) -> dict[str, Any]:
    """For `--json`."""
    names = [str(column) for column in table.columns]
    rows = []
    for members, values in zip(table.members, table.values, strict=True):
        who = {"runs": [run.path for run in members]} if table.is_grouped else {"run": members[0].path}
        rows.append(who | {name: _estimate(value) for name, value in zip(names, values, strict=True)})
    return {"runs": rows, "columns": names, "warnings": table.warnings}


def _estimate(value: Any) -> Any:
    if not isinstance(value, Estimate):
        return value
    return {"mean": value.mean, "interval": value.half_width, "count": value.count}


def as_csv(table: Comparison) -> str:
    """Full precision; a mean's interval has a column of its own, whose name ends in ` ±`."""
    averaged = [any(isinstance(row[i], Estimate) for row in table.values) for i in range(len(table.columns))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [str(column) for column in table.columns]
    header = [name for n, a in zip(names, averaged, strict=True) for name in ([n, f"{n} ±"] if a else [n])]
    writer.writerow(["runs" if table.is_grouped else "run", *header])
    for members, values in zip(table.members, table.values, strict=True):
        cells: list[Any] = [len(members) if table.is_grouped else members[0].path]
        for value, is_averaged in zip(values, averaged, strict=True):
            cells += _csv_cells(value) if is_averaged else [setting(value) if isinstance(value, list | dict) else value]
        writer.writerow(cells)
    return text.getvalue()


def _csv_cells(value: Any) -> list[Any]:
    return [value.mean, value.half_width] if isinstance(value, Estimate) else [value, None]


def as_markdown(table: Comparison) -> str:
    """A table as GitHub shows it, with the warnings below."""
    rows, header = shown_table(table)

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in cells) + " |\n"

    rules = ["---:" if all(isinstance(v, int | float | Estimate | None) for v in c) else "---" for c in _columns(table)]
    text = line(header) + line(["---", *rules]) + "".join(line(list(map(cell, row))) for row in rows)
    return text + "".join(f"\n> {warning}\n" for warning in table.warnings)


def _columns(table: Comparison) -> list[list[Any]]:
    return [[row[i] for row in table.values] for i in range(len(table.columns))]


def as_page(table: Comparison) -> str:
    return page(table, ["duration (s)" if name == "duration" else name for name in header_of(table)[1:]])


def shown_table(table: Comparison) -> tuple[list[list[Any]], list[str]]:
    """The rows and the header as a person reads them."""
    labels = [f"{len(members)}" for members in table.members] if table.is_grouped else table.labels
    rows = zip(labels, table.values, strict=True)
    shown = [[label, *map(_shown, table.columns, values)] for label, values in rows]
    return shown, header_of(table)


def header_of(table: Comparison) -> list[str]:
    """What the columns are called in little room."""
    short = short_names([column.name for column in table.columns if "." in column.name])
    return [
        "runs" if table.is_grouped else "run",
        *(short[column.name] if column.name in short else str(column) for column in table.columns),
    ]


def _shown(column: Column, value: Any) -> Any:
    """Metrics with four decimals; what stands in a spec as it stands there."""
    if isinstance(value, Estimate):
        form = duration if column.name == "duration" else number
        return form(value.mean) + (f" ± {form(value.half_width)}" if value.half_width is not None else "")
    if column.name == "duration":
        return None if value is None else duration(value)
    if "." in column.name and value is not None:
        text = setting(value)
        return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
    return number(value) if isinstance(value, list) else value


def difference_cell(section: str, value: Any) -> str:
    if value is None:
        return "-"
    return number(value) if section == "metrics" else setting(value)
