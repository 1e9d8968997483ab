"""What is done about bad data: stop at it, or leave it out, count it and say so."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

from tfcli.errors import DataError

OnError = Literal["stop", "skip"]
T = TypeVar("T")
R = TypeVar("R")


class Faults:
    """Called with each fault: raises it, or keeps its message where `on_error` is skip."""

    def __init__(self, on_error: OnError = "stop") -> None:
        self.on_error = on_error
        self.messages: list[str] = []

    def __call__(self, error: DataError) -> None:
        if self.on_error == "stop":
            raise error
        self.messages.append(str(error))

    def kept(self, items: Iterable[T], function: Callable[[T], R]) -> Iterator[tuple[int, R]]:
        """The items' numbers with `function` of each, without those for which it raises DataError."""
        for i, item in enumerate(items):
            try:
                result = function(item)
            except DataError as error:
                self(error)
            else:
                yield i, result


def described(messages: list[str], most: int = 10) -> Iterator[str]:
    """What to tell of data that was left out: how much, and the first of it."""
    if messages:
        yield f"{len(messages):,} damaged {'example was' if len(messages) == 1 else 'examples were'} skipped:"
        yield from (f"  {message}" for message in messages[:most])
        if len(messages) > most:
            yield f"  and {len(messages) - most:,} more; summary.json lists them"
