"""Names as users write them: compared loosely, and the nearest known one to a misspelt one."""

import difflib
import re
from collections.abc import Iterable
from typing import Any


def squash(name: str) -> str:
    """`Conv2D`, `conv_2d` and `conv2d` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def snake_case(name: str) -> str:
    """Keras's rule: `MaxPooling2D` -> `max_pooling2d`."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


# What other libraries, and people in a hurry, call a key; tried before names that look alike.
_SYNONYMS = {
    "lr": "learning_rate",
    "l2": "kernel_regularizer",
    "neurons": "units",
    "hidden": "units",
    "hiddensize": "units",
    "outfeatures": "units",
    "outchannels": "filters",
    "kernel": "kernel_size",
    "stride": "strides",
    "dropout": "rate",
    "p": "rate",
    "heads": "num_heads",
    "vocabsize": "input_dim",
    "act": "activation",
    "input": "inputs",
    "file": "path",
    "target": "label",
    "y": "label",
    "betas": "beta_1",
    "eps": "epsilon",
    "sep": "delimiter",
    "separator": "delimiter",
    "seperator": "delimiter",
    "bins": "num_bins",
    "lambda": "l2",
    "max": "high",
    "min": "low",
    "savefreq": "every_epochs",
    "topk": "k",
    "window": "sequence_length",
}


def closest(name: Any, known: Iterable[Any]) -> str | None:
    """The known name that `name` was probably meant to be."""
    by_squashed = {squash(str(k)): str(k) for k in known}
    wanted = squash(str(name))
    if _SYNONYMS.get(wanted) in by_squashed.values():
        return _SYNONYMS[wanted]
    swapped = [k for k in by_squashed if len(k) == len(wanted) > 2 and sorted(k) == sorted(wanted)]
    close = swapped or difflib.get_close_matches(wanted, by_squashed, 1, 0.6)
    if close:
        return by_squashed[close[0]]
    within = [k for k in by_squashed if len(wanted) > 2 and (k.startswith(wanted) or (len(k) > 3 and k in wanted))]
    return by_squashed[within[0]] if within else None


def nearest(name: Any, known: Iterable[Any]) -> str | None:
    """'did you mean …?' for the known name closest to `name`."""
    close = closest(name, known)
    return f"did you mean `{close}`?" if close else None
