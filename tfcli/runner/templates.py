"""Specs to start from: the templates that come with the package, and guesses from data files."""

import importlib.resources
from importlib.resources.abc import Traversable
from pathlib import Path

from tfcli.declare import nearest
from tfcli.errors import SpecError
from tfcli.logging.durable import write_text


def describe() -> dict[str, str]:
    """Each template's name and the comment on its first line."""
    return {name: file.read_text().splitlines()[0].removeprefix("# ") for name, file in _files().items()}


def write(source: str, path: Path, label: str | None = None) -> None:
    """Write a spec at `path`: the template called `source`, or a guess from the data file at `source`.

    Raises SpecError where it is neither, DataError where the file cannot be used.
    """
    write_text(path, text(source, path.absolute().parent, label))


def text(source: str, folder: Path, label: str | None = None) -> str:
    """The spec that `write` writes, whose paths are relative to `folder`."""
    files, file = _files(), Path(source)
    if source in files and not file.is_file():
        if label is not None:
            raise SpecError("--label goes with a data file; a template has its label")
        return files[source].read_text()
    if not file.exists() and not file.suffix:
        hint = nearest(source, files) or f"templates are: {', '.join(files)}"
        raise SpecError(f"there is no template and no file {source!r}; {hint}")
    from tfcli.runner.guess import guess_spec

    return guess_spec(file, label, folder)


def _files() -> dict[str, Traversable]:
    folder = importlib.resources.files("tfcli") / "templates"
    found = {file.name.removesuffix(".yaml"): file for file in folder.iterdir() if file.name.endswith(".yaml")}
    return dict(sorted(found.items()))
