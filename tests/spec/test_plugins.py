"""Plugins: classes of the user's own that specs name, from beside the spec and from installed packages."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tfcli.declare import plugins
from tfcli.declare.functions import own_python
from tfcli.errors import SpecError
from tfcli.models.layers.base import Layer
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.dump import dump
from tfcli.spec.load import load_experiment

SPEC = """\
plugins: [{module}]
data:
  source: {{type: bundled, name: iris}}
  pipeline: [{{type: batch, batch_size: 16}}]
model:
  layers:
    - {{type: {layer}, factor: 3}}
    - {{type: dense, units: 3, activation: softmax}}
loss: sparse_categorical_crossentropy
"""
MODULE = """
from tfcli.keras.layers import Layer


class {name}(Layer):
    factor: float = 2.0

    def call(self, inputs):
        return inputs * self.factor
"""


@pytest.fixture
def spec(tmp_path: Path):
    """Writes a spec and the plugin beside it."""

    def write(layer: str, name: str, module: str = "own_layers") -> Path:
        (tmp_path / "own_layers.py").write_text(MODULE.format(name=name))
        (tmp_path / "exp.yaml").write_text(SPEC.format(module=module, layer=layer))
        return tmp_path / "exp.yaml"

    return write


@pytest.fixture(autouse=True)
def forgotten():
    """What a test registers is gone after it."""
    yield
    own = [key for key, cls in Layer.registry.classes.items() if not cls.__module__.startswith("tfcli.")]
    for key in own:
        del Layer.registry.classes[key]
        Layer.registry.names.pop(key, None)
    plugins._loaded.clear()


def test_a_layer_of_the_plugin_is_named_in_the_spec(spec):
    loaded = load_experiment(spec("thrice", "Thrice"))
    assert loaded.experiment.model.layers[0].factor == 3.0


def test_its_keys_are_checked(spec):
    path = spec("thrice", "Thrice")
    path.write_text(path.read_text().replace("factor", "facto"))
    with pytest.raises(InvalidSpec, match="did you mean `factor`"):
        load_experiment(path)


def test_the_resolved_spec_names_the_plugins_file(spec, tmp_path: Path):
    loaded = load_experiment(spec("thrice", "Thrice"))
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "spec.yaml"
    moved.write_text(dump(loaded.experiment, loaded.root))
    assert str(tmp_path / "own_layers.py") in moved.read_text()
    assert load_experiment(moved).experiment.model.layers[0].type_name == "thrice"


def test_a_changed_plugin_is_read_anew(spec):
    load_experiment(spec("thrice", "Thrice"))
    path = spec("thrice", "Thrice")
    module = path.with_name("own_layers.py")
    module.write_text(module.read_text().replace("factor", "times"))
    path.write_text(path.read_text().replace("factor", "times"))
    plugins._loaded.clear()
    assert load_experiment(path).experiment.model.layers[0].times == 3.0


def test_a_name_of_our_own_cannot_be_taken(spec):
    with pytest.raises(InvalidSpec, match="declares a layer 'dense', which tfcli has"):
        load_experiment(spec("dense", "Dense"))


def test_a_missing_module_is_told_at_its_place(spec):
    with pytest.raises(InvalidSpec, match="cannot import 'absent'") as caught:
        load_experiment(spec("thrice", "Thrice", "absent"))
    assert str(caught.value.diagnostics[0].mark).endswith("exp.yaml:1:11")


def test_a_module_that_fails_is_told(spec):
    path = spec("thrice", "Thrice")
    path.with_name("own_layers.py").write_text("1 / 0\n")
    with pytest.raises(InvalidSpec, match="ZeroDivisionError"):
        load_experiment(path)


def test_a_spec_that_was_not_named_runs_no_plugin(spec, tmp_path: Path):
    path = spec("thrice", "Thrice")
    path.with_name("own_layers.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with own_python("a run", trust=False), pytest.raises(InvalidSpec, match="add --trust"):
        load_experiment(path)
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Announces a module as the entry point of an installed package."""

    def install(text: str) -> None:
        (tmp_path / "installed_plugin.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "installed_plugin", raising=False)
        point = EntryPoint("installed", "installed_plugin", plugins.GROUP)
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
        plugins.load_entry_points.cache_clear()

    yield install
    plugins.load_entry_points.cache_clear()


def test_an_installed_plugin_needs_no_word_in_the_spec(spec, installed):
    installed(MODULE.format(name="Fivefold"))
    path = spec("fivefold", "Thrice")
    path.write_text(path.read_text().replace("plugins: [own_layers]\n", ""))
    assert load_experiment(path).experiment.model.layers[0].type_name == "fivefold"


def test_an_installed_plugin_that_fails_is_named(spec, installed):
    installed("raise RuntimeError('boom')")
    with pytest.raises(SpecError, match="the plugin 'installed' of installed_plugin failed: RuntimeError: boom"):
        load_experiment(spec("fivefold", "Thrice"))
