"""A run's directory: `runs/NAME/20261121-140312-k3f9/`, and what is written into it while it trains."""

import contextlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tfcli.errors import CheckpointError, SpecError
from tfcli.logging import durable
from tfcli.logging.checkpoints import Checkpoints
from tfcli.logging.lock import is_locked, locked

STATES = ("running", "done", "interrupted", "failed")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class RunDirectory:
    """The directory at `path`. Reading never changes it; writing is for who holds its `lock`."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @classmethod
    def create(
        cls, logdir: Path, name: str, *, now: datetime | None = None, letters: str | None = None
    ) -> "RunDirectory":
        """A new directory `logdir`/`name`/date-time-letters.

        Raises SpecError where `name` cannot be a folder's name, CheckpointError where the disk refuses.
        """
        if not re.fullmatch(r"[^\s./\\\x00][^/\\\x00]*", name):
            raise SpecError(f"the run's name {name!r} cannot be a folder's name: no slashes, no dot or space in front")
        moment = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
        parent = Path(logdir) / name
        durable.make_directory(parent)
        while True:
            path = parent / f"{moment}-{letters or _four_letters()}"
            if not path.exists():
                return cls.create_at(path)
            if letters is not None:
                raise CheckpointError(f"{path} exists already; a run never writes into another's directory")

    @classmethod
    def create_at(cls, path: Path) -> "RunDirectory":
        """A new directory at exactly `path` (a study's trial). Raises CheckpointError where it exists."""
        path = Path(path)
        durable.make_new_directory(path)
        return cls(path)

    @classmethod
    def open(cls, name: str | Path, logdir: Path = Path("runs")) -> "RunDirectory":
        """The run at the path `name`; or, within `logdir`, with that id or a part of it, or the latest of that name.

        Raises CheckpointError, with the nearest names, where there is none or more than one.
        """
        from tfcli.logging.listing import find_run  # which itself reads run directories

        return cls(find_run(str(name), Path(logdir)))

    @property
    def name(self) -> str:
        return self.path.parent.name

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def spec_path(self) -> Path:
        return self.path / "spec.yaml"

    @property
    def weights_path(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def preprocessing(self) -> Path:
        return self.path / "preprocessing"

    @property
    def plots(self) -> Path:
        return self.path / "plots"

    @property
    def train_events(self) -> Path:
        return self.path / "train"

    @property
    def validation_events(self) -> Path:
        return self.path / "validation"

    def checkpoints(self, keep: int = 3) -> Checkpoints:
        return Checkpoints(self.path / "checkpoints", keep)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one process that writes here; what killed ones left half-written is removed.

        Raises CheckpointError, with the process id of the holder, where another has it.
        """
        with locked(self.path / ".lock"):
            for directory in (self.path, self.path / "checkpoints", self.plots, self.preprocessing):
                durable.remove_leftovers(directory)
            yield

    @property
    def is_locked(self) -> bool:
        """Whether a living process holds the lock."""
        return is_locked(self.path / ".lock")

    def write_spec(self, text: str) -> None:
        durable.write_text(self.spec_path, text)

    def spec_text(self) -> str:
        """The resolved spec. Raises CheckpointError where it is missing."""
        with durable.plain_errors(self.spec_path, "read"):
            return self.spec_path.read_text(encoding="utf-8")

    def write_origins(self, origins: Mapping[str, Mapping[str, str]]) -> None:
        durable.write_json(self.path / "origins.json", origins)

    def origins(self) -> dict[str, Any]:
        """Where the values of the spec came from, by dotted path; what is not there is a default."""
        return read_object(self.path / "origins.json")

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        durable.write_json(self.path / "environment.json", environment)

    def environment(self) -> dict[str, Any]:
        return read_object(self.path / "environment.json")

    def status(self) -> dict[str, Any]:
        """`state` with pid, epoch, step, error and the times of start and last change; empty before the first."""
        return read_object(self.path / "status.json")

    def update_status(self, state: str, **fields: Any) -> None:
        """Set the state (running, done, interrupted, failed) and the `epoch`, `step`, `error` given; the rest stays."""
        assert state in STATES, f"{state!r} is not one of {STATES}"
        now = datetime.now().astimezone().isoformat()
        before = {"state": None, "pid": None, "epoch": 0, "step": 0, "error": None, "started": now} | self.status()
        if state == "running":
            before["error"] = None
        changed = {"state": state, "pid": os.getpid(), "updated": now}
        durable.write_json(self.path / "status.json", before | changed | fields)

    def append_metrics(self, *rows: Mapping[str, Any]) -> None:
        """Add rows, one an epoch, to metrics.jsonl; they are on the disk when this returns."""
        if rows:
            durable.append_lines(self.path / "metrics.jsonl", [durable.to_json(_strict(row)) for row in rows])

    def metrics(self) -> list[dict[str, Any]]:
        """One row an epoch. Raises CheckpointError at a damaged line; an unfinished last one is no line."""
        path = self.path / "metrics.jsonl"
        return [_row(line, number, path) for number, line in enumerate(durable.read_lines(path), 1)]

    def truncate_metrics(self, epoch: int) -> None:
        """Drop the rows past `epoch`, in one step: a resumed run writes them again."""
        rows = self.metrics()
        kept = [row for row in rows if row["epoch"] <= epoch]
        if len(kept) < len(rows):
            text = "".join(durable.to_json(_strict(row)) + "\n" for row in kept)
            durable.write_text(self.path / "metrics.jsonl", text)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        durable.write_json(self.path / "summary.json", _strict(summary))

    def summary(self) -> dict[str, Any]:
        """What the run came to; empty before its end."""
        return restored(read_object(self.path / "summary.json"))

    def annotations(self) -> dict[str, Any]:
        """What a person said of the run: `tags`, a list of texts, and a `note`; empty before."""
        return read_object(self.path / "annotations.json")

    def annotate(self, tags: Sequence[str], note: str) -> None:
        """Set the run's tags and note."""
        durable.write_json(self.path / "annotations.json", {"tags": list(tags), "note": note})

    def remove(self) -> None:
        """Remove the run and all it holds. Raises CheckpointError while a process trains in it."""
        with locked(self.path / ".lock"):
            durable.remove_tree(self.path)


def _four_letters() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no file. Raises CheckpointError where it is damaged."""
    if not path.exists():
        return {}
    value = durable.read_json(path)
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is damaged: it holds no JSON object")
    return value


def _row(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CheckpointError(f"{path}:{number} is damaged: it is not JSON ({error})") from error
    if not isinstance(row, dict) or not isinstance(row.get("epoch"), int):
        raise CheckpointError(f"{path}:{number} is damaged: it is not an epoch's row")
    return restored(row)


def _strict(value: Any) -> Any:
    """JSON has no NaN and no infinity: texts stand for them, so that other tools can read the file."""
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if hasattr(value, "tolist"):
        return _strict(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def restored(value: Any) -> Any:
    """A value from a file, its texts that stand for NaN and infinities as these numbers."""
    if isinstance(value, dict):
        return {key: restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [restored(item) for item in value]
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value
