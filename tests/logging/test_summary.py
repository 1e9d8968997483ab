"""tf.summary, read back with TensorBoard's own reader."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

import tfcli as tf
from tfcli.errors import TfcliError


def read(directory):
    accumulator = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def steps(directory, tag):
    return [event.step for event in read(directory).Tensors(tag)]


def test_scalars_go_to_the_default_writer(tmp_path):
    with tf.summary.create_file_writer(tmp_path).as_default():
        for step in range(3):
            assert tf.summary.scalar("loss", tf.constant(0.5) * step, step=step)
    events = read(tmp_path).Tensors("loss")
    assert [(e.step, float(make_ndarray(e.tensor_proto))) for e in events] == [(0, 0.0), (1, 0.5), (2, 1.0)]


def test_without_a_writer_nothing_is_written(tmp_path):
    assert tf.summary.scalar("loss", 1.0, step=0) is False
    with tf.summary.create_noop_writer().as_default():
        assert tf.summary.scalar("loss", 1.0, step=0) is False


def test_every_kind_reaches_its_page(tmp_path):
    with tf.summary.create_file_writer(tmp_path).as_default(step=4):
        tf.summary.histogram("h", np.arange(10.0), buckets=5)
        tf.summary.image("i", np.zeros((5, 2, 3, 1)), max_outputs=2)
        tf.summary.text("t", "hello")
        tf.summary.audio("a", np.zeros((1, 100, 1)), 8000)
    found = read(tmp_path)
    plugins = {tag: found.SummaryMetadata(tag).plugin_data.plugin_name for tag in "hita"}
    assert plugins == {"h": "histograms", "i": "images", "t": "text", "a": "audio"}
    assert make_ndarray(found.Tensors("h")[0].tensor_proto).shape == (5, 3)
    size_and_two_pictures = make_ndarray(found.Tensors("i")[0].tensor_proto)
    assert [bytes(text) for text in size_and_two_pictures[:2]] == [b"3", b"2"]
    assert len(size_and_two_pictures) == 4


def test_a_traced_function_writes_each_time_it_runs(tmp_path):
    @tf.function
    def step(x, at):
        tf.summary.scalar("sum", tf.math.reduce_sum(x), step=at)
        return x

    with tf.summary.create_file_writer(tmp_path).as_default():
        for at in range(3):
            step(tf.constant([1.0, 2.0]), tf.constant(at, tf.int64))
    assert steps(tmp_path, "sum") == [0, 1, 2]


def test_record_if_chooses(tmp_path):
    with tf.summary.create_file_writer(tmp_path).as_default():
        for step in range(4):
            with tf.summary.record_if(step % 2 == 0):
                assert tf.summary.should_record_summaries() == (step % 2 == 0)
                tf.summary.scalar("loss", 1.0, step=step)
    assert steps(tmp_path, "loss") == [0, 2]


def test_the_step_can_be_set_for_all_and_follow_a_variable(tmp_path):
    counter = tf.Variable(5, dtype=tf.int64)
    with tf.summary.create_file_writer(tmp_path).as_default(step=counter):
        tf.summary.scalar("loss", 1.0)
        counter.assign_add(2)
        tf.summary.scalar("loss", 1.0)
        tf.summary.experimental.set_step(20)
        tf.summary.scalar("loss", 1.0)
    assert steps(tmp_path, "loss") == [5, 7, 20]
    assert tf.summary.experimental.get_step() is None


def test_writers_of_one_directory_have_a_file_each(tmp_path):
    writers = [tf.summary.create_file_writer(tmp_path) for _ in range(2)]
    for writer in writers:
        with writer.as_default():
            tf.summary.scalar("loss", 1.0, step=0)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tf.summary.scalar("x", 1.0), "needs its step"),
        (lambda: tf.summary.scalar("x", [1.0, 2.0], step=0), "expected a single number"),
        (lambda: tf.summary.image("x", np.zeros((2, 2)), step=0), "expected"),
        (lambda: tf.summary.audio("x", np.zeros((2, 2)), 8000, step=0), "expected waves"),
        (lambda: tf.summary.audio("x", np.zeros((1, 2, 1)), 8000, step=0, encoding="mp3"), "encoding 'wav'"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path, call, message):
    with tf.summary.create_file_writer(tmp_path).as_default(), pytest.raises(TfcliError, match=message):
        call()


def test_a_trace_ends_with_its_export(tmp_path):
    @tf.function
    def f(x):
        return x + 1.0

    with tf.summary.create_file_writer(tmp_path).as_default(step=2):
        tf.summary.trace_on()
        f(tf.constant(1.0))
        tf.summary.trace_export("first")
        with pytest.raises(TfcliError, match=r"call tf\.summary\.trace_on first"):
            tf.summary.trace_export("second")
        tf.summary.trace_on()
        tf.summary.trace_off()
    assert steps(tmp_path, "first") == [2]


def test_what_a_trace_cannot_give_is_said():
    with pytest.raises(TfcliError, match="tfcli profile"):
        tf.summary.trace_on(profiler=True)
    with pytest.raises(TfcliError, match="get_concrete_function"):
        tf.summary.graph("a graph")
