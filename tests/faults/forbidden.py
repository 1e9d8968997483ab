"""What no module of the package may say, for it could run what a file holds: found in its syntax, under any name."""

import ast
from collections.abc import Iterator

MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "runpy", "imp", "code"}
BUILTINS = {"eval", "exec", "__import__", "__builtins__"}
YAML = {"load", "load_all", "unsafe_load", "full_load", "Loader", "FullLoader", "UnsafeLoader", "CLoader"}
LOADERS = {"spec_from_file_location", "exec_module", "SourceFileLoader", "module_from_spec"}
OWN_PYTHON = "declare/functions.py"
"""The one place that imports what a user names."""
OWN_TABLES = {"declare/declared.py", "namespaces.py", "compat/v1.py", "keras/__init__.py", "saved_model/graphs.py"}
"""Where modules of tfcli's own are imported by names that stand in its own tables."""
SHELL = "runner/notification.py"


def forbidden(source: str, file: str) -> list[str]:
    """What the text of the package's `file` must not say."""
    tree = ast.parse(source)
    aliases = _aliases(tree)
    return [what for node in ast.walk(tree) for what in _found(node, file, aliases)]


def _aliases(tree: ast.AST) -> dict[str, str]:
    """What modules are called here."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    return {alias.asname or alias.name: alias.name for node in imports for alias in node.names}


def _found(node: ast.AST, file: str, aliases: dict[str, str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names if alias.name.split(".")[0] in {*MODULES, "builtins"})
        case ast.ImportFrom(module=str(module), names=names):
            if module.split(".")[0] in {*MODULES, "builtins"}:
                yield module
            if module == "yaml":
                yield from (f"yaml.{alias.name}" for alias in names if alias.name in YAML)
            if file != OWN_PYTHON:
                yield from (alias.name for alias in names if alias.name in LOADERS)
        case ast.Name(id=name) if name in BUILTINS:
            yield name
        case ast.Call(func=ast.Name(id="compile")):
            yield "compile"
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if aliases.get(owner) == "yaml" and name in YAML:
            yield f"yaml.{name}"
        case ast.Attribute(attr=name) if name in LOADERS and file != OWN_PYTHON:
            yield name
        case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[name, *_]):
            if not _is_own_module(name) and file not in {OWN_PYTHON, *OWN_TABLES}:
                yield "import_module of a name from elsewhere"
        case ast.keyword(arg="allow_pickle", value=value) if not _is(value, False):
            yield "allow_pickle"
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner)), keywords=keywords) if (
            aliases.get(owner) == "subprocess" and file != SHELL
        ):
            yield from ("shell" for keyword in keywords if keyword.arg == "shell" and not _is(keyword.value, False))
        case ast.Attribute(value=ast.Name(id=owner), attr="system" | "popen" as name) if aliases.get(owner) == "os":
            yield f"os.{name}"


def _is_own_module(name: ast.expr) -> bool:
    """Whether it is a module whose name stands there, or begins with that of the package."""
    match name:
        case ast.Constant():
            return True
        case ast.JoinedStr(values=[ast.Constant(value=str(beginning)), *_]):
            return beginning.startswith("tfcli.")
        case ast.JoinedStr(values=[ast.FormattedValue(value=ast.Attribute(attr="__name__")), *_]):
            return True
    return False


def _is(value: ast.expr, constant: object) -> bool:
    return isinstance(value, ast.Constant) and value.value is constant
