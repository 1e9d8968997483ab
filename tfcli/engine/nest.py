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


def flatten_sorted(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves as TensorFlow orders them: those of dicts by sorted keys."""
    return flatten(_sorted(structure))


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """`structure` with these leaves, in TensorFlow's order. Raises TfcliError where their numbers differ."""
    leaves, wanted = list(flat_sequence), len(flatten(structure))
    if len(leaves) != wanted:
        raise TfcliError(f"pack_sequence_as: {len(leaves)} leaves for a structure of {wanted}")
    places = pack(_sorted(structure), leaves)
    return pack(structure, flatten(_ordered_like(structure, places)))


def _sorted(structure: Any) -> Any:
    if isinstance(structure, Mapping):
        return {key: _sorted(structure[key]) for key in sorted(structure)}
    return [_sorted(item) for item in structure] if isinstance(structure, list | tuple) else structure


def _ordered_like(structure: Any, value: Any) -> Any:
    """`value` with the keys of its dicts in the order that they have in `structure`."""
    if isinstance(structure, Mapping):
        return {key: _ordered_like(item, value[key]) for key, item in structure.items()}
    if isinstance(structure, list | tuple):
        return [_ordered_like(item, found) for item, found in zip(structure, value, strict=True)]
    return value


def is_nested(structure: Any) -> bool:
    """Whether it is a structure and not a leaf."""
    return isinstance(structure, Mapping | list | tuple)


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """Raises TfcliError where one structure has a leaf, or other keys, where the other has none."""
    flatten_like(nest1, nest2, "assert_same_structure: the second")
    flatten_like(nest2, nest1, "assert_same_structure: the first")
    if any(map(is_nested, flatten_like(nest1, nest2, "assert_same_structure: the second"))):
        raise TfcliError("assert_same_structure: the second has structures where the first has leaves")
    if check_types and type(nest1) is not type(nest2) and (is_nested(nest1) or is_nested(nest2)):
        raise TfcliError(f"assert_same_structure: {type(nest1).__name__} and {type(nest2).__name__} differ")


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
