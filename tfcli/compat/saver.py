"""`tf.compat.v1.train.Saver`: the variables of a session's graph in safetensors files, by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfcli.engine.graph.session import Session, global_variables
from tfcli.engine.tensor import Variable
from tfcli.errors import CheckpointError, TfcliError
from tfcli.saved_model.checkpoints import (
    add_checkpoint,
    latest_checkpoint,
    read_values,
    set_value,
    write_values,
)

__all__ = ["Saver", "checkpoint_exists", "latest_checkpoint"]


class Saver:
    """Saves and restores variables: all of the graph, a list of them, or a dict of the names that the file uses.

    Raises TfcliError where two have one name, or there are none.
    """

    def __init__(
        self, var_list: Sequence[Variable] | Mapping[str, Variable] | None = None, max_to_keep: int | None = 5
    ) -> None:
        chosen = global_variables() if var_list is None else var_list
        pairs = list(chosen.items()) if isinstance(chosen, Mapping) else [(v.name, v) for v in chosen]
        self._variables, self._max_to_keep = dict(pairs), max_to_keep
        if not pairs:
            raise TfcliError("Saver: there are no variables to save")
        if len(self._variables) < len(pairs):
            raise TfcliError("Saver: two variables have one name; give a dict with a name for each")

    def save(self, sess: Session, save_path: str | Path, global_step: Any = None) -> str:
        """Write `<save_path>[-<global_step>].safetensors` and return its path without the ending; the newest
        `max_to_keep` are kept. Raises TfcliError before the variables have values, CheckpointError.
        """
        step = sess.run(global_step) if global_step is not None and not isinstance(global_step, int) else global_step
        path = Path(str(save_path) if step is None else f"{save_path}-{int(step)}")
        write_values(path, self._variables)
        add_checkpoint(path, self._max_to_keep)
        return str(path)

    def restore(self, sess: Session, save_path: str | Path) -> None:
        """Set the variables, which need no initializer then. Raises CheckpointError where one is missing or does not
        fit.
        """
        values = read_values(save_path)
        missing = sorted(self._variables.keys() - values.keys())
        if missing:
            raise CheckpointError(f"{save_path} has no value for: {', '.join(missing[:10])}")
        for name, variable in self._variables.items():
            set_value(name, variable, values[name])


def checkpoint_exists(checkpoint_prefix: str | Path) -> bool:
    """Whether there is a checkpoint of this path."""
    return Path(f"{checkpoint_prefix}.safetensors").is_file()
