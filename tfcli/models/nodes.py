"""A loss, metric, layer, … from what Python code passes for it: an instance, a name, a mapping, a function."""

from typing import Any

from tfcli.declare import DeclarationError, Declared, Problem, convert


def make(root: type[Declared], value: Any) -> Any:
    """`value` as an instance of the kind `root`; None stays None. Raises DeclarationError."""
    if value is None or isinstance(value, root):
        return value
    if isinstance(value, type) and issubclass(value, root):
        return value()
    problems: list[Problem] = []
    made = convert(root, value, (), problems)
    if problems:
        assert root.registry is not None
        raise DeclarationError(root.registry.kind, problems)
    return made
