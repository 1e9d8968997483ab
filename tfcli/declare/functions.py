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


@contextmanager
def functions_in(folder: Path) -> Iterator[None]:
    """Inside, modules are looked for in `folder`, the spec's, before those installed."""
    token = _folder.set(folder.absolute())
    try:
        yield
    finally:
        _folder.reset(token)


def spec_folder() -> Path:
    """The folder of the spec at work, which its relative names are taken from; without one the working directory."""
    return _folder.get() or Path.cwd()


def load_function(name: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function that `module:function` or `/path/to/module.py:function` names; a function stays as it is.

    Raises SpecError where there is none, or its module fails to import.
    """
    if not isinstance(name, str):
        return name
    module_name, _, attribute = name.rpartition(":")
    try:
        found: Any = _load_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise SpecError(f"{module_name} has no function {attribute!r}") from error
    if not callable(found):
        raise SpecError(f"{name} is no function but {type(found).__name__}")
    return found


def absolute_name(name: str, folder: Path) -> str:
    """The name with the file of its module written out where that is in `folder`, so that it is found from anywhere."""
    module_name, _, attribute = name.rpartition(":")
    path = folder / f"{module_name}.py"
    return f"{path.absolute()}:{attribute}" if path.is_file() else name


def _load_module(name: str) -> ModuleType:
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
