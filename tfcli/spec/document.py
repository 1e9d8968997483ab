"""A spec as plain values, each with the place that it came from.

Ordinary anchors, aliases and merge keys (`<<: *defaults`) work; what they stand for is copied, within a budget.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from tfcli.declare import Declared, Path
from tfcli.spec.diagnostics import Diagnostic, InvalidSpec, Mark, Source
from tfcli.spec.syntax import MAX_DEPTH, Node, Reading, lines_of, read_file, read_text

MAX_NODES = 100_000


@dataclass(frozen=True)
class Place:
    """Where a value stands, and its key where it has one."""

    value: Mark
    key: Mark | None = None


@dataclass
class Document:
    """`value` is the spec in dicts, lists and scalars; `faults` are what reading found and could go on after.

    `declaration`, where it is known, tells the defaults of what the spec leaves out.
    """

    source: Source
    value: dict[Any, Any]
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)
    declaration: type[Declared] | None = None

    def position(self, path: Path, at_key: bool = False) -> Mark:
        """The place of the value at `path`, or of its key; of the nearest part above it where the spec has none."""
        path = tuple(path)
        missing = path not in self.places
        while path not in self.places and path:
            path = path[:-1]
        place = self.places.get(path)
        if place is None:
            return Mark(self.source, 1, 1, 1)
        return place.key if place.key and (at_key and not missing) else place.value

    def copy(self) -> "Document":
        return Document(self.source, deepcopy(self.value), dict(self.places), list(self.faults), self.declaration)

    def replace(self, path: Path, value: Any, places: dict[Path, Place]) -> None:
        """Put `value` at `path`, which exists but for its last key; `places` are those of it and of what it holds."""
        holder = self.value
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value
        for old in [old for old in self.places if old[: len(path)] == path]:
            del self.places[old]
        self.places |= places


def read_document(path: FilePath, name: str | None = None) -> Document:
    """The document of a file, called `name` in diagnostics. Raises InvalidSpec, and OSError."""
    return _document(read_file(path, name or str(path)))


def parse_document(text: str, name: str = "spec.yaml") -> Document:
    """The document of a text. Raises InvalidSpec."""
    return _document(read_text(text, Source(name, lines_of(text))))


def _document(reading: Reading) -> Document:
    if reading.top is None:
        message, help = "the spec is empty", "`tfcli init` writes one to start from"
        raise InvalidSpec([Diagnostic(Mark(reading.source, 1, 1, 1), message, help)])
    if reading.top.pairs is None:
        what = "a list" if reading.top.items is not None else "a single value"
        help = "a spec starts with keys such as `data:`, `model:` and `train:`, each at the start of a line"
        raise InvalidSpec([Diagnostic(reading.top.mark, f"a spec is a mapping, and this is {what}", help)])
    builder = Builder(reading.faults)
    value = builder.build(reading.top, ())
    return Document(reading.source, value, builder.places, reading.faults)


class Builder:
    """Nodes to values: expands aliases and merge keys, and checks keys."""

    def __init__(self, faults: list[Diagnostic]) -> None:
        self.faults = faults
        self.places: dict[Path, Place] = {}
        self.budget = MAX_NODES

    def build(self, node: Node, path: Path, key: Mark | None = None) -> Any:
        self.spend(node, path)
        # A caret under the first of many lines says less than one under their key; an empty value has only its key.
        wide = node.block or node.mark.length == 0
        self.places[path] = Place(key if key and wide else node.mark, key)
        if node.items is not None:
            return [self.build(item, (*path, i)) for i, item in enumerate(node.items)]
        if node.pairs is not None:
            return {name: self.build(value, (*path, name), mark) for name, mark, value in self.pairs(node, path)}
        return node.value

    def spend(self, node: Node, path: Path) -> None:
        self.budget -= 1
        if self.budget < 0:
            message = f"with its aliases written out, the spec has more than {MAX_NODES:,} values"
            raise InvalidSpec([Diagnostic(node.mark, message)])
        if len(path) > MAX_DEPTH:
            raise InvalidSpec([Diagnostic(node.mark, f"nested more than {MAX_DEPTH} levels deep")])

    def pairs(self, node: Node, path: Path) -> Iterator[tuple[str | int, Mark, Node]]:
        """Key, its mark, value: merged keys first, then the mapping's own, which win."""
        own: dict[str | int, tuple[Mark, Node]] = {}
        merged: dict[str | int, tuple[Mark, Node]] = {}
        for key, value in node.pairs or ():
            self.spend(key, path)
            if key.value == "<<" and key.items is None and key.pairs is None:
                for name, mark, inner in self.merge(value, path):
                    merged.setdefault(name, (mark, inner))
            elif not self.is_key(key):
                continue
            elif key.value in own:
                self.duplicate(key, own[key.value][0])
            else:
                own[key.value] = key.mark, value
        for name, (mark, value) in ({n: p for n, p in merged.items() if n not in own} | own).items():
            yield name, mark, value

    def merge(self, node: Node, path: Path) -> Iterator[tuple[str | int, Mark, Node]]:
        if node.pairs is not None:
            yield from self.pairs(node, path)
        elif node.items is not None and all(item.pairs is not None for item in node.items):
            for item in node.items:
                yield from self.pairs(item, path)
        else:
            self.faults.append(
                Diagnostic(node.mark, "`<<` takes a mapping, or a list of mappings", "as in `<<: *name`")
            )

    def is_key(self, key: Node) -> bool:
        if key.items is not None or key.pairs is not None:
            message = f"a key must be a text, and this is a {'list' if key.items is not None else 'mapping'}"
            help = "put a text that starts with `{` or `[` in quotes"
        elif isinstance(key.value, str) or (isinstance(key.value, int) and not isinstance(key.value, bool)):
            return True
        else:
            word = "null" if key.value is None else str(key.value).lower()
            message, help = f"a key must be a text or a whole number, and this is {word}", "put the key in quotes"
        self.faults.append(Diagnostic(key.mark, message, help))
        return False

    def duplicate(self, key: Node, first: Mark) -> None:
        message = f"`{key.value}` is given twice: first on line {first.line}, again here"
        diagnostic = Diagnostic(key.mark, message, "remove one of the two")
        if diagnostic not in self.faults:
            self.faults.append(diagnostic)
