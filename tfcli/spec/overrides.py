"""Assignments to a spec from outside its file: `--set optimizer.learning_rate=0.01`, and a search's trials.

A path is dotted. A list item goes by its index or, where it is a layer (or a stage, or a metric), by its name: its
`name`, else what an unnamed one is called (its type, the second `dense_1`). A bare string on the way is a node with
defaults (`optimizer: adam`) and becomes its mapping. What is assigned keeps its origin, so that later faults point at
the option.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tfcli.declare import Path, nearest, plain, snake_case, squash
from tfcli.spec.diagnostics import Diagnostic, InvalidSpec, Mark, Source
from tfcli.spec.document import Builder, Document, Place
from tfcli.spec.dump import flow
from tfcli.spec.syntax import Node, read_text
from tfcli.spec.walk import default_at


@dataclass(frozen=True)
class _Segment:
    """One name of a dotted path, with where it stands."""

    text: str
    mark: Mark


def apply_overrides(document: Document, options: Iterable[str]) -> None:
    """Assign each `key=value`, in order; what is wrong with one joins the document's faults."""
    for option in options:
        try:
            _apply(document, option)
        except InvalidSpec as error:
            document.faults.extend(error.diagnostics)


def set_path(document: Document, path: str, value: Any, origin: str = "--set") -> Path:
    """Assign `value` (plain data) at the dotted `path`; diagnostics show it as `origin path=value`. Raises InvalidSpec.

    Returns the path in the document.
    """
    value = plain(value)
    text = flow(value)
    source = Source(origin, (f"{origin} {path}={text}",), is_file=False)
    start = len(origin) + 2
    node = _node(value, Mark(source, 1, start + len(path) + 1, len(text)))
    return _assign(document, _segments(path, source, start), node)


def dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _apply(document: Document, option: str) -> None:
    source = Source("command line", (f"--set {option}",), is_file=False)
    path, equals, text = option.partition("=")
    if not equals or not path.strip():
        message, help = "expected `key=value`", "for example `--set train.epochs=5`"
        raise InvalidSpec([Diagnostic(Mark(source, 1, 7, len(option)), message, help)])
    column = 7 + len(path) + 1
    reading = read_text(text, source, column=column)
    node = reading.top or Node(Mark(source, 1, column, 0))
    if reading.faults:
        raise InvalidSpec(reading.faults)
    _assign(document, _segments(path, source, 7), node)


def _segments(path: str, source: Source, column: int) -> list[_Segment]:
    segments = []
    for text in path.split("."):
        segments.append(_Segment(text.strip(), Mark(source, 1, column, max(1, len(text)))))
        column += len(text) + 1
    empty = next((segment for segment in segments if not segment.text), None)
    if empty:
        raise _refuse(empty, "a name is missing between the dots")
    return segments


def _node(value: Any, mark: Mark) -> Node:
    """A tree for plain data, all of it marked at one place."""
    if isinstance(value, dict):
        return Node(mark, pairs=[(Node(mark, value=k), _node(v, mark)) for k, v in value.items()])
    if isinstance(value, list):
        return Node(mark, items=[_node(v, mark) for v in value])
    return Node(mark, value=value)


def _refuse(segment: _Segment, message: str, help: str | None = None) -> InvalidSpec:
    return InvalidSpec([Diagnostic(segment.mark, message, help)])


def _assign(document: Document, segments: list[_Segment], node: Node) -> Path:
    holder: Any = document.value
    path: Path = ()
    rest = segments
    while True:
        key, used = _key(holder, rest, path)
        last, rest = rest[used - 1], rest[used:]
        mark = last.mark if used == 1 else _joined(segments[len(segments) - len(rest) - used], last)
        path = (*path, key)
        if not rest:
            break
        holder = _descend(document, holder, path, last, mark)
    builder = Builder([])
    value = builder.build(node, path)
    builder.places[path] = Place(mark if node.mark.length == 0 else node.mark, mark)
    document.replace(path, value, builder.places)
    return path


def _joined(first: _Segment, last: _Segment) -> Mark:
    start = first.mark
    return Mark(start.source, 1, start.column, last.mark.column + last.mark.length - start.column)


def _key(holder: Any, rest: list[_Segment], path: Path) -> tuple[str | int, int]:
    """The key of `holder` that the first of `rest` means, and how many names it took (a key may hold dots itself)."""
    name = rest[0].text
    if isinstance(holder, list):
        return _index(holder, rest[0], path), 1
    for used in range(len(rest), 1, -1):
        joined = ".".join(segment.text for segment in rest[:used])
        if joined in holder:
            return joined, used
    number = int(name) if name.isdecimal() else None
    if name not in holder and number is not None and (number in holder or all(isinstance(k, int) for k in holder)):
        return number, 1
    return name, 1


def _index(items: list[Any], segment: _Segment, path: Path) -> int:
    name = segment.text
    if name.isdecimal():
        if int(name) < len(items):
            return int(name)
        counted = f"its {len(items)} items count from 0 to {len(items) - 1}" if items else "it is empty"
        raise _refuse(segment, f"`{dotted(path)}` has no item {name}: {counted}")
    names = item_names(items)
    found = [i for i, known in enumerate(names) if known == name]
    found = found or [i for i, known in enumerate(names) if known and squash(known) == squash(name)]
    if found:
        return found[0]
    known = [n for n in names if n]
    shown = ", ".join(f"`{n}`" for n in known)
    help = nearest(name, known) or (f"there are {shown}" if known else "its items go by their index, from 0")
    raise _refuse(segment, f"`{dotted(path)}` has no item called `{name}`", help)


def item_names(items: list[Any]) -> list[str | None]:
    """What the items of a list of nodes are called; None for one that is no node."""
    counts: dict[str, int] = {}
    names: list[str | None] = []
    for item in items:
        kind = item if isinstance(item, str) else item.get("type") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            names.append(item["name"])
        elif isinstance(kind, str):
            base = snake_case(kind)
            seen = counts.get(base, 0)
            counts[base] = seen + 1
            names.append(f"{base}_{seen}" if seen else base)
        else:
            names.append(None)
    return names


def _descend(document: Document, holder: Any, path: Path, segment: _Segment, mark: Mark) -> Any:
    """What is at `path`, made a mapping where it is absent or a node's bare name."""
    key: Any = path[-1]
    inner = holder[key] if isinstance(holder, list) else holder.get(key)
    if isinstance(inner, dict | list):
        return inner
    if inner is None:
        default = default_at(document.declaration, document.value, path) if document.declaration else None
        made = {"type": default} if isinstance(default, str) else deepcopy(default) if default else {}
        places = {path: Place(mark, mark)}
    elif isinstance(inner, str):
        made = {"type": inner}
        places = dict.fromkeys((path, (*path, "type")), document.places[path])
    else:
        shown = str(inner).lower() if isinstance(inner, bool) else inner
        raise _refuse(segment, f"`{dotted(path)}` is {shown}, which has no keys below it")
    document.replace(path, made, places)
    return made
