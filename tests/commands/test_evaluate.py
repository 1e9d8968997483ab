"""`tfcli evaluate`."""

import json

import pytest


def test_the_test_split_is_the_default(tfcli, trained):
    result = tfcli("evaluate", trained, "--json")
    assert result.json["data"] == "test"
    assert result.json["examples"] == 30
    assert result.json["results"] == json.loads((trained / "summary.json").read_text())["test"]


def test_says_what_it_evaluates(tfcli, trained):
    result = tfcli("evaluate", trained)
    assert "on the test split, 30 examples" in result.err
    assert [line.split()[0] for line in result.out.splitlines()] == ["loss", "accuracy"]


def test_without_a_test_split_it_is_validation(tfcli):
    run = tfcli("train", "exp.yaml", "-q", "--set", "data.split={validation: 0.2}").out.strip()
    assert tfcli("evaluate", run, "--json").json["data"] == "validation"


def test_a_run_is_found_by_its_name(tfcli, trained):
    assert tfcli("evaluate", "flowers", "--split", "train", "--json").json["examples"] == 90


@pytest.mark.parametrize("checkpoint", ["last", "2"])
def test_the_last_checkpoint_is_the_finished_run(tfcli, trained, checkpoint):
    results = tfcli("evaluate", trained, "--json", "--checkpoint", checkpoint).json["results"]
    assert results == tfcli("evaluate", trained, "--json").json["results"]


def test_an_earlier_checkpoint_gives_other_numbers(tfcli, trained):
    found = tfcli("evaluate", trained, "--json", "--checkpoint", "1").json
    assert found["weights"] == "checkpoint epoch-0001"
    assert found["results"] != tfcli("evaluate", trained, "--json").json["results"]


def test_a_labelled_file(tfcli, folder, trained):
    (folder / "new.csv").write_text(
        "sepal_length,sepal_width,petal_length,petal_width,species\n5.1,3.5,1.4,0.2,setosa\n6.3,3.3,6.0,2.5,virginica\n"
    )
    found = tfcli("evaluate", trained, "--data", "new.csv", "--json").json
    assert (found["data"], found["examples"]) == ("new.csv", 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--split", "tests"), "'tests'"),
        (("--checkpoint", "9"), "epoch-0009"),
        (("--split", "test", "--data", "new.csv"), "not both"),
        (("--data", "absent.csv"), "absent.csv"),
    ],
)
def test_what_cannot_be_evaluated(tfcli, trained, words, said):
    result = tfcli("evaluate", trained, *words)
    assert result.code == 2
    assert said in result.err
    assert result.out == ""


def test_an_unknown_run_names_the_latest(tfcli, trained):
    result = tfcli("evaluate", "absent")
    assert result.code == 2
    assert trained.name in result.err
