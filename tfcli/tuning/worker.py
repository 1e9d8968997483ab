"""A worker process, `python -m tfcli.tuning.worker STUDY COMMAND TRUST`: does the trials that its standard input names.

What takes long to import is imported once the input is watched: whoever started the worker may be killed any time.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from tfcli.tuning.work import Outcome


class _Link:
    """The pipe to the process that runs the study."""

    def __init__(self, output: BinaryIO) -> None:
        self.output = output
        self.messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            self.messages.put(json.loads(line))
        # The study is over or its process is gone: nobody waits for what is under way, and its checkpoints are whole.
        os._exit(0)

    def send(self, **message: Any) -> None:
        from tfcli.logging.durable import to_json

        self.output.write(to_json(message).encode() + b"\n")
        self.output.flush()

    def epoch_ended(self, number: int, part: int, row: Mapping[str, Any], epochs: int) -> None:
        self.send(event="epoch", part=part, row=dict(row), epochs=epochs)

    def is_pruned(self, number: int, step: int, value: float) -> bool:
        self.send(event="judge", step=step, value=value)
        return self.messages.get()["pruned"]


def main() -> None:
    """Do trials until the input ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # outside of training too, a trial ends in order
    warnings.simplefilter("ignore")  # as in the commands: what comes of an overflow is an error of ours
    link = _Link(_standard_output())
    from tfcli.declare.functions import own_python
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.tuning.study import Study
    from tfcli.tuning.work import do_trial

    run, command, trust = RunDirectory(Path(sys.argv[1])), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    with own_python(run.path, trust):
        study = Study.open(run)
        _work(link, lambda task: do_trial(study, task["number"], task["parameters"], link, command))


def _work(link: _Link, do: Callable[[dict[str, Any]], "Outcome"]) -> None:
    while True:
        task = link.messages.get()
        link.send(event="begin")
        try:
            outcome = do(task)
        except Exception:
            link.send(event="fault", error=traceback.format_exc())
            raise
        link.send(event="end", outcome=outcome.to_dict())


def _standard_output() -> BinaryIO:
    """The pipe for messages; what a user's function prints goes to standard error."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)
