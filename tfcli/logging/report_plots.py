"""The pictures of a report on a model, in the style of `tfcli.logging.plots`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.logging.curves import TRAINING, VALIDATION
from tfcli.logging.plots import new_figure, quiet_axes, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLES: tuple[dict[str, Any], ...] = (
    {"color": TRAINING, "linestyle": "-"},
    {"color": VALIDATION, "linestyle": "--"},
    {"color": "#4d4d4d", "linestyle": ":"},
    {"color": "#2e7d32", "linestyle": "-."},
    {"color": "#7b1fa2", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    {"color": "#000000", "linestyle": (0, (1, 3))},
)
"""Told apart by their strokes where colours are not."""
MOST_LINES = len(_STYLES)
Line = tuple[str, np.ndarray, np.ndarray]
"""A line's label, its x and its y."""


def plot_lines(lines: Sequence[Line], labels: tuple[str, str], path: Path, diagonal: str | None = None) -> None:
    """Draw curves between 0 and 1, as steps; `labels` of the axes; `diagonal`: what the line x = y is called."""
    figure = new_figure(4.6, 4.4)
    axes = figure.subplots()
    if diagonal is not None:
        axes.plot([0, 1], [0, 1], color="#888888", linewidth=0.8, label=diagonal)
    for (label, xs, ys), style in zip(lines, _STYLES, strict=False):
        axes.plot(xs, ys, label=label, linewidth=1.4, **style)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(frameon=False, fontsize=8)
    _finish(axes, *labels)
    save_figure(figure, path)


def plot_calibration(
    probability: np.ndarray, right: np.ndarray, counts: np.ndarray, labels: tuple[str, str], path: Path
) -> None:
    """Draw how often a probability comes true, over how many examples there are of each: arrays (bins,)."""
    figure = new_figure(4.6, 5.2)
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    upper.plot([0, 1], [0, 1], color="#888888", linewidth=0.8, label="perfectly calibrated")
    there = counts > 0
    upper.plot(probability[there], right[there], color=TRAINING, marker="o", markersize=4, linewidth=1.4, label="model")
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    upper.legend(frameon=False, fontsize=8)
    _finish(upper, "", labels[1])
    bins = len(counts)
    lower.bar((np.arange(bins) + 0.5) / bins, counts, width=0.9 / bins, color="#9fb6cd")
    _finish(lower, labels[0], "examples")
    save_figure(figure, path)


def plot_residuals(true: np.ndarray, predicted: np.ndarray, path: Path) -> None:
    """Draw the errors of amounts (N,) over what was predicted, and how they are distributed."""
    figure = new_figure(7.6, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=[2, 1], sharey=True)
    errors = predicted - true
    size = float(np.clip(4000 / max(len(errors), 1), 3, 20))
    bins = int(np.clip(np.sqrt(len(errors)), 5, 30))
    left.scatter(predicted, errors, s=size, color=TRAINING, alpha=0.5, linewidths=0)
    right.hist(errors, bins=bins, orientation="horizontal", color="#9fb6cd", edgecolor="white", linewidth=0.5)
    for axes in (left, right):
        axes.axhline(0, color="black", linewidth=0.8, linestyle="--")
    _finish(left, "predicted", "predicted - true")
    _finish(right, "examples", "")
    save_figure(figure, path)


def plot_bars(names: Sequence[str], values: Sequence[float], spread: Sequence[float], label: str, path: Path) -> None:
    """Draw a bar for each name, the first at the top, with how far each value varies."""
    figure = new_figure(5.4, 0.9 + 0.3 * len(names))
    axes = figure.subplots()
    places = np.arange(len(names))
    axes.barh(
        places, values, xerr=spread, color="#9fb6cd", edgecolor=TRAINING, linewidth=0.6, error_kw={"linewidth": 1}
    )
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    _finish(axes, label, "")
    save_figure(figure, path)


def plot_pictures(pictures: np.ndarray, titles: Sequence[str], path: Path) -> None:
    """Draw pictures (N, H, W, C), from 0 to 1, side by side, each below its title."""
    columns = min(len(pictures), 6)
    rows = -(-len(pictures) // columns)
    figure = new_figure(1.5 * columns, 1.8 * rows)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, picture, title in zip(grid, pictures, titles, strict=False):
        gray = picture.shape[-1] == 1
        axes.imshow(picture[..., 0] if gray else picture, cmap="gray" if gray else None, vmin=0, vmax=1)
        axes.set_title(title, fontsize=7)
    for axes in grid:
        axes.axis("off")
    save_figure(figure, path)


def plot_search(
    rates: np.ndarray, losses: np.ndarray, smooth: np.ndarray, suggestion: float | None, path: Path
) -> None:
    """Draw the loss against the learning rate, as measured and smoothed, with the rate suggested."""
    figure = new_figure(5.6, 3.6)
    axes = figure.subplots()
    axes.plot(rates, losses, color="#9fb6cd", linewidth=0.8, label="loss of a batch")
    axes.plot(rates, smooth, color=TRAINING, linewidth=1.6, label="smoothed")
    if suggestion is not None:
        axes.axvline(suggestion, color=VALIDATION, linestyle="--", linewidth=1.2, label=f"suggested: {suggestion:.3g}")
    axes.set_xscale("log")
    finite = smooth[np.isfinite(smooth)]
    if len(finite):
        low, high = float(finite.min()), float(finite[0])
        room = max(high - low, 1e-12)
        axes.set_ylim(low - 0.4 * room, high + 0.6 * room)
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    _finish(axes, "learning rate", "loss")
    save_figure(figure, path)


def _finish(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    quiet_axes(axes)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
