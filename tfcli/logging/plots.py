"""Pictures of a run as PNG or SVG files, by what their names end in; readable in black and white.

Drawn through matplotlib's Agg and SVG canvases alone: no window system, no global state.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.logging.curves import TRAINING, curves_of, panels_of
from tfcli.logging.durable import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_MARKERS = 40
_MOST_NUMBERED = 30
_DPI = 120


def plot_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the loss, each metric and a changing learning rate over the epochs, training against validation.

    `rows`: one mapping an epoch, as in metrics.jsonl. Raises CheckpointError where the disk refuses.
    """
    panels = panels_of(rows)
    columns = min(len(panels), 3)
    figure = new_figure(4.4 * columns, 3.3 * math.ceil(len(panels) / columns))
    grid = list(figure.subplots(math.ceil(len(panels) / columns), columns, squeeze=False).flat)
    for axes, name in zip(grid, panels, strict=False):
        _draw_curve(axes, rows, name)
    for axes in grid[len(panels) :]:
        axes.remove()
    save_figure(figure, path)


def _draw_curve(axes: "Axes", rows: Sequence[Mapping[str, Any]], name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    curves = curves_of(rows, name)
    for curve in curves:
        every = math.ceil(len(curve.points) / _MOST_MARKERS)
        style: dict[str, Any] = {"linestyle": "--", "marker": "s"} if curve.is_dashed else {"marker": "o"}
        xs, ys = zip(*curve.points, strict=True)
        axes.plot(xs, ys, **style, color=curve.color, label=curve.label, ms=3.5, linewidth=1.4, markevery=every)
    axes.set_title(name.replace("_", " "), fontsize=10)
    axes.set_xlabel("epoch", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if len(rows) == 1:
        axes.set_xlim(rows[0]["epoch"] - 1, rows[0]["epoch"] + 1)
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=8)
    if not curves:
        axes.text(0.5, 0.5, "no finite value", ha="center", va="center", transform=axes.transAxes, fontsize=9)
        axes.set_yticks([])
    quiet_axes(axes)
    axes.grid(True, color="#dddddd", linewidth=0.6)


def plot_confusion_matrix(matrix: np.ndarray, class_names: Sequence[str], path: Path, percent: bool = False) -> None:
    """Draw how many examples of each class were taken for which; the shade is the share of the true class.

    `matrix` (C, C): counts, true classes down, predicted across; with `percent` each row's shares of 100. Raises
    CheckpointError where the disk refuses.
    """
    matrix = np.asarray(matrix)
    count = len(class_names)
    assert count > 0, "no classes"
    assert matrix.shape == (count, count), f"{matrix.shape} for {count} classes"
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [_shortened(str(name)) for name in class_names]
    cell = min(max(0.42, 2.6 / count), 14 / count)
    longest = 0.085 * max(map(len, names))
    side = cell * count + longest + 0.7
    figure = new_figure(side, side)
    axes = figure.subplots()
    axes.imshow(share, cmap="Greys", vmin=0, vmax=1)
    if count <= _MOST_NUMBERED:
        size = _number_size(matrix, cell)
        for row, column, text, shade in _cells(matrix, share):
            color = "white" if shade > 0.55 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)
    every = math.ceil(count / 50)
    ticks = range(0, count, every)
    axes.set_xticks(ticks, names[::every], fontsize=8, rotation=90 if longest > cell * every else 0)
    axes.set_yticks(ticks, names[::every], fontsize=8)
    axes.set_xlabel("predicted", fontsize=9)
    axes.set_ylabel("true (shade: share of its examples)", fontsize=9)
    right = int(np.trace(matrix))
    total = int(matrix.sum())
    title = "% of each class" if percent else f"{right:,} of {total:,} right ({right / max(total, 1):.1%})"
    axes.set_title(title, fontsize=10)
    quiet_axes(axes)
    axes.spines[:].set(visible=True, color="#888888")
    save_figure(figure, path)


def _cells(matrix: np.ndarray, share: np.ndarray) -> Iterator[tuple[int, int, str, float]]:
    for row, column in np.argwhere(matrix):
        yield row, column, f"{matrix[row, column]:.0f}", share[row, column]


def _number_size(matrix: np.ndarray, cell: float) -> float:
    """In points, so that the longest number fits a cell of `cell` inches (a digit is 0.62 of its height wide)."""
    digits = len(str(int(matrix.max())))
    return min(9.0, 0.85 * 72 * cell / (0.62 * digits))


def _shortened(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def plot_predictions(true: np.ndarray, predicted: np.ndarray, path: Path) -> None:
    """Draw the predicted against the true values of a regression, with the line where both are equal.

    `true`, `predicted` (N,) or (N, K), in the target's units. Raises CheckpointError where the disk refuses.
    """
    true, predicted = np.ravel(true).astype(float), np.ravel(predicted).astype(float)
    assert true.shape == predicted.shape, f"{true.shape} true values, {predicted.shape} predicted"
    finite = np.isfinite(true) & np.isfinite(predicted)
    true, predicted = true[finite], predicted[finite]
    figure = new_figure(4.6, 4.6)
    axes = figure.subplots()
    size = float(np.clip(4000 / max(len(true), 1), 3, 20))
    axes.scatter(true, predicted, s=size, color=TRAINING, alpha=0.5, linewidths=0)
    if len(true):
        low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
        margin = 0.04 * (high - low) or 1.0
        limits = (low - margin, high + margin)
        axes.plot(limits, limits, color="black", linestyle="--", linewidth=0.9, label="predicted = true")
        axes.set(xlim=limits, ylim=limits, aspect="equal")
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        error = predicted - true
        axes.set_title(
            f"mean absolute error {np.abs(error).mean():.4g}, root mean square {np.sqrt((error**2).mean()):.4g}",
            fontsize=9,
        )
    axes.set_xlabel("true", fontsize=9)
    axes.set_ylabel("predicted", fontsize=9)
    quiet_axes(axes)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    save_figure(figure, path)


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches, whose parts make room for each other."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(width, height), dpi=_DPI, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))


def quiet_axes(axes: "Axes") -> None:
    """The one style of all pictures: two thin grey sides, small numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#888888")
    axes.tick_params(labelsize=8, color="#888888")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write the figure as SVG where the path ends so, else as PNG. Raises CheckpointError where the disk refuses."""
    # Versions and dates are left out of the files, and an SVG's names depend on its content alone: equal pictures
    # are equal bytes.
    buffer = io.BytesIO()
    if Path(path).suffix == ".svg":
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        with rc_context({"svg.hashsalt": Path(path).stem}):
            FigureCanvasSVG(figure).print_svg(buffer, metadata={"Creator": None, "Date": None})
    else:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    write_bytes(Path(path), buffer.getvalue())
