"""What a run writes for TensorBoard, read back with TensorBoard's own reader."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfcli.logging.events import EventWriter
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner import board, training
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load_experiment

SPEC = """\
data:
  source: {{type: npz, path: data.npz, features: x, label: y}}
  split: {{validation: 4}}
  pipeline: [{{type: batch, batch_size: 4}}]
model:
  layers:
    - {{type: embedding, name: words, input_dim: 5, output_dim: 3}}
    - {{type: flatten}}
    - {{type: residual, name: r, layers: [{{type: dense, units: 6}}]}}
    - {{type: dense, name: head, units: 1}}
loss: mse
train: {{epochs: 4, tensorboard: {{{tensorboard}}}}}
"""


@pytest.fixture(autouse=True)
def no_plots(monkeypatch: pytest.MonkeyPatch):
    """They take most of a short run's time."""
    monkeypatch.setattr(training, "draw_plots", lambda *given: None)


def trained(folder: Path, tensorboard: str) -> RunDirectory:
    rng = np.random.default_rng(0)
    np.savez(folder / "data.npz", x=rng.integers(0, 5, (12, 2)), y=rng.normal(size=(12, 1)).astype(np.float32))
    (folder / "exp.yaml").write_text(SPEC.format(tensorboard=tensorboard))
    return training.train(load_experiment(folder / "exp.yaml"), folder / "runs").run


def read(directory: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(directory), size_guidance={"tensors": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def test_scalars_have_one_tag_in_both_files(tmp_path: Path):
    run = trained(tmp_path, "")
    rows = run.metrics()
    for directory, name in ((run.train_events, "loss"), (run.validation_events, "val_loss")):
        found = [(event.step, event.value) for event in read(directory).Scalars("loss")]
        assert found == [(row["epoch"], pytest.approx(row[name])) for row in rows]


@pytest.mark.parametrize("update_freq", ["batch", "1"])
def test_a_long_batch_curve_is_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_freq: str):
    monkeypatch.setattr(board, "_DENSE", 2)
    run = trained(tmp_path, f"update_freq: {update_freq}")
    assert [event.step for event in read(run.train_events / "batches").Scalars("batch_loss")] == [1, 2, 4, 8]


def test_ten_million_steps_are_a_bounded_file(tmp_path: Path):
    steps = [step for step in range(1, 300_001) if board.is_kept(step)]
    assert steps[:16384] == list(range(1, 16385))
    assert len(steps) < 16384 * (1 + 0.5 * 4.2)
    late = [step for step in range(9_900_000, 10_000_001) if board.is_kept(step)]
    assert {after - before for before, after in pairwise(late)} == {1024}
    with EventWriter(tmp_path) as writer:
        for step in steps:
            writer.scalar("batch_loss", 0.5, step)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 80 * len(steps)


def test_every_batch_is_logged_where_asked_for(tmp_path: Path):
    run = trained(tmp_path, "update_freq: batch")
    assert [event.step for event in read(run.train_events / "batches").Scalars("batch_loss")] == list(range(1, 9))


def test_histograms_come_every_so_many_epochs_for_every_weight(tmp_path: Path):
    found = read(trained(tmp_path, "histograms: 2").train_events)
    assert set(found.Tags()["tensors"]) >= {"words/embeddings", "r/dense/kernel", "head/kernel", "head/bias"}
    assert [event.step for event in found.Tensors("head/kernel")] == [2, 4]


def test_after_a_resume_each_tag_has_one_value_a_step(tmp_path: Path):
    run = trained(tmp_path, "histograms: 1")
    training.resume(run, 6)
    found = read(run.train_events)
    assert [event.step for event in found.Tensors("head/kernel")] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in found.Scalars("loss")] == [1, 2, 3, 4, 5, 6]
    assert len(found.Graph().node) > 0


def test_the_graph_has_the_layers_and_what_they_read(tmp_path: Path):
    nodes = {node.name: node for node in read(trained(tmp_path, "").train_events).Graph().node}
    assert [node.op for node in nodes.values()] == ["Placeholder", "embedding", "flatten", "dense", "add", "dense"]
    assert list(nodes["head"].input) == ["r/residual"]
    assert list(nodes["r/residual"].input) == ["flatten", "r/dense"]
    assert set(nodes) >= {name for node in nodes.values() for name in node.input}


def test_no_graph_where_none_is_wanted(tmp_path: Path):
    assert not read(trained(tmp_path, "graph: false").train_events).Tags()["graph"]


def test_embeddings_are_written_for_the_projector(tmp_path: Path):
    from google.protobuf.text_format import Parse
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    run = trained(tmp_path, "embeddings: [words]")
    (described,) = Parse((run.train_events / "projector_config.pbtxt").read_text(), ProjectorConfig()).embeddings
    written = np.loadtxt(run.train_events / described.tensor_path, delimiter="\t")
    learned = run.checkpoints().load("last").tensors["model"]["words/embeddings"]
    assert described.tensor_name == "words/embeddings"
    assert np.allclose(written, learned, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [("word", "did you mean `words`"), ("head", "`head` has no embeddings"), ("zzz", "there are: words")],
)
def test_an_embedding_that_is_none_is_found_before_training(tmp_path: Path, name: str, message: str):
    with pytest.raises(InvalidSpec, match=message) as caught:
        trained(tmp_path, f"embeddings: [words, {name}]")
    mark = caught.value.diagnostics[0].mark
    assert mark.source.lines[mark.line - 1][mark.column - 1 :].startswith(name)
    assert not (tmp_path / "runs").exists()


def test_no_event_files_where_none_are_wanted(tmp_path: Path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.integers(0, 5, (12, 2)), y=rng.normal(size=(12, 1)).astype(np.float32))
    (tmp_path / "exp.yaml").write_text(SPEC.format(tensorboard="").replace("tensorboard: {}", "tensorboard: null"))
    run = training.train(load_experiment(tmp_path / "exp.yaml"), tmp_path / "runs").run
    assert not run.train_events.exists()


def test_looking_changes_nothing(tmp_path: Path):
    weights = []
    for name, asked in {"plain": "", "looked": "histograms: 1, examples: 3, pr_curves: true"}.items():
        (tmp_path / name).mkdir()
        weights.append(trained(tmp_path / name, asked).weights_path.read_bytes())
    assert weights[0] == weights[1]


def test_gradients_and_activations_are_those_of_evaluation(tmp_path: Path):
    from tfcli.runner.evaluation import open_session

    session, _ = open_session(trained(tmp_path, ""))
    batch = next(iter(session.data.train.batches()))
    before = session.trainer.state()
    gradients, activations = session.trainer.gradients(batch), session.trainer.activations(batch)
    assert set(gradients) == {weight.path for weight in session.network.weights}
    assert np.array_equal(activations["head"], session.trainer.predict_batch(batch)["head"])
    error = activations["head"] - batch.targets["y"]
    assert gradients["head/bias"] == pytest.approx(2 * error.mean(axis=0), rel=1e-5)
    after = session.trainer.state()
    assert all(np.array_equal(after[g][n], before[g][n]) for g in before for n in before[g])


def test_the_spec_is_there_as_a_text(tmp_path: Path):
    run = trained(tmp_path, "")
    (event,) = read(run.train_events).Tensors("spec")
    assert run.spec_text() in event.tensor_proto.string_val[0].decode()
