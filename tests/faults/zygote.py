"""A process that has imported tfcli and forks itself for each command line that its standard input asks for.

A start then takes no time, and each command is a process of its own, which can be killed as any other. Requests and
replies are lines of JSON: `{"argv": [...], ...}` gives `{"pid": n}`, `{"wait": pid}` gives `{"code": n, "seconds": s}`:
-9 after a SIGKILL, and the processor time that it had.
"""

import base64
import errno
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import matplotlib.backends.backend_agg  # noqa: F401
import PIL.ImageDraw  # noqa: F401
import tensorboard.compat.proto.event_pb2
import tensorboard.compat.proto.graph_pb2  # noqa: F401

import tfcli.commands.train
import tfcli.data.stages.learned
import tfcli.engine.kernels.steps
import tfcli.models.layers.normalization
import tfcli.models.layers.regularization
import tfcli.models.losses.probabilistic
import tfcli.models.metrics.accuracy
import tfcli.models.optimizers.adam
import tfcli.runner.evaluation
import tfcli.runner.training
import tfcli.spec.experiment  # noqa: F401
from tfcli.commands.main import run
from tfcli.logging import durable
from tfcli.logging.checkpoints import Checkpoints
from tfcli.runner.memory import Process
from tfcli.runner.recorder import Recorder


class Watched(durable.Storage):
    """Counts the operations; at the `stop`-th the process is killed, from the `fail`-th on they fail with `errno`.

    With `lasting` false that one alone fails. With a `log`, all are written down there.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self.count = 0
        self.stop, self.fail = request.get("stop"), request.get("fail")
        self.code = getattr(errno, request.get("errno", "ENOSPC"))
        self.only = request.get("only")
        self.lasting = request.get("lasting", True)
        self.log = open(request["log"], "w") if "log" in request else None  # noqa: SIM115
        self.lock = threading.Lock()

    def at(self, operation: str, place: Any, data: bytes = b"", more: str | None = None) -> None:
        with self.lock:
            path = os.path.abspath(place) if not isinstance(place, int) else os.readlink(f"/proc/self/fd/{place}")
            if self.count == self.stop:
                if operation == "write":
                    os.write(place, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            affected = self.only is None or operation in self.only
            is_due = self.fail is not None and (self.count >= self.fail if self.lasting else self.count == self.fail)
            self.count += affected
            if is_due and affected:
                raise OSError(self.code, os.strerror(self.code))
            self.tell(operation, path, base64.b64encode(data).decode(), more)

    def tell(self, *event: Any) -> None:
        if self.log is not None:
            self.log.write(json.dumps(event) + "\n")
            self.log.flush()

    def create(self, path: Path) -> int:
        self.at("create", path)
        return super().create(path)

    def open_to_append(self, path: Path) -> int:
        self.at("append", path)
        return super().open_to_append(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        self.at("write", descriptor, bytes(data))
        return super().write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        self.at("truncate", descriptor, more=str(size))
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        # What is lost when the power fails is worked out from the log: the real disk need not be waited for.
        self.at("sync", descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self.at("replace", source, more=os.path.abspath(target))
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self.at("unlink", path)
        super().unlink(path)

    def make_directory(self, path: Path) -> None:
        self.at("make_directory", path)
        super().make_directory(path)

    def remove_directory(self, path: Path) -> None:
        self.at("remove_directory", path)
        super().remove_directory(path)


def watch(request: dict[str, Any]) -> Watched:
    """Put a watched disk under tfcli; the log also says when a checkpoint is acknowledged."""
    storage = Watched(request)
    durable.storage = storage
    save = Checkpoints.save

    def saving(self: Checkpoints, name: str, *arguments: Any, **named: Any) -> Path:
        path = save(self, name, *arguments, **named)
        storage.tell("saved", os.path.abspath(path), "", None)
        return path

    Checkpoints.save = saving  # type: ignore[method-assign]
    if request.keys() & {"stop", "fail", "count"}:
        _record_at_once()
    return storage


def _record_at_once() -> None:
    """Leave out no checkpoint that newer ones supersede: the n-th operation is then the same one in each run."""
    hand_over = Recorder._hand_over

    def waiting(self: Recorder, **what: Any) -> None:
        hand_over(self, **what)
        self.flush()

    Recorder._hand_over = waiting  # type: ignore[method-assign]


def do(request: dict[str, Any]) -> None:
    """In the child: run the command line; never returns."""
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(request["folder"])
    storage = watch(request)
    if "addresses" in request:
        limit = Process.now().addresses + request["addresses"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    code = 99
    try:
        code = run(request["argv"])
        sys.stdout.flush()
        if "count" in request:
            Path(request["count"]).write_text(str(storage.count))
    finally:
        os._exit(code)


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status, used = os.wait4(request["wait"], 0)
            reply = {"code": os.waitstatus_to_exitcode(status), "seconds": used.ru_utime + used.ru_stime}
        else:
            child = os.fork()
            if child == 0:
                do(request)
            reply = {"pid": child}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
