"""Trials as Ray tasks, on the machines of a cluster or on one started here on loopback.

The study's directory and the data are reached under the same paths everywhere (a shared file system). Tasks speak with
this process through an actor, the desk: they leave their epochs there, and find there whether to go on.
"""

import os
import signal
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfcli.declare.functions import own_python, runs_own_python
from tfcli.errors import SpecError
from tfcli.logging.run_directory import RunDirectory
from tfcli.tuning.engines import Ended, Lives
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial
from tfcli.tuning.work import Outcome, Watcher, do_trial, thread_variables

_MOMENT = 0.2
_REACHED_WITHIN = 10.0
"""Seconds in which a cluster's machine answers."""
_ASKING = 0.01
"""Seconds between a task's looks at whether it was judged."""


class RayEngine:
    """As many trials at a time as `workers`, or as the cluster has processors."""

    is_here = False

    def __init__(
        self, study: Study, watcher: Watcher, command: Sequence[str], workers: int | None, address: str | None
    ) -> None:
        self.study, self.watcher, self.command = study, watcher, list(command)
        self.address, self.capacity = address, workers or 0
        self._tasks: dict[Any, Trial] = {}
        self._lives = Lives()
        self._stopping = False

    def __enter__(self) -> "RayEngine":
        try:
            import ray
        except ImportError as error:
            raise SpecError("--engine ray needs Ray, which is not here; pip install 'tfcli[ray]'") from error
        self._ray = ray
        if self.address is None:
            self.capacity = self.capacity or os.cpu_count() or 1
            os.environ.update(thread_variables(self.capacity))  # for the nodes that are started now
            # "local": a cluster of our own, though one may be running here
            ray.init("local", num_cpus=self.capacity, include_dashboard=False, _node_ip_address="127.0.0.1", **_QUIET)
        else:
            try:
                _require_listener(self.address)
                ray.init(address=self.address, **_QUIET)
            except (OSError, ValueError, RuntimeError) as error:
                raise SpecError(f"--address {self.address}: there is no Ray cluster ({error})") from error
            self.capacity = self.capacity or int(ray.cluster_resources().get("CPU", 1))
        # The desk stands where this process is: it is lost with it, and with no other node.
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._desk = ray.remote(Desk).options(num_cpus=0, scheduling_strategy=here).remote()
        self._do = ray.remote(_do_remotely).options(num_cpus=1, max_retries=0)
        return self

    def __exit__(self, *error: object) -> None:
        self._ray.shutdown()

    def submit(self, trial: Trial) -> None:
        path = str(self.study.run.path.resolve())
        task = self._do.remote(path, trial.number, trial.parameters, self._desk, self.command, runs_own_python())
        self._tasks[task] = trial

    def wait(self) -> Sequence[Ended]:
        ready, _ = self._ray.wait(list(self._tasks), timeout=_MOMENT)
        for message in self._ray.get(self._desk.take.remote()):
            self._hear(**message)
        return [Ended(trial, self._outcome(task, trial)) for task in ready if (trial := self._tasks.pop(task))]

    def _hear(self, number: int, part: int, row: dict[str, Any] | None, epochs: int, judge: Any) -> None:
        self._lives.began(number)
        if row is not None:
            self._lives.advanced(number)
            self.watcher.epoch_ended(number, part, row, epochs)
        if judge is not None:
            step, value = judge
            self._desk.decide.remote(number, step, self.watcher.is_pruned(number, step, value))

    def _outcome(self, task: Any, trial: Trial) -> Outcome:
        try:
            return Outcome(**self._ray.get(task))
        except self._ray.exceptions.RayTaskError:
            raise  # a fault of ours, or of the user's function
        except self._ray.exceptions.RayError as error:  # the node or the task's process is gone
            if self._stopping:
                return Outcome("interrupted", signal=signal.SIGTERM)
            return self._lives.after_death(trial.number, type(error).__name__)

    def stop(self) -> None:
        self._stopping = True
        self._desk.stop.remote()


def _require_listener(address: str) -> None:
    """Raises OSError where nobody listens at HOST:PORT: Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.rpartition("/")[2].strip("[]"), int(port)), _REACHED_WITHIN).close()


_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}


class Desk:
    """Where tasks and the study meet."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque()
        self.decisions: dict[tuple[int, int], bool] = {}
        self.is_stopping = False

    def tell(self, message: dict[str, Any]) -> bool:
        """Leave a message; whether tasks are to stop."""
        self.messages.append(message)
        return self.is_stopping

    def take(self) -> list[dict[str, Any]]:
        taken = list(self.messages)
        self.messages.clear()
        return taken

    def decide(self, number: int, step: int, pruned: bool) -> None:
        self.decisions[number, step] = pruned

    def decision(self, number: int, step: int) -> bool | None:
        return self.decisions.pop((number, step), None)

    def stop(self) -> None:
        self.is_stopping = True


class _DeskWatcher(Watcher):
    """A task's way to the desk."""

    def __init__(self, desk: Any) -> None:
        import ray

        self.ray, self.desk = ray, desk

    def begin(self, number: int) -> None:
        self._tell(number, 0, None, 0, None)

    def _tell(self, number: int, part: int, row: Any, epochs: int, judge: Any) -> None:
        message = {"number": number, "part": part, "row": row, "epochs": epochs, "judge": judge}
        if self.ray.get(self.desk.tell.remote(message)):
            os.kill(os.getpid(), signal.SIGTERM)  # training ends after this epoch, with a checkpoint

    def epoch_ended(self, number: int, part: int, row: Mapping[str, Any], epochs: int) -> None:
        self._tell(number, part, dict(row), epochs, None)

    def is_pruned(self, number: int, step: int, value: float) -> bool:
        self._tell(number, 0, None, 0, (step, value))
        while (decision := self.ray.get(self.desk.decision.remote(number, step))) is None:
            time.sleep(_ASKING)
        return decision


def _do_remotely(
    study: str, number: int, parameters: dict[str, Any], desk: Any, command: Sequence[str], trust: bool
) -> dict[str, Any]:
    with own_python(study, trust):
        opened, watcher = Study.open(RunDirectory(Path(study))), _DeskWatcher(desk)
        watcher.begin(number)
        return do_trial(opened, number, parameters, watcher, command).to_dict()
