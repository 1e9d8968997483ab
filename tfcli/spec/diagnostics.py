"""What is wrong with a spec, shown as a compiler does: the place, the line, a caret under the fault, how to mend it."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfcli.declare import Problem
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.spec.document import Document

WINDOW = 100
"""Columns of a source line that are shown; longer lines are cut around the caret."""


@dataclass(frozen=True, eq=False)
class Source:
    """A text that diagnostics quote: a file, or else an assignment from elsewhere, such as a `--set` option."""

    name: str
    lines: tuple[str, ...]
    is_file: bool = True


@dataclass(frozen=True)
class Mark:
    """A stretch of one line of a source: line and column count from 1, column and length in characters."""

    source: Source
    line: int
    column: int
    length: int

    @property
    def file(self) -> str:
        return self.source.name

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.source.is_file else self.file


@dataclass(frozen=True)
class Diagnostic:
    """One fault with its place; `help` says how to mend it."""

    mark: Mark
    message: str
    help: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        mark = self.mark
        place = {"file": mark.file, "line": mark.line, "column": mark.column, "length": mark.length}
        return place | {"message": self.message, "help": self.help}


class InvalidSpec(SpecError):
    """A spec with faults: the text is the whole report, `diagnostics` are the faults, `problems` those with a path."""

    def __init__(self, diagnostics: list[Diagnostic], problems: Iterable[Problem] = ()) -> None:
        self.diagnostics = _in_order(diagnostics)
        self.problems = list(problems)
        super().__init__(_report(self.diagnostics, colour=False))

    def render(self, colour: bool = False) -> str:
        return _report(self.diagnostics, colour)

    def to_dicts(self) -> list[dict[str, Any]]:
        return [diagnostic.to_dict() for diagnostic in self.diagnostics]


def locate(document: "Document", problem: Problem) -> Diagnostic:
    """`problem` with its place in `document`."""
    mark = document.position(problem.path, problem.at_key)
    return Diagnostic(mark, problem.message, problem.suggestion)


def render(document: "Document", problems: Iterable[Problem], colour: bool = False) -> str:
    """The report on `problems`, by position and without repetitions, ending in a line that counts them."""
    return _report(_in_order([locate(document, problem) for problem in problems]), colour)


def _in_order(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Files first, then options in the order given; by line and column within each."""
    sources = list(dict.fromkeys(diagnostic.mark.source for diagnostic in diagnostics))

    def order(diagnostic: Diagnostic) -> tuple:
        mark = diagnostic.mark
        return not mark.source.is_file, sources.index(mark.source), mark.line, mark.column

    return sorted(dict.fromkeys(diagnostics), key=order)


def _report(diagnostics: list[Diagnostic], colour: bool) -> str:
    count = f"{len(diagnostics)} error{'' if len(diagnostics) == 1 else 's'}"
    return "\n\n".join([*(_paragraph(d, colour) for d in diagnostics), _paint(count, "1", colour)])


def _paragraph(diagnostic: Diagnostic, colour: bool) -> str:
    mark = diagnostic.mark
    head = f"{_paint(f'{mark}:', '1', colour)} {_paint('error:', '1;31', colour)} {printable(diagnostic.message)}"
    number = str(mark.line) if mark.source.is_file else ""
    margin = " " * max(4, len(number))
    text, start, width = _excerpt(mark)
    lines = [
        head,
        f"{number:>{len(margin)}} | {text}".rstrip(),
        f"{margin} | {' ' * start}{_paint('^' * width, '1;31', colour)}",
    ]
    if diagnostic.help:
        lines.append(f"{margin} = {_paint('help:', '1;36', colour)} {printable(diagnostic.help)}")
    return "\n".join(lines)


def _excerpt(mark: Mark) -> tuple[str, int, int]:
    """The line as shown, the column of the caret, and its width, both as a terminal counts."""
    lines = mark.source.lines
    text = printable(lines[mark.line - 1]) if mark.line <= len(lines) else ""
    start, stop = mark.column - 1, mark.column - 1 + max(mark.length, 1)
    if display_width(text) > WINDOW:
        text, start, stop = _cut(text, start, min(stop, len(text)))
    return text, display_width(text[:start]), max(1, display_width(text[start:stop]))


def _cut(text: str, start: int, stop: int) -> tuple[str, int, int]:
    """`text` cut to about WINDOW columns around `start`…`stop`."""
    first = max(0, min(start - WINDOW // 3, len(text) - WINDOW))
    last = first
    while last < len(text) and display_width(text[first : last + 1]) <= WINDOW:
        last += 1
    left, right = "… " if first else "", " …" if last < len(text) else ""
    shift = len(left) - first
    return f"{left}{text[first:last]}{right}", start + shift, min(stop, last) + shift


def display_width(text: str) -> int:
    """Columns that a terminal gives `text`: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def printable(text: str) -> str:
    """`text` with a space for a tab and a mark for what would move the cursor or colour the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " if c == "\t" else "�" for c in text)


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
