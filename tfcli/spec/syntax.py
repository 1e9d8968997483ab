"""YAML text to a tree of nodes with their places, within limits, and syntax errors in a user's words.

The tree is made from parser events rather than by PyYAML's composer, so that depth is bounded before anything recurses
and every fault can be reported at its place.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import Reader

from tfcli.spec.diagnostics import Diagnostic, InvalidSpec, Mark, Source
from tfcli.spec.scalars import resolve

MAX_BYTES = 1 << 20
MAX_DEPTH = 100

_FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_FORBIDDEN = Reader.NON_PRINTABLE  # as the library has it: to compile this set takes milliseconds
_TAGS = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": int | float,
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
    "tag:yaml.org,2002:seq": list,
    "tag:yaml.org,2002:map": dict,
}


@dataclass(eq=False)
class Node:
    """A scalar (`value`), a list (`items`) or a mapping (`pairs`, in order, duplicates and all)."""

    mark: Mark
    block: bool = False
    value: Any = None
    items: list["Node"] | None = None
    pairs: list[tuple["Node", "Node"]] | None = None


@dataclass
class Reading:
    """Where the text came from, its top node (None for an empty text), and the faults that did not stop the reading."""

    source: Source
    top: Node | None = None
    faults: list[Diagnostic] = field(default_factory=list)


def lines_of(text: str) -> tuple[str, ...]:
    return tuple(_LINE_BREAK.split(text))


def read_file(path: Path, name: str) -> Reading:
    """The tree of a spec file; `name` is what diagnostics call it. Raises InvalidSpec, and OSError."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _fault(Source(name, ("",)), 1, 1, 1, f"the file is larger than {MAX_BYTES >> 20} MiB: is it a spec?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error, name) from None
    return read_text(text, Source(name, lines_of(text)))


def read_text(text: str, source: Source, line: int = 1, column: int = 1) -> Reading:
    """The tree of `text`, which starts at `line` and `column` of `source`. Raises InvalidSpec."""
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        before = lines_of(text[: forbidden.start()])
        at = column + len(before[-1]) if len(before) == 1 else len(before[-1]) + 1
        what = f"the control character U+{ord(forbidden.group()):04X} is not allowed in YAML"
        raise _fault(source, line + len(before) - 1, at, 1, what)
    reader = _Reader(source, line, column)
    try:
        reader.events = yaml.parse(text, Loader=_FAST_LOADER)
        return Reading(source, reader.document(), reader.faults)
    except yaml.MarkedYAMLError as error:
        raise _syntax_fault(reader, _plain_spoken(text) or error) from None


def _plain_spoken(text: str) -> yaml.MarkedYAMLError | None:
    """The same error from the parser in Python, whose messages and marks are the better ones."""
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        return error
    return None


def _not_utf8(data: bytes, error: UnicodeDecodeError, name: str) -> InvalidSpec:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _fault(Source(name, ("",)), 1, 1, 1, "the file is in UTF-16, not in UTF-8", "save it as UTF-8")
    lines = lines_of(data.decode("utf-8-sig", "replace"))
    before = lines_of(data[: error.start].decode("utf-8-sig"))
    message = f"the byte 0x{data[error.start]:02X} is not UTF-8 text"
    return _fault(Source(name, lines), len(before), len(before[-1]) + 1, 1, message, "save the file as UTF-8")


def _fault(source: Source, line: int, column: int, length: int, message: str, help: str | None = None) -> InvalidSpec:
    return InvalidSpec([Diagnostic(Mark(source, line, column, length), message, help)])


class _Reader:
    """One pass over the parser's events."""

    def __init__(self, source: Source, line: int, column: int) -> None:
        self.source, self.line, self.column = source, line, column
        self.events: Iterator[yaml.Event] = iter(())
        self.anchors: dict[str, Node] = {}
        self.open: set[str] = set()
        self.faults: list[Diagnostic] = []

    def document(self) -> Node | None:
        top = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent) and top is not None:
                message = "a second YAML document starts here; a spec is one document"
                raise InvalidSpec([Diagnostic(self.mark(event), message, "remove the line `---`")])
            if isinstance(event, yaml.NodeEvent):
                top = self.node(event, 0)
        return None if top is not None and self._is_empty(top) else top

    def _is_empty(self, node: Node) -> bool:
        return node.items is None and node.pairs is None and node.value is None and node.mark.length == 0

    def mark(self, event: yaml.Event) -> Mark:
        """From the event's start to its end or the end of its first line."""
        start, end = event.start_mark, event.end_mark
        at = self.place(start)
        line = self.source.lines[at.line - 1] if at.line <= len(self.source.lines) else ""
        rest = max(0, len(line.rstrip()) - (at.column - 1))
        return Mark(self.source, at.line, at.column, end.column - start.column if end.line == start.line else rest)

    def place(self, mark: yaml.Mark) -> Mark:
        column = mark.column + (self.column if mark.line == 0 else 1)
        return Mark(self.source, self.line + mark.line, column, 1)

    def fault(self, mark: Mark, message: str, help: str | None = None) -> None:
        self.faults.append(Diagnostic(mark, message, help))

    def node(self, event: yaml.Event, depth: int) -> Node:
        mark = self.mark(event)
        if depth > MAX_DEPTH:
            raise InvalidSpec([Diagnostic(mark, f"nested more than {MAX_DEPTH} levels deep")])
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event.anchor, mark)
        if event.anchor:
            self.open.add(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event, mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self.sequence(event, mark, depth)
        else:
            node = self.mapping(event, mark, depth)
        if event.anchor:
            self.open.discard(event.anchor)
            self.anchors[event.anchor] = node
        return node

    def alias(self, name: str, mark: Mark) -> Node:
        if name in self.anchors and name not in self.open:
            return self.anchors[name]
        if name in self.open:
            self.fault(mark, f"`*{name}` is inside `&{name}`, which it stands for")
        else:
            known = ", ".join(f"`&{anchor}`" for anchor in self.anchors)
            help = f"anchors so far: {known}" if known else "put a text that starts with `*` in quotes"
            self.fault(mark, f"there is no anchor `&{name}` above for `*{name}`", help)
        return Node(mark)

    def scalar(self, event: yaml.ScalarEvent, mark: Mark) -> Node:
        plain = event.style in (None, "")
        value = resolve(event.value) if plain and event.tag is None else event.value
        if event.tag not in (None, "!"):
            value = self.tagged(event, resolve(event.value) if event.tag != "tag:yaml.org,2002:str" else value, mark)
        return Node(mark, block=event.style in ("|", ">"), value=value)

    def tagged(self, event: yaml.Event, value: Any, mark: Mark) -> Any:
        wanted = _TAGS.get(event.tag)
        shown = event.tag.replace("tag:yaml.org,2002:", "!!")
        if wanted is None:
            self.fault(mark, f"the tag `{shown}` is not allowed: a spec holds plain values only", "remove the tag")
        elif not isinstance(value, wanted):
            self.fault(mark, f"the value does not fit its tag `{shown}`", "remove the tag, or mend the value")
        return value

    def sequence(self, event: yaml.SequenceStartEvent, mark: Mark, depth: int) -> Node:
        self.tag_of_collection(event, mark, [])
        items: list[Node] = []
        while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(item, depth + 1))
        node = Node(mark, not event.flow_style, items=items)
        self.settle_mark(node, item, items[:1])
        return node

    def mapping(self, event: yaml.MappingStartEvent, mark: Mark, depth: int) -> Node:
        self.tag_of_collection(event, mark, {})
        pairs: list[tuple[Node, Node]] = []
        while not isinstance(item := next(self.events), yaml.MappingEndEvent):
            key = self.node(item, depth + 1)
            pairs.append((key, self.node(next(self.events), depth + 1)))
        node = Node(mark, not event.flow_style, pairs=pairs)
        self.settle_mark(node, item, pairs[0] if pairs else ())
        return node

    def tag_of_collection(self, event: yaml.Event, mark: Mark, empty: Any) -> None:
        if event.tag not in (None, "!"):
            self.tagged(event, empty, mark)

    def settle_mark(self, node: Node, end: yaml.Event, first: Iterable[Node]) -> None:
        """A flow collection is marked to its bracket, a block one over what its first line holds."""
        stop = self.place(end.end_mark)
        line, column = node.mark.line, node.mark.column
        if node.block:
            stops = [m.column + m.length for m in (child.mark for child in first) if m.line == line]
            length = max([column + 1, *stops]) - column
        elif stop.line == line:
            length = stop.column - column
        else:
            length = len(self.source.lines[line - 1].rstrip()) - (column - 1)
        node.mark = Mark(self.source, line, column, length)


def _syntax_fault(reader: _Reader, error: yaml.MarkedYAMLError) -> InvalidSpec:
    """The parser's error, said in terms of what the user typed."""
    problem, context = error.problem or "", error.context or ""
    at = reader.place(error.problem_mark or error.context_mark)
    start = reader.place(error.context_mark) if error.context_mark else at
    lines = reader.source.lines
    if at.line > len(lines) or (at.line == len(lines) and not lines[at.line - 1].strip() and at.line > 1):
        at = _last_text(reader.source)
    found: tuple[Mark, str, str | None]
    character = re.search(r"found character '(.*)' that cannot start", problem)
    if character and character[1] == "\\t":
        found = at, "a tab is used for indentation; YAML takes spaces only", "replace the tab by spaces"
    elif character:
        mark = character[1]
        found = at, f"`{mark}` cannot start a value", "put the text in quotes"
    elif problem.startswith("mapping values are not allowed"):
        found = _second_colon(reader.source, at)
    elif problem.startswith("could not find expected ':'"):
        found = _no_colon(reader.source, start)
    elif "flow node" in context:
        found = at, "a `[` or `{` is not closed, or a value is missing", None
    elif "flow sequence" in context:
        found = start, "the list opened by this `[` is not closed, or lacks a comma", _seen(start, at)
    elif "flow mapping" in context:
        found = start, "the mapping opened by this `{` is not closed, or lacks a comma", _seen(start, at)
    elif "quoted scalar" in context and "escape" in problem:
        found = at, "a backslash in double quotes starts an escape, and this is none", "use single quotes"
    elif "quoted scalar" in context:
        found = start, "the text that starts with this quote is not closed", "add the closing quote"
    elif "block collection" in context or "block mapping" in context:
        help = "keys of one mapping start in the same column, and so do the items of one list"
        found = at, "the indentation or the form of this line fits nothing above it", help
    else:
        found = at, f"this is not YAML: {problem or context}", None
    mark, message, remedy = found
    return InvalidSpec([Diagnostic(_word(mark), message, remedy)])


def _last_text(source: Source) -> Mark:
    number = max((i for i, line in enumerate(source.lines, 1) if line.strip()), default=1)
    return Mark(source, number, max(1, len(source.lines[number - 1].rstrip())), 1)


def _second_colon(source: Source, at: Mark) -> tuple[Mark, str, str | None]:
    line = source.lines[at.line - 1]
    if ": " in line[: at.column - 1]:
        return at, "a second `: ` in one value", "put a text that holds `: ` in quotes"
    number = max((i for i, text in enumerate(source.lines[: at.line - 1], 1) if text.strip()), default=0)
    above = source.lines[number - 1] if number else ""
    if number and not re.search(r":(\s|$)", above):
        return _no_colon(source, Mark(source, number, len(above) - len(above.lstrip()) + 1, 1))
    key = Mark(source, at.line, len(line) - len(line.lstrip()) + 1, 1)
    help = f"start it in the column of the key on line {number}, or take that key's value away"
    return key, "this key is indented as if it belonged to the key above, which has a value already", help


def _no_colon(source: Source, start: Mark) -> tuple[Mark, str, str]:
    line = source.lines[start.line - 1]
    tight = re.match(r"\s*(?:- +)?([\w.]+):(\S.*)", line)
    if tight:
        return start, "a space is missing after the colon", f"write `{tight[1]}: {tight[2]}`"
    return start, "this line has no `:`", "a key and its value are written `key: value`, an item of a list `- value`"


def _seen(start: Mark, at: Mark) -> str | None:
    if at.line == start.line:
        return None
    return f"the trouble shows on line {at.line}: `{at.source.lines[at.line - 1].strip()[:60]}`"


def _word(mark: Mark) -> Mark:
    """`mark` over the whole word that it starts."""
    line = mark.source.lines[mark.line - 1]
    found = re.match(r"[\w.-]+", line[mark.column - 1 :])
    return Mark(mark.source, mark.line, mark.column, len(found.group()) if found else 1)
