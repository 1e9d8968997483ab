"""Keys of a spec and their values in little room."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any


def setting(value: Any) -> str:
    """A searched value as it stands in a spec."""
    if isinstance(value, float):
        return f"{value:g}"
    return _scalar(value) if isinstance(value, int | str | None) else _flow(value)


def _flow(value: Any) -> str:
    from tfcli.spec.dump import flow

    return flow(value)


_scalar = lru_cache(maxsize=4096, typed=True)(_flow)  # a table of runs has the same few again and again


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each dotted path its last words, as many as tell it from the others."""
    short = {}
    for path in paths:
        words = path.split(".")
        endings = (".".join(words[-count:]) for count in range(1, len(words) + 1))
        others = [other for other in paths if other != path]
        short[path] = next((e for e in endings if not any(f".{o}".endswith(f".{e}") for o in others)), path)
    return short
