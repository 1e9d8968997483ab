"""Variables by name, as programs with sessions make and change them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfcli.engine.graph.session import session_graph
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor, Variable
from tfcli.errors import ShapeError, TfcliError
from tfcli.models.initializers import GlorotUniform

AUTO_REUSE = "auto"


@contextmanager
def variable_scope(name_or_scope: str, reuse: bool | str | None = None) -> Iterator[str]:
    """Names of variables and nodes start with `name/` inside. `reuse`: get_variable finds (True), makes (None) or
    does either (AUTO_REUSE).
    """
    graph = session_graph("variable_scope")
    before = graph.scope, graph.reuse
    graph.scope = f"{graph.scope}{name_or_scope}/"
    graph.reuse = graph.reuse if reuse is None else reuse
    try:
        yield graph.scope
    finally:
        graph.scope, graph.reuse = before


def get_variable(
    name: str, shape: Any = None, dtype: Any = "float32", initializer: Any = None, trainable: bool = True
) -> Variable:
    """The variable of this name in the scope: a new one, or the one that is there where the scope says `reuse`.

    `initializer` is called with shape and dtype (Glorot's uniform one by default), or is the value. Raises
    TfcliError, ShapeError.
    """
    graph = session_graph("get_variable")
    full = graph.scope + name
    known = graph.named_variables.get(full)
    if known is not None:
        if not graph.reuse:
            raise TfcliError(
                f"get_variable: {full!r} exists; to share it, use variable_scope(…, reuse=True) or AUTO_REUSE"
            )
        if shape is not None and known.shape != Shape(shape):
            raise ShapeError(f"get_variable: {full!r} has the shape {show_shape(known.shape)}, not {show_shape(shape)}")
        return known
    if graph.reuse is True:
        raise TfcliError(f"get_variable: there is no {full!r} to reuse; make it before, or use AUTO_REUSE")
    if shape is None and (initializer is None or callable(initializer)):
        raise TfcliError(f"get_variable: {full!r} needs a shape")
    make = GlorotUniform() if initializer is None else initializer
    value = (lambda: make(tuple(shape), dtype)) if callable(make) else make
    variable = graph.named_variables[full] = Variable(value, trainable=trainable, name=name, dtype=dtype)
    return variable


def assign(
    ref: Variable, value: Any, validate_shape: bool = True, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Set a variable, and give its new value. Shapes are always checked, and assignments never overlap."""
    return ref.assign(value)


def assign_add(ref: Variable, value: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    return ref.assign_add(value)


def assign_sub(ref: Variable, value: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    return ref.assign_sub(value)
