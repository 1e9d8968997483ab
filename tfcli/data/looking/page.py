"""Statistics as one web page that stands alone: no scripts, no other files, pictures drawn as SVG."""

from collections.abc import Iterator, Sequence
from html import escape

from tfcli.data.looking.statistics import ColumnStatistics, Histogram, NumberStatistics, Statistics, show_value

_WIDTH, _HEIGHT = 280, 72
_ROW, _LABEL = 16, 130
_MOST_VALUES = 12
_COLOURS = ("#4c78a8", "#f58518", "#54a24b")
_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5em .8em; border-top: 1px solid #ddd; }
.number { font-variant-numeric: tabular-nums; }
.odd { color: #b3261e; }
small { color: #666; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } th, td { border-color: #444; } }
"""


def page(title: str, tables: Sequence[Statistics]) -> str:
    """The page's text: a row for each column, and in it each table's figures and picture. Nothing that a table holds
    becomes markup."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    heads = "".join(f"<th>{escape(t.name)} <small>{t.rows:,} rows</small></th>" for t in tables)
    rows = "\n".join(_row(name, tables) for name in names)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f"<table><thead><tr><th>column</th>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></body></html>\n"
    )


def _row(name: str, tables: Sequence[Statistics]) -> str:
    cells = []
    for table, colour in zip(tables, _COLOURS, strict=False):
        column = table.columns.get(name)
        cells.append(f"<td>{'' if column is None else _column(column, colour)}</td>")
    label = " <small>label</small>" if any(name in table.labels for table in tables) else ""
    return f"<tr><th>{escape(name)}{label}</th>{''.join(cells)}</tr>"


def _column(column: ColumnStatistics, colour: str) -> str:
    shape = f" {'x'.join(map(str, column.shape))}" if column.shape else ""
    parts = [f"<b>{column.type}{shape}</b>", f"{'' if column.is_exact else 'about '}{column.distinct:,} distinct"]
    if column.missing:
        parts.append(f'<span class="odd">{column.missing:,} missing ({column.missing / column.rows:.1%})</span>')
    if column.wrong:
        parts.append(f'<span class="odd">{column.wrong:,} of another type</span>')
    lines = [", ".join(parts)]
    if column.numbers is not None:
        lines += [_figures(column, column.numbers), _histogram(column, column.numbers.histogram, colour)]
    if column.texts is not None and column.type == "text":
        lines.append(f"{column.texts.mean_length:.0f} characters in the mean, {column.texts.longest:,} at most")
    elif column.texts is not None:
        lines.append(_values(column.texts.values, column.rows, colour))
    return "<br>".join(lines)


def _figures(column: ColumnStatistics, numbers: NumberStatistics) -> str:
    kind = column.type
    shown = {"min": numbers.low} | numbers.quantiles | {"max": numbers.high}
    texts = [f"{name} {show_value(kind, value)}" for name, value in shown.items()]
    if kind != "date":
        texts.insert(0, f"mean {numbers.mean:.5g} ± {numbers.deviation:.4g}")
    if numbers.zeros and kind != "date":
        texts.append(f"{numbers.zeros / column.rows:.1%} zeros")
    if numbers.infinite:
        texts.append(f'<span class="odd">{numbers.infinite:,} infinite</span>')
    return f'<small class="number">{"; ".join(texts)}</small>'


def _histogram(column: ColumnStatistics, histogram: Histogram, colour: str) -> str:
    highest, width = max([*histogram.counts, 1]), _WIDTH / max(len(histogram.counts), 1)
    return _svg(_WIDTH, _HEIGHT + 4, _bars(column, histogram, highest, width, colour))


def _bars(column: ColumnStatistics, histogram: Histogram, highest: int, width: float, colour: str) -> Iterator[str]:
    for i, count in enumerate(histogram.counts):
        height = max(1.0, count / highest * _HEIGHT) if count else 0.0
        edges = [show_value(column.type, edge) for edge in histogram.edges[i : i + 2]]
        yield (
            f'<rect x="{i * width:.1f}" y="{_HEIGHT - height:.1f}" width="{max(width - 1, 1):.1f}" '
            f'height="{height:.1f}" fill="{colour}"><title>{" to ".join(edges)}: {count:,}</title></rect>'
        )


def _values(values: dict[str, int], rows: int, colour: str) -> str:
    shown = list(values.items())[:_MOST_VALUES]
    return _svg(_LABEL + _WIDTH, _ROW * len(shown), _value_bars(shown, rows, colour))


def _value_bars(shown: Sequence[tuple[str, int]], rows: int, colour: str) -> Iterator[str]:
    highest = max([count for _, count in shown], default=1)
    for i, (value, count) in enumerate(shown):
        text = value if len(value) <= 20 else f"{value[:19]}…"
        width = max(1.0, count / highest * (_WIDTH - 60))
        yield (
            f'<text x="{_LABEL - 6}" y="{i * _ROW + 12}" text-anchor="end">{escape(text)}</text>'
            f'<rect x="{_LABEL}" y="{i * _ROW + 2}" width="{width:.1f}" height="{_ROW - 4}" fill="{colour}">'
            f"<title>{escape(value)}: {count:,}</title></rect>"
            f'<text x="{_LABEL + width + 4:.1f}" y="{i * _ROW + 12}">{count / rows:.1%}</text>'
        )


def _svg(width: float, height: float, parts: Iterator[str]) -> str:
    return f'<svg width="{width}" height="{height}" role="img">{"".join(parts)}</svg>'
