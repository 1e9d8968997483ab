"""What commands print: results on standard output, everything else on standard error."""

import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO


def print_json(value: Mapping[str, Any]) -> None:
    """`value` as one JSON object. JSON has no NaN and no infinity: they become null."""
    print(json.dumps(_json_value(value), ensure_ascii=False, allow_nan=False))


def _json_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def note(text: str) -> None:
    """A remark, on standard error."""
    print(text, file=sys.stderr)


def warn(text: str) -> None:
    note(f"{paint('warning:', '1;33', sys.stderr)} {text}")


def print_table(rows: Sequence[Sequence[Any]], header: Sequence[str] = (), indent: int = 0) -> None:
    """Columns side by side, numbers to the right. On a terminal that is too narrow the columns that do not fit stand
    below, after the first once more."""
    texts = [[cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, *([header] if header else []), strict=True)]
    right = [all(isinstance(value, int | float | None) for value in column) for column in zip(*rows, strict=True)]
    right = right or [False] * len(header)

    def line(row: Sequence[str], columns: Sequence[int]) -> str:
        cells = [row[i].rjust(widths[i]) if right[i] else row[i].ljust(widths[i]) for i in columns]
        return (" " * indent + "  ".join(cells)).rstrip()

    for number, columns in enumerate(_blocks(widths, indent)):
        if number:
            print()
        if header:
            print(paint(line(header, columns), "1", sys.stdout))
        for row in texts:
            print(line(row, columns))


def _blocks(widths: Sequence[int], indent: int) -> list[list[int]]:
    """The columns that stand side by side: all of them, unless the terminal is too narrow."""
    room = shutil.get_terminal_size().columns - indent if sys.stdout.isatty() else math.inf
    blocks = [[0]] if widths else []
    for i in range(1, len(widths)):
        if len(blocks[-1]) > 1 and sum(widths[j] + 2 for j in blocks[-1]) + widths[i] > room:
            blocks.append([0])
        blocks[-1].append(i)
    return blocks


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return number(value) if isinstance(value, float | list | tuple) else str(value)


def number(value: Any) -> str:
    """A metric's value: four decimals, or four digits where it is very small or large; a list's entries one by one."""
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(number, value)) + "]"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def values(results: Mapping[str, Any]) -> str:
    """`loss 0.1234  accuracy 0.95`."""
    return "  ".join(f"{name} {number(value)}" for name, value in results.items())


def duration(seconds: float) -> str:
    """`0.42 s`, `3 min 05 s`, `2 h 03 min`."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def typed(*words: str | Path) -> str:
    """A command as it is to be typed; paths below the current folder relative to it."""
    return shlex.join(shortest(word) if isinstance(word, Path) else word for word in words)


def shortest(path: Path) -> str:
    """`path`, relative where it is below the current folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def paint(text: str, code: str, stream: TextIO) -> str:
    """`text` in an ANSI style, where `stream` shows colours."""
    return f"\x1b[{code}m{text}\x1b[0m" if has_colour(stream) else text


def has_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal and the user has not asked for plain text (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
