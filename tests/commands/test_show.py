"""`tfcli show` and `tfcli profile`."""

import json
from xml.etree import ElementTree


def test_the_layers_with_their_costs(tfcli):
    found = tfcli("show", "exp.yaml", "--json").json
    assert [(r["name"], r["parameters"]) for r in found["layers"]] == [("dense", 40), ("dropout", 0), ("dense_1", 27)]
    assert found["layers"][0]["activations"] == found["batch_size"] * 8 * 4
    assert found["layers"][0]["flops"] >= 2 * found["batch_size"] * 4 * 8
    table = tfcli("show", "exp.yaml").out
    assert "│ dense_1 (Dense) " in table
    assert "Total params: 67 (268.00 B)" in table
    assert "FLOPs" in table


def test_a_branched_model_shows_what_is_connected(tfcli):
    layers = "[{type: dense, name: a, units: 3}, {type: dense, name: b, units: 3}, {type: add, inputs: [a, b]}]"
    table = tfcli("show", "exp.yaml", "--set", f"model.layers={layers}").out
    assert "Connected to" in table
    assert "│ a, b" in table
    assert "(InputLayer)" in table


def test_the_model_is_drawn(tfcli, folder):
    result = tfcli("show", "exp.yaml", "--svg", "model.svg", "--png", "model.png")
    assert "wrote model.svg" in result.err
    texts = [node.text for node in ElementTree.parse(folder / "model.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"dense_1", "27 parameters"} <= set(texts)
    assert (folder / "model.png").read_bytes().startswith(b"\x89PNG")
    assert tfcli("show", "exp.yaml", "--svg", "model.png").code == 2


def test_the_graph_before_and_after_the_passes(tfcli, folder):
    found = tfcli("show", "exp.yaml", "--graph", "--json").json
    assert len(found["after"]) < len(found["before"])
    assert {"dense", "dense_1", "optimizer"} <= {r["scope"] for r in found["after"]}
    result = tfcli("show", "exp.yaml", "--graph", "-o", "graph.svg")
    assert "after the passes" in result.out
    assert ElementTree.parse(folder / "graph.svg").getroot().tag.endswith("svg")


def test_the_profile_names_what_the_step_does(tfcli, folder):
    result = tfcli("profile", "exp.yaml", "--steps", "2", "-o", "trace.json", "--json")
    found = result.json
    assert found["named"] >= 0.9
    assert found["peak_bytes"] > 0
    assert "matmul" in {s["name"] for s in found["ops"]}
    assert "optimizer" in {s["name"] for s in found["layers"]}
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    assert all(event["dur"] >= 0 and event["ph"] == "X" for event in events)
    assert "of results at once" in tfcli("profile", "exp.yaml", "--steps", "1").out


def test_eager_execution_has_no_graph(tfcli):
    result = tfcli("show", "exp.yaml", "--set", "execution=eager")
    assert result.code == 2
    assert "no graph" in result.err


def test_the_profile_of_compiled_kernels_names_ops_layers_and_rates(tfcli, folder, monkeypatch):
    monkeypatch.setenv("TFCLI_KERNELS", "always")
    monkeypatch.setenv("TFCLI_CACHE_DIR", str(folder / "cache"))
    found = tfcli("profile", "exp.yaml", "--steps", "4", "-o", "trace.json", "--json").json
    assert found["compiled"]
    assert any(row["name"].startswith("matmul") and row["flops"] > 0 for row in found["ops"])
    assert {"dense", "dense_1", "optimizer", "(python: batch)"} <= {row["name"] for row in found["layers"]}
    assert 0 < found["named"] <= 1
    assert found["peak_bytes"] > 0
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)
    assert "compiled kernels" in tfcli("profile", "exp.yaml", "--steps", "1").out
