import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_stubs import Experiment

from tfcli.spec.document import parse_document
from tfcli.spec.dump import dump, resolve_path, to_yaml
from tfcli.spec.load import check_document, load

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), max_size=12)
WORD = st.one_of(
    TEXT, st.sampled_from(["1e-3", "yes", "null", "~", "010", "1_0", "12:30", "2020-01-01", "0x1", "- a", "a: b"])
)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORD)
PLAIN = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD.filter(lambda w: w != "<<"), inner, max_size=3),
)


@given(PLAIN)
@settings(max_examples=200, deadline=None)
def test_plain_data_reads_back_the_same(value):
    text = to_yaml({"value": value})
    assert parse_document(text).value == {"value": value}


@given(PLAIN)
@settings(max_examples=100, deadline=None)
def test_other_yaml_readers_read_the_same(value):
    assert yaml.safe_load(to_yaml({"value": value})) == {"value": value}


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=6)
DENSE = st.fixed_dictionaries(
    {"type": st.just("dense"), "units": st.integers(1, 9)},
    optional={
        "name": NAMES,
        "activation": st.sampled_from(["relu", None]),
        "kernel_initializer": st.sampled_from(["zeros", {"type": "glorot_uniform", "seed": 3}]),
    },
)
LAYERS = st.recursive(
    st.one_of(
        DENSE, st.just("flatten"), st.fixed_dictionaries({"type": st.just("dropout"), "rate": st.floats(0, 0.9)})
    ),
    lambda inner: st.fixed_dictionaries({"type": st.just("Block"), "layers": st.lists(inner, max_size=3)}),
    max_leaves=6,
)
SPECS = st.fixed_dictionaries(
    {
        "data": st.fixed_dictionaries(
            {"source": st.fixed_dictionaries({"type": st.just("csv"), "path": NAMES, "delimiter": WORD})}
        ),
        "model": st.fixed_dictionaries({"layers": st.lists(LAYERS, max_size=4)}),
        "loss": st.one_of(
            st.just("mse"), st.dictionaries(NAMES.filter(lambda n: n != "type"), st.just("mse"), min_size=1)
        ),
    },
    optional={
        "name": NAMES,
        "description": WORD,
        "optimizer": st.sampled_from(["adam", "SGD", {"type": "sgd", "learning_rate": 1e-7, "momentum": 1}]),
        "metrics": st.lists(st.sampled_from(["accuracy", {"type": "top_k", "k": 2}]), max_size=3),
        "train": st.fixed_dictionaries(
            {"epochs": st.integers(1, 9), "class_weight": st.dictionaries(st.integers(0, 3), st.floats(0, 2))}
        ),
    },
)


@given(SPECS)
@settings(max_examples=100, deadline=None)
def test_a_resolved_spec_loads_to_the_same(tmp_path_factory, spec):
    root = tmp_path_factory.getbasetemp()
    experiment, problems = check_document(Experiment, parse_document(to_yaml(spec)))
    assert problems == []
    text = dump(experiment, root)
    again, problems = check_document(Experiment, parse_document(text))
    assert problems == []
    assert dump(again, root) == text


def test_every_default_is_written_and_paths_are_absolute(tmp_path):
    spec = tmp_path / "exp.yaml"
    spec.write_text(
        "data: {source: {type: csv, path: sub/x.csv}}\nmodel: {layers: [flatten]}\nloss: mse\n"
        "train: {initial_weights: w.safetensors}\n"
    )
    loaded = load(Experiment, spec)
    value = yaml.safe_load(dump(loaded.experiment, loaded.root))
    assert value["data"]["source"]["path"] == str(tmp_path / "sub/x.csv")
    assert value["train"]["initial_weights"] == str(tmp_path / "w.safetensors")
    assert value["train"]["checkpoint"]["keep"] == 3
    assert value["name"] == "exp"
    assert list(value)[:3] == ["name", "description", "seed"]


def test_small_mappings_stand_on_a_line_and_large_ones_do_not():
    text = to_yaml({"a": {"x": 1, "y": [1, 2]}, "b": [{"name": "n" * 120}, "c"]})
    assert text == "a: {x: 1, y: [1, 2]}\nb:\n  - name: " + "n" * 120 + "\n  - c\n"


@pytest.mark.parametrize("text", ["~/x.csv", "${SOME_FOLDER}/x.csv", "x.csv", "sub/../x.csv"])
def test_resolved_paths(text, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOME_FOLDER", str(tmp_path / "some"))
    expected = {
        "~/x.csv": tmp_path / "home" / "x.csv",
        "${SOME_FOLDER}/x.csv": tmp_path / "some" / "x.csv",
        "x.csv": tmp_path / "x.csv",
        "sub/../x.csv": tmp_path / "x.csv",
    }
    assert resolve_path(text, tmp_path) == str(expected[text])
