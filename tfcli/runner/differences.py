"""Where plain nested data differ: the shortest list of dotted paths that tells it."""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

from tfcli.spec.overrides import item_names

MISSING = type("Missing", (), {"__repr__": lambda self: "-", "__bool__": lambda self: False})()
"""Stands for what is not there."""
WRITTEN_ONLY = ("name", "description", "train.checkpoint", "train.tensorboard", "train.csv_log", "train.on_end")
"""Keys that change what is written down, and nothing that is learned."""


def differences(values: Sequence[dict[str, Any]], without: Collection[str] = ()) -> list[tuple[str, list[Any]]]:
    """Each path at which the mappings differ, with its value in each; `without`: top-level keys not to look at.

    Items of a list of nodes go by name. Of nodes of different types, only `type` and the keys that all of them have
    are compared, for the others follow from the type. Nodes stand as their type, what is not there as None.
    """
    trimmed = [{key: item for key, item in value.items() if key not in without} for value in values]
    return [(path, [summary(item) for item in found]) for path, found in _differing("", trimmed)]


def _differing(path: str, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    first = values[0] if values else None
    if all(value is first or value == first for value in values):
        return
    if all(is_nodes(value) for value in values):
        values = [by_name(value) for value in values]
    if not all(isinstance(value, dict) for value in values):
        yield path, values
        return
    for key in _compared_keys(values):
        yield from _differing(f"{path}.{key}" if path else str(key), [value.get(key, MISSING) for value in values])


def _compared_keys(values: Sequence[dict[Any, Any]]) -> list[Any]:
    keys = dict.fromkeys(key for value in values for key in value)
    one_type = all(value.get("type", MISSING) == values[0].get("type", MISSING) for value in values)
    return [key for key in keys if one_type or all(key in value for value in values)]


def is_nodes(value: Any) -> bool:
    """Whether it is a list of mappings with types: layers, stages, metrics."""
    return isinstance(value, list) and _are_nodes(_Same(value))


class _Same:
    """A list as a key by its identity: runs share equal sections, and these do not change."""

    def __init__(self, value: list[Any]) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value


@lru_cache(maxsize=4096)
def _are_nodes(same: _Same) -> bool:
    return bool(same.value) and all(isinstance(item, dict) and "type" in item for item in same.value)


def by_name(nodes: list[dict[str, Any]]) -> dict[Any, Any]:
    """Nodes by what they are called, their own `name` left out."""
    return _by_name(_Same(nodes))


@lru_cache(maxsize=4096)
def _by_name(same: _Same) -> dict[Any, Any]:
    nodes = same.value
    unnamed = ({key: item for key, item in node.items() if key != "name"} for node in nodes)
    return dict(zip(item_names(nodes), unnamed, strict=True))


def summary(value: Any) -> Any:
    """A value in one cell: a node as its type, nodes as their types."""
    if value is MISSING:
        return None
    if isinstance(value, dict) and "type" in value:
        return value["type"]
    if is_nodes(value):
        return ", ".join(str(node["type"]) for node in value)
    return value
