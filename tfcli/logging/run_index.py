"""One file that holds what the small files of many finished runs say, so that ten thousand are listed at once.

It is a cache, `.index.json` in the logs directory: an entry counts only while the sizes and times of the run's files
are what they were. Parts of specs and environments that runs share stand in it once.
"""

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfcli.errors import CheckpointError
from tfcli.logging.durable import write_text

NAME = ".index.json"
INDEXED = ("status.json", "summary.json", "spec.yaml", "environment.json", "annotations.json")
_VERSION = 1
_FEWEST = 200
"""So many unindexed runs are worth writing the file."""
_SETTLED_NANOSECONDS = 2_000_000_000
"""Files that changed later may change again without showing it: times have the grain of the clock's tick."""

Signature = list[int]


def signature(path: str) -> Signature:
    """Times and sizes of the files of the run at `path`; zeros for those that are not there."""
    found: Signature = []
    for name in INDEXED:
        try:
            status = os.stat(f"{path}/{name}")
        except OSError:
            found += (0, 0)
        else:
            found += (status.st_mtime_ns, status.st_size)
    return found


def sections(text: str) -> list[str]:
    """The top-level sections of a YAML text."""
    return re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)


def _key(part: Any) -> str:
    return f"text {part}" if isinstance(part, str) else json.dumps(part)


class RunIndex:
    """The index of the logs directory `logdir`, empty where there is none. `save` writes what was added."""

    def __init__(self, logdir: Path) -> None:
        self._file = Path(logdir) / NAME
        self._top = f"{logdir}/"
        self._parts: list[Any] = []
        self._numbers: dict[str, int] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._added = 0
        self._read()

    def _read(self) -> None:
        try:
            known = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return
        if isinstance(known, dict) and known.get("version") == _VERSION:
            self._parts, self._entries = known.get("parts", []), known.get("runs", {})

    def find(self, path: str, now: Signature) -> dict[str, Any] | None:
        """What is known of the run whose files are `now`: status, summary, environment, spec, annotations, is_study."""
        entry = self._entries.get(path.removeprefix(self._top))
        if entry is None or entry["signature"] != now:
            return None
        parts = self._parts
        try:
            environment = {key: parts[number] for key, number in entry["environment"].items()}
            return entry | {"environment": environment, "spec": [parts[number] for number in entry["spec"]]}
        except (KeyError, IndexError, TypeError, AttributeError):  # the file is not of our making: the run is read
            return None

    def add(self, path: str, now: Signature, entry: dict[str, Any]) -> None:
        """Remember a finished run, once its files have settled."""
        if max(now) > time.time_ns() - _SETTLED_NANOSECONDS:
            return
        environment = {key: self._number(value) for key, value in entry["environment"].items()}
        spec = [self._number(section) for section in entry["spec"]]
        self._entries[path.removeprefix(self._top)] = entry | {
            "signature": now,
            "environment": environment,
            "spec": spec,
        }
        self._added += 1

    def _number(self, part: Any) -> int:
        if not self._numbers:
            self._numbers = {_key(known): number for number, known in enumerate(self._parts)}
        number = self._numbers.setdefault(_key(part), len(self._parts))
        if number == len(self._parts):
            self._parts.append(part)
        return number

    def save(self, listed: Iterator[str]) -> None:
        """Write the index, for the runs `listed` alone, where that spares more than it costs."""
        if self._added < max(_FEWEST, len(self._entries) // 10):
            return
        kept = {path.removeprefix(self._top) for path in listed}
        runs = {path: entry for path, entry in self._entries.items() if path in kept}
        text = json.dumps({"version": _VERSION, "parts": self._parts, "runs": runs}, separators=(",", ":"))
        with contextlib.suppress(CheckpointError):  # a logs directory that cannot be written to is listed all the same
            write_text(self._file, text)
