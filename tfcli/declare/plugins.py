"""Plugins: modules whose declared classes (layers, losses, metrics, …) can be named in specs like tfcli's own.

Installed packages announce theirs by an entry point of the group `tfcli.plugins`; they are imported when a spec names
a class that tfcli does not have. A spec names its own under `plugins:`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from tfcli.errors import SpecError

GROUP = "tfcli.plugins"
_plugin: ContextVar[str | None] = ContextVar("plugin", default=None)
_loaded: dict[tuple[str, int], str] = {}


def current_plugin() -> str | None:
    """The plugin that is being imported, whose classes are registered."""
    return _plugin.get()


@contextmanager
def _importing(name: str) -> Iterator[None]:
    token = _plugin.set(name)
    try:
        yield
    finally:
        _plugin.reset(token)


def load_plugin(name: str) -> None:
    """Import the module that a spec names, from beside the spec or installed; a file that is as it was, only once.

    Raises SpecError where it is not there, fails, or may not run (see `tfcli.declare.functions.own_python`).
    """
    from tfcli.declare.functions import load_module, spec_folder

    file = Path(name) if name.endswith(".py") else spec_folder() / f"{name}.py"
    key = (str(file.absolute()), file.stat().st_mtime_ns) if file.is_file() else (name, 0)
    if key not in _loaded:
        with _importing(name):
            load_module(name)
        _loaded[key] = name


@cache
def load_entry_points() -> None:
    """Import the plugins of installed packages. Raises SpecError where one fails."""
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        try:
            with _importing(point.name):
                point.load()
        except Exception as error:  # whatever the package does while it is imported
            owner = point.dist.name if point.dist is not None else point.value
            raise SpecError(f"the plugin {point.name!r} of {owner} failed: {type(error).__name__}: {error}") from error
