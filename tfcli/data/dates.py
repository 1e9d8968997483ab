"""Dates and times written as text."""

from datetime import UTC, datetime

import numpy as np


def parse_date(text: str, format: str | None = None) -> float | None:
    """Seconds since 1970 of a date or time (UTC where it names no zone); None where `text` is none.

    `format`: as in Python's `strptime`. Default: ISO 8601, as 2024-02-29, 2024-02-29 13:05 or 2024-02-29T13:05:00Z.
    """
    try:
        if format is not None:
            moment = datetime.strptime(text, format)
        elif len(text) < 10 or text[4] != "-":  # fromisoformat also takes 20240229 and 2024W091, which may be numbers
            return None
        else:
            moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def parse_dates(texts: np.ndarray, format: str | None = None) -> np.ndarray:
    """(N,) texts -> (N,) float64 seconds since 1970, NaN for a missing text (`""`) and for one that is no date."""
    known: dict[str, float] = {"": np.nan}
    for text in texts.tolist():
        if text not in known:
            seconds = parse_date(text, format)
            known[text] = np.nan if seconds is None else seconds
    return np.array([known[text] for text in texts.tolist()], np.float64)


def show_date(seconds: float) -> str:
    """`2024-02-29`, with the time where it is not midnight."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%d" if seconds % 86400 == 0 else "%Y-%m-%d %H:%M:%S")
