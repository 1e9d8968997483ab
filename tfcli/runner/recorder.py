"""Recorder: writes a run's progress to disk while training goes on.

Syncing a disk takes milliseconds, which would be most of a small epoch. Arrays are never changed in place, so what a
checkpoint holds is fixed when it is handed over, and a thread can write it. What is written, and in which order, is as
if it had been written at once: a checkpoint that newer ones would have removed before anybody could use it is not
written at all.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfcli.logging.run_directory import RunDirectory


@dataclass
class _Save:
    """A checkpoint, and the metrics rows that belong before it."""

    name: str
    tensors: dict[str, dict[str, np.ndarray]]
    state: dict[str, Any]
    metrics: dict[str, Any] | None
    best: bool


@dataclass
class _Backlog:
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    saves: list[_Save] = field(default_factory=list)
    status: dict[str, Any] | None = None
    calls: list[Callable[[], None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.saves or self.status or self.calls)


class Recorder:
    """A context manager. `flush` waits until everything is on disk; an error of the thread is raised at the next call.

    `keep`: how many checkpoints stay. Raises CheckpointError where the disk refuses.
    """

    def __init__(self, run: RunDirectory, keep: int) -> None:
        self._run, self._keep = run, max(keep, 2)
        self._checkpoints = run.checkpoints(keep)
        self._backlog = _Backlog()
        self._changed = threading.Condition()
        self._busy = self._closing = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def __enter__(self) -> "Recorder":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        if kind is None:
            self._raise()

    def epoch(self, row: Mapping[str, Any], step: int, seconds: float) -> None:
        """An epoch ended: its row of metrics, and the status; `seconds` is how long the run has trained in all."""
        self._hand_over(rows=[row], status={"epoch": row["epoch"], "step": step, "seconds": seconds})

    def save(
        self,
        name: str,
        tensors: dict[str, dict[str, np.ndarray]],
        state: dict[str, Any],
        metrics: dict[str, Any] | None = None,
        best: bool = False,
    ) -> None:
        """A checkpoint to write."""
        self._hand_over(saves=[_Save(name, tensors, state, metrics, best)])

    def later(self, call: Callable[[], None]) -> None:
        """Something else to write, after what was handed over before it; it works on what does not change."""
        self._hand_over(calls=[call])

    def flush(self) -> None:
        """Wait until all is written. Raises CheckpointError."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or not (self._backlog or self._busy))
        self._raise()

    def last_checkpoint(self) -> str | None:
        """The name of the newest checkpoint on disk."""
        self.flush()
        return self._checkpoints.last

    def _hand_over(
        self,
        rows: Sequence[Mapping[str, Any]] = (),
        saves: Sequence[_Save] = (),
        status: dict[str, Any] | None = None,
        calls: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._raise()
        with self._changed:
            self._backlog.rows.extend(rows)
            self._backlog.saves = _unless_superseded([*self._backlog.saves, *saves], self._keep)
            self._backlog.status = status or self._backlog.status
            self._backlog.calls.extend(calls)
            self._changed.notify_all()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._backlog or self._closing)
                if not self._backlog:
                    return
                backlog, self._backlog, self._busy = self._backlog, _Backlog(), True
            try:
                self._write(backlog)
            except BaseException as error:  # handed to the training thread, which raises it
                self._error = error
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _write(self, backlog: _Backlog) -> None:
        self._run.append_metrics(*backlog.rows)
        for call in backlog.calls:
            call()
        for save in backlog.saves:
            self._checkpoints.save(save.name, save.tensors, save.state, save.metrics, save.best)
        if backlog.status is not None:
            self._run.update_status("running", **backlog.status)


def _unless_superseded(saves: list[_Save], keep: int) -> list[_Save]:
    """Without those that the newer ones among them would remove: all but the newest `keep` and the newest best."""
    best = [save for save in saves if save.best][-1:]
    return [save for i, save in enumerate(saves) if i >= len(saves) - keep or save in best]
