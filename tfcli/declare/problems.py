"""What is wrong with a value, and the errors that carry it."""

from dataclasses import dataclass

from tfcli.errors import SpecError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a value. `at_key`: it is the key at the end of `path` that is wrong, not its value."""

    path: Path
    message: str
    suggestion: str | None = None
    at_key: bool = False

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return (f"{where}: " if where else "") + self.message + (f"; {self.suggestion}" if self.suggestion else "")


@dataclass(frozen=True)
class UnknownKey(Problem):
    """A key that no field has."""


class DeclarationError(SpecError):
    """Values that do not fit a declaration; `problems` has all of them."""

    def __init__(self, title: str, problems: list[Problem]) -> None:
        self.problems = problems
        lines = [str(problem) for problem in problems]
        super().__init__(f"{title}: {lines[0]}" if len(lines) == 1 else "\n  ".join([f"{title}:", *lines]))


class FieldError(SpecError):
    """Raised by a `check` method: `field` (a name, or a path below it) has a value that does not go with the others."""

    def __init__(self, field: str | Path, message: str, suggestion: str | None = None) -> None:
        self.path: Path = (field,) if isinstance(field, str) else field
        self.message, self.suggestion = message, suggestion
        super().__init__(f"{'.'.join(map(str, self.path))}: {message}")
