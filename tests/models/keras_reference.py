"""The recorded numbers of Keras, and the classes of a kind that no case covers."""

from functools import cache
from pathlib import Path

import numpy as np


@cache
def recorded() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "fixtures" / "keras.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def name_of(case) -> str:
    return "-".join([case[0], *(f"{k}={v}" for k, v in case[1].items()), *case[2:]]).replace(" ", "")


def numbered(table) -> dict:
    """For `pytest.mark.parametrize`."""
    return {"argvalues": list(enumerate(table)), "ids": [name_of(case) for case in table]}


def uncovered(kind, table) -> set[str]:
    """Types of the kind that are in no case."""
    return {cls.type_name for cls in kind.registry} - {kind.registry.find(case[0]).type_name for case in table}


def make(kind, name, settings):
    """As from a spec: by name, converted and checked."""
    from tfcli.declare import DeclarationError, convert

    problems = []
    node = convert(kind, {"type": name, **settings}, (), problems)
    if problems:
        raise DeclarationError(name, problems)
    return node


def close(actual, expected, rtol=2e-5, atol=2e-6):
    np.testing.assert_allclose(np.asarray(actual, np.float64), np.asarray(expected, np.float64), rtol=rtol, atol=atol)
