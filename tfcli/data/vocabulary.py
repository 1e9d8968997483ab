"""Vocabularies of columns of a table."""

from collections import Counter
from typing import Any

import numpy as np

from tfcli.engine.preprocessing.lookup import most_frequent


def learn_tokens(values: np.ndarray, limit: int | None = None) -> list[Any]:
    """The distinct values, the most frequent first and ties from the last in order to the first, `limit` of them at
    most."""
    return most_frequent(Counter(values.ravel().tolist()), limit)
