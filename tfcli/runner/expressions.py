"""Conditions on runs, as in `optimizer.learning_rate < 0.01 and not (min val_loss > 0.5 or optimizer == "sgd")`.

or        = and {"or" and}
and       = not {"and" not}
not       = "not" not | comparison
comparison = operand [("<" | "<=" | ">" | ">=" | "==" | "!=" | "in") operand]
operand   = number | text in quotes | true | false | null | column | "(" or ")" | "[" [operand {"," operand}] "]"
column    = [min | max | first | last | best] name ["@epoch"]

`in` tells whether a text occurs in another, as in `"baseline" in tags`, or a value in a list, as in `seed in [1, 2]`.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from tfcli.spec.diagnostics import Diagnostic, InvalidSpec, Mark, Source

Lookup = Callable[["Column"], Any]
_Test = Callable[[Lookup], Any]

PICKS = ("min", "max", "first", "last", "best")
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)
    |(?P<sign><=|>=|==|!=|[<>()\[\],]|@epoch\b))""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "in": lambda part, whole: part in whole,
}
_LITERALS = {"true": True, "false": False, "null": None}
_WORDS = ("and", "or", "not", "in", *_LITERALS)


@dataclass(frozen=True)
class Column:
    """What a run may be asked for: a field, a metric (`pick` says at which epoch), a key of its spec or environment."""

    name: str
    pick: str | None = None
    of_epoch: bool = False
    """The epoch of the metric's value is meant, and not the value."""

    def __str__(self) -> str:
        text = f"{self.pick} {self.name}" if self.pick else self.name
        return f"{text} @epoch" if self.of_epoch else text


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class Condition:
    """`holds(lookup)` tells whether it is true of the run that `lookup` asks; `columns`: what it asks, and where."""

    holds: Callable[[Lookup], bool]
    columns: list[tuple[Column, Mark]]


def parse_condition(text: str, option: str = "--where") -> Condition:
    """Raises InvalidSpec, with a caret."""
    return _Parser(text, option).parse()


def _is_true(value: Any) -> bool:
    return value is not None and value is not False


def _compare(sign: str, left: Any, right: Any) -> bool:
    """Numbers with numbers, texts with texts; nothing is less or more than a value of another kind, or than none."""
    if sign in ("==", "!="):
        return _COMPARISONS[sign](left, right)
    if sign == "in" and isinstance(right, list):
        return left in right
    for kind in (str,) if sign == "in" else (int | float, str):
        if isinstance(left, kind) and isinstance(right, kind):
            return _COMPARISONS[sign](left, right)
    return False


class _Parser:
    """Recursive descent, a method a rule of the grammar."""

    def __init__(self, text: str, option: str) -> None:
        self.text, self.indent = text, len(option) + 1
        self.source = Source("command line", (f"{option} {text}",), is_file=False)
        self.columns: list[tuple[Column, Mark]] = []
        self.tokens = list(self._tokens())
        self.position = 0

    def _tokens(self) -> Iterator[_Token]:
        position, end = 0, len(self.text.rstrip())
        while position < end:
            found = _TOKEN.match(self.text, position)
            if found is None:
                start = position + len(self.text[position:]) - len(self.text[position:].lstrip())
                self._refuse(_Token("", self.text[start], start), f"`{self.text[start]}` has no meaning here", _HINT)
            kind = found.lastgroup
            assert kind is not None
            yield _Token(kind, found[kind], found.start(kind))
            position = found.end()
        yield _Token("end", "", end)

    def _mark(self, token: _Token) -> Mark:
        return Mark(self.source, 1, self.indent + token.start + 1, max(1, len(token.text)))

    def _refuse(self, token: _Token, message: str, hint: str | None = None) -> NoReturn:
        raise InvalidSpec([Diagnostic(self._mark(token), message, hint)])

    @property
    def _next(self) -> _Token:
        return self.tokens[self.position]

    def _take(self, *texts: str) -> _Token | None:
        token = self._next
        if token.text not in texts or token.kind == "text":
            return None
        self.position += 1
        return token

    def parse(self) -> Condition:
        test = self._either()
        if self._next.kind != "end":
            self._refuse(self._next, f"expected `and`, `or` or the end, got `{self._next.text}`", _HINT)
        return Condition(lambda lookup: _is_true(test(lookup)), self.columns)

    def _either(self) -> _Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda lookup: any(_is_true(test(lookup)) for test in tests)

    def _both(self) -> _Test:
        tests = [self._negation()]
        while self._take("and"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda lookup: all(_is_true(test(lookup)) for test in tests)

    def _negation(self) -> _Test:
        if self._take("not"):
            test = self._negation()
            return lambda lookup: not _is_true(test(lookup))
        return self._comparison()

    def _comparison(self) -> _Test:
        left = self._operand()
        sign = self._take(*_COMPARISONS)
        if sign is None:
            return left
        right = self._operand()
        return lambda lookup: _compare(sign.text, left(lookup), right(lookup))

    def _operand(self) -> _Test:
        opening = self._take("(")
        if opening:
            test = self._either()
            if not self._take(")"):
                self._refuse(opening, "this parenthesis is not closed")
            return test
        if opening := self._take("["):
            return self._list(opening)
        token = self._next
        if token.kind == "name" and (token.text in _LITERALS or token.text not in _WORDS):
            return self._named()
        if token.kind not in ("number", "text"):
            what = f"`{token.text}`" if token.text else "the end"
            self._refuse(token, f"expected a name, a number or a text in quotes, got {what}", _HINT)
        self.position += 1
        value = token.text[1:-1] if token.kind == "text" else _number(token.text)
        return lambda lookup: value

    def _list(self, opening: _Token) -> _Test:
        items: list[_Test] = []
        while not self._take("]"):
            if items and not self._take(","):
                self._refuse(opening, "this list is not closed")
            items.append(self._operand())
        return lambda lookup: [item(lookup) for item in items]

    def _named(self) -> _Test:
        token = self._next
        self.position += 1
        if token.text in _LITERALS:
            value = _LITERALS[token.text]
            return lambda lookup: value
        pick = None
        if token.text in PICKS and self._next.kind == "name" and self._next.text not in _WORDS:
            pick, token = token.text, self._next
            self.position += 1
        column = Column(token.text, pick, self._take("@epoch") is not None)
        self.columns.append((column, self._mark(token)))
        return lambda lookup: lookup(column)


_HINT = 'as in `optimizer.learning_rate < 0.01 and optimizer == "adam"`'


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
