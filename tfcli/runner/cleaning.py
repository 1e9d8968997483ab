"""Which runs a cleaning takes away: the old ones and the poor ones, but none that is at work or tagged `keep`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tfcli.errors import SpecError
from tfcli.logging.listing import RunInfo, list_runs
from tfcli.logging.run_directory import RunDirectory
from tfcli.logging.trash import in_trash, size_of
from tfcli.models.monitors import is_maximized

KEEP = "keep"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Candidate:
    """A run to take away, and the bytes that come free."""

    run: RunInfo
    bytes: int


def parse_age(text: str) -> timedelta:
    """`30d`, `12h`, `90m`, `2w`. Raises SpecError."""
    found = re.fullmatch(r"(\d+)\s*([mhdw])", text.strip())
    if found is None:
        raise SpecError(f"an age is a number and one of m, h, d, w (minutes, hours, days, weeks), as 30d; got {text!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def candidates(
    logdir: Path, keep_best: int | None, older_than: timedelta | None, trash: bool, now: datetime | None = None
) -> list[Candidate]:
    """The runs that are not among the `keep_best` of their name and are `older_than` that; with `trash`, removed ones.

    A run is judged by its own monitor's best value; one without comes last. Studies count as runs.
    Raises SpecError where nothing says what to take.
    """
    if keep_best is None and older_than is None and not trash:
        raise SpecError("say what may go: --keep-best N, --older-than 30d, --trash, or several of them")
    now = now or datetime.now().astimezone()
    chosen: list[RunInfo] = []
    if keep_best is not None or older_than is not None:
        runs = [run for run in list_runs(logdir) if not RunDirectory(run.path).is_locked]
        kept = _best(runs, keep_best) if keep_best is not None else set()
        chosen = [run for run in runs if run.path not in kept and KEEP not in run.annotations.get("tags", [])]
    removed = in_trash(logdir) if trash else []
    return [Candidate(run, size_of(run.path)) for run in [*chosen, *removed] if _is_older(run, older_than, now)]


def _best(runs: Sequence[RunInfo], count: int) -> set[Path]:
    by_name: dict[str, list[RunInfo]] = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run)
    return {run.path for named in by_name.values() for run in sorted(named, key=_rank)[:count]}


def _rank(run: RunInfo) -> tuple[bool, float]:
    monitor = run.summary.get("monitor", "")
    value = run.summary.get("best", {}).get(monitor)
    if not isinstance(value, int | float) or value != value:
        return True, 0.0
    return False, -value if is_maximized(monitor) else value


def _is_older(run: RunInfo, age: timedelta | None, now: datetime) -> bool:
    """By the last change; a run whose files do not tell is judged by its directory."""
    if age is None:
        return True
    told = run.status.get("updated") or run.status.get("started")
    changed = datetime.fromisoformat(told) if told else datetime.fromtimestamp(run.path.stat().st_mtime)
    return now - changed.astimezone() > age
