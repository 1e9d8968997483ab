"""A file from elsewhere is refused with its name and the place, and nothing that it names is run."""

import json

import numpy as np
import pytest

import tfcli as tf


@pytest.fixture
def directory(tmp_path):
    module = tf.Module()
    module.v = tf.Variable([1.0, 2.0])

    @tf.function
    def f(x):
        y = tf.cond(tf.reduce_sum(x) > 0, lambda: x * module.v, lambda: -x)
        _, z = tf.while_loop(lambda i, a: i < 3, lambda i, a: [i + 1, a + 1.0], [tf.constant(0), y])
        return tf.transpose(tf.scan(lambda a, e: a + e, tf.stack([z, z])), [1, 0])

    f(tf.constant([1.0, 2.0]))
    module.f = f
    tf.saved_model.save(module, tmp_path / "m")
    return tmp_path / "m"


def changed(directory, change):
    path = directory / "graph.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return directory


def nodes(content):
    return content["functions"][0]["traces"][0]["graph"]["nodes"]


def node(content, op):
    return next(n for n in nodes(content) if n["op"] == op)


def set_field(op, field, value):
    return lambda content: node(content, op)["fields"].__setitem__(field, value)


def set_op(name):
    return lambda content: node(content, "transpose").__setitem__("op", name)


def set_in(*path_and_value):
    *path, last, value = path_and_value

    def change(content):
        for key in path:
            content = content[key]
        content[last] = value

    return change


TRACE = ("functions", 0, "traces", 0)
BROKEN = {
    "unknown op": (set_op("frobnicate"), r"graph 'f', node \d+ \('frobnicate'\): there is no operation"),
    "python": (set_op("py_function"), "there is no operation 'py_function' that can be loaded"),
    "module path": (set_op("os.system"), "there is no operation 'os.system'"),
    "field of another type": (set_field("transpose", "perm", "x" * 100), "the field perm is 'xxx"),
    "field out of range": (set_field("transpose", "perm", {"tuple": [0, 7]}), "transpose.*do not go together"),
    "unknown field": (set_field("transpose", "axes", 1), "its fields are perm, axes; expected perm"),
    "no value": (set_field("transpose", "perm", {"a": 1, "b": 2}), "stands for no value"),
    "negative size": (
        set_field("placeholder", "spec", {"spec": {"shape": [-1], "dtype": "float32", "name": None}}),
        "shape",
    ),
    "huge size": (
        set_field("placeholder", "spec", {"spec": {"shape": [2**80], "dtype": "float32", "name": None}}),
        "shape",
    ),
    "dtype": (set_field("placeholder", "spec", {"spec": {"shape": [2], "dtype": "object", "name": None}}), "no dtype"),
    "later node": (lambda c: nodes(c)[1].__setitem__("inputs", [[99, 0]]), "no output of an earlier node"),
    "variable": (set_field("scan", "carries", 5), "scan of 5 carries"),
    "branches": (set_field("switch_case", "captured", {"tuple": [1, 9]}), "branches that captured"),
    "loop": (set_field("while", "captured", 9), "a loop of"),
    "body outputs": (
        lambda c: node(c, "while")["fields"]["body"]["body"]["graph"].__setitem__("outputs", []),
        "the body .* gives nothing",
    ),
    "output": (set_in(*TRACE, "outputs", {"output": 3}), "has no output 3"),
    "attribute": (
        set_in("objects", 0, "attributes", "__class__", {"object": 0}),
        "no object has the attribute '__class__'",
    ),
    "object": (set_in("objects", 0, "attributes", "inner", {"object": 7}), "there is no object 7"),
    "array": (set_in("variables", 0, "value", "array", "nothing"), "has no array 'nothing'"),
    "array dtype": (set_in("variables", 0, "value", "dtype", "int64"), "should be int64"),
    "variable shape": (set_in("variables", 0, "shape", [7]), "has the shape"),
    "parameters": (set_in("functions", 0, "parameters", [{"name": "1x", "kind": "var_keyword"}]), "no parameter"),
    "version": (set_in("version", 99), "version 99"),
    "format": (set_in("format", "another"), "does not say that it is a saved model"),
    "objects": (set_in("objects", []), "must list objects"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_named_with_the_file(directory, name):
    change, message = BROKEN[name]
    with pytest.raises(tf.errors.DataError, match=message) as caught:
        tf.saved_model.load(changed(directory, change))
    assert "graph.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[", "[]", "null", '{"format"', "[" * 100_000])
def test_what_is_no_json_is_refused(directory, text):
    (directory / "graph.json").write_text(text)
    with pytest.raises(tf.errors.DataError, match=r"graph\.json"):
        tf.saved_model.load(directory)


def test_a_cut_weights_file_is_refused(directory):
    path = directory / "variables.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(tf.errors.TfcliError, match=r"variables\.safetensors is damaged"):
        tf.saved_model.load(directory)


def test_a_directory_without_a_model_is_refused(tmp_path):
    assert not tf.saved_model.contains_saved_model(tmp_path)
    with pytest.raises(tf.errors.DataError, match=r"is no saved model: it has no graph\.json"):
        tf.saved_model.load(tmp_path)


def test_replacing_any_value_gives_an_error_of_ours_or_a_model(directory):
    """Every place of the JSON in turn holds something else."""
    original = json.loads((directory / "graph.json").read_text())
    places = list(paths_in(original))
    refused = 0
    for i in np.random.default_rng(3).choice(len(places), 300, replace=False):
        for other in (None, -1, 2**70, "x", [], {}):
            broken = json.loads(json.dumps(original))
            set_in(*places[i], other)(broken)
            (directory / "graph.json").write_text(json.dumps(broken))
            try:
                tf.saved_model.load(directory)
            except tf.errors.TfcliError:
                refused += 1
    assert refused > 900


def paths_in(value, path=()):
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from paths_in(item, (*path, key))
