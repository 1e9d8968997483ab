"""Trials in processes of their own on this machine, each with its share of the threads.

A worker (`tfcli.tuning.worker`) reads one JSON object a line from its standard input, and writes one a line. Whatever
ends this process, even SIGKILL, closes that input, and the workers end with it.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tfcli.declare.functions import runs_own_python
from tfcli.tuning.engines import Ended, Lives
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial
from tfcli.tuning.work import Outcome, Watcher, thread_variables

_MOMENT = 0.2
"""Seconds after which `wait` returns though nothing happened."""
_GRACE = 30.0
"""Seconds that a worker has to write its checkpoint when it is asked to stop."""


class ProcessEngine:
    """Several trials at a time; a worker that dies is replaced, and its trial told as lost."""

    is_here = False

    def __init__(self, study: Study, watcher: Watcher, command: Sequence[str], workers: int) -> None:
        self.study, self.watcher, self.command, self.capacity = study, watcher, command, workers
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._lives = Lives()
        self._stopping = False

    def __enter__(self) -> "ProcessEngine":
        return self

    def __exit__(self, *error: object) -> None:
        for worker in list(self._workers):
            self._remove(worker)
        self._selector.close()

    def submit(self, trial: Trial) -> None:
        worker = next((worker for worker in self._workers if worker.trial is None), None) or self._start()
        worker.trial = trial
        worker.send({"number": trial.number, "parameters": trial.parameters})

    def _start(self) -> "_Worker":
        assert len(self._workers) < self.capacity, "no more trials than workers"
        worker = _Worker(self.study, self.command, self.capacity)
        self._workers.append(worker)
        self._selector.register(worker.output, selectors.EVENT_READ, worker)
        return worker

    def wait(self) -> Sequence[Ended]:
        ended = []
        for key, _ in self._selector.select(_MOMENT):
            ended += self._hear(key.data)
        return ended

    def _hear(self, worker: "_Worker") -> list[Ended]:
        messages = worker.receive()
        if messages is None:
            return self._bury(worker)
        ended = []
        for message in messages:
            outcome = self._answer(worker, message)
            if outcome is not None:
                assert worker.trial is not None
                ended.append(Ended(worker.trial, outcome))
                worker.trial = None
        return ended

    def _answer(self, worker: "_Worker", message: dict[str, Any]) -> Outcome | None:
        assert worker.trial is not None, "workers speak of their trials alone"
        match message:
            case {"event": "begin"}:
                self._lives.began(worker.trial.number)
            case {"event": "epoch", "part": part, "row": row, "epochs": epochs}:
                self._lives.advanced(worker.trial.number)
                self.watcher.epoch_ended(worker.trial.number, part, row, epochs)
            case {"event": "judge", "step": step, "value": value}:
                worker.send({"pruned": self.watcher.is_pruned(worker.trial.number, step, value)})
            case {"event": "end", "outcome": outcome}:
                return Outcome(**outcome)
            case {"event": "fault", "error": error}:
                raise RuntimeError(f"trial {worker.trial.number}: {error}")
        return None

    def _bury(self, worker: "_Worker") -> list[Ended]:
        trial = worker.trial
        code = self._remove(worker)
        if trial is None:
            return []
        if self._stopping:
            return [Ended(trial, Outcome("interrupted", signal=signal.SIGTERM))]
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return [Ended(trial, self._lives.after_death(trial.number, how))]

    def _remove(self, worker: "_Worker") -> int:
        self._workers.remove(worker)
        self._selector.unregister(worker.output)
        return worker.end()

    def stop(self) -> None:
        self._stopping = True
        for worker in self._workers:
            worker.process.terminate()


class _Worker:
    """A worker process, and the trial that it does."""

    def __init__(self, study: Study, command: Sequence[str], workers: int) -> None:
        self.trial: Trial | None = None
        self._rest = b""
        arguments = [str(study.run.path.resolve()), json.dumps(list(command)), json.dumps(runs_own_python())]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tfcli.tuning.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | thread_variables(workers),
            start_new_session=True,  # ctrl-C is for this process, which tells the workers
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout

    def send(self, message: dict[str, Any]) -> None:
        try:
            self.input.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            """It is gone, as its output will say."""

    def receive(self) -> list[dict[str, Any]] | None:
        """The messages that have come; None where the process is gone."""
        data = os.read(self.output.fileno(), 1 << 16)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def end(self) -> int:
        """Its exit code, once it has ended: by itself, else by force."""
        self.input.close()
        try:
            code = self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.output.close()
        return code
