"""tf.summary: TensorBoard's event files from Python, under TensorFlow's names.

writer = tf.summary.create_file_writer("logs")
with writer.as_default():
    for step in range(100):
        tf.summary.scalar("loss", loss, step=step)

What is written goes to the writer that is the default, and nowhere where there is none. Inside a `tf.function` it is
written each time the function runs. Writing functions return whether something was written; TfcliError where no step
is known.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Graph
from tfcli.engine.ops.debugging import py_function
from tfcli.engine.spec import Shape, TensorSpec, as_dtype
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor
from tfcli.errors import TfcliError
from tfcli.logging import summaries
from tfcli.logging.events import EventWriter
from tfcli.logging.traces import Recording, graph_nodes, run_metadata
from tfcli.logging.wire import content, message, single

__all__ = [
    "SummaryWriter",
    "audio",
    "create_file_writer",
    "create_noop_writer",
    "experimental",
    "flush",
    "graph",
    "histogram",
    "image",
    "record_if",
    "scalar",
    "should_record_summaries",
    "text",
    "trace_export",
    "trace_off",
    "trace_on",
    "write",
]

Step = int | Tensor | Variable | None
_NO_STEP = "a summary needs its step: give `step=`, or call tf.summary.experimental.set_step"


class SummaryWriter:
    """Writes one event file in `logdir`, made with the first value; without a `logdir` it writes nothing."""

    def __init__(self, logdir: str | Path | None, filename_suffix: str = "") -> None:
        self._file = None if logdir is None else EventWriter(Path(logdir), suffix=filename_suffix)

    @contextlib.contextmanager
    def as_default(self, step: Step = None) -> Iterator["SummaryWriter"]:
        """Inside, this is where summaries go; `step` is theirs where they give none."""
        before = (_state.writer, _state.step)
        self.set_as_default(step)
        try:
            yield self
        finally:
            if self._file is not None:
                self._file.flush()
            _state.writer, _state.step = before

    def set_as_default(self, step: Step = None) -> None:
        """From now on this is where summaries go."""
        _state.writer = self
        _state.step = _state.step if step is None else step

    def init(self) -> None:
        """Nothing: TensorFlow's writers must be opened, ours open with the first value."""

    def flush(self) -> None:
        """Hand all values to the operating system: readers see them."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Flush and close; what is written afterwards goes to a new file."""
        if self._file is not None:
            self._file.close()

    def add_graph(self, graph: Graph) -> bool:
        """Write a graph; whether there is a file for it."""
        if self._file is not None:
            self._file.graph(graph_nodes(graph))
        return self._file is not None

    def add(self, values: list[bytes], step: int) -> bool:
        """Write Summary.Values; whether there is a file for them."""
        if self._file is not None:
            self._file.summaries(values, step)
        return self._file is not None


class _State(threading.local):
    writer: SummaryWriter | None = None
    step: Step = None
    condition: Any = True
    recording: Recording | None = None


_state = _State()
_numbers = itertools.count()


def create_file_writer(
    logdir: str | Path,
    max_queue: int | None = None,
    flush_millis: int | None = None,
    filename_suffix: str | None = None,
    name: str | None = None,
) -> SummaryWriter:
    """A writer of one event file. `max_queue` and `flush_millis` change nothing: values are flushed at the latest after
    10 s, or 64 KiB."""
    return SummaryWriter(logdir, filename_suffix or f".v{next(_numbers)}")


def create_noop_writer() -> SummaryWriter:
    """A writer that writes nothing."""
    return SummaryWriter(None)


def scalar(name: str, data: Any, step: Step = None, description: str | None = None) -> Any:
    """A point of a curve: a single number."""

    def values(array: np.ndarray) -> list[bytes]:
        if array.size != 1:
            raise TfcliError(f"tf.summary.scalar({name!r}): expected a single number, got the shape {array.shape}")
        return [message(content(1, name), single(2, float(array.reshape(()))))]

    return _write(values, data, step)


def histogram(
    name: str, data: Any, step: Step = None, buckets: int | None = None, description: str | None = None
) -> Any:
    """The distribution of an array's finite values, in 30 buckets unless told."""
    return _write(lambda array: [summaries.histogram(name, array, buckets or summaries.BUCKETS)], data, step)


def image(name: str, data: Any, step: Step = None, max_outputs: int = 3, description: str | None = None) -> Any:
    """Pictures (N, H, W, C) with one to four channels, the first `max_outputs` of them: uint8, or floats from 0 to
    1."""

    def values(array: np.ndarray) -> list[bytes]:
        if array.ndim != 4 or array.shape[3] not in (1, 2, 3, 4):
            raise TfcliError(f"tf.summary.image({name!r}): expected (N, H, W, 1 to 4 channels), got {array.shape}")
        return [summaries.images(name, array[:max_outputs], description or "")]

    return _write(values, data, step)


def text(name: str, data: Any, step: Step = None, description: str | None = None) -> Any:
    """Texts, shown as Markdown."""

    def values(array: np.ndarray) -> list[bytes]:
        listed = [item.decode() if isinstance(item, bytes) else str(item) for item in array.ravel().tolist()]
        return [summaries.texts(name, listed, description or "")]

    return _write(values, data, step)


def audio(
    name: str,
    data: Any,
    sample_rate: int,
    step: Step = None,
    max_outputs: int = 3,
    encoding: str | None = None,
    description: str | None = None,
) -> Any:
    """Waves (N, T, C) of floats from -1 to 1, the first `max_outputs` of them; `encoding` may be "wav"."""
    if encoding not in (None, "wav"):
        raise TfcliError(f"tf.summary.audio({name!r}): expected the encoding 'wav', got {encoding!r}")

    def values(array: np.ndarray) -> list[bytes]:
        if array.ndim != 3:
            raise TfcliError(f"tf.summary.audio({name!r}): expected waves (N, T, C), got {array.shape}")
        return [summaries.audio(name, array[:max_outputs], int(sample_rate), description or "")]

    return _write(values, data, step)


def write(tag: str, tensor: Any, step: Step = None, metadata: Any = None, name: str | None = None) -> Any:
    """A tensor of numbers under `metadata`, a SummaryMetadata of tensorboard's that says which page shows it."""
    described = b"" if metadata is None else metadata.SerializeToString()
    return _write(lambda array: [summaries.tensor(tag, array, described)], tensor, step)


def graph(graph_data: Graph) -> bool:
    """A graph for the graph page, such as `f.get_concrete_function(…).graph`."""
    if not isinstance(graph_data, Graph):
        raise TfcliError(
            f"tf.summary.graph: expected a graph, as in `f.get_concrete_function(x).graph`, got {graph_data!r}"
        )
    return _state.writer is not None and _state.writer.add_graph(graph_data)


def trace_on(graph: bool = True, profiler: bool = False, profiler_outdir: str | None = None) -> None:
    """From now on, remember the graphs of the functions that run, until `trace_export` or `trace_off`."""
    if profiler or profiler_outdir is not None:
        raise TfcliError(
            "tf.summary.trace_on: there is no profiler here; `tfcli profile SPEC -o trace.json` times each op"
        )
    trace_off()
    _state.recording = Recording() if graph else None


def trace_export(name: str, step: Step = None, profiler_outdir: str | None = None) -> None:
    """Write the graphs of the functions that ran since `trace_on`, and end the trace."""
    recording, writer = _state.recording, _state.writer
    if recording is None or writer is None:
        missing = "a trace: call tf.summary.trace_on first" if recording is None else "a default writer"
        raise TfcliError(f"tf.summary.trace_export needs {missing}")
    chosen = _state.step if step is None else step
    if chosen is None:
        raise TfcliError(_NO_STEP)
    writer.add([run_metadata(name, recording.stop())], int(_tensor(chosen).numpy()))
    _state.recording = None


def trace_off() -> None:
    """End a trace; nothing is written of it."""
    if _state.recording is not None:
        _state.recording.stop()
        _state.recording = None


def _write(values: Callable[[np.ndarray], list[bytes]], data: Any, step: Step) -> Any:
    """Write what `values` makes of the data, now, or in a trace each time it runs."""
    writer, condition = _state.writer, _state.condition
    step = _state.step if step is None else step
    if writer is None:
        return False
    if step is None:
        raise TfcliError(_NO_STEP)

    def run(array: Any, at: Any, wanted: Any) -> bool:
        return bool(wanted.numpy()) and writer.add(values(np.asarray(array.numpy())), int(at.numpy()))

    wanted = condition() if callable(condition) else condition
    tensors = [_tensor(data), _tensor(step), _tensor(wanted)]
    if any(isinstance(tensor, Symbol) for tensor in tensors):
        return py_function(run, tensors, TensorSpec(Shape(()), as_dtype("bool")))
    return run(*tensors)


def _tensor(value: Any) -> Tensor:
    return value.value() if isinstance(value, Variable) else convert_to_tensor(value)


@contextlib.contextmanager
def record_if(condition: Any) -> Iterator[None]:
    """Inside, summaries are written only where `condition`, a bool, a tensor or a function of nothing, is true."""
    before, _state.condition = _state.condition, condition
    try:
        yield
    finally:
        _state.condition = before


def should_record_summaries() -> bool:
    """Whether a summary would be written now."""
    wanted = _state.condition() if callable(_state.condition) else _state.condition
    return _state.writer is not None and bool(_tensor(wanted).numpy())


def flush(writer: SummaryWriter | None = None, name: str | None = None) -> None:
    """Flush a writer, or the default one."""
    chosen = writer or _state.writer
    if chosen is not None:
        chosen.flush()


def _set_step(step: Step) -> None:
    """The step of summaries that give none."""
    _state.step = step


def _get_step() -> Step:
    """What `set_step` was given last, or None."""
    return _state.step


experimental = SimpleNamespace(set_step=_set_step, get_step=_get_step)
"""tf.summary.experimental."""
