"""docs/tutorial.md, from top to bottom: its files are written, its commands run, and they print what it says."""

import re
import shlex
from pathlib import Path

import pytest

from tfcli.commands.main import run

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(yaml|python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Each line after `$ `, with the lines of output below it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def is_in(expected: str, output: str) -> bool:
    """Whether a line of the output is as expected, where `…` stands for anything and spaces for any number of them."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in expected.split("…")]
    return re.search(r"^.*" + r".*?".join(parts), output, re.MULTILINE) is not None


def test_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    count = 0
    for kind, block in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if kind != "console":
            (tmp_path / block.split("\n", 1)[0].removeprefix("# ")).write_text(block)
            continue
        for line, expected in commands(block):
            capsys.readouterr()
            run(shlex.split(line)[1:])
            printed = capsys.readouterr()
            output = printed.out + printed.err
            assert "a fault of tfcli's own" not in output, f"{line}\n{output}"
            for text in expected:
                assert is_in(text, output), f"`{line}` does not print `{text}` but\n{output}"
            count += 1
    assert count > 20
    assert (tmp_path / "ended.txt").read_text() == "done\n"
