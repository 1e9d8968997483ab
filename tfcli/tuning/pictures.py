"""Pictures of a study: how the search went, which keys mattered, and what the good settings have in common."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.logging.plots import new_figure, quiet_axes, save_figure
from tfcli.spec.dump import flow
from tfcli.tuning.space import Key, make_space
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE, _DOTS = "#1f4e79", "#c55a11"
_FEWEST = 4
"""Trials from which the importance of keys is told."""
_COLUMNS = 3
_MOST_TICKS = 8


def draw_study(study: Study, names: Mapping[str, str]) -> None:
    """Draw history.png, slice.png, parallel_coordinates.png and importances.png into the study's plots/.

    `names`: what each searched key is called in little room. Only what its trials allow: nothing without a value.
    Raises CheckpointError where the disk refuses.
    """
    trials = [trial for trial in study.everywhere if trial.state == "done" and trial.values]
    if not trials:
        return
    keys = [key for key in make_space(study.loaded).keys if any(key.path in trial.parameters for trial in trials)]
    _draw_history(study, trials)
    _draw_slices(study, trials, keys, names)
    if len(keys) > 1:
        _draw_parallel(study, trials, keys, names)
    importances = key_importances(study, trials)
    if importances:
        _draw_importances(study, importances, names)


def key_importances(study: Study, trials: Sequence[Trial]) -> dict[str, float]:
    """How much each key decides about the first objective being good, by PED-ANOVA; the shares sum to 1.

    Keys that some trials lack have none. Empty where there are too few trials to tell.
    (Watanabe et al.: PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces, 2023)
    """
    values = [trial.value for trial in trials]
    if len(trials) < _FEWEST or len(set(values)) < 2:
        return {}
    from tfcli.tuning.optuna_keys import importances

    return importances(make_space(study.loaded), trials, study.objective)


def _draw_history(study: Study, trials: Sequence[Trial]) -> None:
    """The value of each trial, and the best up to there."""
    numbers, values = [t.number for t in trials], np.array([t.value for t in trials], float)
    best = np.maximum.accumulate(values) if study.objective.maximize else np.minimum.accumulate(values)
    figure = new_figure(5.6, 3.5)
    axes = figure.subplots()
    axes.scatter(numbers, values, s=14, color=_DOTS, linewidths=0, label="a trial")
    axes.step(numbers, best, where="post", color=_LINE, linewidth=1.4, label="best so far")
    _finish(axes, "trial", _title(study))
    axes.legend(frameon=False, fontsize=8)
    save_figure(figure, study.run.plots / "history.png")


def _draw_slices(study: Study, trials: Sequence[Trial], keys: Sequence[Key], names: Mapping[str, str]) -> None:
    """The values over each key by itself; later trials darker."""
    columns = min(len(keys), _COLUMNS)
    rows = math.ceil(len(keys) / columns)
    figure = new_figure(3.3 * columns, 2.9 * rows)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, key in zip(grid, keys, strict=False):
        having = [trial for trial in trials if key.path in trial.parameters]
        places = _places(key, having)
        shades = [0.25 + 0.75 * i / max(len(having) - 1, 1) for i in range(len(having))]
        axes.scatter(places, [t.value for t in having], s=14, color=_LINE, alpha=shades, linewidths=0)
        _label_places(axes, key, having)
        _finish(axes, names[key.path], _title(study))
    for axes in grid[len(keys) :]:
        axes.remove()
    save_figure(figure, study.run.plots / "slice.png")


def _draw_parallel(study: Study, trials: Sequence[Trial], keys: Sequence[Key], names: Mapping[str, str]) -> None:
    """A line a trial through its values, the better the darker; the last axis is the value."""
    ranked = sorted(trials, key=lambda t: -study.objective.order(t.value or 0.0))  # the best is drawn last, on top
    figure = new_figure(max(4.5, 1.5 * (len(keys) + 1)), 3.7)
    axes = figure.subplots()
    height = {key.path: _scaled(key, ranked) for key in keys}
    values = _unit(np.array([trial.value for trial in ranked], float))
    for i, trial in enumerate(ranked):
        goodness = (i + 1) / len(ranked)
        line = [height[key.path].get(trial.number, np.nan) for key in keys] + [values[i]]
        axes.plot(line, color=_LINE, alpha=0.1 + 0.9 * goodness**2, linewidth=0.6 + 1.2 * goodness**2, marker=".")
    axes.set_xticks(range(len(keys) + 1), [*(names[key.path] for key in keys), study.objective.name], fontsize=8)
    axes.set_ylim(-0.12, 1.1)
    axes.set_yticks([])
    for position, key in enumerate([*keys, None]):
        axes.axvline(position, color="#bbbbbb", linewidth=0.8, zorder=0)
        low, high = _ends(key, ranked)
        for text, y, side in ((low, -0.03, "top"), (high, 1.03, "bottom")):
            axes.text(position, y, text, ha="center", va=side, fontsize=7, color="#555555")
    quiet_axes(axes)
    axes.spines[:].set_visible(False)
    save_figure(figure, study.run.plots / "parallel_coordinates.png")


def _draw_importances(study: Study, importances: Mapping[str, float], names: Mapping[str, str]) -> None:
    ordered = sorted(importances.items(), key=lambda item: item[1])
    figure = new_figure(5.0, 0.8 + 0.35 * len(ordered))
    axes = figure.subplots()
    bars = axes.barh([names[path] for path, _ in ordered], [share for _, share in ordered], color=_LINE, height=0.6)
    axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=3)
    axes.set_xlim(0, 1.1)
    _finish(axes, f"importance for {study.objective.name}", "")
    save_figure(figure, study.run.plots / "importances.png")


def _title(study: Study) -> str:
    return f"{study.objective.name} ({study.objective.direction})"


def _finish(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    quiet_axes(axes)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _is_numeric(key: Key) -> bool:
    return key.low is not None or all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in key.choices or ()
    )


def _places(key: Key, trials: Sequence[Trial]) -> list[float]:
    """Where the trials' values stand on the key's axis: the numbers themselves, or the place among the choices."""
    values = [trial.parameters[key.path] for trial in trials]
    if _is_numeric(key):
        return [float(value) for value in values]
    choices = [flow(choice) for choice in key.choices or ()]
    return [float(choices.index(flow(value))) for value in values]


def _label_places(axes: "Axes", key: Key, trials: Sequence[Trial]) -> None:
    if key.log:
        axes.set_xscale("log")
    elif not _is_numeric(key):
        choices = [flow(choice) for choice in key.choices or ()]
        every = math.ceil(len(choices) / _MOST_TICKS)
        axes.set_xticks(range(0, len(choices), every), choices[::every])


def _scaled(key: Key, trials: Sequence[Trial]) -> dict[int, float]:
    """The trials' places between 0 and 1, by trial."""
    having = [trial for trial in trials if key.path in trial.parameters]
    places = np.array(_places(key, having))
    scaled = _unit(np.log(places) if key.log else places)
    return {trial.number: float(place) for trial, place in zip(having, scaled, strict=True)}


def _unit(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.full_like(values, 0.5)


def _ends(key: Key | None, trials: Sequence[Trial]) -> tuple[str, str]:
    """The lowest and the highest of the key's values, or of the trials' own."""
    if key is None:
        values = [trial.value or 0.0 for trial in trials]
        return f"{min(values):.4g}", f"{max(values):.4g}"
    having = [trial for trial in trials if key.path in trial.parameters]
    ordered = sorted(zip(_places(key, having), having, strict=True), key=lambda pair: pair[0])
    return _shown(ordered[0][1].parameters[key.path]), _shown(ordered[-1][1].parameters[key.path])


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else flow(value)
