"""`tf.compat.v1`: graphs and sessions. What is not listed here is found under its name in `tfcli`."""

from importlib import import_module
from types import ModuleType
from typing import Any

from tfcli.compat import names
from tfcli.compat import train as train
from tfcli.compat.variables import AUTO_REUSE as AUTO_REUSE
from tfcli.compat.variables import assign as assign
from tfcli.compat.variables import assign_add as assign_add
from tfcli.compat.variables import assign_sub as assign_sub
from tfcli.compat.variables import get_variable as get_variable
from tfcli.compat.variables import variable_scope as variable_scope
from tfcli.engine.dispatch import executing_eagerly as executing_eagerly
from tfcli.engine.graph.session import InteractiveSession as InteractiveSession
from tfcli.engine.graph.session import Session as Session
from tfcli.engine.graph.session import control_dependencies as control_dependencies
from tfcli.engine.graph.session import disable_eager_execution as disable_eager_execution
from tfcli.engine.graph.session import enable_eager_execution as enable_eager_execution
from tfcli.engine.graph.session import get_default_graph as get_default_graph
from tfcli.engine.graph.session import get_default_session as get_default_session
from tfcli.engine.graph.session import global_variables as global_variables
from tfcli.engine.graph.session import global_variables_initializer as global_variables_initializer
from tfcli.engine.graph.session import group as group
from tfcli.engine.graph.session import name_scope as name_scope
from tfcli.engine.graph.session import no_op as no_op
from tfcli.engine.graph.session import placeholder as placeholder
from tfcli.engine.graph.session import placeholder_with_default as placeholder_with_default
from tfcli.engine.graph.session import reset_default_graph as reset_default_graph
from tfcli.engine.graph.session import trainable_variables as trainable_variables
from tfcli.engine.graph.session import variables_initializer as variables_initializer
from tfcli.engine.tape import gradients as gradients

__all__ = [
    name for name in dir() if not name.startswith("_") and name not in ("Any", "import_module", "ModuleType", "names")
]
__all__ += [name for name in dir(names) if getattr(getattr(names, name), "__module__", None) == names.__name__]


class _Network(ModuleType):
    """tf.compat.v1.nn: tf.nn, and a name of TensorFlow 1."""

    def __getattr__(self, name: str) -> Any:
        own = name.removesuffix("_v2")
        return getattr(import_module("tfcli").nn, own)


nn = _Network("nn")


def __getattr__(name: str) -> Any:
    return getattr(names if hasattr(names, name) else import_module("tfcli"), name)
