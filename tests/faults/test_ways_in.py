"""Each way into a run directory: the Python, plugins and commands that its spec names run with `--trust` alone."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from machine import Machine

from tfcli.errors import SpecError
from tfcli.runner.conversion import convert_keras

SPEC = """\
name: small
plugins: [plugged]
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2}
  pipeline: [{type: batch, batch_size: 60}, {type: map, function: "mine:same"}]
model: {layers: [{type: plugged_layer}, {type: dense, units: 3, activation: softmax}]}
loss: sparse_categorical_crossentropy
optimizer: sgd
train: {epochs: 1, callbacks: ["called:Callback"], on_end: "touch ran-command"}
tune: {sampler: random, trials: 1, space: {optimizer.learning_rate: {low: 0.01, high: 1.0}}}
"""
PLAIN = """\
name: plain
data: {source: {type: bundled, name: iris}}
model: {layers: [{type: dense, units: 3, activation: softmax}]}
loss: sparse_categorical_crossentropy
train: {initial_weights: RUN}
"""
MODULES = {
    "mine": "def same(x, y):\n    return x, y\n",
    "called": "from tfcli.keras.callbacks import Callback\n",
    "plugged": "from tfcli.models.layers.base import Layer\n\n\nclass PluggedLayer(Layer):\n"
    '    """As it was."""\n\n    def call(self, inputs):\n        return inputs\n',
}
WEIGHTS = Path(__file__).parent.parent / "runner/keras_models/branched.keras"
REFUSED = {
    "evaluate": ["evaluate", "RUN"],
    "predict": ["predict", "RUN"],
    "resume": ["train", "--resume", "RUN", "--epochs", "2"],
    "reproduce": ["runs", "reproduce", "RUN"],
    "explain": ["runs", "explain", "RUN", "optimizer.momentum"],
    "tune": ["tune", "--resume", "STUDY", "--trials", "2"],
    "tune with workers": ["tune", "--resume", "STUDY", "--trials", "2", "--workers", "2"],
    "a study's trial": ["evaluate", "TRIAL"],
}
READ = {
    "list": ["runs", "list"],
    "show": ["runs", "show", "RUN"],
    "compare": ["compare", "runs"],
    "diff": ["compare", "--diff", "RUN", "TRIAL"],
    "tag": ["runs", "tag", "RUN", "good"],
    "gc": ["runs", "gc", "--keep-best", "1"],
    "initial weights": ["train", "plain.yaml", "--logdir", "other"],
}


class Place:
    """A folder with a run and a study whose specs name Python that leaves a file when it is imported."""

    def __init__(self, machine: Machine) -> None:
        self.machine, folder = machine, machine.folder
        for name, text in MODULES.items():
            mark = f"from pathlib import Path\n\nPath(__file__).with_name('ran-{name}').touch()\n"
            (folder / f"{name}.py").write_text(mark + text)
        for words in (["train", "small.yaml"], ["tune", "small.yaml"]):
            job = machine.start(*words)
            assert job.wait() == 0, job.text
        study = next((folder / "runs").rglob("study.json")).parent
        trial = next((study / "trials").iterdir())
        run = next(path.parent for path in (folder / "runs/small").glob("*/summary.json") if path.parent != study)
        self.paths = {"RUN": str(run), "STUDY": str(study), "TRIAL": str(trial)}
        (folder / "plain.yaml").write_text(PLAIN.replace("RUN", str(run)))
        assert self.ran() == {"ran-called", "ran-command", "ran-mine", "ran-plugged"}

    def ran(self) -> set[str]:
        return {path.name for path in self.machine.folder.glob("ran-*")}

    def do(self, words: list[str]) -> tuple[int, str, set[str]]:
        """The exit code, what was printed, and what ran."""
        for name in self.ran():
            (self.machine.folder / name).unlink()
        job = self.machine.start(*[self.paths.get(word, word) for word in words])
        return job.wait(), job.text, self.ran()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Machine(tmp_path_factory.mktemp("trust"), SPEC) as machine:
        yield Place(machine)


@pytest.mark.parametrize("way", REFUSED)
def test_nothing_of_it_runs(place: Place, way: str):
    code, text, ran = place.do(REFUSED[way])
    assert ran == set()
    assert code in (1, 2)
    assert "--trust" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("way", READ)
def test_what_only_reads_does_not_need_it(place: Place, way: str):
    code, text, ran = place.do(READ[way])
    assert ran == set()
    assert code == 0, text


def test_it_runs_where_it_is_trusted(place: Place):
    code, text, ran = place.do(["evaluate", "RUN", "--trust"])
    assert code == 0, text
    assert ran == {"ran-mine", "ran-plugged"}


LAYERS = {
    "a Lambda by another spelling": ("lambda", {"function": "mine:same"}),
    "a Lambda in capitals": ("LAMBDA", {"function": "mine:same"}),
    "a function for texts": ("TextVectorization", {"standardize": "mine:same"}),
    "an activation": ("Dense", {"units": 2, "activation": "mine:same"}),
    "in a wrapper": (
        "TimeDistributed",
        {"layer": {"module": "keras.layers", "class_name": "lambda", "config": {"function": "mine:same"}}},
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_no_function_that_an_archive_names_runs_or_gets_into_a_spec(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("h5py", reason="h5py reads Keras's files")
    weights = zipfile.ZipFile(WEIGHTS).read("model.weights.h5")
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("open('ran', 'w').close()\n" + MODULES["mine"])
    class_name, config = LAYERS[name]
    layers: list[dict[str, Any]] = [
        {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 3, 4], "name": "x"}},
        {"module": "keras.layers", "class_name": class_name, "config": config | {"name": "y"}},
    ]
    model = {"module": "keras", "class_name": "Sequential", "config": {"name": "model", "layers": layers}}
    with zipfile.ZipFile("model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", weights)
    with pytest.raises(SpecError, match=r"Python that the file names|there is no activation|Lambda holds Python"):
        convert_keras(Path("model.keras"), Path("exp.yaml"))
    assert not Path("ran").exists()
    assert not Path("exp.yaml").exists()
