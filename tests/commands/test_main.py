"""The command line as a whole: help, errors and exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tfcli.commands import main
from tfcli.errors import TrainingError


def test_help_lists_every_command(tfcli):
    result = tfcli("--help")
    assert result.code == 0
    assert all(f"\n  {name} " in result.out for name in main.COMMANDS)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_each_help_has_an_example(tfcli, name):
    result = tfcli(name, "--help")
    assert result.code == 0
    assert "Example:\n" in result.out
    assert f"tfcli {name}" in result.out.split("Example:")[1]


def test_nothing_shows_the_help(tfcli):
    assert "Usage: tfcli" in tfcli().out


def test_version(tfcli):
    assert tfcli("--version").out.startswith("tfcli ")


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from tfcli.commands.main import run; run(['--help']);"
        "print(sorted({'numpy', 'rich', 'polars', 'yaml', 'llvmlite', 'optuna'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_wrong_command_is_2_with_the_nearest(tfcli):
    result = tfcli("trian", "exp.yaml")
    assert result.code == 2
    assert "did you mean `train`?" in result.err
    assert result.out == ""


def test_a_wrong_option_is_2_with_the_nearest(tfcli):
    result = tfcli("train", "exp.yaml", "--epoch", "3")
    assert result.code == 2
    assert "--epochs" in result.err
    assert "`tfcli train --help`" in result.err


def test_a_value_of_the_wrong_type_is_2(tfcli):
    assert tfcli("train", "exp.yaml", "--epochs", "many").code == 2


def test_every_fault_of_a_spec_is_shown(tfcli, folder):
    text = (folder / "exp.yaml").read_text().replace("units: 8", "unit: 8").replace("epochs: 2", "epochs: two")
    (folder / "exp.yaml").write_text(text)
    result = tfcli("train", "exp.yaml")
    assert result.code == 2
    assert "exp.yaml:11:" in result.err
    assert "exp.yaml:17:" in result.err
    assert result.out == ""
    assert not (folder / "runs").exists()


def test_faults_as_json(tfcli, folder):
    (folder / "exp.yaml").write_text((folder / "exp.yaml").read_text().replace("units: 8", "unit: 8"))
    result = tfcli("check", "exp.yaml", "--json")
    assert result.code == 2
    assert [d["line"] for d in result.json["diagnostics"]] == [11]


def test_no_colour_where_no_terminal(tfcli):
    assert "\x1b" not in tfcli("train", "absent.yaml").err


def raising(error):
    def load(name):
        raise error

    return load


def test_a_fault_of_our_own_has_no_traceback(tfcli, monkeypatch):
    monkeypatch.setattr(main, "load_command", raising(RuntimeError("boom")))
    result = tfcli("train")
    assert result.code == 1
    assert "--debug" in result.err
    assert "Traceback" not in result.err


def test_debug_shows_the_traceback(tfcli, monkeypatch):
    monkeypatch.setattr(main, "load_command", raising(RuntimeError("boom")))
    result = tfcli("train", "--debug")
    assert result.code == 1
    assert "Traceback" in result.err


def test_a_failure_while_running_is_1(tfcli, monkeypatch):
    monkeypatch.setattr(main, "load_command", raising(TrainingError("the loss became nan")))
    result = tfcli("train")
    assert (result.code, result.err) == (1, "error: the loss became nan\n")


def test_too_little_memory_is_said_so(tfcli, monkeypatch):
    monkeypatch.setattr(main, "load_command", raising(MemoryError("Unable to allocate 40 TiB")))
    result = tfcli("train")
    assert result.code == 1
    assert "batch_size" in result.err


def test_an_interruption_is_130(tfcli, monkeypatch):
    monkeypatch.setattr(main, "load_command", raising(KeyboardInterrupt()))
    assert tfcli("train").code == 130


def test_a_wrong_option_with_json_is_one_object_too(tfcli):
    result = tfcli("train", "--frobnicate", "--json")
    assert (result.code, result.json["exit_code"]) == (2, 2)
    assert "--frobnicate" in result.json["error"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_to_a_full_disk_is_said_so(folder):
    command = f"{sys.executable} -m tfcli schema > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the disk is full: cannot write the output; make room and try again\n"


def test_a_closed_pipe_is_quiet(folder):
    command = f"{sys.executable} -m tfcli schema | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{", "")
