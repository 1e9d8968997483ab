"""The end of a run: summary.json and the pictures that suit the task."""

from typing import Any

import numpy as np

from tfcli.data.pipeline import Split
from tfcli.logging.durable import write_json
from tfcli.logging.plots import plot_confusion_matrix, plot_curves, plot_predictions
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.monitors import improves, is_maximized
from tfcli.models.trainer import Head
from tfcli.runner.monitors import UNMEASURED
from tfcli.runner.session import Session

_MOST_CLASSES = 100
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
    plot_curves(run.metrics(), run.plots / "curves.png")
    split = session.data.test or session.data.validation
    if split is None:
        return
    outputs = session.trainer.predict(split.batches(0))
    targets = collect_targets(split)
    for head in session.trainer.heads:
        names = session.data.class_names.get(head.target)
        _draw_head(run, head, targets[head.target], outputs[head.output], names)


def collect_targets(split: Split) -> dict[str, np.ndarray]:
    """A split's labels as the model is compared with them, by target, in order."""
    batches = [batch.targets for batch in split.batches(0)]
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


def _draw_head(run: RunDirectory, head: Head, true: np.ndarray, predicted: np.ndarray, names: list[str] | None) -> None:
    classes = predicted_classes(head, predicted)
    if classes is not None:
        labels = true.argmax(-1) if true.ndim == predicted.ndim and true.shape[-1] > 1 else true.reshape(classes.shape)
        count = max(predicted.shape[-1], 2)
        if count <= _MOST_CLASSES and classes.ndim == 1:
            matrix = np.zeros((count, count), np.int64)
            np.add.at(matrix, (labels.astype(np.int64), classes), 1)
            path, classes_shown = run.plots / f"{head.prefix}confusion_matrix.png", names or list(map(str, range(count)))
            plot_confusion_matrix(matrix, classes_shown, path)
            write_json(path.with_suffix(".json"), {"classes": classes_shown, "counts": matrix.tolist()})
    elif true.size == predicted.size:
        plot_predictions(true.reshape(-1), predicted.reshape(-1), run.plots / f"{head.prefix}predictions.png")


def predicted_classes(head: Head, predicted: np.ndarray) -> np.ndarray | None:
    """The class that each row of outputs stands for, or None where the loss is not a classifier's."""
    kind = head.loss.type_name if head.loss is not None else ""
    if kind == "binary_crossentropy" and predicted.shape[-1] == 1:
        threshold = 0.0 if getattr(head.loss, "from_logits", False) else 0.5
        return (predicted[..., 0] > threshold).astype(np.int64)
    if "categorical" in kind:
        return predicted.argmax(-1)
    return None
