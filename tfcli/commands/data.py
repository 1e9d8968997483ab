"""`tfcli data`: statistics, schemas, anomalies and drift."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfcli.commands.options import Json, Quiet, Set
from tfcli.commands.output import cell, note, paint, print_json, print_table, typed
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.data.looking.statistics import ColumnStatistics, NumberStatistics, Statistics
    from tfcli.runner.looking import Validation

app = typer.Typer(name="data", rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV, Parquet or JSON lines file, or a folder of them.")]
_BARS = "▁▂▃▄▅▆▇█"
_SHOWN_VALUES = 3
_LONGEST_VALUE = 24


@app.callback()
def data() -> None:
    """Look at data before a model learns from it.

    \b
    Example:
      tfcli data stats titanic.csv
      tfcli data schema titanic.csv -o schema.json
      tfcli data validate tomorrow.csv --schema schema.json --previous titanic.csv
    """


@app.command()
def stats(
    source: Annotated[Path, typer.Argument(metavar="SPEC|FILE", help="A spec, a table, or a folder of files.")],
    set_: Set = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with pictures.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Types, ranges, missing and distinct values and histograms of each column, in one pass over files of any size.

    Distinct values beyond 16,384 are estimated (standard error 0.8 %), and histograms of more than 65,536 numbers are
    those of a uniform sample of so many; all else is exact.

    \b
    Example:
      tfcli data stats titanic.csv
      tfcli data stats exp.yaml --html stats.html
    """
    from tfcli.runner.looking import looked_at

    found = [table.statistics() for table in looked_at(source, set_ or [])]
    if html is not None:
        from tfcli.data.looking.page import page
        from tfcli.logging.durable import write_text

        write_text(html, page(str(source), found))
    if json:
        print_json({"tables": [table.to_dict() for table in found]} | ({"html": html} if html else {}))
        return
    for table in found:
        _print_statistics(table)
    if html is not None and not quiet:
        note(f"{html} is written")


@app.command()
def schema(
    file: File,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it. Default: standard output.")
    ] = None,
    slack: Annotated[
        float, typer.Option(min=0, help="How much wider than this file's its ranges and shares of missing values are.")
    ] = 0.1,
    quiet: Quiet = False,
) -> None:
    """Infer what a table's columns are expected to be, as JSON to be edited.

    Each column has a `type` (integer, float, date, category, text, array) and, where it differs from the default:
    `required` (true), `missing` (0: the largest share of missing values), `low` and `high` (none), `values` (any
    category), `unknown` (0: the largest share of other categories), `drift` and `skew` (the table's: the largest
    distances from an earlier file and from the training file). The table has `additional` (false: no other columns),
    `drift` and `skew` (0.1).

    \b
    Example:
      tfcli data schema titanic.csv -o schema.json
    """
    from tfcli.logging.durable import write_text
    from tfcli.runner.looking import inferred_schema

    text = inferred_schema(file, slack).to_json()
    if output is None:
        print(text)
        return
    write_text(output, text + "\n")
    if not quiet:
        print(f"{output} is written; next:\n  {typed('tfcli', 'data', 'validate', 'FILE', '--schema', output)}")


@app.command()
def validate(
    file: File,
    schema: Annotated[Path | None, typer.Option(metavar="FILE", help="What `tfcli data schema` wrote.")] = None,
    training: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The table that a model learned from: tells the skew.")
    ] = None,
    previous: Annotated[Path | None, typer.Option(metavar="FILE", help="An earlier table: tells the drift.")] = None,
    skew: Annotated[
        float | None, typer.Option(min=0, max=1, help="The largest distance from --training. Default: the schema's.")
    ] = None,
    drift: Annotated[
        float | None, typer.Option(min=0, max=1, help="The largest distance from --previous. Default: the schema's.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column to leave alone, such as the label. Repeatable.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find what is wrong with a table: new categories, wrong types, ranges, missing columns; skew and drift.

    Distances are the Jensen-Shannon divergence (base 2) of numbers and the largest difference of a category's share
    (L-infinity). The exit code is 1 where something is wrong, 0 where nothing is.

    \b
    Example:
      tfcli data validate tomorrow.csv --schema schema.json
      tfcli data validate requests.jsonl --schema schema.json --training titanic.csv --without survived
      tfcli data validate tuesday.csv --previous monday.csv --drift 0.05
    """
    from tfcli.runner.looking import Comparison
    from tfcli.runner.looking import validate as find_anomalies

    if schema is None and training is None and previous is None:
        raise SpecError("there is nothing to hold the file against; give --schema, --training or --previous")
    for name, other, threshold in (("skew", "training", skew), ("drift", "previous", drift)):
        if threshold is not None and {"training": training, "previous": previous}[other] is None:
            raise SpecError(f"--{name} is a threshold for --{other} FILE")
    comparisons = [Comparison("skew", training, skew)] if training is not None else []
    comparisons += [Comparison("drift", previous, drift)] if previous is not None else []
    found = find_anomalies(file, schema, comparisons, without or [])
    if json:
        print_json(_validation(found))
    else:
        _print_validation(file, found, quiet)
    if found.anomalies:
        raise typer.Exit(1)


def _validation(found: "Validation") -> dict:
    from dataclasses import asdict

    distances = {kind: [asdict(d) for d in measured] for kind, measured in found.distances.items()}
    return {"rows": found.rows, "anomalies": [a.to_dict() for a in found.anomalies], "distances": distances}


def _print_validation(file: Path, found: "Validation", quiet: bool) -> None:
    import sys

    for anomaly in found.anomalies:
        print(f"{paint(anomaly.column, '1', sys.stdout)}: {anomaly.message}")
        for example in anomaly.examples:
            print(f"    {example}")
    if quiet:
        return
    for kind, measured in found.distances.items():
        rows = [
            (d.column, d.measure, d.value, d.threshold, d.most, f"{d.before:.1%}", f"{d.now:.1%}") for d in measured
        ]
        if rows:
            print()
            print_table(
                sorted(rows, key=lambda row: -row[2]),
                [kind, "measure", "distance", "at most", "where most", "before", "now"],
            )
    count = len(found.anomalies)
    note(f"{file}: {found.rows:,} rows, {count or 'no'} {'anomaly' if count == 1 else 'anomalies'}")


def _print_statistics(table: "Statistics") -> None:
    skipped = f", {table.skipped:,} damaged ones skipped" if table.skipped else ""
    print(f"{table.name}: {table.rows:,} rows, {len(table.columns)} columns{skipped}")
    numbers = [c for c in table.columns.values() if c.numbers is not None]
    texts = [c for c in table.columns.values() if c.numbers is None]
    if numbers:
        print()
        rows = [(*_common(column), *_number_cells(column, column.numbers)) for column in numbers if column.numbers]
        print_table(rows, ["column", "type", "missing", "distinct", "min", "mean", "std", "median", "max", "histogram"])
    if texts:
        print()
        print_table(
            [(*_common(c), _values(c)) for c in texts], ["column", "type", "missing", "distinct", "most frequent"]
        )


def _common(column: "ColumnStatistics") -> tuple[str, str, str, str]:
    kind = f"{column.type} {'x'.join(map(str, column.shape))}" if column.shape else column.type
    missing = f"{column.missing:,} ({column.missing / column.rows:.1%})" if column.missing else "-"
    about = "" if column.is_exact else "~"
    wrong = f", {column.wrong:,} are none" if column.wrong else ""
    return column.name, kind + wrong, missing, about + cell(column.distinct)


def _number_cells(column: "ColumnStatistics", numbers: "NumberStatistics") -> tuple[str, ...]:
    from tfcli.data.looking.statistics import show_value

    kind = column.type
    mean = show_value(kind if kind == "date" else "float", numbers.mean)
    spread = f"{numbers.deviation / 86400:.4g} days" if kind == "date" else f"{numbers.deviation:.4g}"
    median = show_value(kind, numbers.quantiles["50%"])
    return (
        show_value(kind, numbers.low),
        mean,
        spread,
        median,
        show_value(kind, numbers.high),
        bars(numbers.histogram.counts),
    )


def bars(counts: list[int]) -> str:
    """A histogram in a line of text; every bin that is not empty shows."""
    highest = max(counts) or 1
    return "".join(_BARS[min(7, count * 8 // highest)] if count else " " for count in counts)


def _values(column: "ColumnStatistics") -> str:
    if column.texts is None:
        return ""
    known = column.rows - column.missing
    shown = [
        f"{_short(value)} {count / known:.1%}" for value, count in list(column.texts.values.items())[:_SHOWN_VALUES]
    ]
    if column.type == "text":
        return f"{column.texts.mean_length:.0f} characters in the mean, {column.texts.longest:,} at most"
    return ", ".join(shown)


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"
