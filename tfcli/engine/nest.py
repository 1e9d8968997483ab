"""Structures of values: nested dicts, lists, tuples and named tuples, with anything else as a leaf."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfcli.errors import TfcliError


def flatten(structure: Any) -> list[Any]:
    """The leaves, in order; dicts in the order of their keys."""
    return list(_leaves(structure))


def _leaves(structure: Any) -> Iterator[Any]:
    if isinstance(structure, Mapping):
        for key in structure:
            yield from _leaves(structure[key])
    elif isinstance(structure, list | tuple):
        for item in structure:
            yield from _leaves(item)
    else:
        yield structure


def pack(structure: Any, leaves: list[Any]) -> Any:
    """`structure` with its leaves replaced, in order."""
    supply = iter(leaves)
    packed = _pack(structure, supply)
    assert next(supply, flatten) is flatten, "more leaves than places"
    return packed


def _pack(structure: Any, supply: Iterator[Any]) -> Any:
    if isinstance(structure, Mapping):
        return {key: _pack(value, supply) for key, value in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*[_pack(item, supply) for item in structure])
    if isinstance(structure, list | tuple):
        return type(structure)(_pack(item, supply) for item in structure)
    return next(supply)


def map_structure(function: Callable[..., Any], structure: Any, *others: Any) -> Any:
    """`function` of the leaves of one structure, or of the leaves in the same place of several."""
    columns = [flatten(structure), *(flatten(other) for other in others)]
    return pack(structure, [function(*leaves) for leaves in zip(*columns, strict=True)])


def flatten_like(structure: Any, value: Any, what: str) -> list[Any]:
    """What `value` has where `structure` has its leaves. Raises TfcliError where they differ."""
    if isinstance(structure, Mapping):
        if not isinstance(value, Mapping) or value.keys() != structure.keys():
            raise TfcliError(f"{what} must be a dict of {', '.join(map(repr, structure))}, got {_shown(value)}")
        return [leaf for key in structure for leaf in flatten_like(structure[key], value[key], what)]
    if isinstance(structure, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(structure):
            raise TfcliError(f"{what} must be a {type(structure).__name__} of {len(structure)}, got {_shown(value)}")
        return [leaf for own, given in zip(structure, value, strict=True) for leaf in flatten_like(own, given, what)]
    return [value]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dict of {', '.join(map(repr, value))}"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, list | tuple) else "")
