"""Where each value of a run's spec came from: a line of a file, an option of the command line, a search."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path as FilePath
from typing import Any

from tfcli.declare import Path
from tfcli.spec.diagnostics import Mark
from tfcli.spec.document import Document
from tfcli.spec.overrides import dotted

KINDS = ("file", "override", "search")


@dataclass(frozen=True)
class Origin:
    """`kind`: file, override or search; `place`: `/folder/exp.yaml:13:40`, `command line` or `trial 7`; its `text`."""

    kind: str
    place: str
    text: str


def origins(document: Document) -> dict[str, dict[str, str]]:
    """The origin of each value that is written somewhere, by dotted path; what is not there has its default."""
    return {dotted(path): asdict(_origin(place.value)) for path, place in document.places.items() if path}


def _origin(mark: Mark) -> Origin:
    source = mark.source
    text = source.lines[mark.line - 1].strip() if mark.line <= len(source.lines) else ""
    if source.is_file:
        return Origin("file", f"{FilePath(source.name).absolute()}:{mark.line}:{mark.column}", text)
    return Origin("search" if re.fullmatch(r"trial \d+", source.name) else "override", source.name, text)


def find_origin(known: dict[str, Any], path: Path) -> Origin | None:
    """The origin of the value at `path`, or of the nearest part above it that is written; None: it is a default."""
    found = known.get(dotted(path))
    return Origin(**found) if found else None
