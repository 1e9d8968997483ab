"""Random draws: the same numbers for the same place and counter, other numbers anywhere else."""

import threading

import numpy as np
import pytest

from tfcli.engine.function import function
from tfcli.engine.ops import random
from tfcli.engine.ops.random import RandomScope, set_seed
from tfcli.engine.ops.shape import shape
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Variable, constant
from tfcli.errors import DtypeError, ShapeError

MANY = (20000,)


@pytest.fixture(autouse=True)
def _fresh_global_scope():
    set_seed(0)
    yield
    set_seed(0)


def drawn(seed: int, counter: object) -> list[list[float]]:
    with RandomScope(seed, counter):
        return [random.uniform((3,)).numpy().tolist(), random.normal((3,)).numpy().tolist()]


def test_a_scope_draws_the_same_numbers_again():
    assert drawn(1, 5) == drawn(1, 5)


@pytest.mark.parametrize("other", [(1, 6), (2, 5), (-1, 5)])
def test_another_seed_or_counter_draws_others(other):
    assert drawn(*other) != drawn(1, 5)


def test_draws_of_one_scope_differ():
    with RandomScope(1, 0):
        a, b = random.uniform((3,)), random.uniform((3,))
    assert a.numpy().tolist() != b.numpy().tolist()


def test_draws_with_a_seed_of_their_own_are_counted_apart():
    with RandomScope(1, 0):
        alone = random.uniform((3,), seed=9).numpy()
    with RandomScope(1, 0):
        plain = random.uniform((3,)).numpy()
        after = random.uniform((3,), seed=9).numpy()
        again = random.uniform((3,), seed=9).numpy()
    np.testing.assert_array_equal(alone, after)
    assert len({a.tobytes() for a in (plain, after, again)}) == 3


def test_traced_and_eager_steps_draw_the_same():
    step = Variable(np.int64(0), trainable=False)

    def draw():
        with RandomScope(3, step):
            values = random.normal((2, 2)), random.uniform((4,), 0, 9, "int32")
        step.assign_add(1)
        return values

    eager = [[v.numpy().tolist() for v in draw()] for _ in range(2)]
    step.assign(np.int64(0))
    traced = function(draw)
    assert [[v.numpy().tolist() for v in traced()] for _ in range(2)] == eager


def test_threads_have_their_own_scopes():
    here = drawn(1, 5)
    found = []
    with RandomScope(8, 8):
        thread = threading.Thread(target=lambda: found.append(drawn(1, 5)))
        thread.start()
        thread.join()
    assert found == [here]


def test_set_seed_starts_the_global_scope_anew():
    a = [random.uniform((2,)).numpy().tolist() for _ in range(3)]
    set_seed(0)
    assert [random.uniform((2,)).numpy().tolist() for _ in range(3)] == a
    set_seed(1)
    assert random.uniform((2,)).numpy().tolist() != a[0]
    assert len({tuple(v) for v in a}) == 3


def test_each_call_of_a_traced_function_draws_anew():
    draw = function(lambda: random.uniform((2,)))
    a = [tuple(draw().numpy().tolist()) for _ in range(3)]
    set_seed(0)
    assert len(set(a)) == 3
    assert [tuple(draw().numpy().tolist()) for _ in range(3)] == a


def test_like_draws_take_an_unknown_batch_from_their_input():
    spec = TensorSpec((None, 3), "float32")
    like = function(lambda x: random.uniform_like(x), input_signature=[spec])
    sized = function(lambda x: random.normal(shape(x)), input_signature=[spec])
    x = constant(np.zeros((5, 3), np.float32))
    assert like(x).shape == (5, 3)
    assert sized(x).shape == (5, 3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_distributions(dtype):
    u = random.uniform(MANY, -1, 3, dtype).numpy()
    assert u.dtype == dtype
    assert u.min() >= -1
    assert u.max() <= 3
    assert np.mean(u, dtype=np.float64) == pytest.approx(1, abs=0.05)
    n = random.normal(MANY, 2.0, 3.0, dtype).numpy().astype(np.float64)
    assert (n.mean(), n.std()) == (pytest.approx(2, abs=0.1), pytest.approx(3, abs=0.1))
    t = random.truncated_normal(MANY, 1.0, 0.5, dtype).numpy().astype(np.float64)
    assert np.abs(t - 1).max() <= 1.001
    assert t.std() == pytest.approx(0.5 * 0.8796, abs=0.02)


def test_integers_fill_the_range():
    assert set(random.uniform(MANY, -1, 3, "int64").numpy().tolist()) == {-1, 0, 1, 2}


def test_shuffle_keeps_the_rows():
    x = np.arange(20).reshape(10, 2)
    y = random.shuffle(x).numpy()
    assert y.tolist() != x.tolist()
    assert sorted(y.tolist()) == x.tolist()


def test_categorical_follows_the_logits():
    classes = random.categorical(np.log([[0.1, 0.6, 0.3], [1.0, 1e-9, 1e-9]]), 20000).numpy()
    np.testing.assert_allclose(np.bincount(classes[0]) / 20000, [0.1, 0.6, 0.3], atol=0.02)
    assert set(classes[1]) == {0}


def test_stateless_draws_depend_on_their_seed_alone():
    a = random.stateless_uniform((3,), (1, 2)).numpy()
    random.uniform((3,))
    np.testing.assert_array_equal(random.stateless_uniform((3,), (1, 2)).numpy(), a)
    assert random.stateless_uniform((3,), (2, 1)).numpy().tolist() != a.tolist()
    assert random.stateless_normal((3,), constant([1, 2])).shape == (3,)


def test_errors():
    with pytest.raises(DtypeError, match="maxval above minval"):
        random.uniform((3,), 5, 5, "int32")
    with pytest.raises(DtypeError, match="int32"):
        random.normal((3,), dtype="int32")
    with pytest.raises(ShapeError, match="two integers"):
        random.stateless_uniform((3,), 7)
    with pytest.raises(ShapeError, match="scalar"):
        random.shuffle(3)
    with pytest.raises(ShapeError, match="batch, classes"):
        random.categorical(np.zeros(3), 2)
