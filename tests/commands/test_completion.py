"""What the shell's completion offers."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfcli.commands.completion import COMPLETING


@pytest.fixture
def offered(tfcli, folder, monkeypatch):
    """What is offered for a line that ends in what is typed so far."""

    def offered(line: str) -> list[str]:
        words = f"{line}|".split()
        monkeypatch.setenv(COMPLETING, "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        return tfcli().out.split()

    return offered


@pytest.fixture
def runs(folder):
    for name in ("iris/20261121-140312-k3f9", "iris/20261122-140312-k3f9", "mnist/20261121-140312-k3f9"):
        (folder / "runs" / name).mkdir(parents=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tfcli tra", ["train"]),
        ("tfcli runs res", ["restore"]),
        ("tfcli train exp.yaml --set optimizer.le", ["optimizer.learning_rate="]),
        ("tfcli train exp.yaml --set model.layers.dense_1.un", ["model.layers.dense_1.units="]),
        ("tfcli train exp.yaml --set optimizer=adam", ["optimizer=adam", "optimizer=adamax", "optimizer=adamw"]),
        ("tfcli train exp.yaml --set execution=", ["execution=graph", "execution=eager"]),
        ("tfcli train exp.yaml --set data.split.stratify=t", ["data.split.stratify=true"]),
        ("tfcli train exp.yaml --set nothing.", []),
        ("tfcli init pen", ["penguins"]),
        ("tfcli nonsense tra", []),
    ],
)
def test_what_is_offered(offered, line, expected):
    assert offered(line) == expected


@pytest.mark.parametrize(
    "line", ["tfcli evaluate ir", "tfcli train --resume ir", "tfcli tune --resume ir", "tfcli runs show ir"]
)
def test_runs_are_offered_the_latest_first(offered, runs, line):
    assert offered(line) == ["iris", "iris/20261122-140312-k3f9", "iris/20261121-140312-k3f9"]


def test_without_runs_nothing_is_offered(offered):
    assert offered("tfcli evaluate ir") == []


def test_columns_and_keys_of_a_run(offered, trained):
    assert offered("tfcli compare --sort val_") == ["val_loss", "val_accuracy"]
    assert offered("tfcli compare --columns val_loss,test_a") == ["val_loss,test_accuracy"]
    assert offered("tfcli runs explain flowers optimizer.lea") == ["optimizer.learning_rate"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(tfcli, shell):
    assert COMPLETING in tfcli("completion", shell).out


def test_an_unknown_shell_is_asked_for(tfcli, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert tfcli("completion").code == 2


PROGRAM = Path(sys.executable).parent / "tfcli"


@pytest.mark.skipif(not (shutil.which("fish") and PROGRAM.exists()), reason="there is no fish here, or no tfcli beside")
def test_fish_offers_what_the_program_offers(folder, monkeypatch):
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}:/usr/bin:/bin")
    script = 'tfcli completion fish | source; complete -C "tfcli train exp.yaml --set optimizer.le"'
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["optimizer.learning_rate="]
