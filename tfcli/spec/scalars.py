"""What a plain (unquoted) YAML word means.

The rules are YAML 1.2's core schema, where PyYAML has YAML 1.1's: `1e-3` is a number, `010` is ten, and `yes`, `no`,
`on`, `off`, `12:30` and `2020-01-31` are texts, so that a class called `no` or a date in a file name stays what it
looks like. As in YAML 1.1, `1_000` is a thousand.
"""

import re

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_DECIMAL = re.compile(r"[-+]?[0-9](_?[0-9])*")
_PREFIXED = re.compile(r"0x[0-9a-fA-F](_?[0-9a-fA-F])*|0o[0-7](_?[0-7])*|0b[01](_?[01])*")
_FLOAT = re.compile(r"[-+]?([0-9](_?[0-9])*(\.([0-9](_?[0-9])*)?)?|\.[0-9](_?[0-9])*)([eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 300


def resolve(text: str) -> bool | int | float | str | None:
    """The value of the unquoted word `text`."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _PREFIXED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL.get(text.lower())
    return text if special is None else float(special)
