"""Writes tfcli/declare/places.py: the modules in which the classes of each kind are declared."""

import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import tfcli.spec.experiment  # noqa: F401 - brings the bases of all kinds
from tfcli.declare import Declared, Registry

FILE = Path(__file__).resolve().parents[1] / "tfcli" / "declare" / "places.py"
PACKAGES = (
    "tfcli.data.sources",
    "tfcli.data.stages",
    "tfcli.models.layers",
    "tfcli.models.losses",
    "tfcli.models.metrics",
    "tfcli.models.optimizers",
    "tfcli.models.presets",
)
HEAD = '''"""Where the classes of each kind are declared, so that a spec loads the modules of those alone that it names.

Written by scripts/declared_places.py.
"""

PLACES: dict[str, dict[str, str]] = {
'''
FOOT = '''}
"""Kind -> module -> the names, as `squash` has them, of its classes."""
'''


def registries() -> Iterator[tuple[type[Declared], Registry]]:
    """Each kind's base and registry, with everything declared in PACKAGES."""
    for package in PACKAGES:
        for module in iter_modules(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    bases = [base for base in _below(Declared) if base.registry is not None and "registry" in vars(base)]
    for base in sorted(bases, key=lambda base: base.registry.kind):
        yield base, base.registry


def _below(cls: type[Declared]) -> Iterator[type[Declared]]:
    for below in cls.__subclasses__():
        yield below
        yield from _below(below)


def places() -> dict[str, dict[str, str]]:
    """Kind -> module -> the names of its classes."""
    found: dict[str, dict[str, str]] = {}
    for base, registry in registries():
        modules: dict[str, list[str]] = {}
        for name, cls in registry.classes.items():
            if cls.__module__ != base.__module__ and cls.__module__.startswith(PACKAGES):
                modules.setdefault(cls.__module__, []).append(name)
        if modules:
            found[registry.kind] = {module: " ".join(sorted(names)) for module, names in sorted(modules.items())}
    return found


def text() -> str:
    """The file's text."""
    lines = [
        line for kind, modules in places().items() for line in (f'    "{kind}": {{\n', *_entries(modules), "    },\n")
    ]
    return HEAD + "".join(lines) + FOOT


def _entries(modules: dict[str, str]) -> Iterator[str]:
    for module, names in modules.items():
        yield from _entry(module, names)


def _entry(module: str, names: str) -> Iterator[str]:
    whole = f'        "{module}": "{names}",\n'
    if len(whole) <= 121:
        yield whole
        return
    lines = textwrap.wrap(names, 105)
    yield f'        "{module}": (\n'
    for line in lines[:-1]:
        yield f'            "{line} "\n'
    yield f'            "{lines[-1]}"\n        ),\n'


if __name__ == "__main__":
    FILE.write_text(text())
