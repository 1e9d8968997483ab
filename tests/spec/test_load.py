import pytest
from spec_stubs import Experiment

from tfcli.errors import SpecError
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load

SPEC = """
data: {source: {type: csv, path: x.csv}}
model:
  layers:
    - flatten
    - {type: dense, units: 3}
loss: mse
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "digits.yaml"
    path.write_text(SPEC)
    return path


def test_name_and_root_come_from_the_file(spec):
    loaded = load(Experiment, spec)
    assert loaded.experiment.name == "digits"
    assert loaded.root == spec.parent


def test_a_given_name_stays(spec):
    assert load(Experiment, spec, ["name=mine"]).experiment.name == "mine"


def test_later_errors_point_at_their_layer(spec):
    error = load(Experiment, spec).error_at(("model", "layers", 1), "the shapes do not fit", "flatten first")
    assert error.exit_code == 2
    assert str(error).splitlines()[1:] == [
        "   6 |     - {type: dense, units: 3}",
        "     |       ^^^^^^^^^^^^^^^^^^^^^^^",
        "     = help: flatten first",
        "",
        "1 error",
    ]


def test_faults_of_reading_options_and_values_are_shown_together(spec):
    spec.write_text(SPEC + "loss: mse\nepochs: 3\n")
    with pytest.raises(InvalidSpec) as error:
        load(Experiment, spec, ["foo", "train.epochs=0"])
    assert [found.message for found in error.value.diagnostics] == [
        "`loss` is given twice: first on line 7, again here",
        "`epochs` is not a top-level key",
        "expected `key=value`",
        "expected a whole number ≥ 1, got 0",
    ]


def test_a_missing_file_names_a_similar_one(spec):
    with pytest.raises(SpecError, match=r"there is no file .*digit.yaml; did you mean .*digits.yaml\?"):
        load(Experiment, spec.with_name("digit.yaml"))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"the folder .* does not exist"):
        load(Experiment, tmp_path / "none" / "x.yaml")


def test_a_folder_with_a_spec_names_it(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    with pytest.raises(SpecError, match=r"is a folder.*its spec is .*spec.yaml"):
        load(Experiment, tmp_path)


def test_search_over_keys_that_have_only_defaults(spec):
    space = "{optimizer.learning_rate: {low: 0.1, high: 1}, train.early_stopping.patience: {values: [1]}}"
    assert set(load(Experiment, spec, ["tune.trials=2", f"tune.space={space}"]).experiment.tune.space) == {
        "optimizer.learning_rate",
        "train.early_stopping.patience",
    }
