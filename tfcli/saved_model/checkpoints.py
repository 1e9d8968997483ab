"""tf.train.Checkpoint and CheckpointManager: variables in safetensors files, by where they stand in the objects."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.engine.dispatch import init_scope
from tfcli.engine.graph.ir import value_of
from tfcli.engine.module import attributes_of, awaiting, is_module
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Variable
from tfcli.errors import CheckpointError, TfcliError
from tfcli.logging.durable import read_json, write_json
from tfcli.logging.tensors import load_tensors, save_tensors

INDEX = "checkpoint"
"""The file in a directory of checkpoints that lists them, the newest last."""
SUFFIX = ".safetensors"


def write_values(path: Path, variables: Mapping[str, Variable]) -> None:
    """Write what the variables hold, by name. Raises TfcliError, CheckpointError."""
    texts = [name for name, variable in variables.items() if variable.dtype == "string"]
    if texts:
        raise TfcliError(f"{texts[0]} is a variable of texts, which a checkpoint cannot hold")
    save_tensors(_file(path), {name: value_of(variable) for name, variable in variables.items()})


def read_values(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint by name. Raises CheckpointError."""
    file = _file(Path(path))
    if not file.is_file():
        raise CheckpointError(f"there is no checkpoint {path}: {file} does not exist")
    return load_tensors(file)


def _file(path: Path) -> Path:
    return path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)


def set_value(name: str, variable: Variable, array: np.ndarray) -> None:
    """Raises CheckpointError where it does not fit."""
    if array.dtype != variable.dtype.numpy or array.shape != tuple(variable.shape):
        raise CheckpointError(
            f"{name} is {array.dtype}{show_shape(array.shape)} in the checkpoint, and here {variable.spec}"
        )
    variable.array = array


def list_checkpoints(directory: Path) -> list[str]:
    """The paths of a directory's checkpoints as its index lists them, the newest last. Raises CheckpointError."""
    index = directory / INDEX
    if not index.is_file():
        return []
    names = read_json(index)
    if not isinstance(names, list) or not all(isinstance(name, str) and name == Path(name).name for name in names):
        raise CheckpointError(f"{index} is damaged: it does not list names of checkpoints")
    return [str(directory / name) for name in names]


def note_checkpoints(directory: Path, paths: list[str]) -> None:
    """Write the index. Raises CheckpointError."""
    write_json(directory / INDEX, [Path(path).name for path in paths])


def add_checkpoint(path: Path, max_to_keep: int | None) -> None:
    """List the checkpoint as the newest, and remove the oldest where there are more than `max_to_keep`."""
    listed = [p for p in list_checkpoints(path.parent) if p != str(path)] + [str(path)]
    gone = listed[:-max_to_keep] if max_to_keep else []
    note_checkpoints(path.parent, listed[len(gone) :])
    for old in gone:
        _file(Path(old)).unlink(missing_ok=True)


def latest_checkpoint(checkpoint_dir: str | Path) -> str | None:
    """The newest checkpoint in a directory, as `restore` takes it; None where there is none. Raises CheckpointError."""
    listed = list_checkpoints(Path(checkpoint_dir))
    return listed[-1] if listed else None


def list_variables(ckpt_dir_or_file: str | Path) -> list[tuple[str, list[int]]]:
    """Name and shape of each variable in a checkpoint, or in the newest of a directory. Raises CheckpointError."""
    return [(name, list(array.shape)) for name, array in sorted(read_values(_resolved(ckpt_dir_or_file)).items())]


def load_variable(ckpt_dir_or_file: str | Path, name: str) -> np.ndarray:
    """The value of one variable. Raises CheckpointError."""
    values = read_values(_resolved(ckpt_dir_or_file))
    if name not in values:
        raise CheckpointError(f"{ckpt_dir_or_file} has no variable {name!r}; it has {', '.join(sorted(values))}")
    return values[name]


def _resolved(path: str | Path) -> str | Path:
    return (latest_checkpoint(path) or path) if Path(path).is_dir() else path


def variables_by_path(root: Any) -> dict[str, Variable]:
    """The variables in an object by where they stand: `net/dense/kernel`, `optimizer/3`; each once."""
    found: dict[str, Variable] = {}
    _collect(root, "", found, set())
    return found


def _collect(value: Any, path: str, found: dict[str, Variable], seen: set[int]) -> None:
    if isinstance(value, Variable):
        if id(value) not in seen:
            found[path] = value
        seen.add(id(value))
        return
    items = _items(value)
    if not items or id(value) in seen:
        return
    seen.add(id(value))
    for name, item in items.items():
        _collect(item, f"{path}/{name}" if path else str(name), found, seen)


def _items(value: Any) -> Mapping[Any, Any] | None:
    """What is inside of an object, by name; None for what holds no variables."""
    if isinstance(value, Checkpoint) or is_module(value):
        return attributes_of(value)
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    variables = getattr(value, "variables", None)  # an optimizer or a metric: its variables in their order
    if isinstance(variables, Mapping):
        variables = list(variables.values())
    return dict(enumerate(variables)) if isinstance(variables, list | tuple) else None


class Checkpoint:
    """The variables of the objects that it is given by name, to be saved to a file and restored from it.

    `Checkpoint(step=step, model=model, optimizer=optimizer)`, or `Checkpoint(module)`. Where a model or optimizer has
    not made its variables yet, they are restored as they are made.
    """

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        """Raises TfcliError for what holds no variables."""
        given = ({} if root is None else {"root": root}) | kwargs
        for name, value in given.items():
            if not isinstance(value, Variable) and _items(value) is None:
                raise TfcliError(
                    f"Checkpoint: {name} is {type(value).__name__}, which holds no variables; give variables, modules, "
                    "models, optimizers, or lists and dicts of them"
                )
        vars(self).update(given)
        self._counter: Variable | None = None

    @property
    def save_counter(self) -> Variable:
        """How often `save` was called."""
        if self._counter is None:
            with init_scope():
                self._counter = Variable(np.int64(0), trainable=False, name="save_counter")
        return self._counter

    def write(self, file_prefix: str | Path, options: Any = None) -> str:
        """Save to the file `<file_prefix>.safetensors`; returns `file_prefix`. Raises CheckpointError."""
        _no_options(options)
        write_values(Path(file_prefix), self._variables())
        return str(file_prefix)

    def save(self, file_prefix: str | Path, options: Any = None) -> str:
        """`write` under a number of its own, `<file_prefix>-1`, which becomes the directory's latest checkpoint."""
        self.save_counter.assign_add(1)
        path = self.write(f"{file_prefix}-{int(self.save_counter)}", options)
        add_checkpoint(Path(path), max_to_keep=None)
        return path

    def read(self, save_path: str | Path, options: Any = None) -> "Restored":
        """Set the variables from what `write` or `save` wrote. Raises CheckpointError where it is missing, damaged, or
        a value has another shape or dtype."""
        _no_options(options)
        return Restored(str(save_path), read_values(save_path), self._variables)

    def restore(self, save_path: str | Path | None, options: Any = None) -> "Restored":
        """`read`; with None, as `latest_checkpoint` gives where there is none yet, nothing is restored."""
        _no_options(options)
        self.save_counter.assign(np.int64(0))
        return Restored("nothing", {}, self._variables) if save_path is None else self.read(save_path)

    def _variables(self) -> dict[str, Variable]:
        held = {name: value for name, value in vars(self).items() if name != "_counter"}
        if "root" in held:
            held |= {"": held.pop("root")}
        found = {path.lstrip("/"): variable for path, variable in variables_by_path(held).items()}
        return found | {"save_counter": self.save_counter}


def _no_options(options: Any) -> None:
    if options is not None:
        raise TfcliError("checkpoints have no options here; leave `options` out")


class Restored:
    """What became of a restored checkpoint."""

    def __init__(self, path: str, values: dict[str, np.ndarray], variables: Callable[[], dict[str, Variable]]) -> None:
        self._path, self._waiting, self._variables = path, values, variables
        self._matched: set[str] = set()
        if not self._take():
            awaiting.append(self._take)

    def _take(self) -> bool:
        """Restore the variables that are there; whether no value is left over."""
        for name, variable in self._variables().items():
            if name in self._waiting:
                set_value(name, variable, self._waiting.pop(name))
                self._matched.add(name)
        return not self._waiting

    def assert_consumed(self) -> "Restored":
        """Raise TfcliError unless every value was restored and every variable has one."""
        if self._waiting:
            raise TfcliError(f"no variable took these values of {self._path}: {', '.join(sorted(self._waiting)[:10])}")
        return self.assert_existing_objects_matched()

    def assert_existing_objects_matched(self) -> "Restored":
        """Raise TfcliError unless every variable that there is now was restored."""
        missing = sorted(self._variables().keys() - self._matched - {"save_counter"})
        if missing:
            raise TfcliError(f"{self._path} has no value for: {', '.join(missing[:10])}")
        return self

    def assert_nontrivial_match(self) -> "Restored":
        """Raise TfcliError unless something was restored."""
        if not self._matched - {"save_counter"}:
            raise TfcliError(f"nothing of {self._path} fits the objects of this checkpoint")
        return self

    def expect_partial(self) -> "Restored":
        """Values may be left over: those of objects that are not there. They are no longer waited for."""
        awaiting[:] = [restore for restore in awaiting if restore != self._take]
        return self


class CheckpointManager:
    """Saves checkpoints `<directory>/<checkpoint_name>-<number>`, and keeps the newest `max_to_keep` of them.

    `checkpoint_interval` counts in `step_counter`; `keep_checkpoint_every_n_hours` keeps one for each such span.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: str | Path,
        max_to_keep: int | None,
        keep_checkpoint_every_n_hours: float | None = None,
        checkpoint_name: str = "ckpt",
        step_counter: Variable | None = None,
        checkpoint_interval: int | None = None,
        init_fn: Callable[[], Any] | None = None,
    ) -> None:
        """Raises TfcliError."""
        if max_to_keep is not None and max_to_keep < 1:
            raise TfcliError(f"CheckpointManager: max_to_keep must be a positive number or None, got {max_to_keep!r}")
        if checkpoint_interval is not None and step_counter is None:
            raise TfcliError("CheckpointManager: checkpoint_interval is counted in a step_counter; give one")
        self.checkpoint, self.directory, self.max_to_keep = checkpoint, str(directory), max_to_keep
        self.checkpoint_interval, self._steps, self._init = checkpoint_interval, step_counter, init_fn
        self._hours, self._name = keep_checkpoint_every_n_hours, checkpoint_name
        self._kept_at = time.time()
        self._saved_at: int | None = None

    @property
    def checkpoints(self) -> list[str]:
        """The paths of the checkpoints that are kept and listed, the newest last."""
        return list_checkpoints(Path(self.directory))

    @property
    def latest_checkpoint(self) -> str | None:
        return latest_checkpoint(self.directory)

    def save(self, checkpoint_number: Any = None, check_interval: bool = True, options: Any = None) -> str | None:
        """Save under this number (else the next one) and return the path; None where it is too soon by the interval."""
        step = None if self._steps is None else int(self._steps)
        if check_interval and self._is_too_soon(step):
            return None
        self.checkpoint.save_counter.assign_add(1)
        number = int(self.checkpoint.save_counter if checkpoint_number is None else checkpoint_number)
        path = Path(self.directory) / f"{self._name}-{number}"
        self.checkpoint.write(path, options)
        self._saved_at = step
        self._keep_by_hours()
        add_checkpoint(path, self.max_to_keep)
        return str(path)

    def _is_too_soon(self, step: int | None) -> bool:
        if self.checkpoint_interval is None or self._saved_at is None or step is None:
            return False
        return step < self._saved_at + self.checkpoint_interval

    def _keep_by_hours(self) -> None:
        """Take the oldest off the list before it is removed, once in so many hours."""
        listed = self.checkpoints
        is_due = self._hours is not None and time.time() - self._kept_at >= self._hours * 3600
        if is_due and self.max_to_keep is not None and len(listed) >= self.max_to_keep:
            note_checkpoints(Path(self.directory), listed[1:])
            self._kept_at = time.time()

    def restore_or_initialize(self) -> str | None:
        """Restore the latest checkpoint and return its path; where there is none, call `init_fn`."""
        latest = self.latest_checkpoint
        if latest is not None:
            self.checkpoint.restore(latest)
        elif self._init is not None:
            self._init()
        return latest
