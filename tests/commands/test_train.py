"""`tfcli train`: what it prints, and that the same spec gives the same weights."""

import json
import os
import signal
import subprocess
import sys

import pytest


def weights(run):
    return (run / "model.safetensors").read_bytes()


def test_one_line_an_epoch(tfcli):
    result = tfcli("train", "exp.yaml")
    lines = result.err.splitlines()
    assert [line.split()[1] for line in lines] == ["1/2", "2/2"]
    assert "val_loss" in lines[0]


def test_prints_the_run_and_the_next_commands(tfcli, folder):
    result = tfcli("train", "exp.yaml")
    run = result.out.splitlines()[0]
    assert (folder / run / "summary.json").is_file()
    assert f"  tfcli evaluate {run} --split test\n" in result.out
    assert f"  tfcli predict {run} -o predictions.csv\n" in result.out
    assert f"  tfcli train --resume {run} --epochs 4\n" in result.out
    assert "  tfcli compare runs\n" in result.out
    assert "  tfcli board runs\n" in result.out


@pytest.mark.parametrize(("split", "expected"), [("{validation: 0.2}", "validation"), ("null", "train")])
def test_the_split_to_evaluate_is_one_that_there_is(tfcli, split, expected):
    result = tfcli("train", "exp.yaml", "--set", f"data.split={split}")
    assert f"--split {expected}\n" in result.out


def test_a_loss_that_is_not_a_number_is_1(tfcli):
    result = tfcli("train", "exp.yaml", "--set", "optimizer.learning_rate=1e30")
    assert result.code == 1
    assert "the loss became" in result.err
    assert "Warning" not in result.err


def test_json_is_one_object(tfcli, folder):
    result = tfcli("train", "exp.yaml", "--json")
    summary = json.loads((folder / result.json["run"] / "summary.json").read_text())
    assert result.json["final"] == summary["final"]
    assert set(result.json["test"]) == {"loss", "accuracy"}


def test_quiet_prints_the_run_alone(tfcli, folder):
    result = tfcli("train", "exp.yaml", "--quiet")
    assert (folder / result.out.strip()).is_dir()
    assert result.err == ""


def test_set_logdir_name_and_epochs(tfcli, folder):
    words = ("--set", "optimizer.learning_rate=0.5", "--logdir", "elsewhere", "--name", "other", "--epochs", "1")
    result = tfcli("train", "exp.yaml", *words, "--json")
    assert result.json["run"].startswith("elsewhere/other/")
    assert result.json["epochs"] == 1
    assert "learning_rate: 0.5" in (folder / result.json["run"] / "spec.yaml").read_text()


def test_the_command_is_kept(trained):
    assert json.loads((trained / "environment.json").read_text())["command"][0] == "tfcli"


def test_neither_spec_nor_resume_is_2(tfcli):
    assert tfcli("train").code == 2


def test_resume_takes_no_set(tfcli):
    result = tfcli("train", "--resume", "flowers", "--set", "seed=1")
    assert result.code == 2
    assert "--set" in result.err


def test_the_same_seed_gives_the_same_bytes(tfcli, folder, trained):
    again = folder / tfcli("train", "exp.yaml", "-q").out.strip()
    assert again != trained
    assert weights(again) == weights(trained)


def test_another_seed_gives_others(tfcli, folder, trained):
    other = folder / tfcli("train", "exp.yaml", "-q", "--set", "seed=8").out.strip()
    assert weights(other) != weights(trained)


def test_a_runs_spec_trains_to_the_same_bytes(tfcli, folder, trained):
    again = folder / tfcli("train", trained / "spec.yaml", "-q").out.strip()
    assert weights(again) == weights(trained)


def test_more_epochs_are_as_if_never_stopped(tfcli, folder, trained):
    resumed = tfcli("train", "--resume", trained, "--epochs", "4", "-q")
    whole = folder / tfcli("train", "exp.yaml", "--epochs", "4", "-q").out.strip()
    assert resumed.code == 0
    assert weights(trained) == weights(whole)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_goes_on_as_if_never_stopped(tfcli, folder, number, code):
    command = [sys.executable, "-m", "tfcli", "train", "exp.yaml", "--epochs", "300"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stderr.readline()  # the first epoch is done
    os.kill(process.pid, number)
    out, err = process.communicate()
    assert process.returncode == code, err
    assert "tfcli train --resume runs/flowers/" in err
    assert "Traceback" not in err
    assert out == ""
    (run,) = (folder / "runs/flowers").iterdir()
    assert json.loads((run / "status.json").read_text())["state"] == "interrupted"
    done = json.loads((run / "status.json").read_text())["epoch"]
    assert tfcli("train", "--resume", run, "--epochs", done + 2, "-q").code == 0
    whole = folder / tfcli("train", "exp.yaml", "--epochs", done + 2, "-q").out.strip()
    assert weights(run) == weights(whole)
