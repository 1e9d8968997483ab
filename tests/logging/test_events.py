import math
import subprocess
import sys

import numpy as np
import pytest
from killing import FailingStorage
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfcli.errors import CheckpointError
from tfcli.logging import durable
from tfcli.logging.events import EventWriter, GraphNode, frame
from tfcli.logging.summaries import buckets


def read(directory):
    accumulator = EventAccumulator(str(directory))
    accumulator.Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]
    }


def write(directory, steps, value, **options):
    with EventWriter(directory, **options) as writer:
        for step in steps:
            writer.scalar("loss", value, step)


def test_tensorboard_reads_what_is_written(tmp_path):
    with EventWriter(tmp_path / "train") as writer:
        writer.scalars({"epoch_loss": 0.5, "epoch_accuracy": 0.25}, 10)
        writer.scalar("epoch_loss", 0.125, 20, wall_time=1.5)
    assert read(tmp_path / "train") == {"epoch_loss": [(10, 0.5), (20, 0.125)], "epoch_accuracy": [(10, 0.25)]}


def test_the_wall_time_is_kept(tmp_path):
    with EventWriter(tmp_path) as writer:
        writer.scalar("loss", 1.0, 0, wall_time=1234.5)
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    assert accumulator.Scalars("loss")[0].wall_time == 1234.5


def test_no_value_no_file(tmp_path):
    EventWriter(tmp_path / "train").close()
    assert list(tmp_path.iterdir()) == []


def test_values_are_there_after_a_flush(tmp_path):
    writer = EventWriter(tmp_path)
    writer.scalar("loss", 1.0, 1)
    writer.flush()
    assert read(tmp_path) == {"loss": [(1, 1.0)]}
    writer.close()
    writer.close()


def test_after_resume_each_step_has_one_value(tmp_path):
    write(tmp_path, [10, 20, 30, 40], 1.0)
    write(tmp_path, [30, 40, 50], 2.0, resume_step=20)
    assert read(tmp_path)["loss"] == [(10, 1.0), (20, 1.0), (30, 2.0), (40, 2.0), (50, 2.0)]


def test_many_resumes_in_one_second_are_read_in_order(tmp_path):
    write(tmp_path, range(10), 0.0)
    for time in range(1, 12):
        write(tmp_path, range(5, 10), float(time), resume_step=4)
    assert read(tmp_path)["loss"] == [(step, 0.0) for step in range(5)] + [(step, 11.0) for step in range(5, 10)]


def test_a_torn_tail_does_not_hide_what_a_resumed_run_writes(tmp_path):
    write(tmp_path, [10, 20, 30], 1.0)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    write(tmp_path, [20, 30], 2.0, resume_step=10)
    assert read(tmp_path)["loss"] == [(10, 1.0), (20, 2.0), (30, 2.0)]


def test_values_that_are_not_finite_are_written(tmp_path):
    write(tmp_path, [1], math.inf)
    assert read(tmp_path)["loss"] == [(1, math.inf)]


@pytest.mark.parametrize("length", [0, 1, 32, 1000])
def test_the_framing_is_tensorboards(length, tmp_path):
    from tensorboard.summary.writer.record_writer import RecordWriter

    data = bytes(index % 256 for index in range(length))
    with open(tmp_path / "records", "wb") as file:
        RecordWriter(file).write(data)
    assert (tmp_path / "records").read_bytes() == frame(data)


def test_the_checksum_has_its_published_value():
    assert frame(bytes(32))[-4:] == (0x0FD7FFFA).to_bytes(4, "little")


def test_a_full_disk_is_a_plain_error(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "storage", FailingStorage("write"))
    writer = EventWriter(tmp_path)
    writer.scalar("loss", 1.0, 1)
    with pytest.raises(CheckpointError, match="the disk is full"):
        writer.flush()


def test_writing_imports_the_protobufs_alone(tmp_path):
    program = (
        "import sys; from tfcli.logging.events import EventWriter; early = set(sys.modules);"
        "w = EventWriter(sys.argv[1]); w.scalar('a', 1.0, 1); w.close();"
        "print('tensorboard' in early, {'tensorflow', 'tensorboard.summary', 'tensorboard.backend'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False set()"


@pytest.mark.parametrize(
    "values",
    [np.linspace(-1.5, 2.25, 100) ** 3, np.zeros((2, 3)), np.zeros(0), np.array([7.0]), np.float32([0.1, 0.2, 0.7])],
    ids=["many", "equal", "none", "one", "float32"],
)
def test_a_histogram_is_tensorboards_own(values, tmp_path):
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb
    from tensorboard.util.tensor_util import make_ndarray

    with EventWriter(tmp_path) as writer:
        writer.histograms({"h/kernel": values}, 3)
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    (event,) = accumulator.Tensors("h/kernel")
    (expected,) = histogram_pb("h/kernel", values).value
    assert event.step == 3
    assert np.array_equal(make_ndarray(event.tensor_proto), make_ndarray(expected.tensor))
    assert accumulator.SummaryMetadata("h/kernel").plugin_data == expected.metadata.plugin_data


def test_a_histogram_counts_finite_values_alone():
    counted = buckets(np.array([np.nan, np.inf, 1.0, 2.0]))
    assert counted[:, 2].sum() == 2
    assert np.isfinite(counted).all()


def test_after_resume_each_step_has_one_histogram(tmp_path):
    # What TensorBoard itself reads with; the older reader, used above, drops scalars alone.
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as Accumulator

    for resume_step, steps, value in [(None, [1, 2, 3], 1.0), (1, [2, 3], 2.0)]:
        with EventWriter(tmp_path, resume_step) as writer:
            for step in steps:
                writer.histograms({"w": np.array([value])}, step)
    accumulator = Accumulator(str(tmp_path))
    accumulator.Reload()
    assert [event.step for event in accumulator.Tensors("w")] == [1, 2, 3]


def test_tensorboard_reads_the_graph(tmp_path):
    nodes = [GraphNode("x", "Placeholder", [], [None, 4]), GraphNode("h", "dense", ["x"], [None, 3])]
    with EventWriter(tmp_path) as writer:
        writer.graph(nodes)
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    first, second = accumulator.Graph().node
    assert (first.name, first.op, list(second.input)) == ("x", "Placeholder", ["x"])
    assert [dim.size for dim in second.attr["_output_shapes"].list.shape[0].dim] == [-1, 3]


def test_what_is_put_together_by_hand_is_tensorboards_message():
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.summary_pb2 import Summary

    from tfcli.logging.wire import content, integer, message, repeated, single

    ours = content(1, message(content(1, "loss"), single(2, 0.5)))
    assert ours == Summary(value=[Summary.Value(tag="loss", simple_value=0.5)]).SerializeToString()
    graph = GraphDef()
    graph.node.add(name="a", op="dense", input=["x", "y"])
    assert content(1, content(1, "a") + content(2, "dense") + repeated(3, ["x", "y"])) == graph.SerializeToString()
    dim = graph.node[0].attr["s"].shape.dim.add(size=-1)
    assert integer(1, -1) == dim.SerializeToString()


def test_tensorboard_reads_a_text(tmp_path):
    with EventWriter(tmp_path) as writer:
        writer.text("note", "*hello*", 3)
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    (event,) = accumulator.Tensors("note")
    assert (event.step, list(event.tensor_proto.string_val)) == (3, [b"*hello*"])
    assert accumulator.SummaryMetadata("note").plugin_data.plugin_name == "text"
