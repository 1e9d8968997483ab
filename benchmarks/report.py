"""What `run.py` measured, as tables and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from processes import OURS, Run

ORDER = (OURS, "tensorflow", "jax", "torch", "torch-compile")


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As Markdown, columns aligned."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    print(f"\n### {title}\n")
    for row in (header, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")


def by_engine(runs: Sequence[Run], workload: str) -> dict[str, list[Run]]:
    """A workload's runs, by engine in a fixed order."""
    found = {engine: [r for r in runs if (r.workload, r.engine) == (workload, engine)] for engine in ORDER}
    return {engine: own for engine, own in found.items() if own}


def best_step(runs: Sequence[Run]) -> float:
    """Seconds."""
    return min(min(run.seconds) / run.steps for run in runs)


def first_epoch(runs: Sequence[Run]) -> float:
    """Seconds of the first epoch where nothing was compiled before."""
    return min(run.seconds[0] for run in runs if run.cold)


def warm_epoch(runs: Sequence[Run]) -> float | None:
    return min((run.seconds[0] for run in runs if not run.cold), default=None)


def print_workloads(result: dict[str, Any]) -> None:
    runs, host = result["runs"], result["machine"]
    print(f"{host.processor}, {host.cores} cores, {host.system}, Python {host.python}")
    print(f"load before {host.load_before:.2f}, after {host.load_after:.2f}; peak {host.peak_gflops:.0f} GFLOP/s")
    for engine, version in host.versions.items():
        print(f"{engine}: {version}")
    names = list(dict.fromkeys(run.workload for run in runs))
    if not names:
        return
    header = ["workload", "engine", "ms a step", "ratio", "first epoch s", "from start s", "whole s", "peak MB"]
    rows = []
    for name in names:
        engines = by_engine(runs, name)
        ours = best_step(engines[OURS])
        for engine, own in engines.items():
            step, again = best_step(own), warm_epoch(own)
            first = f"{first_epoch(own):.2f}" + (f" (again {again:.2f})" if again is not None else "")
            ends = min(run.first_epoch_end for run in own if run.cold)
            cells = [
                f"{step * 1e3:.3f}",
                f"{step / ours:.2f}",
                first,
                f"{ends:.2f}",
                f"{min(r.whole for r in own):.2f}",
            ]
            rows.append([name, engine, *cells, f"{min(r.peak_bytes for r in own) / 1e6:.0f}"])
    print_table("Training", header, rows)
    _print_rates(runs, names, result["flops"], host.peak_gflops)
    _print_table_rates(runs)


def _print_rates(runs: Sequence[Run], names: Sequence[str], flops: dict[str, int], peak: float) -> None:
    rows = []
    for name in (n for n in names if n in flops):
        engines = by_engine(runs, name)
        peers = {engine: best_step(own) for engine, own in engines.items() if engine != OURS}
        ours = best_step(engines[OURS])
        rate = flops[name] / ours / 1e9
        best = min(peers, key=lambda engine: peers[engine], default=None)
        against = f"{peers[best] / ours:.2f} of {best}" if best else "-"
        rows.append([name, f"{flops[name] / 1e6:.1f}", f"{rate:.1f}", f"{rate / peak:.0%}", against])
    print_table("Arithmetic", ["workload", "MFLOP a step", "GFLOP/s", "of peak", "times the best peer"], rows)


def _print_table_rates(runs: Sequence[Run]) -> None:
    engines = by_engine(runs, "tabular")
    rows = [
        [
            engine,
            f"{max(r.examples / min(r.seconds) for r in own):,.0f}",
            f"{max(r.examples / r.seconds[0] for r in own):,.0f}",
        ]
        for engine, own in engines.items()
    ]
    if rows:
        print_table("Rows a second from a CSV file", ["engine", "best epoch", "first epoch"], rows)


def print_scoring(scoring: dict[str, dict[str, dict[str, list[float]]]]) -> None:
    rows = []
    for engine, ways in scoring.items():
        for way, batches in sorted(ways.items()):
            cells = [f"{times[0]:,.0f} / {times[1]:,.0f}" for times in batches.values()]
            rows.append([engine, way, *cells])
    print_table("Answers, µs: median / 99th percentile", ["engine", "model, call", "batch 1", "batch 1024"], rows)


def print_scaling(scaling: dict[str, list[dict[str, float]]]) -> None:
    rows = [
        [
            axis,
            f"{p['value']:,.0f}",
            f"{p['seconds'] * 1e3:.3f}",
            f"{p['ideal'] * 1e3:.3f}",
            f"{p['peak_bytes'] / 1e6:.0f}",
        ]
        for axis, points in scaling.items()
        for p in points
    ]
    print_table("Scaling", ["axis", "value", "ms (rows: an epoch)", "ms by arithmetic", "peak MB"], rows)


def draw(result: dict[str, Any], file: Path) -> None:
    """Ratios of all engines to ours, and the scaling curves beside their ideal lines."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    scaling = result.get("scaling", {})
    figure = plt.figure(figsize=(12, 4 + 3 * bool(scaling)), layout="constrained")
    grid = figure.add_gridspec(1 + bool(scaling), max(1, len(scaling)))
    if result["runs"]:
        _draw_ratios(figure.add_subplot(grid[0, :]), result["runs"])
    for i, (axis, points) in enumerate(scaling.items()):
        _draw_axis(figure.add_subplot(grid[1, i]), axis, points)
    figure.savefig(file, dpi=120)
    plt.close(figure)


def _draw_ratios(axes: Any, runs: Sequence[Run]) -> None:
    names = list(dict.fromkeys(run.workload for run in runs))
    engines = [engine for engine in ORDER if any(run.engine == engine for run in runs)]
    width = 0.8 / len(engines)
    for i, engine in enumerate(engines):
        ratios = {
            n: best_step(own[engine]) / best_step(own[OURS])
            for n, own in ((name, by_engine(runs, name)) for name in names)
            if engine in own
        }
        places = [names.index(name) + (i - (len(engines) - 1) / 2) * width for name in ratios]
        bars = axes.bar(places, list(ratios.values()), width, label=engine)
        axes.bar_label(bars, [f"{ratio:.1f}" for ratio in ratios.values()], fontsize=7)
    axes.set(xticks=range(len(names)), xticklabels=names, yscale="log", ylabel="time of a step, tfcli = 1")
    axes.legend(ncols=len(engines), fontsize=8)


def _draw_axis(axes: Any, name: str, points: Sequence[dict[str, float]]) -> None:
    values = [p["value"] for p in points]
    axes.loglog(values, [p["seconds"] * 1e3 for p in points], "o-", label="ms")
    axes.loglog(values, [p["ideal"] * 1e3 for p in points], "--", color="gray", label="by arithmetic")
    axes.loglog(values, [p["peak_bytes"] / 1e6 for p in points], "s-", label="MB at peak")
    axes.set_title(name, fontsize=9)
    axes.legend(fontsize=7)
