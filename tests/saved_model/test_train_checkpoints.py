"""tf.train.Checkpoint, CheckpointManager and the Saver of sessions."""

import numpy as np
import pytest

import tfcli as tf
import tfcli.compat.v1 as tf1

K = tf.keras
X = np.ones((4, 3), np.float32)


class Net(K.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = K.layers.Dense(5), K.layers.Dense(2)

    def call(self, x):
        return self.second(self.first(x))


def trained():
    net, optimizer = Net(), K.optimizers.Adam(0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(net(X) ** 2.0)
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=True))
    return net, optimizer


def test_values_come_back(tmp_path):
    module = tf.Module()
    module.v, module.listed = tf.Variable([1.0, 2.0]), [tf.Variable(3), {"inner": tf.Variable(True)}]
    checkpoint = tf.train.Checkpoint(step=tf.Variable(7), module=module)
    path = checkpoint.save(tmp_path / "ckpt")
    assert path == str(tmp_path / "ckpt-1")
    assert (tmp_path / "ckpt-1.safetensors").is_file()
    module.v.assign([0.0, 0.0])
    checkpoint.step.assign(0)
    checkpoint.restore(path).assert_consumed()
    assert module.v.numpy().tolist() == [1.0, 2.0]
    assert int(checkpoint.step) == 7
    names = [name for name, _ in tf.train.list_variables(tmp_path)]
    assert names == ["module/listed/0", "module/listed/1/inner", "module/v", "save_counter", "step"]
    assert tf.train.load_variable(path, "module/v").tolist() == [1.0, 2.0]


def test_models_and_optimizers_are_restored_as_they_make_their_variables(tmp_path):
    net, optimizer = trained()
    path = tf.train.Checkpoint(net=net, optimizer=optimizer).save(tmp_path / "ckpt")
    new, other = Net(), K.optimizers.Adam(0.5)
    status = tf.train.Checkpoint(net=new, optimizer=other).restore(path)
    with pytest.raises(tf.errors.TfcliError, match=r"no variable took these values.*net/dense/bias"):
        status.assert_consumed()
    np.testing.assert_array_equal(new(X).numpy(), net(X).numpy())
    other.build(new.trainable_variables)
    status.assert_consumed()
    assert float(other.learning_rate) == pytest.approx(0.1)
    for a, b in zip(optimizer.variables.values(), other.variables.values(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_variables_made_in_a_traced_function_are_restored_there(tmp_path):
    net, _ = trained()
    path = tf.train.Checkpoint(net=net).save(tmp_path / "ckpt")
    new = Net()
    tf.train.Checkpoint(net=new).restore(path)
    np.testing.assert_allclose(tf.function(new)(X).numpy(), net(X).numpy(), rtol=1e-6)


def test_a_part_is_restored(tmp_path):
    both = tf.train.Checkpoint(a=tf.Variable(1.0), b=tf.Variable(2.0))
    path = both.write(tmp_path / "both")
    one = tf.train.Checkpoint(a=tf.Variable(0.0))
    one.read(path).expect_partial().assert_existing_objects_matched()
    assert float(one.a) == 1.0
    more = tf.train.Checkpoint(a=tf.Variable(0.0), c=tf.Variable(0.0))
    with pytest.raises(tf.errors.TfcliError, match="has no value for: c"):
        more.read(path).expect_partial().assert_existing_objects_matched()


def test_a_root_needs_no_name(tmp_path):
    module = tf.Module()
    module.v = tf.Variable(1.0)
    path = tf.train.Checkpoint(module).write(tmp_path / "m")
    assert [name for name, _ in tf.train.list_variables(path)] == ["save_counter", "v"]


def test_what_does_not_fit_is_named(tmp_path):
    path = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).write(tmp_path / "c")
    with pytest.raises(
        tf.errors.CheckpointError, match=r"v is float32\(2,\) in the checkpoint, and here float32\(3,\)"
    ):
        tf.train.Checkpoint(v=tf.Variable([1.0, 2.0, 3.0])).read(path)
    with pytest.raises(tf.errors.CheckpointError, match="there is no checkpoint"):
        tf.train.Checkpoint(v=tf.Variable(1.0)).read(tmp_path / "nothing")
    with pytest.raises(tf.errors.TfcliError, match="Checkpoint: x is int, which holds no variables"):
        tf.train.Checkpoint(x=3)


def test_the_manager_keeps_the_newest(tmp_path):
    step = tf.Variable(0)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(step=step), tmp_path, max_to_keep=2)
    assert manager.latest_checkpoint is None
    assert manager.restore_or_initialize() is None
    for _ in range(4):
        step.assign_add(1)
        manager.save()
    assert [p.rpartition("/")[2] for p in manager.checkpoints] == ["ckpt-3", "ckpt-4"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint", "ckpt-3.safetensors", "ckpt-4.safetensors"]
    again = tf.train.Checkpoint(step=tf.Variable(0))
    other = tf.train.CheckpointManager(again, tmp_path, max_to_keep=2)
    assert other.restore_or_initialize() == tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "ckpt-4")
    assert int(again.step) == 4
    assert other.save() == str(tmp_path / "ckpt-5")


def test_the_manager_waits_for_its_interval(tmp_path):
    step = tf.Variable(0)
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(step=step), tmp_path, None, step_counter=step, checkpoint_interval=3
    )
    saved = []
    for _ in range(7):
        step.assign_add(1)
        saved.append(manager.save() is not None)
    assert saved == [True, False, False, True, False, False, True]
    assert manager.save(checkpoint_number=100, check_interval=False) == str(tmp_path / "ckpt-100")


def test_sessions_save_and_restore(tmp_path):
    with tf.Graph().as_default():
        w = tf1.get_variable("w", [2, 1])
        step = tf.Variable(0, trainable=False, name="step")
        add = step.assign_add(1)
        saver = tf1.train.Saver(max_to_keep=2)
        with tf1.Session() as session:
            with pytest.raises(tf.errors.TfcliError, match="has no value yet"):
                saver.save(session, tmp_path / "model")
            session.run(tf1.global_variables_initializer())
            first = session.run(w)
            for _ in range(3):
                session.run(add)
                saver.save(session, tmp_path / "model", global_step=step)
            session.run([w.assign(w * 2.0), add])
            latest = tf1.train.latest_checkpoint(tmp_path)
            saver.restore(session, latest)
            np.testing.assert_array_equal(session.run(w), first)
            assert session.run(step) == 3
            assert latest.endswith("model-3")
    assert sorted(p.name for p in tmp_path.glob("*.safetensors")) == ["model-2.safetensors", "model-3.safetensors"]
