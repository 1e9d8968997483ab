"""The resolved spec as YAML: every default written out, paths made absolute, small mappings on one line.

Loading it again gives an equal spec. What it writes reads the same under YAML 1.1 and 1.2.
"""

import re
from collections.abc import Collection
from os import environ
from pathlib import Path
from typing import Any

import yaml

from tfcli.declare import Declared, FunctionName, ModuleName, PathString
from tfcli.declare.functions import absolute_module, absolute_name
from tfcli.spec.scalars import resolve

WIDTH = 110

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def dump(experiment: Declared, root: Path, without: Collection[str] = ()) -> str:
    """The text of `experiment`, whose relative paths are taken from the folder `root`; `without`: keys to leave out."""
    spec = {key: value for key, value in experiment.spec().items() if key not in without}
    return to_yaml(_names_first(absolute_paths(spec, root)))


def to_yaml(value: Any) -> str:
    """Plain data in block style, with what fits on a line on a line."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 16)


def flow(value: Any) -> str:
    """Plain data on one line."""
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 30, default_flow_style=True)
    return text.removesuffix("\n").removesuffix("\n...")


def absolute_paths(value: Any, root: Path) -> Any:
    """`value` with each PathString in it made absolute, and the file of each function's module."""
    if isinstance(value, dict):
        return {key: absolute_paths(inner, root) for key, inner in value.items()}
    if isinstance(value, list):
        return [absolute_paths(inner, root) for inner in value]
    if isinstance(value, FunctionName):
        return absolute_name(value, root)
    if isinstance(value, ModuleName):
        return absolute_module(value, root)
    return resolve_path(value, root) if isinstance(value, PathString) else value


def _names_first(value: Any) -> Any:
    """Nodes with what tells them apart, `type` and `name`, ahead of the rest."""
    if isinstance(value, list):
        return [_names_first(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    head = [key for key in ("type", "name") if key in value] if "type" in value else []
    return {key: _names_first(value[key]) for key in [*head, *(k for k in value if k not in head)]}


def resolve_path(text: str, root: Path) -> str:
    """An absolute path for one from a spec: `~` and `${VARIABLE}` filled in, else relative to the folder `root`."""
    from tfcli.data.files import absolute  # all of the data room, which a spec alone does not need

    return absolute(root, text)


def unset_variables(text: str) -> list[str]:
    return [name for name in _VARIABLE.findall(text) if name not in environ]


class _Dumper(yaml.SafeDumper):
    """Indents list items below their key; no anchors for values that occur twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # PyYAML leaves `1e-3` bare, a text under YAML 1.1 and a number to us.
        style = None if isinstance(resolve(text), str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)

    def represent_flat(self, tag: str, value: Any, flow_style: bool | None = None) -> yaml.Node:
        make = self.represent_mapping if isinstance(value, dict) else self.represent_sequence
        node = make(tag, value, flow_style)
        node.flow_style = self.default_flow_style or _one_line(node) <= WIDTH
        return node


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_multi_representer(str, _Dumper.represent_text)
_Dumper.add_representer(dict, lambda dumper, value: dumper.represent_flat("tag:yaml.org,2002:map", value))
_Dumper.add_representer(list, lambda dumper, value: dumper.represent_flat("tag:yaml.org,2002:seq", value))


def _one_line(node: yaml.Node) -> int:
    """Columns that `node` takes in flow style."""
    if isinstance(node, yaml.ScalarNode):
        return len(node.value) + (2 if node.style else 0) if "\n" not in node.value else WIDTH + 1
    if isinstance(node, yaml.SequenceNode):
        return 2 + sum(_one_line(item) + 2 for item in node.value)
    return 2 + sum(_one_line(key) + _one_line(value) + 4 for key, value in node.value)
