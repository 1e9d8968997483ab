"""The end of a run: summary.json and the pictures that suit the task."""

from typing import Any

from tfcli.engine.spec import TensorSpec
from tfcli.logging.charts import draw_curves
from tfcli.logging.durable import write_json
from tfcli.logging.plots import plot_confusion_matrix, plot_predictions
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.monitors import improves, is_maximized
from tfcli.models.trainer import Head
from tfcli.runner.monitors import UNMEASURED
from tfcli.runner.outcomes import Measured, Outcome, outcomes
from tfcli.runner.session import Session

MOST_CLASSES = 100
"""Of which a confusion matrix can still be looked at."""
_MOST_FAULTS = 1000


def summarize(run: RunDirectory, session: Session, monitor: str, maximized: bool, seconds: float) -> dict[str, Any]:
    """Best epoch by `monitor`, final and best metrics, duration, parameters; the test split's metrics where there is
    one.
    """
    rows = run.metrics()
    summary: dict[str, Any] = {
        "name": session.experiment.name,
        "epochs": len(rows),
        "steps": rows[-1]["step"] if rows else 0,
        "monitor": monitor,
        "best_epoch": _best_epoch(rows, monitor, maximized),
        "final": {k: v for k, v in rows[-1].items() if k not in UNMEASURED} if rows else {},
        "best": _best_values(rows),
        "parameters": session.network.count_params(),
        "seconds": round(seconds, 3),
    }
    if session.data.skipped:
        summary["skipped"] = {"count": len(session.data.skipped), "faults": session.data.skipped[:_MOST_FAULTS]}
    if session.data.test is not None:
        summary["test"] = session.trainer.evaluate(session.data.test.batches(0))
    return summary


def _best_epoch(rows: list[dict[str, Any]], monitor: str, maximized: bool) -> int | None:
    best: dict[str, Any] | None = None
    for row in rows:
        value = row.get(monitor)
        if value is not None and improves(value, best[monitor] if best else None, maximized):
            best = row
    return best["epoch"] if best else None


def _best_values(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = {n for row in rows for n, v in row.items() if n not in UNMEASURED and isinstance(v, int | float)}
    return {
        name: (max if is_maximized(name) else min)(row[name] for row in rows if isinstance(row.get(name), int | float))
        for name in sorted(names)
    }


def draw_plots(run: RunDirectory, session: Session) -> None:
    """curves.png, and on the test split (else validation) a confusion matrix or predictions against truth for each
    output."""
    draw_curves(run.metrics(), run.plots / "curves.png")
    split, heads = session.data.test or session.data.validation, drawn_heads(session)
    if split is not None and heads:
        for found in outcomes(session, split, heads):
            _draw_outcome(run, found)


def drawn_heads(session: Session) -> list[Head]:
    """The outputs that there is a picture of. Of others nothing is predicted for it: a language model's would fill the
    memory."""
    return [head for head in session.trainer.heads if _is_drawn(head, session.network.output_specs[head.output])]


def _is_drawn(head: Head, output: TensorSpec) -> bool:
    if head.loss is not None and "categorical" in head.loss.type_name:
        return len(output.shape) == 2 and (output.shape[-1] or 0) <= MOST_CLASSES
    return True


def _draw_outcome(run: RunDirectory, found: Outcome) -> None:
    prefix = found.head.prefix
    if isinstance(found, Measured):
        plot_predictions(found.true.reshape(-1), found.predicted.reshape(-1), run.plots / f"{prefix}predictions.png")
    elif found.each == 1 and len(found.names) <= MOST_CLASSES:
        path = run.plots / f"{prefix}confusion_matrix.png"
        plot_confusion_matrix(found.matrix, found.names, path)
        write_json(path.with_suffix(".json"), {"classes": found.names, "counts": found.matrix.tolist()})
