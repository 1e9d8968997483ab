"""Python functions of the user's own, named in a spec: `my_module:my_function`."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from tfcli.errors import SpecError

_folder: ContextVar[Path | None] = ContextVar("function folder", default=None)
_distrusted: list[str] = []
"""What the specs at work came from, where their Python may not run. Not a ContextVar: it holds in every thread."""


@contextmanager
def functions_in(folder: Path) -> Iterator[None]:
    """Inside, modules are looked for in `folder`, the spec's, before those installed."""
    token = _folder.set(folder.absolute())
    try:
        yield
    finally:
        _folder.reset(token)


@contextmanager
def own_python(origin: str | Path, trust: bool) -> Iterator[None]:
    """Inside, without `trust`, functions that a spec names are not even imported: `origin` says where it came from.

    A spec that a user names on the command line is his word; one found in a run directory may be anybody's. What an
    outer block forbids an inner one cannot allow.
    """
    if trust:
        yield
        return
    _distrusted.append(str(origin))
    try:
        yield
    finally:
        _distrusted.pop()


def runs_own_python() -> bool:
    """Whether functions that a spec names may run here."""
    return not _distrusted


def refusal(name: str) -> str:
    """Why the function may not run here, and what to do."""
    return (
        f"`{name}` is Python that the spec in {_distrusted[-1]} names, not a spec that you named, and was not run; "
        "look at it, and add --trust if it may run"
    )


def spec_folder() -> Path:
    """The folder of the spec at work, which its relative names are taken from; without one the working directory."""
    return _folder.get() or Path.cwd()


def load_function(name: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function that `module:function` or `/path/to/module.py:function` names; a function stays as it is.

    Raises SpecError where there is none, its module fails to import, or `own_python` forbids it.
    """
    if not isinstance(name, str):
        return name
    if _distrusted:
        raise SpecError(refusal(name))
    module_name, _, attribute = name.rpartition(":")
    try:
        found: Any = load_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise SpecError(f"{module_name} has no function {attribute!r}") from error
    if not callable(found):
        raise SpecError(f"{name} is no function but {type(found).__name__}")
    return found


def absolute_name(name: str, folder: Path) -> str:
    """The name with the file of its module written out where that is in `folder`, so that it is found from anywhere."""
    module_name, colon, attribute = name.rpartition(":")
    return absolute_module(module_name, folder) + colon + attribute


def absolute_module(name: str, folder: Path) -> str:
    """The module's file where that is in `folder`."""
    path = folder / f"{name}.py"
    return str(path.absolute()) if path.is_file() else name


def load_module(name: str) -> ModuleType:
    """The module of that name, or in that `.py` file. Raises SpecError as `load_function` does."""
    if _distrusted:
        raise SpecError(refusal(name))
    folder = spec_folder()
    path = Path(name) if name.endswith(".py") else folder / f"{name}.py"
    beside = str(path.parent if name.endswith(".py") else folder)
    sys.path.insert(0, beside)  # a module may import its neighbours
    try:
        return _load_file(path) if path.is_file() else importlib.import_module(name)
    except ImportError as error:
        raise SpecError(f"cannot import {name!r}, also not from {beside}: {error}") from error
    except Exception as error:  # whatever the user's module does while it is imported
        raise SpecError(f"importing {name!r} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(beside)


def _load_file(path: Path) -> ModuleType:
    # Under a name of our own: specs in two folders may each have a `my_module`, and so may the installed packages.
    spec = importlib.util.spec_from_file_location(f"tfcli_user_module_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
