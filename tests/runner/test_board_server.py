"""What runs and studies write for TensorBoard, as TensorBoard's own server tells it over HTTP."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tfcli as tf
from tfcli.runner import board_server, training
from tfcli.spec.load import load_experiment
from tfcli.tuning import search

SPEC = """\
name: shapes
data:
  source: {type: npz, path: data.npz, features: x, label: y}
  split: {validation: 8}
  pipeline: [{type: batch, batch_size: 8}]
model:
  layers:
    - {type: conv2d, name: c, filters: 4, kernel_size: 3, activation: relu}
    - {type: flatten}
    - {type: dense, name: head, units: 3, activation: softmax}
loss: sparse_categorical_crossentropy
metrics: [accuracy]
train: {epochs: 2, tensorboard: {histograms: 1, examples: 4, pr_curves: true}}
"""
WORDS = """\
name: words
data:
  source: {type: text_lines, files: {neg: neg.txt, pos: pos.txt}}
  split: {validation: 4}
  pipeline: [{type: batch, batch_size: 4}]
model:
  layers:
    - {type: text_vectorization, name: tokens, max_tokens: 20, output_sequence_length: 4}
    - {type: embedding, name: words, input_dim: 13, output_dim: 3}
    - {type: flatten}
    - {type: dense, units: 2, activation: softmax}
loss: sparse_categorical_crossentropy
train: {epochs: 1, tensorboard: {examples: 2, embeddings: [words]}}
"""
SOUND = """\
name: sound
data:
  source: {type: audio_folder, path: sounds, sample_rate: 8000, length: 400}
  pipeline: [{type: batch, batch_size: 2}]
model:
  layers: [{type: flatten}, {type: dense, units: 2, activation: softmax}]
loss: sparse_categorical_crossentropy
train: {epochs: 1, tensorboard: {examples: 2}}
"""
STUDY = """\
name: study
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2}
model:
  layers: [{type: dense, units: 3, activation: softmax}]
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.01}
train: {epochs: 1}
tune:
  sampler: grid
  objective: val_loss
  space:
    optimizer.learning_rate: {values: [0.01, 0.1]}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory):
    """The logs of four kinds of run, served; asks for a page's data."""
    folder = tmp_path_factory.mktemp("board")
    write_data(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "draw_plots", lambda *given: None)
        for name, text in {"shapes": SPEC, "words": WORDS, "sound": SOUND}.items():
            (folder / f"{name}.yaml").write_text(text)
            training.train(load_experiment(folder / f"{name}.yaml"), folder / "runs")
        (folder / "study.yaml").write_text(STUDY)
        search.tune(load_experiment(folder / "study.yaml"), folder / "runs")
    write_graphs(folder / "runs" / "mine")
    return Pages(board_server.serve(folder / "runs"))


def write_graphs(folder: Path) -> None:
    @tf.function
    def squared_sum(x):
        return tf.reduce_sum(x * x)

    with tf.summary.create_file_writer(folder).as_default():
        tf.summary.graph(squared_sum.get_concrete_function(tf.ones([2])).graph)
        tf.summary.trace_on()
        squared_sum(tf.ones([3]))
        tf.summary.trace_export("sum", step=1)


def write_data(folder: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(folder / "data.npz", x=rng.random((24, 8, 8, 3), np.float32), y=rng.integers(0, 3, 24))
    for name, words in {"neg": ("bad", "dull", "poor"), "pos": ("good", "fine", "great")}.items():
        lines = [f"{words[i % 3]} {words[(i + 1) % 3]} film {i % 4}\n" for i in range(8)]
        (folder / f"{name}.txt").write_text("".join(lines))
    from tfcli.logging.summaries import wav

    for i, name in enumerate(("low", "high", "low", "high")):
        (folder / "sounds" / name).mkdir(parents=True, exist_ok=True)
        wave = np.sin(np.arange(400) * (0.1 + 0.2 * (i % 2)))[:, None]
        (folder / "sounds" / name / f"{i}.wav").write_bytes(wav(wave, 8000))


class Pages:
    def __init__(self, url: str) -> None:
        self.url = url

    def text(self, path: str, **query: str) -> str:
        with urllib.request.urlopen(f"{self.url}data/{path}?{urllib.parse.urlencode(query)}") as answer:
            return answer.read().decode()

    def json(self, path: str, **query: str):
        return json.loads(self.text(path, **query))

    def tags(self, plugin: str, run: str) -> set[str]:
        found = self.json(f"plugin/{plugin}/tags")
        return {tag for name, tags in found.items() if run in name for tag in tags}

    def run(self, part: str) -> str:
        return next(name for name in self.json("runs") if part in name)


def test_the_server_is_on_loopback(pages: Pages):
    assert urllib.parse.urlparse(pages.url).hostname in ("127.0.0.1", "localhost")


def test_curves(pages: Pages):
    expected = {"loss", "accuracy", "learning_rate", "step_milliseconds", "examples_per_second"}
    assert pages.tags("scalars", "shapes") == expected
    points = pages.json("plugin/scalars/scalars", run=pages.run("shapes"), tag="loss")
    assert [step for _, step, _ in points] == [1, 2]


@pytest.mark.parametrize("plugin", ["histograms", "distributions"])
def test_histograms_of_weights_gradients_and_activations(pages: Pages, plugin: str):
    tags = pages.tags(plugin, "shapes")
    assert tags >= {"c/kernel", "gradients/c/kernel", "activations/c", "activations/head"}
    assert len(pages.json(f"plugin/{plugin}/{plugin}", run=pages.run("shapes"), tag="gradients/head/bias")) == 2


def test_the_graph(pages: Pages):
    graph = pages.text("plugin/graphs/graph", run=next(n for n in pages.json("plugin/graphs/info") if "shapes" in n))
    assert all(f'name: "{name}"' in graph for name in ("c", "flatten", "head"))


@pytest.mark.parametrize("asked", [{}, {"tag": "sum", "conceptual": "false"}])
def test_graphs_of_traced_functions(pages: Pages, asked: dict[str, str]):
    described = pages.json("plugin/graphs/info")["mine"]
    assert (described["run_graph"], described["tags"]["sum"]["op_graph"]) == (True, True)
    graph = pages.text("plugin/graphs/graph", run="mine", **asked)
    assert 'name: "multiply"' in graph
    assert 'op: "ReduceSum"' in graph


def test_pictures_of_inputs_mistakes_and_filters(pages: Pages):
    tags = pages.tags("images", "shapes")
    assert tags == {"inputs/x", "misclassified/x", "filters/c/kernel"}
    listed = pages.json("plugin/images/images", run=pages.run("shapes"), tag="inputs/x", sample="0")
    with urllib.request.urlopen(f"{pages.url}data/plugin/images/individualImage?{listed[0]['query']}") as answer:
        assert Image.open(answer).size == (48, 48)


def test_the_spec_and_samples_as_texts(pages: Pages):
    found = pages.json("plugin/text/tags")
    assert "spec" in found[pages.run("shapes")]
    assert "inputs/text" in found[pages.run("words")]
    (spec,) = pages.json("plugin/text/text", run=pages.run("shapes"), tag="spec")
    assert "sparse_categorical_crossentropy" in spec["text"]


def test_embeddings_with_their_words(pages: Pages):
    run = pages.run("words")
    (info,) = pages.json("plugin/projector/info", run=run)["embeddings"]
    assert info["tensorShape"] == [13, 3]
    words = pages.text("plugin/projector/metadata", run=run, name=info["tensorName"]).split("\n")
    assert words[1] == "[UNK]"
    assert "good" in words


def test_the_study_is_on_the_hparams_page(pages: Pages):
    request = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING", "STATUS_UNKNOWN"],
        "colParams": [],
        "startIndex": 0,
        "sliceSize": 10,
    }
    experiment = pages.json("plugin/hparams/experiment", request='{"experimentName": ""}')
    assert [info["name"] for info in experiment["hparamInfos"]] == ["optimizer.learning_rate"]
    groups = pages.json("plugin/hparams/session_groups", request=json.dumps(request))["sessionGroups"]
    assert {group["hparams"]["optimizer.learning_rate"] for group in groups} == {0.01, 0.1}
    assert all(group["metricValues"][0]["name"]["tag"] == "loss" for group in groups)


def test_precision_and_recall_of_each_class(pages: Pages):
    assert pages.tags("pr_curves", "shapes") == {"0", "1", "2"}
    curves = pages.json("plugin/pr_curves/pr_curves", tag="1", run=pages.run("shapes"))
    assert curves


def test_sound_can_be_heard(pages: Pages):
    assert len(pages.tags("audio", "sound")) == 1
    (tag,) = pages.tags("audio", "sound")
    entries = pages.json("plugin/audio/audio", run=pages.run("sound"), tag=tag, sample="0")
    assert entries[0]["contentType"] == "audio/wav"


def test_chromium_sees_the_curves(pages: Pages):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("there is no Chromium here")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--window-size=1400,1000"]
    done = subprocess.run(
        [browser, *options, "--dump-dom", f"{pages.url}#timeseries"], capture_output=True, text=True, timeout=120
    )
    assert "step_milliseconds" in done.stdout
