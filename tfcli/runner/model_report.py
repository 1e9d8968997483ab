"""A report on a trained model: report.md, a card with tables and pictures (PNG and SVG), and report.json.

What every number means stands beside it in the report; docs/reports.md tells how they are computed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.table import Table
from tfcli.errors import SpecError
from tfcli.logging import durable
from tfcli.logging.plots import plot_confusion_matrix, plot_curves, plot_predictions
from tfcli.logging.report_plots import (
    MOST_LINES,
    plot_bars,
    plot_calibration,
    plot_lines,
    plot_pictures,
    plot_residuals,
)
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.importance import importances
from tfcli.runner.outcomes import Classified, Measured, Outcome, outcomes
from tfcli.runner.session import Session
from tfcli.runner.slices import Slice, make_slices
from tfcli.runner.statistics import Calibration, Curves, Interval, mean, share
from tfcli.runner.summary import MOST_CLASSES

_WORST = 12
_THRESHOLDS = np.arange(0.05, 1.0, 0.05)
_TITLES = {Classified: "true as predicted (probability of the true)", Measured: "true as predicted"}
_MOST_SHOWN = 40
"""Classes or rows of a table in the card; report.json has all of them."""


@dataclass
class _Report:
    """The card as it is written, section by section, beside the same as data."""

    directory: Path
    seed: int
    lines: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def section(self, title: str, *paragraphs: str) -> None:
        self.lines += [f"## {title}", "", *(line for text in paragraphs for line in (text, ""))]

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A table of the card; all its rows in report.json under `name`."""
        self.data[name] = [{key: _plain(value) for key, value in row.items()} for row in rows]
        if not rows:
            return
        self.lines += [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
        self.lines += [f"| {' | '.join(map(_cell, row.values()))} |" for row in rows[:_MOST_SHOWN]]
        if len(rows) > _MOST_SHOWN:
            self.lines.append(f"\n… and {len(rows) - _MOST_SHOWN} more in report.json")
        self.lines.append("")

    def picture(self, name: str, draw: Callable[[Path], None]) -> None:
        """A picture as PNG, shown in the card, and as SVG."""
        for suffix in ("png", "svg"):
            draw(self.directory / f"{name}.{suffix}")
        self.lines += [f"![{name.replace('_', ' ')}]({name}.png)", ""]


def write_report(
    run: RunDirectory,
    session: Session,
    table: Table,
    what: str,
    results: Mapping[str, Any],
    directory: Path,
    slices: str | None = None,
) -> Path:
    """Write report.md with its pictures, and report.json, into `directory`; the path of the card.

    `table`: the examples, which `what` names; `results`: loss and metrics on them. `slices`: what `--slice` says.
    Raises SpecError for a slice that cannot be.
    """
    parts = make_slices(slices, table.columns) if slices is not None else []
    durable.make_directory(directory)
    report = _Report(directory, session.experiment.seed)
    split = session.data.examples(table)
    found = outcomes(session, split)
    _head(report, run, session, what, len(table), results)
    _training(report, run)
    for item in found:
        if isinstance(item, Classified):
            _classified(report, item)
        else:
            _measured(report, item)
        _slices(report, item, parts)
        _worst(report, item, table)
    _importance(report, session, table)
    _origin(report, run, session)
    durable.write_json(directory / "report.json", report.data)
    durable.write_text(directory / "report.md", "\n".join(report.lines))
    return directory / "report.md"


def _head(
    report: _Report, run: RunDirectory, session: Session, what: str, count: int, results: Mapping[str, Any]
) -> None:
    experiment = session.experiment
    report.lines += [f"# {experiment.name}", "", *([experiment.description, ""] if experiment.description else [])]
    layers = ", ".join(step.layer.type_name for step in session.network.steps[:12])
    more = ", …" if len(session.network.steps) > 12 else ""
    report.section(
        "The model",
        f"{session.network.count_params():,} parameters in {len(session.network.steps)} layers: {layers}{more}. "
        f"Trained with {experiment.optimizer.type_name}, seed {experiment.seed}, {experiment.precision}.",
    )
    report.section(f"Results on {what}, {count:,} examples")
    report.data |= {"run": str(run.path), "data": what, "examples": count}
    report.table("results", [{"metric": name, "value": value} for name, value in results.items()])


def _training(report: _Report, run: RunDirectory) -> None:
    rows = run.metrics()
    if rows:
        report.section("How it was trained", f"{len(rows)} epochs, {rows[-1]['step']:,} steps.")
        report.picture("curves", lambda path: plot_curves(rows, path))


# classifiers


def _classified(report: _Report, found: Classified) -> None:
    prefix, right = found.head.prefix, found.right
    accuracy = share(int(right.sum()), len(right))
    report.section(
        f"Classes{_of(found)}",
        f"{accuracy} of the examples are classified correctly. Intervals are Wilson's, with 95 % confidence.",
    )
    report.table(f"{prefix}classes", _class_rows(found))
    if len(found.names) <= MOST_CLASSES:
        report.picture(f"{prefix}confusion_matrix", lambda path: plot_confusion_matrix(found.matrix, found.names, path))
        shares = 100 * found.matrix / np.maximum(found.matrix.sum(axis=1, keepdims=True), 1)
        report.picture(
            f"{prefix}confusion_matrix_normalized",
            lambda path: plot_confusion_matrix(shares.round().astype(np.int64), found.names, path, percent=True),
        )
        report.data[f"{prefix}confusion_matrix"] = {"classes": found.names, "counts": found.matrix.tolist()}
    _ranking(report, found)
    _calibration(report, found)
    questions = found.questions()
    if len(questions) == 1:
        _thresholds(report, prefix, *questions[0])


def _class_rows(found: Classified) -> list[dict[str, Any]]:
    rows = []
    for i, name in enumerate(found.names):
        hits = int(found.matrix[i, i])
        support, said = int(found.matrix[i].sum()), int(found.matrix[:, i].sum())
        f1 = 2 * hits / (support + said) if support + said else None
        rows.append(
            {
                "class": name,
                "examples": support,
                "recall": share(hits, support),
                "precision": share(hits, said),
                "f1": f1,
            }
        )
    return rows


def _ranking(report: _Report, found: Classified) -> None:
    """ROC and precision against recall, of the classes there are most examples of."""
    asked = [(name, Curves.of(yes, probability)) for name, yes, probability in found.questions() if yes.any()]
    rows = [
        {"class": name, "area under ROC": curves.area, "average precision": curves.average_precision}
        for name, curves in asked
    ]
    prefix = found.head.prefix
    report.section(
        f"Ranking{_of(found)}",
        "Area under ROC: how often an example of the class has the higher probability of it than another. "
        "Average precision: the precision over all recalls.",
    )
    report.table(f"{prefix}ranking", rows)
    shown = sorted(asked, key=lambda item: -item[1].positives)[:MOST_LINES]
    roc = [(n, np.append(0.0, c.false_positive_rate), np.append(0.0, c.recall)) for n, c in shown]
    report.picture(
        f"{prefix}roc",
        lambda path: plot_lines(roc, ("false positive rate", "true positive rate"), path, "by chance"),
    )
    lines = [(n, np.append(0.0, c.recall), np.append(1.0, c.precision)) for n, c in shown]
    report.picture(f"{prefix}precision_recall", lambda path: plot_lines(lines, ("recall", "precision"), path))


def _calibration(report: _Report, found: Classified) -> None:
    binary = len(found.names) == 2
    probability = found.probabilities[:, 1] if binary else found.probabilities.max(axis=1)
    true = found.true == 1 if binary else found.right
    bins = Calibration.of(true, probability)
    what = f"the probability of {found.names[1]}" if binary else "the probability of the class predicted"
    report.section(
        f"Calibration{_of(found)}",
        f"Expected calibration error: {bins.error:.4g}, how far {what} is from how often it comes true, on average.",
    )
    report.data[f"{found.head.prefix}calibration_error"] = bins.error
    labels = (what, "share that is so")
    report.picture(
        f"{found.head.prefix}calibration",
        lambda path: plot_calibration(bins.probability, bins.right, bins.counts, labels, path),
    )


def _thresholds(report: _Report, prefix: str, name: str, yes: np.ndarray, probability: np.ndarray) -> None:
    rows: list[dict[str, Any]] = []
    for threshold in _THRESHOLDS:
        said = probability >= threshold
        hits, wrong = int((said & yes).sum()), int((said != yes).sum())
        precision = hits / int(said.sum()) if said.any() else None
        recall, f1 = hits / max(int(yes.sum()), 1), 2 * hits / max(int(said.sum() + yes.sum()), 1)
        row = {"threshold": round(float(threshold), 2), "precision": precision, "recall": recall, "f1": f1}
        rows.append(row | {"accuracy": 1 - wrong / max(len(yes), 1), "said yes": int(said.sum())})
    best = max(rows, key=lambda row: row["f1"])
    report.section("Thresholds", f"{name} is predicted from a probability on; f1 is best from {best['threshold']}.")
    report.table(f"{prefix}thresholds", rows)


# amounts


def _measured(report: _Report, found: Measured) -> None:
    errors = found.predicted - found.true
    report.section(
        f"Errors{_of(found)}", "Intervals are of 1000 bootstrap samples drawn with the seed, with 95 % confidence."
    )
    rows = []
    for i in range(min(errors.shape[1], _MOST_SHOWN)):
        error, true = errors[:, i], found.true[:, i]
        squares = mean(error**2, report.seed)
        variance = float(((true - true.mean()) ** 2).mean())
        rows.append(
            {
                "output": i,
                "mean absolute error": mean(np.abs(error), report.seed),
                "root mean square error": squares and Interval(*(float(np.sqrt(v)) for v in _three(squares))),
                "mean error": mean(error, report.seed),
                "R²": 1 - squares.value / variance if squares and variance else None,
            }
        )
    prefix = found.head.prefix
    report.table(f"{prefix}errors", rows)
    true, predicted = found.true.ravel(), found.predicted.ravel()
    report.picture(f"{prefix}predicted_against_true", lambda path: plot_predictions(true, predicted, path))
    report.picture(f"{prefix}residuals", lambda path: plot_residuals(true, predicted, path))


def _three(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


# parts and examples


def _slices(report: _Report, found: Outcome, slices: Sequence[Slice]) -> None:
    if not slices:
        return
    if isinstance(found, Classified) and found.each > 1:
        raise SpecError("--slice needs one prediction an example; this model makes several of each")
    rows = [_slice_row(found, part, report.seed) for part in [Slice("all", np.ones(len(found.true), bool)), *slices]]
    report.section(f"Slices{_of(found)}", "Intervals with 95 % confidence; where they do not meet, the parts differ.")
    report.table(f"{found.head.prefix}slices", rows)


def _slice_row(found: Outcome, part: Slice, seed: int) -> dict[str, Any]:
    count = int(part.chosen.sum())
    row: dict[str, Any] = {"slice": part.name, "examples": count}
    if isinstance(found, Measured):
        return row | {"mean absolute error": mean(found.badness[part.chosen], seed)}
    row["accuracy"] = share(int(found.right[part.chosen].sum()), count)
    if len(found.names) == 2:
        yes, said = found.true[part.chosen] == 1, found.predicted[part.chosen] == 1
        row["recall"] = share(int((yes & said).sum()), int(yes.sum()))
        row["precision"] = share(int((yes & said).sum()), int(said.sum()))
    return row


def _worst(report: _Report, found: Outcome, table: Table) -> None:
    """The examples that the model is furthest off with, as pictures where they are some, else as rows."""
    if isinstance(found, Classified) and found.each > 1:
        return
    places = np.argsort(-found.badness, kind="stable")[:_WORST]
    report.section(f"The worst examples{_of(found)}", "Those that the model is furthest off with.")
    titles = [_said(found, place) for place in places]
    pictures = next((table.columns[n] for n in table.features if _is_picture(table.columns[n].shape[1:])), None)
    if pictures is not None:
        from tfcli.runner.board_pages import pictures as stretched

        shown = stretched(pictures[places])
        report.picture(f"{found.head.prefix}worst", lambda path: plot_pictures(shown, titles, path))
    columns = {name: table.columns[name] for name in table.features if table.columns[name].ndim == 1}
    rows = [
        {
            "where": table.rows.where(int(place)),
            _TITLES[type(found)]: title,
            **{n: _shown(c[place]) for n, c in columns.items()},
        }
        for place, title in zip(places, titles, strict=True)
    ]
    report.table(f"{found.head.prefix}worst", rows)


def _is_picture(shape: tuple[int, ...]) -> bool:
    from tfcli.runner.board_pages import is_picture

    return is_picture(shape)


def _said(found: Outcome, place: int) -> str:
    if isinstance(found, Measured):
        return f"{found.true[place, 0]:.4g} as {found.predicted[place, 0]:.4g}"
    true, predicted = found.true[place], found.predicted[place]
    return f"{found.names[true]} as {found.names[predicted]} ({found.probabilities[place, true]:.2f})"


def _importance(report: _Report, session: Session, table: Table) -> None:
    found = importances(session, table)
    if not found:
        return
    report.section(
        "What the model looks at",
        "By how much the loss rises when a column is shuffled over the examples: the mean of three times, with their "
        "standard deviation. Columns that tell the same can stand in for each other, and then none of them seems to "
        "matter.",
    )
    names, rises, spread = zip(*((i.column, i.rise, i.spread) for i in found[:_MOST_SHOWN]), strict=True)
    report.picture("importance", lambda path: plot_bars(names, rises, spread, "rise of the loss", path))
    report.table("importance", [{"column": i.column, "rise of the loss": i.rise, "spread": i.spread} for i in found])


def _origin(report: _Report, run: RunDirectory, session: Session) -> None:
    environment = run.environment()
    git = environment.get("git") or {}
    facts = {
        "run": run.path.name,
        "command": " ".join(environment.get("command", [])),
        "started": environment.get("started"),
        "commit": f"{git['commit']}{' with changes' if git.get('dirty') else ''}" if git.get("commit") else None,
        "versions": ", ".join(f"{name} {version}" for name, version in environment.get("versions", {}).items()),
        "data": ", ".join(f"{Path(file).name} {digest[:12]}" for file, digest in session.data.fingerprints.items()),
    }
    report.section("Where it comes from")
    report.table("origin", [{"": name, "what": value} for name, value in facts.items() if value])


def _of(found: Outcome) -> str:
    return f" of {found.head.output}" if found.head.prefix else ""


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "-"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _shown(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _plain(value: Any) -> Any:
    if isinstance(value, Interval):
        return {"value": value.value, "low": value.low, "high": value.high}
    return None if isinstance(value, float) and not np.isfinite(value) else value
