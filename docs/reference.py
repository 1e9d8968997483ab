"""Writes docs/ops.md and docs/tensorflow_names.md from the declarations: python docs/reference.py"""

import importlib
import inspect
import pkgutil
from pathlib import Path

import tfcli as tf
from tfcli.engine import ops
from tfcli.engine.op import OPS, Op
from tfcli.namespaces import NAMES, public_names

HERE = Path(__file__).parent


def main() -> None:
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    return {"ops.md": ops_page(), "tensorflow_names.md": names_page()}


def ops_page() -> str:
    """Every op: what it does, its inputs and settings, and in which inputs it has a gradient."""
    for module in pkgutil.iter_modules(ops.__path__, "tfcli.engine.ops."):
        importlib.import_module(module.name)
    families: dict[str, list[type[Op]]] = {}
    for op in OPS.values():
        if op.__module__.startswith("tfcli.engine.ops."):
            families.setdefault(op.__module__.rpartition(".")[2], []).append(op)
    lines = ["# Ops", "", "Made from the declarations by `python docs/reference.py`.", ""]
    for family in sorted(families):
        lines += [f"## {family}", "", "| op | inputs | settings | gradient in | |", "|---|---|---|---|---|"]
        lines += [_row(op) for op in sorted(families[family], key=lambda op: op.name)]
        lines.append("")
    return "\n".join(lines)


def _row(op: type[Op]) -> str:
    inputs = ", ".join(f"*{n}" if op.variadic else n for n in op.inputs)
    doc = "" if op.__doc__ is None or op.__doc__ == Op.__doc__ else _first_sentence(op.__doc__)
    return f"| `{op.name}` | {inputs} | {', '.join(op.fields)} | {_gradient(op)} | {doc} |"


def _gradient(op: type[Op]) -> str:
    if hasattr(op, "vjp"):
        random_or_effect = op.stateful or "Random" in op.__name__
        return "" if random_or_effect else "its inputs"
    return ", ".join(name for name in op.inputs if getattr(op, f"vjp_{name}") is not None)


def _first_sentence(doc: str) -> str:
    first = " ".join(inspect.cleandoc(doc).split("\n\n")[0].split())
    return first.replace("|", "\\|")


def names_page() -> str:
    """Which of TensorFlow's public names there are, namespace by namespace."""
    lines = [
        "# TensorFlow's names",
        "",
        "Made by `python docs/reference.py` from `docs/tensorflow_names.txt` (the public names of TensorFlow 2) and",
        "`tfcli/namespaces.py`. What is not listed as present raises an AttributeError.",
        "",
    ]
    for row in (HERE / "tensorflow_names.txt").read_text(encoding="utf-8").splitlines():
        title, _, listed = row.partition(": ")
        theirs = set(listed.split())
        ours = _ours(title.removeprefix("tf").removeprefix("."))
        here, absent = sorted(theirs & ours), sorted(theirs - ours)
        lines += [f"## {title}", "", f"{len(here)} of {len(theirs)}.", "", f"Present: {_listed(here)}", ""]
        lines += [f"Absent: {_listed(absent)}", ""]
    return "\n".join(lines)


def _ours(space: str) -> set[str]:
    if space in NAMES:
        return {*public_names(space), *(() if space else ("newaxis",))}
    module = tf
    for part in space.split("."):
        module = getattr(module, part)
    return {n for n in (*dir(module), *getattr(module, "TENSORFLOW_NAMES", ())) if not n.startswith("_")}


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


if __name__ == "__main__":
    main()
