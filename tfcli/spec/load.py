"""From a spec file and overrides to a checked experiment that remembers where each value stands."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, get_args

from tfcli.declare import (
    Declared,
    FunctionName,
    ModuleName,
    Path,
    PathString,
    Problem,
    UnknownKey,
    convert,
)
from tfcli.declare.functions import functions_in
from tfcli.declare.plugins import load_plugin
from tfcli.errors import SpecError
from tfcli.spec.diagnostics import Diagnostic, InvalidSpec, Mark, locate
from tfcli.spec.document import Document, read_document
from tfcli.spec.dump import unset_variables
from tfcli.spec.overrides import apply_overrides, dotted, set_path


@dataclass
class LoadedSpec:
    """A checked `experiment`, the document it came from, and `root`, the folder that its paths are relative to."""

    experiment: Any
    document: Document
    root: FilePath

    def error_at(self, path: Path, message: str, hint: str | None = None, at_key: bool = False) -> InvalidSpec:
        """An error found later (a shape that does not fit, say), at the place of `path` in the spec."""
        problem = Problem(tuple(path), message, hint, at_key)
        return InvalidSpec([locate(self.document, problem)], [problem])


def load_experiment(path: str | FilePath, overrides: Iterable[str] = ()) -> LoadedSpec:
    """The experiment in the file `path` with each `key=value` of `overrides` assigned.

    Raises InvalidSpec with everything that is wrong with it, and SpecError where the file cannot be read.
    """
    from tfcli.spec.experiment import Experiment  # brings in every layer, loss, source…

    return load(Experiment, path, overrides)


def load(declaration: type[Declared], path: str | FilePath, overrides: Iterable[str] = ()) -> LoadedSpec:
    """As `load_experiment`, for a spec of any declaration."""
    file = FilePath(path)
    document = _read(file)
    document.declaration = declaration
    apply_overrides(document, overrides)
    with functions_in(file.parent):
        experiment, problems = check_document(declaration, document)
    if document.faults or problems:
        raise InvalidSpec(_diagnostics(document, problems), problems)
    if getattr(experiment, "name", "") is None:
        experiment.name = file.stem
    return LoadedSpec(experiment, document, file.absolute().parent)


def check_document(declaration: type[Declared], document: Document) -> tuple[Any, list[Problem]]:
    """The declared object (meaningless where there are problems), and all that is wrong with it."""
    problems: list[Problem] = _load_plugins(declaration, document)
    experiment = convert(declaration, document.value, (), problems)
    problems = [_belongs_elsewhere(declaration, problem) for problem in problems]
    problems += _unset_variables(experiment) if not problems else []
    problems += _search_problems(declaration, document, problems)
    return experiment, problems


def _load_plugins(declaration: type[Declared], document: Document) -> list[Problem]:
    """Import what stands under `plugins`, so that the spec may name its classes."""
    names = document.value.get("plugins") if "plugins" in declaration.fields() else None
    problems = []
    for i, name in enumerate(names if isinstance(names, list) else []):
        try:
            if isinstance(name, str):
                load_plugin(name)
        except SpecError as error:
            problems.append(Problem(("plugins", i), str(error)))
    return problems


def _diagnostics(document: Document, problems: list[Problem]) -> list[Diagnostic]:
    """The document's faults, and the problems but for those that only follow from a fault in the same value."""

    def covers(mark: Mark, fault: Diagnostic) -> bool:
        inner = fault.mark
        same_line = mark.source is inner.source and mark.line == inner.line
        return same_line and mark.column <= inner.column < mark.column + max(1, mark.length)

    located = (locate(document, problem) for problem in problems)
    own = [found for found in located if not any(covers(found.mark, fault) for fault in document.faults)]
    return [*document.faults, *own]


def _read(file: FilePath) -> Document:
    try:
        return read_document(file)
    except FileNotFoundError:
        raise SpecError(f"there is no file {file}{_similar(file)}") from None
    except IsADirectoryError:
        inner = file / "spec.yaml"
        hint = f"; its spec is {inner}" if inner.exists() else ""
        raise SpecError(f"{file} is a folder, and a spec is a file{hint}") from None
    except OSError as error:
        raise SpecError(f"{file} cannot be read: {error.strerror}") from None


def _similar(file: FilePath) -> str:
    if not file.parent.is_dir():
        return f": the folder {file.parent} does not exist"
    specs = sorted(p.name for p in file.parent.iterdir() if p.suffix in (".yaml", ".yml"))
    close = difflib.get_close_matches(file.name, specs, 1, 0.6)
    return f"; did you mean {file.parent / close[0]}?" if close else ""


def _sections(declaration: type[Declared]) -> Iterator[tuple[str, type[Declared]]]:
    """The fields of the spec that are mappings of their own, such as `train`."""
    for name, item in declaration.fields().items():
        for member in (item.annotation, *get_args(item.annotation)):
            if isinstance(member, type) and issubclass(member, Declared) and member.registry is None:
                yield name, member


# Keys that users of other tools look for, and where this spec has them.
_ELSEWHERE = {
    "batch_size": "batches are made by a stage of `data.pipeline`: `- {type: batch, batch_size: 32}`",
    "shuffle": "shuffling is a stage of `data.pipeline`: `- {type: shuffle, buffer_size: 10000}`",
    "validation_split": "the split is part of the data: `data.split: {validation: 0.2}`",
    "learning_rate": "it belongs to the optimizer: `optimizer: {type: adam, learning_rate: 0.001}`",
    "lr": "it belongs to the optimizer: `optimizer: {type: adam, learning_rate: 0.001}`",
}


def _belongs_elsewhere(declaration: type[Declared], problem: Problem) -> Problem:
    """For a key that is known in another section of the spec, a suggestion that names the section."""
    in_sections = len(problem.path) == 1 or (len(problem.path) == 2 and problem.path[0] in dict(_sections(declaration)))
    if not isinstance(problem, UnknownKey) or not in_sections:
        return problem
    key = problem.path[-1]
    holders = [name for name, section in _sections(declaration) if key in section.fields()]
    if len(problem.path) == 2 and key in declaration.fields():
        hint = f"`{key}` stands at the top level of the spec, at the start of a line"
    elif holders:
        hint = f"`{key}` belongs under `{holders[0]}:`"
    elif key in _ELSEWHERE:
        hint = _ELSEWHERE[key]
    else:
        return problem
    return UnknownKey(problem.path, problem.message, hint, at_key=True)


def _unset_variables(experiment: Declared) -> list[Problem]:
    return [
        Problem(path, f"the environment variable `{name}` is not set", f"set it, as in `{name}=… tfcli …`")
        for path, text in texts_of(PathString, experiment.spec(), ())
        for name in unset_variables(text)
    ]


def own_functions(loaded: LoadedSpec) -> list[tuple[Path, str]]:
    """The Python functions and plugins that the spec names, each with its place."""
    spec = loaded.experiment.spec()
    return [*texts_of(FunctionName, spec, ()), *texts_of(ModuleName, spec, ())]


def texts_of(kind: type[str], value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The texts of a kind (paths, functions, modules) in a spec's plain data, each with its place."""
    if isinstance(value, kind):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts_of(kind, inner, (*path, key))


def _search_problems(declaration: type[Declared], document: Document, known: list[Problem]) -> list[Problem]:
    """Each value of the search space is tried in its place: a path to no key, or a value that its key refuses."""
    tune = document.value.get("tune")
    space = tune.get("space") if isinstance(tune, dict) else None
    if "tune" not in declaration.fields() or not isinstance(space, dict):
        return []
    problems: list[Problem] = []
    ranges = {path: keys for path, keys in space.items() if isinstance(path, str) and isinstance(keys, dict)}
    for path, choices in ranges.items():
        with suppress(InvalidSpec):  # a condition on a key that is none, which is told where that is searched
            chosen = document.copy()
            before = list(known)
            for other, value in _conditions(ranges, path).items():
                set_path(chosen, other, value)
                convert(declaration, chosen.value, (), before)
            problems += _choice_problems(declaration, chosen, path, choices, {(p.path, p.message) for p in before})
    return problems


def _conditions(ranges: dict[str, dict], path: str) -> dict[str, Any]:
    """A value for each key above `path`, with which it is searched."""
    declared = ranges[path].get("when")
    when: dict = declared if isinstance(declared, dict) else {}
    found: dict[str, Any] = {}
    earlier = list(ranges)[: list(ranges).index(path)]
    for other in [key for key in when if key in earlier]:
        values = when[other] if isinstance(when[other], list) else [when[other]]
        if values:
            found |= _conditions(ranges, other) | {other: values[0]}
    return found


def _choices(choices: dict) -> Iterator[tuple[Path, Any]]:
    """Values that a search may draw, each with where it stands: all that are listed, or the ends and the first step."""
    values = choices.get("values")
    for i, value in enumerate(values if isinstance(values, list) else []):
        yield ("values", i), value
    ends = {name: choices[name] for name in ("low", "high", "step") if isinstance(choices.get(name), int | float)}
    for name, value in ends.items():
        if name != "step":
            yield (name,), value
        elif "low" in ends:
            yield (name,), ends["low"] + value


def _choice_problems(
    declaration: type[Declared], document: Document, path: str, choices: dict, before: set[tuple[Path, str]]
) -> Iterator[Problem]:
    for where, value in _choices(choices):
        trial = document.copy()
        at = ("tune", "space", path)
        try:
            target = set_path(trial, path, value)
        except InvalidSpec as error:
            fault = error.diagnostics[0]
            yield Problem(at, fault.message, fault.help, at_key=True)
            return
        found: list[Problem] = []
        convert(declaration, trial.value, (), found)
        for problem in found:
            if (problem.path, problem.message) in before:
                continue
            if isinstance(problem, UnknownKey) and problem.path == target[: len(problem.path)]:
                yield Problem(at, f"{problem.message} (`{dotted(target)}`)", problem.suggestion, at_key=True)
                return
            yield Problem((*at, *where), problem.message, problem.suggestion)
